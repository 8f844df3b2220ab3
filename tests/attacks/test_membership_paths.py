"""Threat: one person asked about by every road at once: networks, portals, accounts, pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import Request

from access.disclosure import Asker, Disclosure, Found
from access.policies.decision import Granularity, Level, Profile
from access.privacy.pricing import price
from access.privacy.profiles import terms
from access.privacy.question import Kind, Question, key_of
from access.privacy.spent import PER_NAT
from beacon import panel
from beacon.loading import load, panel_load
from beacon.segments import SegmentCatalog
from passports.researcher import Researcher
from portal.asking.aggregate import merge
from portal.asking.answer import NodeAnswer, Outcome, SetAnswer
from portal.questions.question import Kind as Asked
from tests.access.test_disclosure import decision
from tests.support.beacon_node import FEMALE, MALE, BeaconNode, policy, researcher
from tests.support.cohort import cohort
from tests.support.disclosure import disclosure

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
LN2 = math.log(2)
SITES = dict.fromkeys(range(101, 3_101, 100), "A G")
FREQUENCY = 0.003  # of each of them; of 200 people one carries them all


def node(folder: Path, *, people: int = 200, node_id: str = "D") -> BeaconNode:
    table = folder / "panel.tsv"
    folder.mkdir(exist_ok=True)
    rows = [f"1 {at} {bases} {FREQUENCY}" for at, bases in SITES.items()]
    rows += [f"1 {100_000 + n} A G {1 / (n + 2)}" for n in range(200)]
    table.write_text("\n".join(["chrom pos ref alt af", *rows]).replace(" ", "\t") + "\n")
    panel_load.load(table, folder / "panel", assembly="GRCh38")
    carriers = {position: range(1) for position in SITES}
    load.load(
        cohort(folder / "in", node_id, people=people, lines=SITES, carriers=carriers),
        folder / "catalog",
    )
    return BeaconNode(
        folder,
        catalog=SegmentCatalog(folder / "catalog"),
        policies=[policy(node_id, profile=Profile.DEFAULT)],
        panels=panel.read(folder / "panel"),
    )


async def asks(made: BeaconNode, position: int, *, name: str) -> bool:
    asked = {"referenceName": "1", "start": position - 1}
    asked |= {"referenceBases": "A", "alternateBases": "G", "requestedGranularity": "boolean"}
    found = (await made.get("/g_variants", name=name, **asked)).json()
    return bool(found["responseSummary"]["exists"])


def spent(made: BeaconNode) -> list[float]:
    """Of each account, of the person most asked about."""
    balances = made.ledger.balances("D").values()
    return [float(one.amounts.max()) / PER_NAT for one in balances]


async def test_a_network_total_less_ones_own_is_what_the_others_released(tmp_path: Path) -> None:
    """Whoever holds one node knows its truth; of the other they learn the number it told."""
    told = []
    for name, people in (("own", 200), ("other", 163)):
        made = node(tmp_path / name, people=people)
        found = (
            await made.get("/individuals", filters=FEMALE["id"], requestedGranularity="count")
        ).json()
        summary = found["responseSummary"]
        count, precision = summary["numTotalResults"], summary["countPrecision"]
        told.append(SetAnswer(f"{name}-set", summary["exists"], count, precision))
    answers = [
        NodeAnswer(f"https://{n}", f"{n}", Outcome.OK, "", 5, "anonymous", (one,))
        for n, one in enumerate(told)
    ]
    both, own, other = (
        merge(Asked.INDIVIDUALS, part) for part in (answers, answers[:1], answers[1:])
    )
    assert both.low is not None
    assert own.low is not None
    assert both.low - own.low == other.low == told[1].count
    assert both.precision == "imprecise"


@pytest.mark.parametrize("roads", [2, 3])
async def test_one_person_by_several_roads_has_one_allowance(tmp_path: Path, roads: int) -> None:
    """Directly, by a portal that exchanges tokens, by one that wraps visas: one identity."""
    made = node(tmp_path)
    by_road: list[Researcher] = [
        replace(researcher("rosa"), expires=NOW + 600 + road) for road in range(roads)
    ]

    async def caller(request: Request) -> Researcher:
        return by_road[int(request.headers["authorization"].removeprefix("Bearer "))]

    made.doors._caller = caller
    answers = [
        await asks(made, position, name=str(number % roads))
        for number, position in enumerate(SITES)
    ]
    assert sum(answers) == int(LN2 / price(FREQUENCY, 200))
    (only,) = spent(made)
    assert only <= LN2


async def test_accounts_add_up_to_no_more_than_an_allowance_each(tmp_path: Path) -> None:
    made = node(tmp_path)
    for account in range(6):
        for position in SITES:
            await asks(made, position, name=f"rosa-{account}")
    assert len(spent(made)) == 6
    assert all(one <= LN2 for one in spent(made))
    assert sum(spent(made)) <= 6 * LN2


def count(guard: Disclosure, key: object, true: int, *, asker: str) -> int:
    asked = Question(
        kind=Kind.PEOPLE, key=key_of(key), dataset="d", version="1", people=1_000, counts=True,
        filters=2,
    )  # fmt: skip
    answer = guard.protect(
        lambda: asked,
        lambda: Found(true),
        requested=Granularity.COUNT,
        decision=decision(level=Level.REGISTERED),
        asker=Asker(asker, NOW),
    )
    return answer.count or 0


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_splits_by_age_and_sex_carry_the_noise_of_all_their_parts(
    tmp_path: Path, classes: int
) -> None:
    """All minus every class but the target's: the more classes, the worse the guess."""
    guard, rules = disclosure(tmp_path), terms(Profile.DEFAULT)
    assert rules is not None
    true: Sequence[int] = [1, *[100] * (classes - 1)]  # the target is alone in the first
    errors = []
    for number in range(150):
        asker = f"p-{number}"
        every = count(guard, (number, "all"), sum(true), asker=asker)
        others = [count(guard, (number, part), of, asker=asker) for part, of in enumerate(true[1:])]
        errors.append(every - sum(others) - 1)
    assert np.mean(np.abs(errors)) > rules.scale
    # Whether the target is there changes the guess by one, where it spreads by tens.
    assert np.std(errors) > rules.scale * math.sqrt(classes)


