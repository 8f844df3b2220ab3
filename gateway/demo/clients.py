"""The clients the demo's provider knows, and how they prove who they are (RFC 6749 2.3.1)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from gateway.demo.tickets import Refused


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client; its redirect URIs are compared byte for byte. One without a secret is
    a command line, which names itself (RFC 6749 2.1) and signs in by code alone."""

    client_id: str
    secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    may_exchange: bool = True

    @property
    def is_command_line(self) -> bool:
        return not self.secret and not self.redirect_uris


def authenticated(
    clients: Mapping[str, Client], authorization: str | None, form: Mapping[str, str]
) -> Client:
    """By header or by form, not both; raises `Refused`."""
    if authorization is None:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    elif "client_secret" in form:
        raise Refused("invalid_request")
    else:
        client_id, secret = _basic(authorization)
    client = clients.get(client_id)
    if client is None or not (client.secret or client.is_command_line):
        raise Refused("invalid_client")
    if not hmac.compare_digest(client.secret.encode(), secret.encode()):
        raise Refused("invalid_client")
    return client


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        pair = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused("invalid_client") from error
    client_id, colon, secret = pair.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise Refused("invalid_client")
    return unquote_plus(client_id), unquote_plus(secret)
