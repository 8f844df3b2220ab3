"""Writes htsget tickets and errors, and signs body addresses.

htsget 1.3.0, «Response» and «Errors». Pure. What is asked is `questions`', who may have it
`streams.entitlement`'s and `streams.clear`'s.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    SkerryError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from schemas.htsget import SignedManifest, SignedSlice, Ticket, TicketAnswer, TicketUrl
from streams.envelope import SEALED_SEGMENT
from streams.errors import AddressRefused, InvalidRange, UnsupportedFormat

MEDIA_TYPE = "application/vnd.ga4gh.htsget.v1.3.0+json; charset=utf-8"
# Below 64 MiB, and whole segments; behind a proxy, revocation stops at a part's end.
PART_BYTES = 1023 * SEALED_SEGMENT
CLEAR_PART_BYTES = 1_000_000_000  # the standard's advice

_NAMES: tuple[tuple[type[SkerryError], str], ...] = (
    (UnsupportedFormat, "UnsupportedFormat"),
    (InvalidRange, "InvalidRange"),
    (InvalidInput, "InvalidInput"),
    (Unauthenticated, "InvalidAuthentication"),
    (Forbidden, "PermissionDenied"),
    (NotFound, "NotFound"),
    (TooLarge, "PayloadTooLarge"),
    (Unavailable, "Unavailable"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes [start0, end0) of a body."""

    start0: int
    end0: int


@dataclass(frozen=True, slots=True)
class Address:
    """All that a body address binds; `caller` is a pseudonym, `expires` epoch seconds."""

    session: str
    object_id: str
    caller: str
    part: Part
    expires: int


def error_body(error: SkerryError) -> dict[str, object]:
    """The htsget body of one of our errors; names that htsget lacks are ours."""
    name = next((name for family, name in _NAMES if isinstance(error, family)), "InternalError")
    return {"htsget": {"error": name, "message": error.public}}


def check_format(form: str | None, stored: str) -> None:
    """Raises UnsupportedFormat: objects are released as stored, never converted."""
    if form is not None and form != stored.upper():
        raise UnsupportedFormat(f"This object is offered as {stored}, not as {form}.")


def parts(body_size: int, *, each: int | None = None) -> Iterator[Part]:
    """The body in order, in pieces that one address may cover."""
    step = each or PART_BYTES
    for start0 in range(0, body_size, step):
        yield Part(start0, min(start0 + step, body_size))


def ticket(
    form: str,
    header: bytes,
    addresses: Sequence[TicketUrl],
    *,
    manifest: SignedManifest | SignedSlice,
) -> TicketAnswer:
    """The header inline, then the body's addresses: joined, one Crypt4GH file."""
    inline = "data:;base64," + base64.b64encode(header).decode()
    urls = (TicketUrl(url=inline), *addresses)
    if isinstance(manifest, SignedSlice):
        return TicketAnswer(htsget=Ticket(format=form, urls=urls, skerry_slice=manifest))
    return TicketAnswer(htsget=Ticket(format=form, urls=urls, skerry=manifest))


def clear_ticket(form: str, addresses: Sequence[TicketUrl], *, md5: str | None) -> TicketAnswer:
    """The body's addresses: joined, one file of the format."""
    return TicketAnswer(htsget=Ticket(format=form, urls=tuple(addresses), md5=md5))


def sign(address: Address, key: bytes) -> str:
    """HMAC-SHA-256 over everything the address binds, in hex."""
    part = f"{address.part.start0}-{address.part.end0}"
    bound = (address.session, address.object_id, address.caller, part, str(address.expires))
    # None of them has a NUL in it: what is joined can be taken apart in one way only.
    text = "\0".join(("skerry-block-2", *bound))
    return hmac.digest(key, text.encode(), "sha256").hex()


def check_address(address: Address, signature: str, key: bytes, *, now: int) -> None:
    """Raises AddressRefused for a changed or expired address."""
    if not hmac.compare_digest(sign(address, key).encode(), signature.encode()):
        raise AddressRefused("This address was not given out by this node as it stands.")
    if now >= address.expires:
        raise AddressRefused("This address has expired. Ask for a new ticket.")
