"""Threat: what one answer hides is had by subtracting two: complements, splits, updates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from access.disclosure import Answer, Asker, Disclosure, Found
from access.policies.decision import Granularity, Level, Profile
from access.privacy.profiles import terms
from access.privacy.question import Kind, Question, key_of
from beacon import panel
from beacon.loading import load, panel_load
from beacon.segments import SegmentCatalog
from schemas.errors import Suppressed
from tests.access.test_disclosure import decision
from tests.support.beacon_node import BeaconNode, policy
from tests.support.cohort import FEMALE, MALE, cohort
from tests.support.disclosure import disclosure

NOW = 1_800_000_000
# One-based positions; of 120 people 60 carry the common allele, one the rare one, nobody the last.
COMMON, RARE, NEWCOMERS, LATE = 101, 201, 301, 401
LINES = {COMMON: "A G", RARE: "C T", NEWCOMERS: "G A", LATE: "T C"}
FREQUENCIES = {COMMON: 0.3, RARE: 0.00001, NEWCOMERS: 0.01, LATE: 0.3}


@pytest.fixture
def guard(tmp_path: Path) -> Disclosure:
    return disclosure(tmp_path)


def counted(guard: Disclosure, key: object, true: int, *, asker: str = "p-rosa") -> Answer:
    asked = Question(
        kind=Kind.PEOPLE, key=key_of(key), dataset="d", version="1", people=1_000, counts=True,
        filters=1,
    )  # fmt: skip
    return guard.protect(
        lambda: asked,
        lambda: Found(true),
        requested=Granularity.COUNT,
        decision=decision(level=Level.REGISTERED),
        asker=Asker(asker, NOW),
    )


def told(guard: Disclosure, true: int, *, keys: Sequence[object]) -> list[int]:
    """What so many askers are told; each has its own questions, and so draws of its own."""
    return [counted(guard, key, true, asker=f"p-{key}").count or 0 for key in keys]


def test_a_complement_subtracted_from_all_is_no_better_than_the_answer_itself(
    guard: Disclosure,
) -> None:
    rules, number = terms(Profile.DEFAULT), 300
    assert rules is not None
    everybody = np.array(told(guard, 1_000, keys=[f"all {n}" for n in range(number)]))
    others = np.array(told(guard, 700, keys=[f"not {n}" for n in range(number)]))
    error = np.mean(np.abs(everybody - others - 300))
    assert error > rules.scale  # of two draws, so more than of one


def test_one_person_more_changes_the_odds_of_no_answer_beyond_the_scale(
    guard: Disclosure,
) -> None:
    """Splits by age or sex that leave the target alone in a class differ by one person."""
    rules, number = terms(Profile.DEFAULT), 1_500
    assert rules is not None
    without = told(guard, 9, keys=[f"a {n}" for n in range(number)])
    having = told(guard, 10, keys=[f"b {n}" for n in range(number)])
    for answer in (0, 10, 20):
        odds = (having.count(answer) + 1) / (without.count(answer) + 1)
        slack = 4 * math.sqrt(1 / (without.count(answer) + 1) + 1 / (having.count(answer) + 1))
        assert abs(math.log(odds)) < 1 / rules.scale + slack


def test_each_complement_is_one_of_the_hundred_counts(guard: Disclosure) -> None:
    rules = terms(Profile.DEFAULT)
    assert rules is not None
    for number in range(rules.counts):
        counted(guard, number, 500)
    with pytest.raises(Suppressed):
        counted(guard, "one more", 500)


def beacon(folder: Path, *, people: int = 120, newcomers: Sequence[int] = ()) -> SegmentCatalog:
    source = cohort(
        folder / f"in-{people}",
        "D",
        people=people,
        lines=LINES,
        carriers={COMMON: range(60), RARE: range(1), NEWCOMERS: newcomers, LATE: newcomers},
    )
    load.load(source, folder / "catalog")
    return SegmentCatalog(folder / "catalog")


@pytest.fixture
def node(tmp_path: Path) -> BeaconNode:
    table = tmp_path / "panel.tsv"
    rows = [f"1 {at} {bases} {FREQUENCIES[at]}" for at, bases in LINES.items()]
    rows += [f"1 {100_000 + n} A G {1 / (n + 2)}" for n in range(200)]
    table.write_text("\n".join(["chrom pos ref alt af", *rows]).replace(" ", "\t") + "\n")
    panel_load.load(table, tmp_path / "panel", assembly="GRCh38")
    return BeaconNode(
        tmp_path,
        catalog=beacon(tmp_path),
        policies=[policy("D", profile=Profile.DEFAULT)],
        grants={"grace": ["D"]},
        panels=panel.read(tmp_path / "panel"),
    )


async def asks(node: BeaconNode, *, name: str | None = None, **params: str) -> tuple[int, object]:
    found = await node.get("/g_variants", name=name, requestedGranularity="boolean", **params)
    body = found.json()
    return found.status_code, body["responseSummary"]["exists"] if found.is_success else None


def within(first: int, last: int) -> dict[str, str]:
    return {"referenceName": "1", "start": str(first - 1), "end": str(last)}


@pytest.mark.anyio
@pytest.mark.parametrize("name", [None, "rosa"])
async def test_ranges_that_close_in_on_a_rare_allele_end_in_a_refusal(
    node: BeaconNode, name: str | None
) -> None:
    assert await asks(node, name=name, **within(COMMON, RARE)) == (200, True)
    for first, last in ((COMMON + 1, RARE), (RARE, RARE), (RARE, NEWCOMERS - 1)):
        held = await asks(node, name=name, **within(first, last))
        empty = await asks(node, name=name, **within(first + 1_000, last + 1_000))
        assert held == empty == (403, None)


@pytest.mark.anyio
async def test_who_asked_before_learns_nothing_of_one_newcomer(
    node: BeaconNode, tmp_path: Path
) -> None:
    asked = {"referenceName": "1", "start": str(NEWCOMERS - 1)}
    asked |= {"referenceBases": "G", "alternateBases": "A"}
    assert await asks(node, name="rosa", **asked) == (200, False)
    beacon(tmp_path, people=121, newcomers=[120])
    catalog = node.catalog
    assert isinstance(catalog, SegmentCatalog)
    catalog.refresh()
    assert catalog.snapshot()["D"].facts.people == 121
    assert await asks(node, name="rosa", **asked) == (200, False)
    beacon(tmp_path, people=200, newcomers=range(120, 200))
    catalog.refresh()
    assert await asks(node, name="rosa", **asked) == (200, True)


def updated(node: BeaconNode, folder: Path, people: int) -> None:
    beacon(folder, people=people, newcomers=range(120, people))
    assert isinstance(node.catalog, SegmentCatalog)
    node.catalog.refresh()


@pytest.mark.anyio
@pytest.mark.parametrize("name", [None, "rosa"])
async def test_newcomers_are_seen_in_batches_and_by_grants_at_once(
    node: BeaconNode, tmp_path: Path, name: str | None
) -> None:
    """Who asks after each version, anew every time and by another account, sees no single one."""
    asked = {"referenceName": "1", "start": str(LATE - 1)}
    asked |= {"referenceBases": "T", "alternateBases": "C"}

    def account(number: int) -> str | None:
        return None if name is None else f"{name}-{number}"

    for people in (121, 140, 169):
        updated(node, tmp_path, people)
        assert await asks(node, name=account(people), **asked) == (200, False)
        assert await asks(node, name="grace", **asked) == (200, True)
    updated(node, tmp_path, 170)
    assert await asks(node, name=account(170), **asked) == (200, True)


@pytest.mark.anyio
async def test_counts_and_listed_terms_do_not_see_who_waits(
    node: BeaconNode, tmp_path: Path
) -> None:
    async def counts(name: str) -> int:
        found = await node.get("/individuals", name=name, requestedGranularity="count")
        return int(found.json()["responseSummary"]["numTotalResults"])

    updated(node, tmp_path, 160)
    assert await counts("grace") == 160
    public = node.doors._public  # what is asked of, whatever the noise makes of it
    assert public.told(node.catalog.snapshot()["D"]).facts.people == 120
    updated(node, tmp_path, 170)
    assert public.told(node.catalog.snapshot()["D"]).facts.people == 170


@pytest.mark.anyio
async def test_sexes_asked_apart_do_not_add_up_to_the_truth_of_a_person(node: BeaconNode) -> None:
    """The classes of one field are drawn apart, and who asks again gets the same draws."""
    sums = set()
    for _ in range(3):
        parts = []
        for sex in (FEMALE, MALE):
            found = (
                await node.get(
                    "/individuals", name="rosa", filters=sex["id"], requestedGranularity="count"
                )
            ).json()["responseSummary"]
            assert found["countPrecision"] == "imprecise"
            parts.append(found["numTotalResults"])
        sums.add(tuple(parts))
    assert len(sums) == 1
