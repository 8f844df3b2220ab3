"""The policy file: what it grants by default and what it refuses to load."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from access.errors import PolicyInvalid
from access.policies.decision import (
    Action,
    EntryRule,
    Granularity,
    Level,
    Obligation,
    Profile,
    Window,
)
from access.policies.file import load_policies, read_policies
from access.policies.model import json_schema
from access.policies.own_tests import midnight
from access.policies.policy import PolicyBook
from duo.terms import Term
from schemas.passport import VisaType

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
      - {id: DUO:0000007, params: {diseases: [MONDO:0005267]}}
      - {id: DUO:0000025, params: {months: 12}}
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
FULL = """
version: "2026-12"
registered_rule: login
datasets:
  - id: lung
    level: registered
    ceilings: {registered: count}
    entries:
      individual: {level: controlled}
      run: {ceilings: {registered: boolean}}
    conditions:
      registered:
        - {type: AffiliationAndRole, values: ["*@uni.example"], by: [so], max_age_days: 365}
    exclude:
      people: [mallory@https://broker.example]
      visas:
        - {type: AffiliationAndRole, values: ["sales@*"], by: [so]}
    windows:
      - {first: 2026-01-01, last: 2026-12-31}
    obligations:
      - {code: publish, text: "Publish what you find.", actions: [stream, train]}
    workspaces: [ws-1]
    data_use: [{id: DUO:0000042}]
    data_use_for_answers: true
tests:
  - given: &member
      persona: registered
      dataset: lung
      entry: genomicVariant
      at: 2026-06-01
      visas: [{type: AffiliationAndRole, value: faculty@uni.example}]
    expect: {outcome: needs-review, reason: needs_purpose}
  - given: {<<: *member, persona: granted}
    expect: {outcome: permit, ceiling: record}
  - given: {<<: *member, person: mallory@https://broker.example, persona: granted}
    expect: {outcome: deny, reason: excluded}
  - given: {<<: *member, at: 2027-01-01, persona: granted}
    expect: {outcome: deny, reason: outside_window}
  - given: {<<: *member, visas: []}
    expect: {outcome: deny, reason: needs_login}
  - given: {persona: registered, dataset: lung, entry: individual, at: 2026-06-01}
    expect: {outcome: deny, reason: needs_grant}
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


def test_every_key_of_a_file_reaches_the_policy(tmp_path: Path) -> None:
    lung = load(FULL, tmp_path).policy("lung")
    assert lung is not None
    assert lung.registered_rule == "login"
    assert lung.entries == {
        "individual": EntryRule(Level.CONTROLLED, lung.ceilings),
        "run": EntryRule(
            Level.REGISTERED, {**lung.ceilings, Level.REGISTERED: Granularity.BOOLEAN}
        ),
    }
    (condition,) = lung.conditions[Level.REGISTERED]
    assert (condition.type, condition.values) == (
        VisaType.AFFILIATION_AND_ROLE,
        ("*@uni.example",),
    )
    assert (condition.by, condition.max_age_seconds) == (frozenset({"so"}), 365 * 86_400)
    assert lung.conditions[Level.CONTROLLED] == ()
    assert lung.excluded_people == {"mallory@https://broker.example"}
    assert [rule.values for rule in lung.excluded_visas] == [("sales@*",)]
    assert lung.windows == (
        Window(midnight(date(2026, 1, 1)), midnight(date(2027, 1, 1)), frozenset(Action)),
    )
    assert lung.obligations == (
        Obligation("publish", "Publish what you find.", frozenset({Action.STREAM, Action.TRAIN})),
    )
    assert lung.workspaces == {"ws-1"}
    assert lung.data_use_for_answers


def test_two_files_of_one_version_do_not_share_a_version(tmp_path: Path) -> None:
    assert load(GOOD, tmp_path).version != load(GOOD + "\n# changed\n", tmp_path).version


def test_a_numbered_version_is_named_by_its_number_and_its_bytes() -> None:
    read = read_policies(GOOD.encode(), name="x", public_url="https://node.example", number=7)
    assert read.book.version == f"v7+{read.sha256[:12]}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("level: controlled", "level: secret", "line 17: datasets.2.level"),
        ("listed: false", "lsited: false", "line 19: datasets.2.lsited: Extra inputs"),
        ("level: controlled", "levl: controlled", "line 17: datasets.2.levl: Extra inputs"),
        ("id: hidden", "id: heart", "named twice"),
        ("id: hidden", "id: 'no spaces'", "line 16: datasets.2.id"),
        ("registered: count", "registered: everything", "line 11: datasets.1.ceilings"),
        ("[dora@https://broker.example]", "[dora]", "datasets.1.committee.0"),
        ("months: 12", "months: twelve", "line 15: datasets.1.data_use.1.params.months"),
        ("months: 12", "weeks: 12", "line 15: datasets.1.data_use.1.params.weeks"),
        ("    profile: open", "    profile: open\n    profile: default", "written twice"),
        ("    profile: open", "    profile: open\n    entries: {person: {}}", "line 7: datasets.0"),
        ("    profile: open", "    profile: open\n    entries: {person: 5}", "line 7: datasets.0"),
        (
            "    level: public\n    profile: open",
            "    level: registered\n    profile: open",
            "line 4: datasets.0: Value error, profile open needs level public",
        ),
        ("    profile: open", "    profile: open\n    approvals: 2", "more than the committee has"),
        ("    profile: open", "    profile: open\n    requests_at: http://x.y", "requests_at"),
        ('version: "2026-11"', "versions: 1", "line 2: versions"),
        ("datasets:", "datasets: {", "not YAML"),
        ("ceiling: count", "ceiling: record", "tests.2: expected ceiling record, got count"),
        ("reason: needs_grant", "reason: needs_login", "tests.3: expected reason"),
        ("persona: granted, dataset: hidden", "persona: anonymous, dataset: hidden", "tests.4"),
        ("persona: granted", "persona: root", "tests.3.given.persona"),
        ("persona: granted, dataset: hidden", "persona: granted, dataset: none", "tests.4: exp"),
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
    ("old", "new", "said"),
    [
        ("last: 2026-12-31", "last: 2025-12-31", "line 19: datasets.0.windows.0: Value error, la"),
        ("first: 2026-01-01, last: 2026-12-31", "actions: [train]", "expected first, last or"),
        ("actions: [stream, train]", "actions: []", "obligations.0.actions"),
        ("by: [so], max", "by: [god], max", "conditions.registered.0.by.0"),
        ('type: AffiliationAndRole, values: ["*@', 'type: LinkedIdentities, values: ["*@', "who"),
        ('values: ["*@uni.example"]', "values: []", "conditions.registered.0.values"),
        ("by: [so], max_age_days: 365", "by: [], max_age_days: 365", "conditions.registered.0.by"),
        ("max_age_days: 365", "max_age_days: 0", "conditions.registered.0.max_age_days"),
        ("level: controlled}", "level: secret}", "entries.individual.level"),
        ("      at: 2026-06-01\n", "", "tests.1: the dataset has windows"),
    ],
)
def test_a_rule_that_says_nothing_or_nonsense_is_not_loaded(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    assert old in FULL
    with pytest.raises(PolicyInvalid) as refused:
        load(FULL.replace(old, new, 1), tmp_path)
    assert said in refused.value.public


def test_more_terms_of_data_use_than_can_be_read_are_refused(tmp_path: Path) -> None:
    sites = ", ".join(f"ROR:{number}" for number in range(200))
    terms = ", ".join([f"{{id: DUO:0000028, params: {{institutions: [{sites}]}}}}"] * 20)
    with pytest.raises(PolicyInvalid, match="data_use"):
        load(GOOD.replace("[{id: DUO:0000004}]", f"[{terms}]"), tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "!!python/object/apply:os.getcwd []", "? [a]\n: b", "\0", "? {}\n: 1"]
)
def test_a_file_that_is_no_policy_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid):
        load(text, tmp_path)


