"""The pages on which a person of the demo says who she is: one button per account, no password.

A browser comes with its question; whoever signs in from a terminal types a code first (RFC 8628
3.3), and sees at the end that it is done.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

import jinja2
from fastapi.responses import HTMLResponse, Response

from gateway.demo.accounts import ACCOUNTS
from gateway.demo.clients import Client
from portal import languages
from portal.catalogues import SOURCE


class ChoicePages:
    """Locked down by a policy that lets a form lead to the client and nowhere else."""

    def __init__(self) -> None:
        self._choice = _template("demo_signin.html")
        self._code = _template("demo_code.html")

    def choose(self, client: Client, request_id: str, *, user_code: str = "") -> Response:
        """With a code, the answer goes to `/device`, which has nowhere to send anybody back to."""
        values = {"accounts": ACCOUNTS.values(), "request": request_id, "code": user_code}
        back = {_origin(uri) for uri in client.redirect_uris}
        return _page(self._choice, {**values, "client": client.client_id}, back=back)

    def ask_for_code(self, *, wrong: bool) -> Response:
        return _page(self._code, {"wrong": wrong, "done": False}, status=400 if wrong else 200)

    def done(self) -> Response:
        return _page(self._code, {"wrong": False, "done": True})


def _page(
    template: jinja2.Template,
    values: Mapping[str, object],
    *,
    back: Collection[str] = (),
    status: int = 200,
) -> Response:
    nonce = secrets.token_urlsafe(16)
    # Browsers hold the redirect after a form to `form-action` as well.
    allowed = " ".join(["'self'", *sorted(back)])
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; "
        f"form-action {allowed}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(template.render(nonce=nonce, **values), status_code=status, headers=headers)


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
