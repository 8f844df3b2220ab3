"""Runs npm `oidc-provider` beside a test, and fills in its forms as a person would."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "oidc_provider"
_START_SECONDS = 90
_FIELD = re.compile(r'<input[^>]*type="hidden"[^>]*>')
_PART = re.compile(r'(name|value)="([^"]*)"')
_ACTION = re.compile(r'<form[^>]*action="([^"]+)"')


@contextlib.contextmanager
def running(*, redirect_uris: Sequence[str], visas: Sequence[str]) -> Iterator[str]:
    """The issuer's address; the provider ends with the test."""
    if not (FOLDER / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("needs oidc-provider: npm ci --prefix tests/oidc_provider")
    process = subprocess.Popen(
        ["node", "provider.mjs"],
        cwd=FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps({"redirect_uris": redirect_uris, "visas": visas}) + "\n")
        process.stdin.flush()
        yield json.loads(process.stdout.readline())["issuer"]
    finally:
        process.stdin.close()
        process.wait(_START_SECONDS)
        process.stdout.close()


async def agree(http: httpx.AsyncClient, url: str, *, login: str, until: str) -> str:
    """Follows from `url` through the provider's forms to the first address under `until`."""
    answer = await http.get(url)
    for _ in range(20):
        while answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["location"])
            if until and target.startswith(until):
                return target
            answer = await http.get(target)
        assert answer.status_code == 200, answer.text[:500]
        action = _ACTION.search(answer.text)
        if action is None:
            return answer.text
        form = _hidden(answer.text)
        if 'name="login"' in answer.text:
            form |= {"login": login, "password": "any"}
        answer = await http.post(urljoin(str(answer.url), action[1]), data=form)
    pytest.fail("the provider's forms never ended")


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def _hidden(page: str) -> dict[str, str]:
    fields = [dict(_PART.findall(field)) for field in _FIELD.findall(page)]
    return {field["name"]: field.get("value", "") for field in fields}