@pytest.fixture(scope="module")
def two_sizes(tmp_path_factory: pytest.TempPathFactory) -> list[BeaconNode]:
    return [node(tmp_path_factory.mktemp(str(n)) / "n", people=n) for n in (200, 201)]


@pytest.mark.parametrize(
    "path",
    [
        "/info",
        "/",
        "/service-info",
        "/datasets",
        "/datasets/D",
        "/cohorts",
        "/map",
        "/configuration",
        "/entry_types",
    ],
)
@pytest.mark.parametrize("name", [None, "rosa"])
async def test_no_page_says_how_many_people_there_are(
    two_sizes: Sequence[BeaconNode], path: str, name: str | None
) -> None:
    bodies = [without_times((await one.get(path, name=name)).json()) for one in two_sizes]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("name", [None, "rosa"])
async def test_listed_terms_carry_no_number(
    two_sizes: Sequence[BeaconNode], name: str | None
) -> None:
    made = two_sizes[0]
    listed = (await made.get("/filtering_terms", name=name)).json()["response"]["filteringTerms"]
    assert {FEMALE["id"], MALE["id"]} & {one["id"] for one in listed}
    for one in listed:
        assert one.keys() <= {"id", "label", "type", "scopes", "synonyms"}


def without_times(body: Any) -> Any:
    if isinstance(body, dict):
        return {key: without_times(value) for key, value in body.items() if "DateTime" not in key}
    return [without_times(each) for each in body] if isinstance(body, list) else body


@pytest.mark.parametrize("path", ["/filtering_terms", "/individuals", "/g_variants"])
async def test_a_profile_that_tells_everybody_nothing_lists_no_terms_either(
    tmp_path: Path, path: str
) -> None:
    made = node(tmp_path)
    rules = terms(Profile.DEFAULT)
    assert rules is not None
    kept = replace(policy("D", profile=Profile.DEFAULT), disclosure=replace(rules, everybody=False))
    (tmp_path / "closed").mkdir()
    closed = BeaconNode(tmp_path / "closed", catalog=made.catalog, policies=[kept])
    anybody, rosa = [await closed.get(path, name=name) for name in (None, "rosa")]
    if path == "/filtering_terms":
        assert anybody.json()["response"].get("filteringTerms", []) == []
        assert rosa.json()["response"]["filteringTerms"]
    else:
        assert anybody.status_code == 403


async def test_a_profile_of_the_files_own_lists_only_what_it_would_tell(tmp_path: Path) -> None:
    """Of 200 people every fourth has the disease, so that a least of a hundred hides it."""
    made = node(tmp_path)
    rules = terms(Profile.DEFAULT)
    assert rules is not None
    kept = replace(policy("D", profile=Profile.DEFAULT), disclosure=replace(rules, least=100))
    (tmp_path / "strict").mkdir()
    strict = BeaconNode(tmp_path / "strict", catalog=made.catalog, policies=[kept])
    listed = [
        {one["id"] for one in (await each.get("/filtering_terms")).json()["response"].get(
            "filteringTerms", [])}
        for each in (made, strict)
    ]  # fmt: skip
    assert "ICD10:G35" in listed[0]
    assert "ICD10:G35" not in listed[1]
    assert listed[1] <= listed[0]
