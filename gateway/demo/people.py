"""Signs the demo's people in over real HTTP, the way a browser would, for programs.

OpenID Connect code flow with PKCE through `passports.login`, then a Passport for one node by token
exchange (RFC 8693). The page is filled in as a person fills it in: by its own form.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx

from gateway.errors import DemoError
from passports.login import Login, SignedIn

_SECONDS = 60.0
_REQUEST = re.compile(r'name="request"\s+value="([^"]+)"')
CLIENT_ID = "skerry-demo"


def redirect_uri(issuer: str) -> str:
    """Where this client is sent back to; it reads the address and never goes there."""
    return f"{issuer}/demo/done"


def passport_from(signin_file: Path, account: str, node_url: str) -> str:
    """A Passport of a demo account for `skerry fetch`; `signin_file` is the running demo's own."""
    try:
        given = json.loads(signin_file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DemoError(f"{signin_file}: not a running demo's signin.json") from error
    secret = next(c["client_secret"] for c in given["clients"] if c["client_id"] == CLIENT_ID)

    async def ask() -> str:
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as http:
            return await People(given["issuer"], secret, http).passport(account, node_url)

    try:
        return asyncio.run(ask())
    except httpx.TransportError as error:
        raise DemoError(f"{given['issuer']} does not answer; is the demo running?") from error


@dataclass(frozen=True, slots=True)
class People:
    """The accounts of a running demo."""

    issuer: str
    client_secret: str
    http: httpx.AsyncClient

    async def sign_in(self, account: str) -> SignedIn:
        """Signs `account` in; raises `DemoError` or the errors of `passports.login`."""
        login = self._login()
        url, pending = await login.begin("/")
        page = await self.http.get(url)
        form = _REQUEST.search(page.text)
        if page.status_code != httpx.codes.OK or form is None:
            raise DemoError(f"the sign-in page answered {page.status_code} without its form")
        chosen = await self.http.post(
            f"{self.issuer}/authorize", data={"request": form.group(1), "account": account}
        )
        if "location" not in chosen.headers:
            raise DemoError(f"choosing an account answered {chosen.status_code}, not a redirect")
        query = dict(parse_qsl(urlsplit(chosen.headers["location"]).query))
        return await login.finish(pending, query)

    async def passport(self, account: str, node_url: str) -> str:
        """A fresh Passport of `account` for one node, with the visas that node's grants give."""
        signed_in = await self.sign_in(account)
        return await self._login().exchange(signed_in.access_token, node_url)

    def _login(self) -> Login:
        return Login(
            self.issuer, CLIENT_ID, self.client_secret, redirect_uri(self.issuer), self.http
        )
