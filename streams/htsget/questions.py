"""Reads what an htsget request asks for, by GET or by POST.

htsget 1.3.0, «Request» and «Errors». Pure. `fields`, `tags` and `notags` are about reads, and have
no effect elsewhere, as service-info says. Which objects and references there are is not asked here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from schemas.errors import InvalidInput
from schemas.htsget import ColumnsAsked, PostedQuery, PostedRegion
from streams.errors import InvalidRange, TooLong, UnsupportedFormat
from streams.slices.chart import UNPLACED_NAME, Region
from streams.slices.columns import FIELDS, TRIMMED_FORMS
from streams.sources import FORMATS, Kind

MAX_QUERY_BYTES = 1024 * 1024
MAX_REGIONS = 10_000
SEALED_SCHEMES = frozenset({"c4gh", "crypt4gh"})
CLEAR_SCHEMES = frozenset({"none", "plaintext"})  # what some clients may send for clear text

_PARAMETERS = frozenset(
    {"format", "class", "referenceName", "start", "end", "fields", "tags", "notags"}
    | {"encryptionScheme"}
)
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9]", re.ASCII)
_WITH_HEADER = frozenset({"class", "format", "encryptionScheme"})


@dataclass(frozen=True, slots=True)
class Query:
    """`form` is None for the object's own, `regions` for all of it, `columns` for records as they
    are, `sealed` for whichever way the object leaves."""

    form: str | None = None
    header_only: bool = False
    regions: tuple[Region, ...] | None = None
    columns: ColumnsAsked | None = None
    sealed: bool | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the object is asked for as it lies."""
        return self.regions is None and self.columns is None and not self.header_only

    def of(self, form: str) -> Query:
        """As it is answered for a format: more columns than asked for are sent of some, which the
        standard allows and service-info says."""
        return self if form in TRIMMED_FORMS else replace(self, columns=None)


def read_parameters(kind: Kind, parameters: Sequence[tuple[str, str]]) -> Query:
    """A GET's query. Raises InvalidInput, UnsupportedFormat and InvalidRange."""
    given: dict[str, str] = {}
    for name, value in parameters:
        if name not in _PARAMETERS:
            raise InvalidInput(f"Unknown parameter: {name[:40]}.")
        if name in given:
            raise InvalidInput(f"The parameter {name} was sent more than once.")
        given[name] = value
    _check_class(given.get("class"), set(given))
    region = _region(given.get("referenceName"), given.get("start"), given.get("end"))
    fields, tags, notags = (_listed(given.get(name)) for name in ("fields", "tags", "notags"))
    return Query(
        form=_form(kind, given.get("format")),
        header_only="class" in given,
        regions=None if region is None else (region,),
        columns=_columns(kind, fields, tags, notags),
        sealed=_sealed(given.get("encryptionScheme")),
    )


def read_posted(kind: Kind, body: bytes) -> Query:
    """A POST's JSON body. Raises as `read_parameters`, and TooLong."""
    try:
        posted = PostedQuery.model_validate_json(body or b"{}")
    except ValidationError as error:
        where = ".".join(str(part)[:40] for part in error.errors()[0]["loc"]) or "body"
        raise InvalidInput(f"The request body is malformed at: {where}.") from error
    if posted.regions is not None and len(posted.regions) > MAX_REGIONS:
        raise TooLong(f"One request has at most {MAX_REGIONS} regions.")
    _check_class(
        posted.class_, {n for n, v in posted.model_dump(by_alias=True).items() if v is not None}
    )
    return Query(
        form=_form(kind, posted.format),
        header_only=posted.class_ is not None,
        regions=None if posted.regions is None else tuple(map(_posted_region, posted.regions)),
        columns=_columns(kind, posted.fields_, posted.tags, posted.notags),
        sealed=_sealed(posted.encryption_scheme),
    )


def _region(name: str | None, start: str | None, end: str | None) -> Region | None:
    start0, end0 = _position(start), _position(end)
    if name in (None, UNPLACED_NAME) and (start, end) != (None, None):
        raise InvalidInput("start and end need a referenceName.")
    if start0 is not None and end0 is not None and start0 > end0:
        raise InvalidRange("The range ends before it starts.")
    return None if name is None else Region(name, start0, end0)


def _position(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:11]) < 2**32):
        raise InvalidInput("start and end must be unsigned 32-bit numbers.")
    return int(text[:11])


def _posted_region(posted: PostedRegion) -> Region:
    start0, end0 = posted.start, posted.end
    if posted.reference_name == UNPLACED_NAME and (start0, end0) != (None, None):
        raise InvalidInput("Reads without a place have no positions.")
    if start0 is not None and end0 is not None and start0 >= end0:
        raise InvalidRange("A region ends before it starts.")
    return Region(posted.reference_name, start0, end0)


def _check_class(name: str | None, given: set[str]) -> None:
    if name not in (None, "header"):
        raise InvalidInput("The only class that can be asked for is «header».")
    if name is not None and given - _WITH_HEADER:
        raise InvalidInput("With class=header nothing but a format may be asked for.")


def _listed(joined: str | None) -> tuple[str, ...] | None:
    return None if joined is None else tuple(joined.split(",")) if joined else ()


def _columns(
    kind: Kind,
    fields: tuple[str, ...] | None,
    tags: tuple[str, ...] | None,
    notags: tuple[str, ...] | None,
) -> ColumnsAsked | None:
    """None where nothing is left out."""
    if set(fields or ()) - FIELDS:
        raise InvalidInput(f"Fields are {', '.join(sorted(FIELDS))}.")
    if set(tags or ()) & set(notags or ()):
        raise InvalidInput("A tag cannot be both wanted and not wanted.")
    if not all(_TAG.fullmatch(tag) for tag in (*(tags or ()), *(notags or ()))):
        raise InvalidInput("A tag is a letter and a letter or digit.")
    everything = (fields is None or set(fields) == FIELDS) and tags is None and not notags
    if kind is not Kind.READS or everything:
        return None
    return ColumnsAsked(fields=fields, tags=tags, notags=notags or ())


def _sealed(scheme: str | None) -> bool | None:
    if scheme is None:
        return None
    if scheme.lower() not in SEALED_SCHEMES | CLEAR_SCHEMES:
        raise InvalidInput("The encryption scheme must be crypt4gh (or c4gh).")
    return scheme.lower() in SEALED_SCHEMES


def _form(kind: Kind, raw_format: str | None) -> str | None:
    if raw_format is None:
        return None
    form = raw_format.upper()
    if kind in FORMATS and form not in FORMATS[kind]:
        raise UnsupportedFormat(f"Formats of {kind} are {' and '.join(FORMATS[kind])}.")
    return form
