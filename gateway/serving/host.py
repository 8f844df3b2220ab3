"""Whom a request may say it asks: one host, well formed (RFC 9112 3.2, RFC 9110 7.2).

A proxy before us that read another host than we do would send one person's question where another's
belongs; and the framework builds a request's address from this field, so that a `/` or `?` in it
would change the path that is read from there. Every link a node gives is made from its own
`public_url`: which host was asked is looked at nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv6Address

_FORM = re.compile(
    rb"(?:\[(?:(?P<six>[0-9A-Fa-f:.]+)|v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\]"
    rb"|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)"
    rb"(?::[0-9]*)?"
)  # RFC 3986 3.2.2 and 3.2.3: IP-literal, or IPv4address and reg-name; a port


def objection(hosts: Sequence[bytes], *, version: str) -> str | None:
    """Why a request with these values of `Host` is answered 400; None where it is not."""
    if not hosts:
        return None if version == "1.0" else "The request names no Host."
    if len(hosts) > 1:
        return "The request names more than one Host."
    return None if _is_well_formed(hosts[0]) else "The Host of the request is malformed."


def _is_well_formed(host: bytes) -> bool:
    found = _FORM.fullmatch(host)
    if found is None:
        return False
    if found["six"] is None:
        return True
    try:
        IPv6Address(found["six"].decode("ascii"))
    except ValueError:
        return False
    return True
