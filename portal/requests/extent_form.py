"""What of a dataset is asked for, on a form without scripts: from two fields to an extent and back,
and in words for who decides.

Pure. People write regions as for samtools, one-based with both ends included; inside they are
zero-based half-open. Whether the dataset has such a unit or sequence is the node's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pydantic import TypeAdapter, ValidationError

from schemas.errors import InvalidInput
from schemas.grants import MAX_GRANTED, Extent, GrantedRegion
from schemas.messages import Message
from schemas.wire import LocalId

LAST_POSITION = 2**32
# SAM v1 section 1.2.1: no comma is part of a name, so that no list passes for one.
_NAME = r"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]{0,199}"
_NUMBER = r"\d{1,10}|\d{1,3}(?:,\d{3}){1,3}"
_REGION = re.compile(rf"(?P<name>{_NAME}):(?P<first>{_NUMBER})-(?P<last>{_NUMBER})", re.ASCII)
_DIGEST = re.compile(r"(?:ga4gh:)?SQ\.[A-Za-z0-9_-]{32}", re.ASCII)  # refget Sequences 2.0.0
_LIKE_DIGEST = ("SQ.", "ga4gh:")
_UNIT = TypeAdapter[str](LocalId)
_SHOWN = 80

Fields = Mapping[str, Sequence[str]]


def asked_extent(fields: Fields) -> Extent | None:
    """None where both fields are empty: the whole dataset. Raises InvalidInput naming what cannot
    be read; nothing is left out, for less named is more granted."""
    units, regions = _written(fields, "units"), _written(fields, "regions")
    if not units and not regions:
        return None
    if len(units) + len(regions) > MAX_GRANTED:
        raise InvalidInput(
            Message("Name at most %(most)s files and regions together.", most=MAX_GRANTED)
        )
    return Extent(
        units=tuple(_unit(one) for one in units),
        regions=tuple(dict.fromkeys(_region(one) for one in regions)),
    )


def filled(extent: Extent | None) -> dict[str, str]:
    """What stands in the fields of a request that is changed."""
    if extent is None:
        return {}
    written = (f"{one.reference}:{one.start0 + 1}-{one.end0}" for one in extent.regions)
    return {"units": "\n".join(extent.units), "regions": "\n".join(written)}


def in_words(extent: Extent | None) -> Iterator[Message]:
    """Each thing asked for in a sentence's part; one-based, both ends included."""
    if extent is None:
        yield Message("all of it")
        return
    for unit in extent.units:
        yield Message("the whole of %(unit)s", unit=unit)
    for one in extent.regions:
        yield Message(
            "the records that overlap positions from %(first)s to %(last)s of %(reference)s "
            "(both included), in every file",
            first=one.start0 + 1, last=one.end0, reference=one.reference,
        )  # fmt: skip


def _unit(text: str) -> str:
    try:
        return _UNIT.validate_python(text)
    except ValidationError as error:
        raise InvalidInput(
            Message(
                "Please look at “%(text)s” among the files: write the names as the dataset lists "
                "them.",
                text=text[:_SHOWN],
            )
        ) from error


def _region(text: str) -> GrantedRegion:
    found = _REGION.fullmatch(text)
    if found is None:
        raise _unread(text, Message("write NAME:FIRST-LAST, such as chr17:43044295-43125364"))
    name, first, last = found["name"], _number(found["first"]), _number(found["last"])
    if name.startswith(_LIKE_DIGEST) and _DIGEST.fullmatch(name) is None:
        raise _unread(text, Message("a refget digest is SQ. and 32 characters"))
    if not 1 <= first <= last <= LAST_POSITION:
        raise _unread(text, Message("positions count from 1, the first is not after the last"))
    return GrantedRegion(reference=name, start0=first - 1, end0=last)


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _unread(text: str, wanted: Message) -> InvalidInput:
    return InvalidInput(
        Message(
            "Please look at “%(text)s” among the regions: %(wanted)s.",
            text=text[:_SHOWN], wanted=wanted,
        )
    )  # fmt: skip


def _written(fields: Fields, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((fields.get(name) or ("",))[0].split()))
