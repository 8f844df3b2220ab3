"""Issuers on the admin's pages: the list in words, keys fetched, a token judged and forgotten."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import yaml

from passports.tokens import PASSPORT_TYP, VISA_TYP, SigningKey, sign
from tests.support.admin_node import NOW, AdminNode, plain

pytestmark = pytest.mark.anyio

BROKER, FAR = "https://broker.example", "https://far.example"
KEY, OTHER = SigningKey.generate(), SigningKey.generate()
TEST = "/admin/issuers/test"


@pytest.fixture
async def trusting(tmp_path: Path) -> AsyncIterator[AdminNode]:
    """A broker with pinned keys, another whose keys are fetched, and one issuer of visas."""
    grants = {
        "type": "ControlledAccessGrants",
        "sources": ["https://dac.example"],
        "values": ["https://n.example/datasets/*"],
    }
    pinned = {"jwks_url": f"{BROKER}/jwks", "keys": [KEY.public_jwk()]}
    trust = {
        "brokers": [
            {"issuer": BROKER, **pinned},
            {"issuer": FAR, "jwks_url": f"{FAR}/jwks"},
        ],
        "visa_issuers": [
            {
                "issuer": BROKER,
                "jku": f"{BROKER}/jwks",
                "keys": [KEY.public_jwk()],
                "subject_namespace": BROKER,
                "may_assert": [grants],
            }
        ],
    }
    node = AdminNode(tmp_path, trust=yaml.safe_dump(trust))
    yield node
    await node.close()


def passport(node: AdminNode, *visas: str, key: SigningKey = KEY, audience: str = "") -> str:
    claims = {
        "iss": BROKER, "sub": "rosa", "aud": audience or node.settings.public_url,
        "iat": NOW, "exp": NOW + 600, "jti": os.urandom(8).hex(), "ga4gh_passport_v1": list(visas),
    }  # fmt: skip
    return sign(claims, key=key, typ=PASSPORT_TYP)


def visa(kind: str = "ControlledAccessGrants", source: str = "https://dac.example") -> str:
    said = {"type": kind, "asserted": NOW, "value": "https://n.example/datasets/isle",
            "source": source, "by": "dac"}  # fmt: skip
    claims = {"iss": BROKER, "sub": "rosa", "iat": NOW, "exp": NOW + 600, "jti": "v1",
              "ga4gh_visa_v1": said}  # fmt: skip
    return sign(claims, key=KEY, typ=VISA_TYP, jku=f"{BROKER}/jwks")


async def test_an_empty_list_is_said_in_words(node: AdminNode) -> None:
    said = await node.browser().text("/admin/issuers")
    assert "Nobody is on the list: every credential is refused." in said
    assert "No keys are needed." in said


async def test_the_list_stands_in_words_with_its_keys(trusting: AdminNode) -> None:
    said = await trusting.browser().text("/admin/issuers")
    assert f"broker {BROKER}: 1 key pinned" in said
    assert "may say ControlledAccessGrants from https://dac.example" in said
    assert "not yet" in said


async def test_keys_are_fetched_when_asked_for(
    trusting: AdminNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def answer(request: httpx.Request, **_: object) -> httpx.Response:
        asked.append(str(request.url))
        body = json.dumps({"keys": [OTHER.public_jwk()]}).encode()
        return httpx.Response(200, stream=httpx.ByteStream(body), request=request)

    monkeypatch.setattr(trusting.node.http, "send", answer)
    browser = trusting.browser()
    for _ in range(2):  # the second within the cool-down
        sent = await browser.send("/admin/issuers/refresh", url=f"{FAR}/jwks")
        assert sent.status_code == 303
    assert asked == [f"{FAR}/jwks"]
    assert "not yet" not in await browser.text("/admin/issuers")


@pytest.mark.parametrize("url", ["", "http://169.254.169.254/", f"{BROKER}/jwks"])
async def test_no_address_but_the_lists_own_is_asked(
    trusting: AdminNode, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    async def answer(_request: httpx.Request, **_: object) -> httpx.Response:
        pytest.fail("must not be asked")

    monkeypatch.setattr(trusting.node.http, "send", answer)
    assert (await trusting.browser().send("/admin/issuers/refresh", url=url)).status_code == 400


async def test_a_good_token_is_explained_visa_by_visa(trusting: AdminNode) -> None:
    token = passport(trusting, visa(), visa(source="https://nobody.example"), "junk")
    said = plain((await trusting.browser().send(TEST, token=f"\n{token} ")).text)
    assert "This token is accepted" in said
    assert f"rosa@{BROKER}" in said
    assert re.search(r"believed until \d{4}-\d\d-\d\d \d\d:\d\d UTC", said)
    assert "https://n.example/datasets/isle" in said
    assert "the issuer may not speak for this source" in said
    assert "not a well-formed signed JWT" in said


async def test_the_end_of_a_token_is_written_as_its_reader_does(trusting: AdminNode) -> None:
    browser = trusting.browser()
    browser.http.headers["accept-language"] = "de"
    said = plain((await browser.send(TEST, token=passport(trusting, visa()))).text)
    assert len(re.findall(r"bis \d\d\.\d\d\.\d{4}, \d\d:\d\d UTC", said)) == 2


async def test_a_bad_token_is_explained(trusting: AdminNode) -> None:
    browser = trusting.browser()
    for token, because in (
        (passport(trusting, key=OTHER), "no usable key"),
        (passport(trusting, audience="https://other.example"), "does not name this node"),
        ("nonsense", "not a well-formed signed JWT"),
    ):
        said = plain((await browser.send(TEST, token=token)).text)
        assert "This token is refused" in said
        assert because in said


async def test_a_tested_token_is_kept_nowhere(
    trusting: AdminNode, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    token = passport(trusting, visa())
    before = trusting.home.record.read_bytes()
    page = (await trusting.browser().send(TEST, token=token)).text
    places = [page, caplog.text, "".join(capfd.readouterr())]
    files = [one for one in trusting.home.root.rglob("*") if one.is_file()]
    for part in token.split("."):
        assert all(part not in place for place in places)
        assert all(part.encode() not in one.read_bytes() for one in files)
    assert trusting.home.record.read_bytes() == before


@pytest.mark.parametrize("token", ["", "x" * (256 * 1024 + 1), "héllo"])
async def test_what_cannot_be_a_token_is_refused(trusting: AdminNode, token: str) -> None:
    answer = await trusting.browser().send(TEST, token=token)
    assert answer.status_code == 400
    assert "Expected a token" in answer.text


async def test_testing_is_the_admins_alone(trusting: AdminNode) -> None:
    token = passport(trusting)
    assert (await trusting.browser("dora").send(TEST, token=token)).status_code == 404
    assert (await trusting.browser().send(TEST, token=token, csrf="x")).status_code == 403


async def test_a_list_changed_since_the_start_needs_attention(trusting: AdminNode) -> None:
    trusting.home.trust.write_text("brokers: []\n", encoding="utf-8")
    assert "restart the node to take it up" in await trusting.browser().text("/admin")
