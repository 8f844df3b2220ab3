"""Reads what an htsget request asks for, writes tickets, and signs their body addresses.

htsget 1.3.0, «Request», «Response» and «Errors». Pure. This version releases whole objects:
a region, field, tag or header-only request is an error, never a superset. Who may have what is
`streams.entitlement`'s.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from schemas.errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    SkerryError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from schemas.htsget import PostedQuery, SignedManifest, Ticket, TicketAnswer, TicketUrl
from schemas.wire import canonical_json
from streams.errors import AddressRefused, InvalidRange, UnsupportedFormat
from streams.sources import FORMATS, Kind

MEDIA_TYPE = "application/vnd.ga4gh.htsget.v1.3.0+json; charset=utf-8"
MAX_QUERY_BYTES = 64 * 1024
PART_BYTES = 64 * 1024 * 1024
ENCRYPTION_SCHEMES = frozenset({"c4gh", "crypt4gh"})

_PARAMETERS = frozenset(
    {"format", "class", "referenceName", "start", "end", "fields", "tags", "notags"}
    | {"encryptionScheme"}
)
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
class Query:
    """What may be asked in this version: a whole object; `form` is None for «as stored»."""

    form: str | None


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


# Questions


def read_parameters(kind: Kind, parameters: Sequence[tuple[str, str]]) -> Query:
    """A GET's query. Raises InvalidInput, UnsupportedFormat and InvalidRange."""
    given: dict[str, str] = {}
    for name, value in parameters:
        if name not in _PARAMETERS:
            raise InvalidInput(f"Unknown parameter: {name[:40]}.")
        if name in given:
            raise InvalidInput(f"The parameter {name} was sent more than once.")
        given[name] = value
    _check_positions(given)
    _refuse_parts(given)
    return Query(_form(kind, given.get("format"), given.get("encryptionScheme")))


def read_posted(kind: Kind, body: bytes) -> Query:
    """A POST's JSON body. Raises as `read_parameters`."""
    try:
        posted = PostedQuery.model_validate_json(body or b"{}")
    except ValidationError as error:
        where = ".".join(str(part)[:40] for part in error.errors()[0]["loc"]) or "body"
        raise InvalidInput(f"The request body is malformed at: {where}.") from error
    for region in posted.regions or ():
        if region.start is not None and region.end is not None and region.start >= region.end:
            raise InvalidRange("A region ends before it starts.")
    given = {
        "class": posted.class_,
        "fields": posted.fields_,
        "tags": posted.tags,
        "notags": posted.notags,
        "regions": posted.regions,
    }
    _refuse_parts({name: value for name, value in given.items() if value is not None})
    return Query(_form(kind, posted.format, posted.encryption_scheme))


def check_format(query: Query, stored: str) -> None:
    """Raises UnsupportedFormat: objects are released as stored, never converted."""
    if query.form is not None and query.form != stored.upper():
        raise UnsupportedFormat(f"This object is offered as {stored}, not as {query.form}.")


def _check_positions(given: Mapping[str, str]) -> None:
    limits = [given[name] for name in ("start", "end") if name in given]
    if any(not (text.isascii() and text.isdigit() and int(text[:11]) < 2**32) for text in limits):
        raise InvalidInput("start and end must be unsigned 32-bit numbers.")
    if limits and given.get("referenceName", "*") == "*":
        raise InvalidInput("start and end need a referenceName.")
    if len(limits) == 2 and int(limits[0]) > int(limits[1]):
        raise InvalidRange("The range ends before it starts.")


def _refuse_parts(given: Mapping[str, object]) -> None:
    if given.get("class", "header") != "header":
        raise InvalidInput("The only class that can be asked for is «header».")
    asked = sorted(set(given) - {"format", "encryptionScheme"})
    if asked:
        raise InvalidInput(
            "record-exact slices are not offered by this version: ask for the whole object, "
            f"without {', '.join(asked)}."
        )


def _form(kind: Kind, raw_format: str | None, scheme: str | None) -> str | None:
    if scheme is not None and scheme.lower() not in ENCRYPTION_SCHEMES:
        raise InvalidInput("The encryption scheme must be crypt4gh (or c4gh).")
    if raw_format is None:
        return None
    form = raw_format.upper()
    if kind in FORMATS and form not in FORMATS[kind]:
        raise UnsupportedFormat(f"Formats of {kind} are {' and '.join(FORMATS[kind])}.")
    return form


# Tickets


def parts(body_size: int) -> Iterator[Part]:
    """The body in order, in pieces that one address may cover."""
    for start0 in range(0, body_size, PART_BYTES):
        yield Part(start0, min(start0 + PART_BYTES, body_size))


def ticket(
    form: str, header: bytes, addresses: Sequence[str], *, manifest: SignedManifest
) -> TicketAnswer:
    """The header inline, then the body's addresses: joined, one Crypt4GH file."""
    inline = "data:;base64," + base64.b64encode(header).decode()
    urls = tuple(TicketUrl(url=url) for url in (inline, *addresses))
    return TicketAnswer(htsget=Ticket(format=form, urls=urls, skerry=manifest))


def sign(address: Address, key: bytes) -> str:
    """HMAC-SHA-256 over everything the address binds, in hex."""
    bound = canonical_json(
        {
            "session": address.session,
            "object": address.object_id,
            "caller": address.caller,
            "part": [address.part.start0, address.part.end0],
            "expires": address.expires,
        }
    )
    return hmac.new(key, b"skerry-block-1\0" + bound, hashlib.sha256).hexdigest()


def check_address(address: Address, signature: str, key: bytes, *, now: int) -> None:
    """Raises AddressRefused for a changed or expired address."""
    if not hmac.compare_digest(sign(address, key).encode(), signature.encode()):
        raise AddressRefused("This address was not given out by this node as it stands.")
    if now >= address.expires:
        raise AddressRefused("This address has expired. Ask for a new ticket.")
