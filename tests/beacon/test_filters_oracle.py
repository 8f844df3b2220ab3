"""Random filters over random records agree with a plain reading of the same JSON, on every pair of
entities. The reading shares no code with `beacon`: it walks each record anew for each question."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from beacon.catalog import AnyOf, Compare, EntryType, HasTerm, Not, Predicate, Segment
from beacon.loading.load import DatasetSource, load
from beacon.segments import SegmentCatalog
from tests.support.sources import write_records

ENTITIES: tuple[EntryType, ...] = ("individual", "biosample", "run", "analysis")
PARENTS = {"T:2": "T:1", "T:3": "T:2", "T:4": "T:1"}
STRATEGIES = ("WGS", "WES", "RNA")
Records = dict[str, list[dict[str, Any]]]


def term(chance: random.Random, low: int, high: int) -> dict[str, str]:
    number = chance.randint(low, high)
    return {"id": f"TT:{number}", "label": f"label {number}"}


def records(chance: random.Random) -> Records:
    people = []
    for number in range(40):
        features = [
            {"featureType": term(chance, 1, 6), "excluded": chance.random() < 0.3}
            for _ in range(chance.randint(0, 3))
        ]
        person: dict[str, Any] = {"id": f"P{number}", "phenotypicFeatures": features}
        if chance.random() < 0.7:
            person["age"] = {"iso8601duration": f"P{chance.randint(1, 9)}Y"}
        people.append(person)
    samples = [
        {
            "id": f"S{number}",
            "individualId": f"P{chance.randint(0, 39)}",
            "sampleOriginType": term(chance, 5, 9),
        }
        for number in range(50)
    ]
    runs = [
        {
            "id": f"R{number}",
            "biosampleId": f"S{chance.randint(0, 49)}",
            "libraryStrategy": chance.choice(STRATEGIES),
        }
        for number in range(60)
    ]
    analyses: list[dict[str, Any]] = []
    for number in range(60):
        names = chance.choice(
            (
                {"runId": f"R{chance.randint(0, 59)}"},
                {"biosampleId": f"S{chance.randint(0, 49)}"},
                {"individualId": f"P{chance.randint(0, 39)}"},
            )
        )
        analyses.append({"id": f"A{number}", "aligner": chance.choice(("bwa", "mini")), **names})
    return {"individual": people, "biosample": samples, "run": runs, "analysis": analyses}


def terms_of(value: object) -> set[str]:
    if isinstance(value, list):
        return {found for item in value for found in terms_of(item)}
    if not isinstance(value, dict) or value.get("excluded"):
        return set()
    own = {value["id"]} if "label" in value else set()
    return own | {found for name, item in value.items() if name != "id" for found in terms_of(item)}


def above(name: str) -> set[str]:
    found = {name}
    while (name := PARENTS.get(name.replace("TT", "T"), "").replace("T:", "TT:")) != "":
        found.add(name)
    return found


def holds(record: dict[str, Any], asked: HasTerm | Compare) -> bool:
    if isinstance(asked, HasTerm):
        own = terms_of({name: value for name, value in record.items() if name != "id"})
        return any(asked.term in (above(t) if asked.descendants else {t}) for t in own)
    value = record.get(asked.id)
    if value is None:
        return False
    if asked.id == "age":
        years, bound = int(value["iso8601duration"][1:-1]), int(asked.value[1:-1])
        outcomes = {
            "=": years == bound, "!": years != bound, "<": years < bound, ">": years > bound,
            "<=": years <= bound, ">=": years >= bound,
        }  # fmt: skip
        return outcomes[asked.operator]
    return bool((value == asked.value) == (asked.operator == "="))


class Reading:
    """Who belongs to whom, by looking."""

    def __init__(self, given: Records) -> None:
        self.given = given
        self.by_id = {r["id"]: r for each in given.values() for r in each}

    def line(self, record: dict[str, Any]) -> dict[str, str]:
        """The run, biosample and individual a record leads up to, itself among them."""
        kinds = {"P": "individual", "S": "biosample", "R": "run", "A": "analysis"}
        found = {kinds[record["id"][0]]: record["id"]}
        for field in ("runId", "biosampleId", "individualId"):
            if field in record:
                found |= self.line(self.by_id[record[field]])
        return found

    def linked(self, one: dict[str, Any], other: dict[str, Any]) -> bool:
        """They share the finest level that both lead up to, at or above the coarser of the two."""
        mine, theirs = self.line(one), self.line(other)
        order = ("analysis", "run", "biosample", "individual")
        coarser = max(order.index(next(iter(line))) for line in (mine, theirs))
        for level in order[coarser:]:
            if level in mine and level in theirs:
                return mine[level] == theirs[level]
        return False

    def matching(self, target: str, asked: Predicate) -> set[str]:
        everything = {r["id"] for r in self.given[target]}
        match asked:
            case AnyOf(of):
                return set().union(*(self.matching(target, each) for each in of))
            case Not(of):
                return everything - self.matching(target, of)
            case HasTerm() | Compare():
                hits = [
                    r
                    for entity, each in self.given.items()
                    for r in each
                    if asked.scope in (None, entity) and holds(r, asked)
                ]
                return {
                    r["id"] for r in self.given[target] if any(self.linked(r, hit) for hit in hits)
                }


def question(chance: random.Random, depth: int = 0) -> Predicate:
    roll = chance.random()
    if depth < 2 and roll < 0.2:
        return AnyOf(tuple(question(chance, depth + 1) for _ in range(chance.randint(1, 3))))
    if depth < 2 and roll < 0.35:
        return Not(question(chance, depth + 1))
    if roll < 0.7:
        return HasTerm(f"TT:{chance.randint(1, 9)}", chance.random() < 0.7)
    field, value = chance.choice(
        (
            ("libraryStrategy", chance.choice(STRATEGIES)),
            ("aligner", "bwa"),
            ("age", f"P{chance.randint(1, 9)}Y"),
        )
    )
    operators = ("=", "!", "<", ">", "<=", ">=") if field == "age" else ("=", "!")
    return Compare(field, chance.choice(operators), value)  # type: ignore[arg-type]  # one of six


def loaded(given: Records, folder: Path) -> Segment:
    tree = folder / "terms.tsv"
    lines = [f"{t.replace('T', 'TT')}\tx\t{p.replace('T', 'TT')}\n" for t, p in PARENTS.items()]
    tree.write_text("".join([*lines, *(f"TT:{n}\tx\n" for n in (1, 5, 6, 7, 8, 9))]))
    paths = {
        f"{entity}s": write_records(folder / f"{entity}.json", each)
        for entity, each in given.items()
    }
    source = DatasetSource(
        *("d", "D", "", "GRCh38"),
        individuals=paths["individuals"],
        biosamples=paths["biosamples"],
        runs=paths["runs"],
        analyses=paths["analysiss"],
        hierarchies=(tree,),
    )
    load(source, folder / "catalog")
    return SegmentCatalog(folder / "catalog").snapshot()["d"]


@pytest.mark.parametrize("seed", range(4))
def test_random_filters_agree_with_a_plain_reading(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (seeded, so a failure repeats)
    given = records(chance)
    segment, reading = loaded(given, tmp_path), Reading(given)
    hits = dict.fromkeys(ENTITIES, 0)
    for _ in range(60):
        asked = question(chance)
        for target in ENTITIES:
            numbers = segment.matching(target, [asked])
            _, found = segment.entries(target, samples=None, records=numbers, skip=0, limit=100)
            expected = reading.matching(target, asked)
            assert {str(r["id"]) for r in found} == expected, (target, asked)
            hits[target] += bool(expected) and len(expected) < len(given[target])
    assert min(hits.values()) >= 20
