"""Keeps what decisions rested on, so that a changed policy can be tried on them; never a question.

For each hour the callers (as keyed pseudonyms, with what their visas said), the action and the
entry types asked of, and how often. One file per process and hour, rewritten while the hour lasts
and removed after so many days. Lost facts cost a less complete replay and nothing else: they are
not the record. Leaves replaying to `replay`.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from access.errors import PolicyInvalid
from access.policies.decision import Action
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.passport import VisaType

HOUR_SECONDS = 3600
MAX_KINDS_PER_HOUR = 10_000
_NAME = "%Y-%m-%dT%H"


@dataclass(frozen=True, slots=True)
class AskedFact:
    """What was decided on, `count` times in one hour, first at `at` (epoch seconds). `caller` is a
    pseudonym, None for nobody; `visas` carry no subject. Without a dataset all were decided on."""

    at: int
    caller: str | None
    visas: tuple[Visa, ...]
    action: Action
    entries: frozenset[str] | None
    dataset: str | None
    count: int


_Key = tuple[str | None, tuple[Visa, ...], Action, frozenset[str] | None, str | None]
_Asked = dict[_Key, list[int]]


class DecisionFacts:
    """One process's facts; `days` of 0 keeps none. For one thread or event loop."""

    def __init__(self, folder: Path, *, pseudonym: Callable[[str], str], days: int) -> None:
        self._folder = folder
        self._pseudonym = pseudonym
        self._days = days
        self._mark = secrets.token_hex(4)
        self._hour = 0
        self._asked: _Asked = {}
        # Hours with something to write; the last is the present one.
        self._unwritten: dict[int, _Asked] = {}

    def note(
        self,
        researcher: Researcher | None,
        action: Action,
        *,
        now: int,
        entries: frozenset[str] | None = None,
        dataset: str | None = None,
    ) -> None:
        """Costs a look-up in memory. Beyond the cap of an hour new kinds are left out."""
        if self._days <= 0:
            return
        if now // HOUR_SECONDS != self._hour:
            self._hour, self._asked = now // HOUR_SECONDS, {}
        who = (None, ()) if researcher is None else (researcher.identity, researcher.visas)
        key = (*who, action, entries, dataset)
        held = self._asked.get(key)
        if held is not None:
            held[1] += 1
        elif len(self._asked) < MAX_KINDS_PER_HOUR:
            self._asked[key] = [now, 1]
        self._unwritten[self._hour] = self._asked

    def flush(self, now: int) -> None:
        """Writes what is new, whole hours at a time, and removes what is too old. Blocks, and may
        run beside `note`; raises `OSError`."""
        if not self._unwritten:
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        while self._unwritten:
            hour, asked = self._unwritten.popitem()
            self._write(hour, dict(asked))
        oldest = datetime.fromtimestamp(now, tz=UTC) - timedelta(days=self._days)
        for old in self._folder.glob("*.jsonl"):
            if old.name < oldest.strftime(_NAME):
                old.unlink(missing_ok=True)

    def _write(self, hour: int, asked: _Asked) -> None:
        name = datetime.fromtimestamp(hour * HOUR_SECONDS, tz=UTC).strftime(_NAME)
        path = self._folder / f"{name}.{os.getpid()}-{self._mark}.jsonl"
        new = path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            for key, (at, count) in asked.items():
                stream.write(json.dumps(self._line(key, at, count), separators=(",", ":")) + "\n")
        new.replace(path)

    def _line(self, key: _Key, at: int, count: int) -> dict[str, object]:
        identity, visas, action, entries, dataset = key
        return {
            "at": at,
            "caller": None if identity is None else self._pseudonym(identity),
            "visas": [
                [v.issuer, v.type, v.value, v.source, v.by, v.asserted, v.expires]
                for v in visas
                if v.type is not VisaType.LINKED_IDENTITIES  # names other people
            ],
            "action": action,
            "entries": None if entries is None else sorted(entries),
            "dataset": dataset,
            "count": count,
        }


def last(folder: Path, wanted: int) -> tuple[AskedFact, ...]:
    """The facts of the last `wanted` decisions, newest hour first."""
    found: list[AskedFact] = []
    for path in sorted(folder.glob("*.jsonl"), key=lambda path: path.name, reverse=True):
        for fact in sorted(_read(path), key=lambda fact: fact.at, reverse=True):
            if wanted <= 0:
                return tuple(found)
            found.append(replace(fact, count=min(fact.count, wanted)))
            wanted -= fact.count
    return tuple(found)


def _read(path: Path) -> Iterator[AskedFact]:
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield _fact(json.loads(line))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise PolicyInvalid(f"{path}: not a file of decision facts") from error


def _fact(sent: dict[str, object]) -> AskedFact:
    visas, entries, at = sent["visas"], sent["entries"], sent["at"]
    caller, dataset, count = sent["caller"], sent["dataset"], sent["count"]
    if not (isinstance(visas, list) and isinstance(at, int) and isinstance(count, int)):
        raise TypeError("visas, at or count")
    return AskedFact(
        at=at,
        caller=None if caller is None else str(caller),
        visas=tuple(_visa(*one) for one in visas),
        action=Action(str(sent["action"])),
        entries=frozenset(map(str, entries)) if isinstance(entries, list) else None,
        dataset=None if dataset is None else str(dataset),
        count=count,
    )


def _visa(
    issuer: str,
    kind: str,
    value: str,
    source: str,
    by: str | None,
    asserted: int,
    expires: int,
) -> Visa:
    return Visa(
        issuer=issuer,
        subject="",
        type=VisaType(kind),
        value=value,
        source=source,
        by=by,
        asserted=asserted,
        expires=expires,
        jti=None,
    )
