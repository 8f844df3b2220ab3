"""What one node said, as values: its outcome, its counts per dataset and how exact they are.

Reads the Beacon v2.2 envelopes of any server (boolean, count, resultsets, error); a member that
is absent stays absent: nothing here turns silence into zero. Merging is `aggregate`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

MAX_SETS = 1_000
MAX_TEXT = 300
_PRECISIONS = ("exact", "rounded", "imprecise")


class Outcome(StrEnum):
    """How asking one node ended."""

    OK = "ok"
    EMPTY = "empty"
    LATE = "late"
    UNREACHABLE = "unreachable"
    ERROR = "error"
    UNSUPPORTED = "unsupported"
    REFUSED = "refused"
    SUPPRESSED = "suppressed"

    @property
    def answered(self) -> bool:
        return self in (Outcome.OK, Outcome.EMPTY)


@dataclass(frozen=True, slots=True)
class SetAnswer:
    """One dataset's answer; `dataset` is None when the node spoke only for itself as a whole."""

    dataset: str | None
    exists: bool
    count: int | None
    precision: str  # exact | rounded | imprecise | unstated
    records: tuple[Mapping[str, object], ...] = ()
    raw: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """One node's row: always present, whatever happened."""

    url: str
    name: str
    outcome: Outcome
    reason: str
    latency_ms: int
    asked_as: str
    sets: tuple[SetAnswer, ...] = ()
    withheld: tuple[str, ...] = ()
    unserved: tuple[str, ...] = ()
    beacon_id: str | None = None
    age_seconds: int = 0  # above 0: the node was not asked again

    @property
    def exists(self) -> bool | None:
        return any(one.exists for one in self.sets) if self.outcome.answered else None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says, before it is known whose reply it is and how long it took."""

    outcome: Outcome
    reason: str
    sets: tuple[SetAnswer, ...] = ()
    withheld: tuple[str, ...] = ()
    unserved: tuple[str, ...] = ()
    beacon_id: str | None = None


def read(status: int, document: object) -> Reading:
    """Never raises: nonsense is an `error` outcome that says what was missing."""
    reply = members(document)
    if status != 200 or "error" in reply:
        return _refusal(status, reply)
    summary = members(reply.get("responseSummary"))
    exists = summary.get("exists")
    if not isinstance(exists, bool):
        return Reading(Outcome.ERROR, "The answer has no responseSummary.exists.")
    sets = _sets(reply, summary, exists=exists)
    return Reading(
        outcome=Outcome.OK if exists else Outcome.EMPTY,
        reason="",
        sets=sets,
        withheld=_named(reply, "suppressed"),
        unserved=_named(reply, "unsupported"),
        beacon_id=text(members(reply.get("meta")).get("beaconId")) or None,
    )


def _sets(
    reply: Mapping[str, object], summary: Mapping[str, object], *, exists: bool
) -> tuple[SetAnswer, ...]:
    raw_sets = items(members(reply.get("response")).get("resultSets"))[:MAX_SETS]
    sets = tuple(_set(members(raw), summary) for raw in raw_sets)
    total = number(summary.get("numTotalResults"))
    counted = any(one.count is not None for one in sets)
    if sets and (counted or total is None) and any(one.exists for one in sets) == exists:
        return sets
    return (SetAnswer(None, exists, total if exists else 0, _precision(summary, {})),)


def _set(raw: Mapping[str, object], summary: Mapping[str, object]) -> SetAnswer:
    count = number(raw.get("resultsCount"))
    exists = raw.get("exists")
    present = exists if isinstance(exists, bool) else bool(count)
    return SetAnswer(
        dataset=text(raw.get("id")) or None,
        exists=present,
        count=count if present else 0,
        precision=_precision(raw, summary),
        records=tuple(members(record) for record in items(raw.get("results"))),
        raw=raw,
    )


def _precision(first: Mapping[str, object], then: Mapping[str, object]) -> str:
    stated = first.get("countPrecision") or then.get("countPrecision")
    return stated if isinstance(stated, str) and stated in _PRECISIONS else "unstated"


def _named(reply: Mapping[str, object], why: str) -> tuple[str, ...]:
    """The datasets a node lists in `info` as not answering, for `why`."""
    found = items(members(reply.get("info")).get(why))[:MAX_SETS]
    names = (text(one) or text(members(one).get("dataset")) for one in found)
    return tuple(name for name in names if name)


def _refusal(status: int, reply: Mapping[str, object]) -> Reading:
    error = members(reply.get("error"))
    message = text(error.get("errorMessage")) or text(error.get("message")) or f"HTTP {status}"
    code = number(error.get("errorCode")) or status
    if _says_suppressed(reply, error, message):
        return Reading(Outcome.SUPPRESSED, message)
    if code in (401, 403):
        return Reading(Outcome.REFUSED, message)
    if code in (400, 404, 405, 501):
        return Reading(Outcome.UNSUPPORTED, message)
    if 300 <= status < 400:
        return Reading(Outcome.ERROR, "The node answered with a redirect, which is not followed.")
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


def members(value: object) -> Mapping[str, object]:
    """The members of a JSON object, or none."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> Sequence[object]:
    """The items of a JSON array, or none."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """A JSON string cut to `MAX_TEXT` characters, or nothing."""
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """A JSON count: an integer of at least 0, and never a boolean."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
