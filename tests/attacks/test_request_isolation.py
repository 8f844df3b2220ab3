"""Threat: answers leaking between requests that run at once under different rights, or between
versions of a dataset that is being reloaded.

Callers of different rights ask hits and misses interleaved; each must get byte for byte what they
get when they ask alone, and the record must name each answer's own caller.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from access.policies.policy import Level, Profile
from beacon.loading.load import load
from beacon.segments import SegmentCatalog
from tests.support.beacon_node import (
    LINES,
    MALE,
    PEOPLE,
    BeaconNode,
    loaded,
    policy,
    presence_only,
    source,
)

pytestmark = pytest.mark.anyio

CALLERS = (None, "rosa", "grace", "gwen")
QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = tuple(
    (path, {**params, "requestedGranularity": granularity, "includeResultsetResponses": "ALL"})
    for granularity in ("boolean", "count", "record")
    for path, params in (
        ("/g_variants", {"referenceName": "1", "start": "100", "end": "101"}),
        ("/g_variants", {"referenceName": "1", "start": "300", "end": "301"}),
        ("/g_variants", {"referenceName": "1", "start": "9000", "end": "9001"}),
        ("/individuals", {"filters": "NCIT:C16576"}),
        ("/individuals", {"filters": "ICD10:G35,ICD10:E10"}),
        ("/individuals/P1", {}),
        ("/individuals/nobody", {}),
        ("/datasets/hidden/individuals", {}),
        ("/datasets", {}),
    )
)


@pytest.fixture
def node(tmp_path: Path) -> BeaconNode:
    fewer = [line for line in LINES if not line.startswith("301 ")]
    catalog = loaded(
        tmp_path / "catalog",
        source(tmp_path / "open", "open"),
        source(tmp_path / "presence", "presence"),
        source(tmp_path / "closed", "closed", lines=fewer),
        source(tmp_path / "hidden", "hidden"),
    )
    policies = [
        policy("open"),
        presence_only("presence", level=Level.REGISTERED),
        policy("closed", profile=Profile.CONTROLLED, level=Level.CONTROLLED),
        policy("hidden", profile=Profile.CONTROLLED, level=Level.CONTROLLED, listed=False),
    ]
    grants = {"grace": ["closed"], "gwen": ["hidden", "presence"]}
    return BeaconNode(tmp_path, catalog=catalog, policies=policies, grants=grants)


async def ask(
    node: BeaconNode, name: str | None, question: tuple[str, dict[str, str]]
) -> tuple[int, bytes]:
    # Yields a random number of times, so that requests overtake each other.
    for _ in range(random.randrange(4)):  # noqa: S311 (order, not secrecy)
        await asyncio.sleep(0)
    found = await node.get(question[0], name=name, **question[1])
    return found.status_code, found.content


async def test_interleaved_callers_each_get_only_their_own_answer(node: BeaconNode) -> None:
    random.seed(7)
    asked = [(name, number) for name in CALLERS for number in range(len(QUESTIONS))]
    alone = {key: await ask(node, key[0], QUESTIONS[key[1]]) for key in asked}
    mixed = asked * 4
    random.shuffle(mixed)
    together = await asyncio.gather(*(ask(node, name, QUESTIONS[n]) for name, n in mixed))
    for key, answer in zip(mixed, together, strict=True):
        assert answer == alone[key], key


async def test_rights_make_a_difference_to_every_kind_of_question(node: BeaconNode) -> None:
    """Otherwise the test above would prove nothing."""
    for question in QUESTIONS:
        if question[0] == "/individuals/nobody" or (
            question[0] == "/datasets" and question[1]["requestedGranularity"] == "boolean"
        ):
            continue  # alike for everybody
        answers = {await ask(node, name, question) for name in CALLERS}
        assert len(answers) > 1, question


async def test_the_record_names_each_answers_own_caller(node: BeaconNode) -> None:
    names = [*CALLERS] * 10
    random.seed(8)
    random.shuffle(names)
    await asyncio.gather(*(ask(node, name, QUESTIONS[0]) for name in names))
    expected = Counter(
        None if name is None else node.record.pseudonym(f"{name}@https://broker.example")
        for name in names
    )
    entries = [entry["facts"] for entry in node.entries()]
    assert Counter(facts["caller"] for facts in entries) == expected
    reached = {None: 1, "rosa": 2, "grace": 3, "gwen": 3}
    for name, count in reached.items():
        pseudonym = (
            None if name is None else node.record.pseudonym(f"{name}@https://broker.example")
        )
        mine = {facts["datasets_count"] for facts in entries if facts["caller"] == pseudonym}
        assert mine == {count}


RELOADED = (
    ("/g_variants", {"referenceName": "1", "start": "100", "end": "101"}),
    ("/g_variants", {"referenceName": "1", "start": "300", "end": "301"}),
    ("/g_variants", {"referenceName": "1", "start": "9000", "end": "9001"}),
    ("/individuals", {"filters": "NCIT:C16576"}),
    ("/individuals", {"referenceName": "1", "start": "300", "end": "301"}),
)


@pytest.mark.parametrize("concurrency", [1, 4, 16, 64])
async def test_while_a_dataset_is_reloaded_every_answer_is_of_one_version_and_the_callers_own(
    tmp_path: Path, concurrency: int
) -> None:
    """The versions differ in variants and people at once, so a mixed answer would be neither's."""
    folder = tmp_path / "catalog"
    others = ["101 rs1 A G . 0|1 0|0 0|0 0|0", *LINES[1:2], *LINES[3:]]
    people = [*PEOPLE[:3], {"id": "P4", "sex": MALE}]
    versions = (
        source(tmp_path / "v1", "open"),
        source(tmp_path / "v2", "open", lines=others, people=people),
    )
    closed = source(tmp_path / "closed", "closed")
    node = BeaconNode(
        tmp_path,
        catalog=loaded(folder, versions[0], closed),
        policies=[
            policy("open"),
            policy("closed", profile=Profile.CONTROLLED, level=Level.CONTROLLED, listed=False),
        ],
        grants={"grace": ["closed"]},
    )
    served = node.catalog
    assert isinstance(served, SegmentCatalog)
    asked = [
        (name, (path, params | {"requestedGranularity": "record"}))
        for name in (None, "rosa", "grace")
        for path, params in RELOADED
    ]
    alone: list[list[tuple[int, bytes]]] = [[] for _ in asked]
    for version in versions:
        load(version, folder)
        served.refresh()
        for number, (name, question) in enumerate(asked):
            alone[number].append(await ask(node, name, question))
    assert all(first != second for first, second in alone if b"true" in first[1])

    seen: list[set[tuple[int, bytes]]] = [set() for _ in asked]
    waiting = iter([*range(len(asked))] * 24)

    async def caller() -> None:
        for number in waiting:
            answer = await ask(node, *asked[number])
            assert answer in alone[number], asked[number]
            seen[number].add(answer)

    async def reloader(done: asyncio.Event) -> None:
        while not done.is_set():
            for version in versions:
                await asyncio.to_thread(load, version, folder)
                served.refresh()
                await asyncio.sleep(0.005)

    done = asyncio.Event()
    reloading = asyncio.create_task(reloader(done))
    try:
        await asyncio.gather(*(caller() for _ in range(concurrency)))
    finally:
        done.set()
        await reloading
    assert any(len(answers) == 2 for answers in seen), "nothing was reloaded meanwhile"
