"""Reads a Beacon v2.2 envelope of any server (boolean, count, resultsets, error) into a `Reading`.

Also what older servers send instead. A member of another kind than the standard says is as if it
were absent, and an answer that contradicts itself or left out a part of the question is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from portal.asking.answer import Frequency, Outcome, Reading, SetAnswer, Silent
from portal.asking.foreign import items, members, number, text
from portal.catalogues import Quoted
from schemas.messages import Message
from schemas.wire import canonical_json

MAX_SETS = 1_000
MAX_POPULATIONS = 50
_PRECISIONS = ("exact", "rounded", "imprecise")
_BELOW = re.compile(r"<\s?([1-9]\d{0,8})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asks:
    """What must not have been left out of the question by the time it was answered."""

    variant: bool = False
    filters: int = 0


def read(status: int, document: object, asks: Asks = Asks()) -> Reading:
    """Never raises: nonsense is an `error` outcome that says what was missing."""
    reply = members(document)
    if status != 200 or "error" in reply:
        return _refusal(status, reply)
    summary = members(reply.get("responseSummary"))
    exists = summary.get("exists")
    if not isinstance(exists, bool):
        return Reading(Outcome.ERROR, Message("The answer has no responseSummary.exists."))
    if left_out := _left_out(members(reply.get("meta")), asks):
        return Reading(Outcome.UNSUPPORTED, left_out)
    sets = _sets(reply, summary, exists=exists)
    doubted = any(_contradicts(members(raw)) for raw in (summary, *_raw_sets(reply)))
    if doubted or (not exists and any(one.exists for one in sets)):
        return Reading(
            Outcome.ERROR, Message("The answer contradicts itself: its yes or no and its counts.")
        )
    return Reading(
        outcome=Outcome.OK if exists else Outcome.EMPTY,
        reason="",
        sets=sets,
        withheld=_named(reply, "suppressed"),
        unserved=_named(reply, "unsupported"),
        beacon_id=text(members(reply.get("meta")).get("beaconId")) or None,
    )


def _left_out(meta: Mapping[str, object], asks: Asks) -> str:
    """By the echo of the question in the answer: some servers drop what they cannot read and
    answer the rest, which is another question."""
    echo = members(meta.get("receivedRequestSummary"))
    parameters, filters = echo.get("requestParameters"), echo.get("filters")
    if asks.variant and isinstance(parameters, dict) and not parameters:
        return Message("It answered without the variant of the question.")
    if isinstance(filters, list) and len(filters) < asks.filters:
        return Message("It answered without the terms of the question.")
    return ""


def _raw_sets(reply: Mapping[str, object]) -> Sequence[object]:
    return items(members(reply.get("response")).get("resultSets"))[:MAX_SETS]


def _contradicts(raw: Mapping[str, object]) -> bool:
    """A count beside a no, or an exact nothing beside a yes."""
    counts = (number(raw.get("numTotalResults")), number(raw.get("resultsCount")))
    count = next((one for one in counts if one is not None), None)
    if count is None or not isinstance(raw.get("exists"), bool):
        return False
    if count:
        return raw["exists"] is False
    return raw["exists"] is True and raw.get("countPrecision") == "exact"


def _sets(
    reply: Mapping[str, object], summary: Mapping[str, object], *, exists: bool
) -> tuple[SetAnswer, ...]:
    sets = tuple(_set(members(raw), summary) for raw in _raw_sets(reply))
    total = number(summary.get("numTotalResults"))
    counted = any(one.bounds is not None for one in sets if one.exists)
    if sets and (counted or total is None) and any(one.exists for one in sets) == exists:
        return sets
    if not exists and sets:
        return sets
    return (_counted(summary, total, None, summary=summary, exists=exists),)


def _set(raw: Mapping[str, object], summary: Mapping[str, object]) -> SetAnswer:
    count = number(raw.get("resultsCount"))
    exists = raw.get("exists")
    present = exists if isinstance(exists, bool) else bool(count)
    name = text(raw.get("id")) or None
    return _counted(raw, count, name, summary=summary, exists=present)


def _counted(
    raw: Mapping[str, object],
    count: int | None,
    dataset: str | None,
    *,
    summary: Mapping[str, object],
    exists: bool,
) -> SetAnswer:
    if not exists:
        return SetAnswer(dataset, False, 0, _precision(raw, summary))  # noqa: FBT003
    adjusted = items(raw.get("countAdjustedTo"))[:2]
    below = next(
        (int(found[1]) for one in adjusted if (found := _BELOW.fullmatch(text(one)))), None
    )
    ends = [end for one in adjusted if (end := number(one)) is not None]
    return SetAnswer(
        dataset=dataset,
        exists=True,
        count=count or None,  # nothing beside a yes is a number that was taken away
        precision=_precision(raw, summary),
        below=below,
        span=(min(ends), max(ends)) if len(ends) == 2 else None,
        variations=_variations(raw),
        frequencies=tuple(_frequencies(raw)),
    )


def _variations(raw: Mapping[str, object]) -> tuple[bytes, ...]:
    """One digest per record, none at all when a record's variant cannot be told."""
    found = [members(record).get("variation") for record in items(raw.get("results"))]
    if not all(found):
        return ()
    return tuple(blake2b(canonical_json(one), digest_size=16).digest() for one in found)


