"""Speaks HTTP to a node with named caps and timeouts, and turns its refusals into our errors.

Answers are read to a cap and never followed elsewhere; no proxy or credential is taken from the
environment. What is asked, and what an answer is worth, is `keys`' and `inbox`'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from workspaces.errors import NodeRefused, NodeSilent, ReleaseUntrue

TIMEOUT = httpx.Timeout(connect=10.0, read=60.0, write=30.0, pool=10.0)
MAX_ANSWER = 8 * 1024 * 1024
MAX_REFUSAL = 64 * 1024
MAX_SENTENCE = 300

Model = TypeVar("Model", bound=BaseModel)


def client(given: httpx.Client | None = None) -> AbstractContextManager[httpx.Client]:
    """The given client, which stays open, or a careful new one, closed at the end."""
    if given is not None:
        return nullcontext(given)
    return httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False)


def ask(
    http: httpx.Client,
    model: type[Model],
    *,
    method: str,
    url: str,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: BaseModel | None = None,
) -> Model:
    """One question, with a bearer token where there is one.

    Raises NodeRefused, NodeSilent or ReleaseUntrue."""
    sent = dict(headers or {})
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    content = None
    if body is not None:
        content = body.model_dump_json(by_alias=True, exclude_none=True).encode()
        sent["Content-Type"] = "application/json"
    return read(model, exchange(http, method, url, headers=sent, content=content))


def exchange(
    http: httpx.Client,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes | None = None,
    most: int = MAX_ANSWER,
) -> bytes:
    """The body of a good answer, `most` bytes. Raises NodeRefused, NodeSilent or ReleaseUntrue."""
    sent = {"Accept-Encoding": "identity", **headers}
    try:
        with http.stream(method, url, headers=sent, content=content) as response:
            raw = read_capped(response, most if response.is_success else MAX_REFUSAL)
            if not response.is_success:
                raise refusal(response.status_code, raw)
    except httpx.TransportError as error:
        raise NodeSilent("The node did not answer.", detail=type(error).__name__) from error
    return raw


def read(model: type[Model], raw: bytes) -> Model:
    """Raises ReleaseUntrue."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "the whole body"
        raise ReleaseUntrue(f"The node's answer is malformed at: {where[:100]}.") from error


def read_capped(response: httpx.Response, cap: int) -> bytes:
    """The whole body of a streamed response; raises ReleaseUntrue past the cap."""
    parts, total = [], 0
    for piece in response.iter_raw():
        total += len(piece)
        if total > cap:
            raise ReleaseUntrue(f"The node's answer is longer than {cap} bytes.")
        parts.append(piece)
    return b"".join(parts)


def refusal(status: int, raw: bytes) -> NodeRefused:
    """The node's own sentence, if it gave one in a form we know, made harmless to print."""
    said = _sentence(raw)
    return NodeRefused(
        f"The node refused ({status}){': ' + said if said else '.'}", upstream=status
    )


def _sentence(raw: bytes) -> str:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(body, dict):
        return ""
    inner = next((body[n] for n in ("htsget", "error") if isinstance(body.get(n), dict)), body)
    if isinstance(inner, dict):
        inner = next((inner[n] for n in ("message", "detail", "errorMessage") if n in inner), "")
    text = inner if isinstance(inner, str) else ""
    return "".join(letter for letter in text[:MAX_SENTENCE] if letter.isprintable())
