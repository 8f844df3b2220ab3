"""`skerry login`: signs in from a terminal and keeps the token in a file that only you can read.

By device code (RFC 8628), then for one node by token exchange (RFC 8693) where the provider does
that. `skerry fetch` and `skerry explain` take the file.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import httpx

from gateway.errors import LoadRefused
from passports import device
from passports.exchange import exchange
from passports.provider import Provider

_SECONDS = 10.0


def run(
    issuer: str,
    *,
    client_id: str,
    client_secret: str | None,
    node: str | None,
    token_file: Path,
    say: Callable[[str], None],
) -> None:
    """Without `node`, the provider's own access token is kept."""
    if not token_file.parent.is_dir():
        raise LoadRefused(f"{token_file.parent}: no such folder")

    async def sign_in() -> str:
        async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False) as http:
            provider = Provider(issuer, client_id=client_id, client_secret=client_secret, http=http)
            code = await device.begin(provider)
            say(f"open {code.address} and enter {code.user_code}")
            access_token = await device.wait(provider, code, sleep=asyncio.sleep)
            return access_token if node is None else await exchange(provider, access_token, node)

    keep(asyncio.run(sign_in()), token_file)
    taken = "an access token" if node is None else f"a Passport for {node}"
    say(f"{token_file}: {taken}, readable by you only")


def keep(token: str, path: Path) -> None:
    """Whole or not at all, 0600 from its first byte, whatever was there before."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token + "\n")
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
