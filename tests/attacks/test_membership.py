"""Threat: somebody who holds a genome learns from a Beacon's answers whether its owner is in it.

The attackers first do what was published; then they are let loose on what the product's own
protection answers, and the gates that must hold are shown to fail where protection is poorer. The
same over HTTP, at full size: `python benchmarks/privacy.py`.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from access.disclosure import Asker, Found
from access.policies.decision import Action, Decision, Granularity, Level, Outcome, Profile
from access.privacy.pricing import Spectrum, floors, price
from access.privacy.question import Kind, Question, key_of
from benchmarks import attackers
from benchmarks.attackers import Attack, World, attacked, charged, charged_attacks, presence, worst
from schemas.errors import Suppressed
from tests.support.disclosure import disclosure

QUESTIONS = (1, 10, 100, 1_000)
PUBLIC_GATE, REGISTERED_GATE = 0.10, 0.13
LN2 = math.log(2)
NOW = 1_800_000_000


@pytest.fixture(scope="module")
def world() -> World:
    return attackers.simulated(members=400, controls=800, sites=12_000, seed=1)


def decision(level: Level) -> Decision:
    return Decision(
        "d", Action.DISCOVER, Outcome.PERMIT, level, Granularity.RECORD, Profile.DEFAULT, (), None,
        "1",
    )  # fmt: skip


def question(world: World, site: int, floor: float | None) -> Question:
    frequency = float(world.frequencies[site])
    return Question(
        kind=Kind.ALLELE,
        key=key_of(site),
        dataset="d",
        version="1",
        people=world.size,
        frequency=frequency,
        commonest=frequency,
        floor=floor,
    )


def leaks(found: list[Attack], gate: float) -> bool:
    return any(one.at_least > gate for one in found)


def test_the_attackers_do_what_was_published_of_65_people_and_250_questions() -> None:
    known = attackers.simulated(members=65, controls=400, sites=12_000, seed=3, lowest=1e-3)
    answers = (known.members.sum(0) > 0).astype(np.int64)
    found = attacked(known, presence(known), answers, questions=(25, 250), seed=2)
    power = {one.questions: one.power for one in found if one.order == "random"}
    assert power[250] >= 0.95
    assert power[25] < 0.5


def test_exact_presence_fails_the_gate(world: World) -> None:
    answers = (world.members.sum(0) > 0).astype(np.int64)
    found = attacked(world, presence(world), answers, questions=(100,), seed=2)
    assert worst(found).power >= 0.9
    assert leaks(found, PUBLIC_GATE)


def test_hiding_below_ten_and_rounding_down_fails_the_gate(world: World) -> None:
    def shown(count: np.ndarray) -> np.ndarray:
        return np.where(count < 10, 0, count - count % 10)

    told = np.unique(shown(np.arange(world.size + 1)))
    answers = np.searchsorted(told, shown(world.members.sum(0)))
    found = attacked(world, attackers.counts(world, shown=shown), answers, questions=(100,), seed=2)
    assert worst(found).power >= 0.5
    assert leaks(found, PUBLIC_GATE)


def test_an_allowance_seven_times_as_large_fails_the_gate(world: World) -> None:
    found = charged_attacks(world, allowance=math.log(14), questions=(10,), seed=2)
    assert leaks(found, REGISTERED_GATE)


def test_what_everybody_is_told_gives_nobody_away(world: World, tmp_path: Path) -> None:
    guard, told = disclosure(tmp_path), decision(Level.PUBLIC)
    floor = floors(Spectrum.of(world.frequencies), world.size).allele
    carriers = world.members.sum(0)
    answers = np.full(len(carriers), -1, dtype=np.int64)
    for site, count in enumerate(carriers.tolist()):
        try:
            answer = guard.protect(
                lambda site=site: question(world, site, floor),  # type: ignore[misc]  # a default
                lambda count=count: Found(count),  # type: ignore[misc]
                requested=Granularity.COUNT,
                decision=told,
                asker=Asker(None, NOW),
            )
        except Suppressed:
            continue
        answers[site] = int(answer.exists)
    answered = answers >= 0
    assert 0.3 < answered.mean() < 0.9
    rule = presence(world, answered=answered)
    found = attacked(world, rule, answers, questions=QUESTIONS, seed=2)
    assert worst(found).power <= PUBLIC_GATE
    assert not leaks(found, PUBLIC_GATE)


def test_one_registered_account_learns_little_of_anybody(world: World) -> None:
    found = charged_attacks(world, allowance=LN2, questions=(1, 10), seed=2)
    assert not leaks(found, REGISTERED_GATE)


def test_the_ledger_answers_as_the_attackers_reckon(world: World, tmp_path: Path) -> None:
    """Of a sample of accounts, every question through the product's own ledger."""
    guard, told = disclosure(tmp_path), decision(Level.REGISTERED)
    order = np.argsort(world.frequencies, kind="stable")
    payable = np.array([price(f, world.size) <= LN2 for f in world.frequencies])
    for person in range(4):
        for group, people in (("m", world.members), ("c", world.controls)):
            row = people[person]
            reckoned = charged(world, row, order[payable[order]], allowance=LN2, questions=8)
            score, spent, scores = 0.0, 0.0, []
            for site in order[payable[order] & row[order]][:8].tolist():
                carriers = [f"P{n}" for n in np.flatnonzero(world.members[:, site])]
                answer = guard.protect(
                    lambda site=site: question(world, site, None),  # type: ignore[misc]
                    lambda carriers=carriers: Found(len(carriers), lambda: carriers),  # type: ignore[misc]
                    requested=Granularity.BOOLEAN,
                    decision=told,
                    asker=Asker(f"{group}{person}", NOW),
                )
                nats = price(float(world.frequencies[site]), world.size)
                if spent + nats <= LN2:
                    spent += nats if answer.exists else 0
                    score += nats if answer.exists else math.log(1e-6)
                scores.append(score)
            assert scores == pytest.approx(reckoned.tolist(), abs=0.02)
