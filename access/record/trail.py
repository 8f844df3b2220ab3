"""Finds everything that the record says of one release, from the workspace's key to the last byte.

Pure, over entries oldest first, looked through twice: what names the permit, then, until its end,
the steps of the workspace that received and of its requests for the dataset. Whether the record is
whole is `audit.verify`'s to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

Entry = Mapping[str, object]
Entries = Callable[[], Iterable[Entry]]
MAX_ENTRIES = 10_000  # a release of a terabyte has some fifteen thousand parts behind a proxy


@dataclass(frozen=True, slots=True)
class Trail:
    """`entries` oldest first; `more` where there were too many to keep."""

    entries: tuple[Entry, ...]
    sent: int
    promised: int | None
    ended: str | None
    more: bool


def follow(entries: Entries, permit: str) -> Trail | None:
    """None where nothing in the record names the permit."""
    own = list(_first(_of_permit(entries(), permit)))
    if not own:
        return None
    about = [one for one in own if "workspace" in facts_of(one)]
    last = _number(own[-1])
    around = _first(_around(entries(), facts_of(about[0]), last)) if about else iter(())
    kept = tuple(sorted([*around, *own], key=_number))
    intents = [facts_of(one) for one in own if one["kind"] == "release.intent"]
    blocks = [facts_of(one) for one in own if one["kind"] == "release.block"]
    closes = [facts_of(one) for one in own if one["kind"] == "release.close"]
    return Trail(
        entries=kept[:MAX_ENTRIES],
        sent=sum(_whole(block.get("sent")) for block in blocks),
        promised=_whole(intents[0].get("body_size")) if intents else None,
        ended=str(closes[0].get("end")) if closes else None,
        more=len(kept) > MAX_ENTRIES,
    )


def facts_of(entry: Entry) -> Mapping[str, object]:
    facts = entry.get("facts")
    return facts if isinstance(facts, dict) else {}


def _of_permit(entries: Iterable[Entry], permit: str) -> Iterator[Entry]:
    for one in entries:
        facts = facts_of(one)
        if permit in (facts.get("permit"), facts.get("release")):
            yield one


def _around(entries: Iterable[Entry], release: Entry, last: int) -> Iterator[Entry]:
    for one in entries:
        if _number(one) > last:
            return
        facts, kind = facts_of(one), one["kind"]
        if facts.get("workspace") != release["workspace"]:
            continue
        if kind == "access.workspace":
            yield one
        if kind == "access.request" and facts.get("dataset") == release.get("dataset"):
            yield one


def _first(entries: Iterator[Entry]) -> Iterator[Entry]:
    for _, one in zip(range(MAX_ENTRIES + 1), entries, strict=False):
        yield one


def _number(entry: Entry) -> int:
    return _whole(entry.get("seq"))


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
