"""The policy file: what it grants by default and what it refuses to load."""

from __future__ import annotations

from pathlib import Path

import pytest

from access.errors import PolicyInvalid
from access.policy import Granularity, Level, PolicyBook, Profile
from access.policy_file import load_policies
from duo.terms import Term

GOOD = """
version: "2026-11"
datasets:
  - id: open-set
    level: public
    profile: open
    data_use: [{id: DUO:0000004}]
  - id: heart
    level: public
    registered_rule: login
    ceilings: {registered: count}
    committee: [dora@https://broker.example]
    data_use:
      - {id: DUO:0000007, values: [MONDO:0005267]}
      - {id: DUO:0000025, months: 12}
  - id: hidden
    level: controlled
    profile: controlled
    listed: false
tests:
  - given: {persona: anonymous, dataset: heart}
    expect: {outcome: permit, ceiling: boolean}
  - given: {persona: signed_in, dataset: heart}
    expect: {outcome: permit, ceiling: count, reason: registered_login}
  - given: {persona: bona_fide, dataset: heart, action: stream}
    expect: {outcome: deny, reason: needs_grant}
  - given: {persona: granted, dataset: hidden, action: train}
    expect: {outcome: permit}
  - given: {persona: anonymous, dataset: hidden}
    expect: {outcome: deny, ceiling: none, reason: not_available}
"""


def load(text: str, folder: Path) -> PolicyBook:
    path = folder / "policies.yaml"
    path.write_text(text)
    return load_policies(path, public_url="https://node.example/")


def test_a_good_file_becomes_a_book(tmp_path: Path) -> None:
    book = load(GOOD, tmp_path)
    assert book.datasets() == ("open-set", "heart", "hidden")
    heart = book.policy("heart")
    assert heart is not None
    assert heart.grant_value == "https://node.example/datasets/heart"
    assert heart.profile is Profile.DEFAULT
    assert heart.ceilings == {
        Level.PUBLIC: Granularity.BOOLEAN,
        Level.REGISTERED: Granularity.COUNT,
        Level.CONTROLLED: Granularity.RECORD,
    }
    assert heart.consent is not None
    assert heart.consent.has(Term.DS)
    assert book.version.startswith("2026-11+")


def test_two_files_of_one_version_do_not_share_a_version(tmp_path: Path) -> None:
    assert load(GOOD, tmp_path).version != load(GOOD + "\n# changed\n", tmp_path).version


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("level: controlled", "level: secret", "datasets.2.level"),
        ("listed: false", "lsited: false", "datasets.2.lsited"),
        ("id: hidden", "id: heart", "named twice"),
        ("id: hidden", "id: 'no spaces'", "datasets.2.id"),
        ("registered: count", "registered: everything", "datasets.1.ceilings"),
        ("[dora@https://broker.example]", "[dora]", "datasets.1.committee"),
        ("months: 12", "months: twelve", "datasets.1.data_use"),
        ("months: 12", "weeks: 12", "datasets.1.data_use"),
        ("    profile: open", "    profile: open\n    profile: default", "written twice"),
        (
            "    level: public\n    profile: open",
            "    level: registered\n    profile: open",
            "open",
        ),
        ('version: "2026-11"', "versions: 1", "version"),
        ("datasets:", "datasets: {", "not YAML"),
        ("ceiling: count", "ceiling: record", "tests.2"),
        ("reason: needs_grant", "reason: needs_login", "tests.3"),
        ("persona: granted, dataset: hidden", "persona: anonymous, dataset: hidden", "tests.4"),
        ("persona: granted", "persona: root", "tests.3.given.persona"),
    ],
)
def test_what_is_not_understood_or_fails_its_own_tests_is_not_loaded(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    assert old in GOOD
    with pytest.raises(PolicyInvalid) as refused:
        load(GOOD.replace(old, new, 1), tmp_path)
    assert said in refused.value.public


@pytest.mark.parametrize(
    "text", ["", "[]", "!!python/object/apply:os.getcwd []", "? [a]\n: b", "\0"]
)
def test_a_file_that_is_no_policy_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid):
        load(text, tmp_path)


def test_a_file_that_is_not_yaml_is_refused_in_one_line_naming_the_line(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match=r"policies.yaml: line 3: not YAML: [^\n]+$"):
        load('version: "1"\ndatasets:\n  - id: a\tlevel: b: c\n', tmp_path)


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="larger than"):
        load("#" * (4 * 1024 * 1024 + 1), tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="can't be read"):
        load_policies(tmp_path / "none.yaml", public_url="https://node.example")


def test_no_datasets_is_a_book_that_refuses(tmp_path: Path) -> None:
    assert load('version: "1"\ndatasets: []\n', tmp_path).datasets() == ()