def _frequencies(raw: Mapping[str, object]) -> Iterator[Frequency]:
    records = items(raw.get("results"))
    if len(records) != 1:
        return
    for source in items(members(records[0]).get("frequencyInPopulations"))[:MAX_POPULATIONS]:
        for one in items(members(source).get("frequencies"))[:MAX_POPULATIONS]:
            said = members(one)
            value = said.get("alleleFrequency")
            if isinstance(value, int | float) and 0 <= value <= 1:
                yield Frequency(
                    text(said.get("population")) or Message("not named"),
                    float(value),
                    number(said.get("alleleCount")),
                    number(said.get("alleleNumber")),
                )


def _precision(first: Mapping[str, object], then: Mapping[str, object]) -> str:
    stated = first.get("countPrecision") or then.get("countPrecision")
    return stated if isinstance(stated, str) and stated in _PRECISIONS else "unstated"


def _named(reply: Mapping[str, object], why: str) -> tuple[Silent, ...]:
    """The datasets a node lists in `info` as not answering, for `why`."""
    made = []
    for one in items(members(reply.get("info")).get(why))[:MAX_SETS]:
        said = members(one)
        name = text(one) or text(said.get("id")) or text(said.get("dataset"))
        if name:
            made.append(Silent(name, text(said.get("text")) or text(said.get("reason"))))
    return tuple(made)


def _refusal(status: int, reply: Mapping[str, object]) -> Reading:
    error = members(reply.get("error"))
    said = text(error.get("errorMessage")) or text(error.get("message"))
    message = Quoted(said or f"HTTP {status}")
    code = number(error.get("errorCode")) or status
    if _says_suppressed(reply, error, message):
        return Reading(Outcome.SUPPRESSED, message)
    if code in (401, 403):
        return Reading(Outcome.REFUSED, message)
    if code in (400, 404, 405, 422, 501):
        return Reading(Outcome.UNSUPPORTED, message)
    if 300 <= status < 400:
        return Reading(
            Outcome.ERROR, Message("The node answered with a redirect, which is not followed.")
        )
    return Reading(Outcome.ERROR, message)


def _says_suppressed(
    reply: Mapping[str, object], error: Mapping[str, object], message: str
) -> bool:
    codes = (
        error.get("code"),
        members(error.get("info")).get("code"),
        members(reply.get("info")).get("code"),
        message.split(":", 1)[0].strip().lower(),
    )
    return "suppressed" in codes
