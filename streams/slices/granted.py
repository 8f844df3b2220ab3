"""Cuts a file to what was asked of it and to what was granted of it, and says what that is.

A permit that names regions gives their records and no other: what is asked for lies inside of them
or is refused, and each record is looked at (`sift`). References go by the name that the header has
or by their MD5, where the header states one. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from schemas.errors import InvalidInput
from schemas.grants import GrantedRegion
from schemas.htsget import ColumnsAsked, RegionAsked
from streams.errors import OutsideGrant
from streams.slices.chart import Chart, Region
from streams.slices.headers import read_digests
from streams.slices.sift import sift
from streams.slices.weave import Woven, weave
from streams.storage import Source

_MD5 = re.compile(r"(?:md5:)?([0-9a-f]{32})", re.IGNORECASE)
_NO_CRAM = (
    "Your grant names regions, and a CRAM cannot be cut to them: its containers hold other "
    "records too. Ask for a grant of the whole object, or for the data as BAM."
)


def cut(
    source: Source,
    chart: Chart,
    asked: Sequence[RegionAsked] | None,
    *,
    granted: Sequence[GrantedRegion] | None,
    columns: ColumnsAsked | None = None,
) -> tuple[tuple[RegionAsked, ...], Woven]:
    """The regions that are sent, and the body of their records; `asked` None is all that is
    granted, none of them the header. Raises OutsideGrant, NoSuchReference, InvalidRange,
    InvalidInput, SourceRefused."""
    if granted is None:
        if asked is None and columns is None:
            raise InvalidInput("A whole object is not cut.")
        regions = chart.everything() if asked is None else tuple(Region(*one) for one in asked)
        woven = weave(source, chart, chart.rows(regions), columns=columns)
        return _as_asked(regions), woven
    if chart.form == "CRAM":
        raise OutsideGrant(_NO_CRAM)
    allowed = _named(granted, source, chart)
    if asked is None:
        regions = allowed
        if not regions:
            raise OutsideGrant("Your grant names regions that this object does not have.")
    else:
        regions = tuple(Region(*region) for region in asked)
        _refuse_beyond(regions, allowed)
    rows = sift(source, chart, chart.rows(regions), regions)
    return _as_asked(regions), weave(source, chart, rows, exactly=True, columns=columns)


def _as_asked(regions: Iterable[Region]) -> tuple[RegionAsked, ...]:
    return tuple((region.name, region.start0, region.end0) for region in regions)


def _named(granted: Sequence[GrantedRegion], source: Source, chart: Chart) -> tuple[Region, ...]:
    """The granted regions by the names of the file; those of other files are left out."""
    names: dict[str, list[str]] = {}
    if any(_MD5.fullmatch(region.reference) for region in granted):
        for name, digest in read_digests(source, chart.form).items():
            names.setdefault(digest, []).append(name)
    found = []
    for region in granted:
        stated = _MD5.fullmatch(region.reference)
        alike = names.get(stated[1].lower(), []) if stated else []
        if region.reference in chart.references:
            alike = [region.reference]
        found += [Region(name, region.start0, region.end0) for name in alike]
    return tuple(found)


def _refuse_beyond(regions: Iterable[Region], allowed: Sequence[Region]) -> None:
    for region in regions:
        inside = [one for one in _joined(allowed, region.name) if _holds(one, region)]
        if not inside:
            said = ", ".join(f"{one.name}:{one.start0}-{one.end0}" for one in allowed) or "none"
            raise OutsideGrant(
                "What you ask for reaches beyond the regions of your grant, of which this object "
                f"has (zero-based, half-open): {said}."
            )


def _joined(allowed: Sequence[Region], name: str) -> list[Region]:
    """Of one reference; regions that meet are one."""
    joined: list[tuple[int, int]] = []
    for start0, end0 in sorted((r.start0 or 0, r.end0 or 0) for r in allowed if r.name == name):
        if joined and start0 <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end0)
        else:
            joined.append((start0, end0))
    return [Region(name, start0, end0) for start0, end0 in joined]


def _holds(granted: Region, asked: Region) -> bool:
    if asked.end0 is None or granted.end0 is None or granted.start0 is None:
        return False  # to an end of the reference that the grant does not know
    return granted.start0 <= (asked.start0 or 0) and asked.end0 <= granted.end0
