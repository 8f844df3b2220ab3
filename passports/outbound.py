"""Asks one address of ours once: bounded in bytes and seconds, following nothing.

The only way this room reaches the network. Which addresses may be asked is for `trust` and the
settings; what an answer means is for the caller.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class NoAnswer(Exception):
    """Nothing usable came back: refused, cut, too late or too long."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


async def ask(
    http: httpx.AsyncClient,
    request: httpx.Request,
    *,
    seconds: float,
    cap: int,
    auth: httpx.BasicAuth | None = None,
) -> Answer:
    """Raises `NoAnswer`; redirects are answers like any other and are not followed."""
    request.headers["Accept"] = "application/json"
    # Undecoded below: a small compressed answer must not become a large one.
    request.headers["Accept-Encoding"] = "identity"
    try:
        async with asyncio.timeout(seconds):
            response = await http.send(request, stream=True, auth=auth, follow_redirects=False)
            try:
                return Answer(response.status_code, await _capped(response, cap))
            finally:
                await response.aclose()
    except (httpx.HTTPError, TimeoutError) as error:
        raise NoAnswer("no answer in time") from error


def is_safe_url(url: str) -> bool:
    """https, or http on loopback; with a host, without credentials and without a fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    return bool(host) and secure and "@" not in parts.netloc and not parts.fragment


async def _capped(response: httpx.Response, cap: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > cap:
            raise NoAnswer("the answer is too large")
    return bytes(body)
