"""Takes a compact JWS apart, strictly (RFC 7515 3.1, 4.1.11; RFC 8725 3).

Three parts of canonical base64url, JSON objects without duplicate members, no extension that
changes meaning. Nothing here is verified: that is for `tokens`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Never

from passports.errors import BadToken, Reason

MAX_HEADER_CHARS = 8 * 1024
MAX_PASSPORT_CHARS = 256 * 1024
MAX_VISA_CHARS = 16 * 1024
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
# Each of these changes what the signature covers or how the payload is read.
_REFUSED_HEADERS = frozenset({"crit", "b64", "zip", "enc"})


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A well-formed token of which nothing is believed yet.

    `signature` is over `signed_part`, of which header and claims were read.
    """

    signed_part: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    unverified_header: Mapping[str, object]
    unverified_claims: Mapping[str, object]

    @property
    def kid(self) -> str:
        return text(self.unverified_header.get("kid"), reason=Reason.UNKNOWN_KEY)

    def algorithm(self, allowed: tuple[str, ...]) -> str:
        """The one algorithm of `allowed` (from our trust table) that the header names."""
        named = self.unverified_header.get("alg")
        for algorithm in allowed:
            if named == algorithm:
                return algorithm
        raise BadToken(Reason.WRONG_ALGORITHM)


def parse(raw_token: str, *, cap: int) -> UnverifiedToken:
    """Raises `BadToken` for anything but a plain signed JWT of at most `cap` characters."""
    if len(raw_token) > cap:
        raise BadToken(Reason.TOO_LARGE)
    parts = raw_token.split(".")
    if len(parts) != 3:
        raise BadToken(Reason.MALFORMED, detail="expected three parts")
    if len(parts[0]) > MAX_HEADER_CHARS:
        raise BadToken(Reason.TOO_LARGE, detail="header")
    header, payload, signature = (_decoded(part) for part in parts)
    unverified_header = strict_object(header)
    if not _REFUSED_HEADERS.isdisjoint(unverified_header):
        raise BadToken(Reason.MALFORMED, detail="header extension")
    signed_part = raw_token.rpartition(".")[0].encode("ascii")
    return UnverifiedToken(signed_part, signature, unverified_header, strict_object(payload))


def strict_object(data: bytes) -> Mapping[str, object]:
    """A JSON object; duplicate members, NaN and depth beyond the interpreter's are refused."""
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise BadToken(Reason.MALFORMED, detail="not strict JSON") from error
    if not isinstance(value, dict):
        raise BadToken(Reason.MALFORMED, detail="not a JSON object")
    return value


def text(value: object, *, reason: Reason, cap: int = 255) -> str:
    """A printable, non-empty string of at most `cap` characters, or `BadToken(reason)`."""
    if isinstance(value, str) and 0 < len(value) <= cap and value.isprintable():
        return value
    raise BadToken(reason)


def _decoded(part: str) -> bytes:
    if _BASE64URL.fullmatch(part) is None:
        raise BadToken(Reason.MALFORMED, detail="not base64url")
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise BadToken(Reason.MALFORMED, detail="not base64url") from error
    # Spare bits in the last character would give one token several spellings.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != part.encode("ascii"):
        raise BadToken(Reason.MALFORMED, detail="not canonical base64url")
    return data


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")
