"""Whether the time an answer takes tells what the answer does not: «no» beside «no», refusal beside
refusal.

Each comparison is of two kinds of question that are answered alike and differ in the data alone,
asked alternately over one connection, so that whatever the machine does falls on both. The effect
is the chance that one of the first kind took longer than one of the second: 0.5 tells nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from access.privacy.pricing import price
from benchmarks.asking import get
from benchmarks.attackers import World
from benchmarks.dialogue import Reply
from benchmarks.privacy_node import Node, asked, read

SEED = 1
ALLOWANCE = math.log(2)
ACCOUNTS = 8  # of each comparison of registered callers
EACH = 50  # turns of one account, each of two questions
TERMS, HELD = 40, 30  # made-up terms, and the people who have each
LIMIT = 4.0  # standard errors of the chance: beyond that the time tells something


@dataclass(frozen=True, slots=True)
class Told:
    """Of two kinds of question that are answered alike: seconds, first kind and second."""

    what: str
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    @property
    def chance(self) -> float:
        """That one of the first took longer than one of the second (Mann and Whitney's U)."""
        both = np.concatenate([self.first, self.second])
        ranks = np.empty(len(both))
        ranks[np.argsort(both, kind="stable")] = np.arange(1, len(both) + 1)
        larger = ranks[: len(self.first)].sum() - len(self.first) * (len(self.first) + 1) / 2
        return float(larger / (len(self.first) * len(self.second)))

    @property
    def error(self) -> float:
        n, m = len(self.first), len(self.second)
        return math.sqrt((n + m + 1) / (12 * n * m))

    @property
    def tells(self) -> bool:
        return abs(self.chance - 0.5) > LIMIT * self.error

    def __str__(self) -> str:
        ratio = float(np.median(self.first) / np.median(self.second))
        verdict = "TELLS" if self.tells else "tells nothing"
        return (
            f"time of {self.what}: medians {1000 * float(np.median(self.first)):.2f} and "
            f"{1000 * float(np.median(self.second)):.2f} ms, ratio {ratio:.2f}; the first took "
            f"longer with a chance of {self.chance:.2f} +- {LIMIT * self.error:.2f} "
            f"({len(self.first)} and {len(self.second)} questions): {verdict}"
        )


def people(world: World) -> list[dict[str, object]]:
    """The members with made-up diseases, each of `HELD` people, so that pairs of diseases are
    shared by nobody or by few."""
    rng = np.random.default_rng(SEED)
    found: list[list[int]] = [[] for _ in range(world.size)]
    for term in range(TERMS):
        for person in rng.choice(world.size, HELD, replace=False).tolist():
            found[person].append(term)
    return [
        {"id": f"P{number}", "sex": {"id": "NCIT:C16576", "label": "female"},
         "diseases": [{"diseaseCode": {"id": _term(t), "label": f"Made up {t}"}} for t in terms]}
        for number, terms in enumerate(found)
    ]  # fmt: skip


def compared(node: Node, world: World) -> list[Told]:
    return [_ran_out(node, world), *_filtered(node, world)]


def _ran_out(node: Node, world: World) -> Told:
    """A registered account's «no» where the only carrier's allowance is spent, beside its «no»
    where nobody carries the variant."""
    spent, later, nobody = _of_one_carrier(world)
    first: list[float] = []
    second: list[float] = []
    for number in range(ACCOUNTS):
        turns = range(number * EACH, (number + 1) * EACH)
        chosen = list(dict.fromkeys(at % len(later) for at in turns))
        token = node.token(f"timed-{number}")
        script = [asked(spent[at], token) for at in chosen]
        for at in chosen:
            script += [asked(later[at], token), asked(nobody[at % len(nobody)], token)]
        (replies,) = node.told([script])
        paid, timed = replies[: len(chosen)], replies[len(chosen) :]
        for before, ran_out, none in zip(paid, timed[::2], timed[1::2], strict=True):
            if read(before) != 1:  # at the edge of the allowance: nothing was spent
                continue
            if (read(ran_out), read(none)) != (0, 0):
                raise SystemExit("what was to be «no» twice was not")
            first.append(ran_out.seconds)
            second.append(none.seconds)
    return Told("a registered «no», carrier spent or nobody", np.array(first), np.array(second))


def _of_one_carrier(world: World) -> tuple[list[int], list[int], list[int]]:
    """For as many people as there are: two sites that each alone carries, of which the allowance
    pays for one; and sites of the same frequencies that nobody carries."""
    carriers = world.members.sum(0)
    nats = np.array([price(float(f), world.size) for f in world.frequencies])
    dear = (nats <= ALLOWANCE) & (2 * nats > ALLOWANCE)
    spent, later = [], []
    for person in range(world.size):
        own = np.flatnonzero(world.members[person] & (carriers == 1) & dear)
        if len(own) >= 2:
            spent.append(int(own[0]))
            later.append(int(own[1]))
    nobody = np.flatnonzero((carriers == 0) & dear).tolist()
    if not later or not nobody:
        raise SystemExit("no member has two such sites")
    return spent, later, nobody


def _filtered(node: Node, world: World) -> Iterator[Told]:
    """Two filters that few people share beside two that nobody does: of the answers of one kind."""
    shared, apart = _pairs(world)
    for who in ("everybody", "registered"):
        kinds: dict[str, tuple[list[float], list[float]]] = {}
        for number in range(ACCOUNTS):
            token = node.token(f"filters-{number}") if who == "registered" else None
            turns = range(number * EACH, (number + 1) * EACH)
            script = [
                _filters(pairs[at % len(pairs)], token) for at in turns for pairs in (shared, apart)
            ]
            (replies,) = node.told([script])
            for place, reply in enumerate(replies):
                kind = kinds.setdefault(_kind(reply), ([], []))
                kind[place % 2].append(reply.seconds)
        for said, (few, none) in sorted(kinds.items()):
            if min(len(few), len(none)) >= EACH:
                what = f"a {said} to {who}, filters shared by few or by nobody"
                yield Told(what, np.array(few), np.array(none))


def _pairs(world: World) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    having = np.zeros((TERMS, world.size), bool)
    for number, person in enumerate(people(world)):
        diseases = person["diseases"]
        for one in diseases if isinstance(diseases, list) else []:
            having[int(one["diseaseCode"]["id"].rpartition(":")[2]), number] = True
    every = [(a, b) for a in range(TERMS) for b in range(a + 1, TERMS)]
    shared = [pair for pair in every if (having[pair[0]] & having[pair[1]]).any()]
    return shared, [pair for pair in every if pair not in set(shared)]


def _filters(pair: tuple[int, int], token: str | None) -> bytes:
    named = ",".join(_term(term) for term in pair)
    params = {"filters": named, "requestedGranularity": "count"}
    return get("/beacon/individuals", params, token=token)


def _term(number: int) -> str:
    return f"MADE:{number:07}"


def _kind(reply: Reply) -> str:
    if reply.status != 200:
        return "refusal"
    summary = json.loads(reply.body)["responseSummary"]
    return "«yes»" if summary["exists"] else "«no»"


def written(world: World, folder: Path) -> Path:
    path = folder / "individuals.json"
    path.write_text(json.dumps(people(world)))
    return path


__all__: Sequence[str] = ("Told", "compared", "people", "written")
