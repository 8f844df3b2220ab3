"""Disclosure profiles of a policy file's own: within limits, and said aloud where loose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from access.disclosure import binding
from access.errors import PolicyInvalid
from access.policies.decision import Action, DatasetPolicy, Granularity, Level, Profile
from access.policies.doubts import doubts
from access.policies.file import load_policies
from access.privacy.profiles import terms
from access.privacy.terms import counts_power, presence_power

URL = "https://node.example"
NOW = 1_800_000_000
STRICT = {"name": "strict", "allowance": 0.1, "noise": 33, "counts": 50}


def load(
    folder: Path, *profiles: Mapping[str, object], file: Mapping[str, object] | None = None,
    **entry: object,
) -> DatasetPolicy:  # fmt: skip
    given = {"id": "d", "level": "public", "profile": "strict", **entry}
    path = folder / "policies.yaml"
    content = {"version": "1", "profiles": list(profiles), "datasets": [given], **(file or {})}
    path.write_text(yaml.safe_dump(content))
    policy = load_policies(path, public_url=URL).policy("d")
    assert policy is not None
    return policy


def test_what_a_profile_leaves_out_is_that_of_the_one_it_rests_on(tmp_path: Path) -> None:
    policy = load(tmp_path, STRICT)
    default = terms(Profile.DEFAULT)
    assert default is not None
    assert policy.disclosure == replace(default, allowance=0.1, scale=33, counts=50)
    assert (policy.profile, policy.profile_name) == (Profile.DEFAULT, "strict")
    assert policy.ceilings[Level.PUBLIC] is Granularity.BOOLEAN


def test_a_decision_carries_the_terms_and_a_grant_is_free_of_them(tmp_path: Path) -> None:
    load(tmp_path, STRICT)
    book = load_policies(tmp_path / "policies.yaml", public_url=URL)
    decision = book.decide(None, "d", Action.DISCOVER, now=NOW)
    own = binding(decision)
    assert own is not None
    assert own.scale == 33
    assert binding(replace(decision, level=Level.CONTROLLED)) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "default"},
        {"name": "open"},
        {"name": "Strict!"},
        {"based_on": "open"},
        {"allowance": 0},
        {"allowance": 1.7},
        {"allowance": float("nan")},
        {"allowance": float("inf")},
        {"noise": 4},
        {"noise": 0},
        {"counts": 1_001},
        {"noise": 10, "counts": 401},
        {"least": 4},
        {"min_people": 19},
        {"max_filters": 7},
        {"max_span": 1_000_001},
        {"max_span": 0},
        {"enforced": False},
        {"based_on": "rare-disease", "everybody": True},
        {"based_on": "rare-disease", "allowance": 0.5},
    ],
)
def test_a_profile_beyond_the_limits_is_refused(
    tmp_path: Path, changed: Mapping[str, object]
) -> None:
    with pytest.raises(PolicyInvalid, match="profiles"):
        load(tmp_path, {**STRICT, **changed})


@pytest.mark.parametrize("name", ["other", "Default", "rare_disease", ""])
def test_a_profile_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PolicyInvalid, match="profile"):
        load(tmp_path, STRICT, profile=name)


def test_a_profile_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="twice"):
        load(tmp_path, STRICT, STRICT)


@pytest.mark.parametrize("entry", [{"level": "public"}, {"registered_rule": "login"}])
def test_a_profile_on_rare_disease_is_for_the_bona_fide_as_well(
    tmp_path: Path, entry: Mapping[str, object]
) -> None:
    own = {"name": "strict", "based_on": "rare-disease", "noise": 20}
    with pytest.raises(PolicyInvalid, match="rare-disease"):
        load(tmp_path, own, file=None, **{"level": "registered", **entry})
    assert load(tmp_path, own, level="registered").disclosure is not None


def test_stricter_terms_raise_no_doubt(tmp_path: Path) -> None:
    assert list(doubts(load(tmp_path, STRICT), now=NOW)) == []


def test_what_a_looser_profile_gives_away_is_said(tmp_path: Path) -> None:
    loose = {"name": "strict", "allowance": 1.2, "noise": 6, "counts": 120, "least": 5}
    found = "\n".join(doubts(load(tmp_path, {**loose, "max_span": 100_000}), now=NOW))
    for word in ("17% of the people", "10% under default", "120 counts", "groups of 5", "100,000"):
        assert word in found


def test_the_power_that_terms_promise_grows_with_what_they_tell() -> None:
    default = terms(Profile.DEFAULT)
    assert default is not None
    assert presence_power(default) == pytest.approx(0.10)
    assert presence_power(replace(default, enforced=False)) is None
    quiet = replace(default, scale=33, counts=100)
    assert counts_power(quiet) == pytest.approx(0.09, abs=0.01)
    assert counts_power(default) > counts_power(quiet) > 0.05
