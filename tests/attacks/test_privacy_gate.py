"""The gate that CI runs fails on what leaks: exact presence, and hiding small counts."""

from __future__ import annotations

import pytest

from access.policies.decision import Profile
from access.privacy.profiles import terms
from access.privacy.terms import LEAST
from benchmarks import attackers, privacy
from benchmarks.attackers import Attack, World


@pytest.fixture(scope="module")
def world() -> World:
    return attackers.simulated(members=300, controls=600, sites=8_000, seed=1)


def at_hundred(line: privacy.Line) -> float:
    return max(one.power for one in line.attacks if one.questions == 100)


def test_the_gate_fails_on_exact_presence(world: World) -> None:
    line = privacy.exact(world, gate=privacy.PUBLIC_GATE)
    assert line.failed
    assert at_hundred(line) >= 0.9


def test_the_gate_fails_on_hiding_below_ten_and_rounding_down(world: World) -> None:
    line = privacy.hidden(world, gate=privacy.PUBLIC_GATE)
    assert line.failed
    assert at_hundred(line) >= 0.5


def test_the_gate_is_on_the_lower_bound_of_every_number_of_questions() -> None:
    quiet, loud = Attack("rarest", 100, 0.3, 0.09), Attack("random", 1, 0.11, 0.101)
    assert not privacy.Line("x", [quiet], (1.0, 1.0, 1.0), 0.10).failed
    assert privacy.Line("x", [quiet, loud], (1.0, 1.0, 1.0), 0.10).failed
    assert not privacy.Line("x", [quiet, loud], (1.0, 1.0, 1.0)).failed


def test_what_is_measured_is_what_the_default_profile_says() -> None:
    rules = terms(Profile.DEFAULT)
    assert rules is not None
    assert (
        rules.allowance,
        rules.scale,
        rules.counts,
        rules.least,
    ) == (privacy.ALLOWANCE, privacy.SCALE, privacy.COUNTS, LEAST)


def test_the_sizes_of_the_gate_are_those_agreed() -> None:
    gate, nightly = privacy.SIZES["gate"], privacy.SIZES["nightly"]
    assert (gate.members, gate.controls, gate.sites) == (500, 1_000, 20_000)
    assert (nightly.members, nightly.controls) == (1_000, 2_000)
    assert (nightly.accounts, nightly.asked) == (600, 100)
