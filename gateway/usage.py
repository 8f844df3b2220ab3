"""What a node was asked for and sent, by day and dataset and by person, counted from its record.

People are the record's pseudonyms. Only the last entries are looked at, and it says how many, so
that a long record never makes a slow page.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from access.record import search
from access.record.search import Wanted
from access.record.tree import RecordTree

MAX_ENTRIES = 200_000
MAX_ROWS = 500
NOBODY = "anyone"
_ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Row:
    """Questions that were answered and refused, releases begun, bytes sent."""

    questions: int = 0
    refused: int = 0
    releases: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """`looked` entries since `since` (epoch seconds, None where there is none); `by_day` is by day
    and dataset, the newest first; `by_person` the most questions first."""

    looked: int
    since: float | None
    by_day: Mapping[tuple[str, str], Row]
    by_person: Mapping[str, Row]


def of(tree: RecordTree, *, first: date, last: date, most: int = MAX_ENTRIES) -> Usage:
    tally = _Tally()
    for entry in search.last(tree, Wanted(first=first, last=last), most=most):
        tally.take(entry)
    return tally.usage()


class _Tally:
    def __init__(self) -> None:
        self._looked = 0
        self._since: float | None = None
        self._days: Counter[tuple[str, str, str]] = Counter()
        self._people: Counter[tuple[str, str]] = Counter()
        self._releases: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def take(self, entry: Mapping[str, object]) -> None:
        self._looked += 1
        at, facts = entry["time"], entry["facts"]
        if not isinstance(at, int | float) or not isinstance(facts, dict):
            return
        self._since = at if self._since is None else self._since
        day = datetime.fromtimestamp(at, UTC).date().isoformat()
        match entry["kind"]:
            case "beacon.answer":
                name = "questions" if facts.get("outcome") == _ANSWERED else "refused"
                self._count(day, facts.get("datasets") or [""], facts.get("caller"), name, 1)
            case "release.intent" | "release.clear":
                dataset, person = str(facts.get("dataset", "")), facts.get("by")
                name = str(facts.get("release") or facts.get("permit"))
                self._releases[name] = (dataset, str(person or NOBODY))
                self._count(day, [dataset], person, "releases", 1)
            case "release.block":
                dataset, who = self._releases.get(str(facts.get("release")), ("", "unknown"))
                sent = facts.get("sent")
                self._count(day, [dataset], who, "sent", sent if isinstance(sent, int) else 0)

    def _count(self, day: str, datasets: list[str], person: object, name: str, number: int) -> None:
        """A question of many datasets counts for each, and once for who asked."""
        for dataset in datasets:
            self._days[day, str(dataset), name] += number
        self._people[str(person or NOBODY), name] += number

    def usage(self) -> Usage:
        days: dict[tuple[str, str], dict[str, int]] = {}
        for (day, dataset, name), number in self._days.items():
            days.setdefault((day, dataset), {})[name] = number
        people: dict[str, dict[str, int]] = {}
        for (person, name), number in self._people.items():
            people.setdefault(person, {})[name] = number
        newest = sorted(days.items(), key=lambda one: (one[0][0], one[1].get("questions", 0)),
                        reverse=True)[:MAX_ROWS]  # fmt: skip
        busiest = sorted(people.items(), key=lambda one: sum(one[1].values()), reverse=True)
        return Usage(
            self._looked,
            self._since,
            {key: Row(**row) for key, row in newest},
            {key: Row(**row) for key, row in busiest[:MAX_ROWS]},
        )