def test_a_file_that_is_not_yaml_is_refused_in_one_line_naming_the_line(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match=r"policies.yaml: line 3: not YAML: [^\n]+$"):
        load('version: "1"\ndatasets:\n  - id: a\tlevel: b: c\n', tmp_path)


@pytest.mark.parametrize(
    "text",
    ["[" * 50_000, "{a: " * 50_000, "version: 2024-13-45", "version: !!timestamp x",
     "version: !!int x", "version: !!float x", "version: " + "9" * 9_000, "version: !!bool 1",
     "? [a]\n: b", "&a [*a]", "&a {b: *a}", "version: !!binary é", "<<: 1"],
)  # fmt: skip
def test_text_that_no_reader_expects_is_refused_and_nothing_else(text: str) -> None:
    with pytest.raises(PolicyInvalid):
        read_policies(text.encode(), name="draft", public_url="https://node.example.org")


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="larger than"):
        load("#" * (4 * 1024 * 1024 + 1), tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="can't be read"):
        load_policies(tmp_path / "none.yaml", public_url="https://node.example")


def test_no_datasets_is_a_book_that_refuses(tmp_path: Path) -> None:
    assert load('version: "1"\ndatasets: []\n', tmp_path).datasets() == ()


# The published schema


def as_json(text: str) -> Any:
    return json.loads(json.dumps(yaml.safe_load(text), default=date.isoformat))


@pytest.mark.parametrize("text", [GOOD, FULL, 'version: "1"\ndatasets: []\n'])
def test_the_published_schema_accepts_what_is_loaded(text: str) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(as_json(text))


@pytest.mark.parametrize(
    "changed",
    [
        {"lsited": False},
        {"level": "secret"},
        {"entries": {"person": {}}},
        {"windows": [{"first": "2026-01-01", "until": "2026-02-01"}]},
        {"conditions": {"public": []}},
    ],
)
def test_the_published_schema_refuses_what_is_refused(changed: Mapping[str, object]) -> None:
    content = as_json(GOOD)
    content["datasets"][0] |= changed
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(content)


CLEAR = """
datasets:
  - id: open-reads
    level: public
    insecure_clear_streams: true
    data_use: [{id: DUO:0000004}]
tests:
  - given: {persona: anonymous, dataset: open-reads, action: stream}
    expect: {outcome: permit, reason: public}
  - given: {persona: granted, dataset: open-reads, action: stream}
    expect: {outcome: permit}
  - given: {persona: bona_fide, dataset: open-reads, action: train}
    expect: {outcome: deny, reason: needs_grant}
"""


def test_anyone_may_stream_what_is_said_to_leave_in_the_clear(tmp_path: Path) -> None:
    policy = load(CLEAR, tmp_path).policy("open-reads")
    assert policy is not None
    assert policy.clear_streams


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("level: public", "level: registered"),
        ("level: public", "level: controlled"),
        ("DUO:0000004", "DUO:0000042"),
        ("[{id: DUO:0000004}]", "[]"),
        ("[{id: DUO:0000004}]", "[{id: DUO:0000004}, {id: DUO:0000019}]"),
        ("[{id: DUO:0000004}]", "[{id: DUO:0000004, modifiers: [{id: DUO:0000019}]}]"),
    ],
)
def test_clear_streams_are_refused_where_anything_is_restricted(
    old: str, new: str, tmp_path: Path
) -> None:
    with pytest.raises(PolicyInvalid, match="insecure_clear_streams needs"):
        load(CLEAR.replace(old, new, 1), tmp_path)
