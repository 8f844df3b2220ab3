"""The page on which a person of the demo says who she is: one button per account, no password."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

import jinja2
from fastapi.responses import HTMLResponse, Response

from gateway.demo.accounts import ACCOUNTS
from gateway.demo.clients import Client
from portal import languages
from portal.catalogues import SOURCE


class ChoicePage:
    """Locked down by a policy that lets its form lead to the client and nowhere else."""

    def __init__(self) -> None:
        self._template = _template("demo_signin.html")

    def answer(self, client: Client, request_id: str) -> Response:
        nonce = secrets.token_urlsafe(16)
        page = self._template.render(
            accounts=ACCOUNTS.values(), request=request_id, client=client.client_id, nonce=nonce
        )
        # Browsers hold the redirect after a form to `form-action` as well.
        back = " ".join(sorted({_origin(uri) for uri in client.redirect_uris}))
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self' {back}; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return HTMLResponse(page, headers=headers)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gateway", "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    languages.speak(environment, SOURCE)
    return environment.get_template(name)
