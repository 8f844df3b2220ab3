"""Decision facts: kept without questions or names, and replayed under another policy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from access.errors import PolicyInvalid
from access.policies.decision import Action, DatasetPolicy, Level
from access.policies.decision_facts import MAX_KINDS_PER_HOUR, DecisionFacts, last
from access.policies.policy import PolicyBook
from access.policies.replay import compare
from passports.researcher import Researcher
from schemas.passport import VisaType
from tests.support.policies import GRANTED, HEART, NOW, STATUS, TERMS, researcher, visa

DAY = 86_400
FACTLESS = (
    '{"at":1,"caller":null,"visas":5,"action":"train","entries":null,"dataset":null,"count":1}'
)
GENOMIC = frozenset({"genomicVariant"})


def pseudonym(identity: str) -> str:
    return f"p-{len(identity)}-{identity[:2]}"


@pytest.fixture
def facts(tmp_path: Path) -> DecisionFacts:
    return DecisionFacts(tmp_path / "asked", pseudonym=pseudonym, days=90)


def book(*policies: DatasetPolicy) -> PolicyBook:
    return PolicyBook(policies, version="1")


def test_facts_name_nobody_and_no_question(facts: DecisionFacts, tmp_path: Path) -> None:
    link = visa(VisaType.LINKED_IDENTITIES, "rosa,https://other.example", by="system")
    facts.note(researcher(GRANTED, link), Action.DISCOVER, now=NOW, entries=GENOMIC)
    facts.flush(NOW)
    (path,) = (tmp_path / "asked").glob("*.jsonl")
    text = path.read_text()
    assert "grace" not in text
    assert "rosa" not in text
    assert path.stat().st_mode & 0o077 == 0
    (fact,) = last(tmp_path / "asked", 10)
    assert fact.caller == pseudonym("grace@https://broker.example")
    assert fact.visas == (replace(GRANTED, subject=""),)
    assert (fact.at, fact.action, fact.entries, fact.dataset, fact.count) == (
        NOW,
        Action.DISCOVER,
        GENOMIC,
        None,
        1,
    )


def test_the_same_facts_are_counted_not_repeated(facts: DecisionFacts, tmp_path: Path) -> None:
    for _ in range(3):
        facts.note(None, Action.DISCOVER, now=NOW)
    facts.note(None, Action.STREAM, now=NOW, dataset="heart")
    facts.flush(NOW)
    assert sorted(fact.count for fact in last(tmp_path / "asked", 10)) == [1, 3]


def test_the_last_so_many_decisions_are_taken_newest_hour_first(
    facts: DecisionFacts, tmp_path: Path
) -> None:
    for hour in range(3):
        for _ in range(5):
            facts.note(None, Action.DISCOVER, now=NOW + hour * 3600)
    facts.flush(NOW + 3 * 3600)
    found = last(tmp_path / "asked", 7)
    assert [(fact.at, fact.count) for fact in found] == [(NOW + 7200, 5), (NOW + 3600, 2)]
    assert last(tmp_path / "asked", 0) == ()
    assert last(tmp_path / "none", 10) == ()


def test_facts_older_than_the_days_kept_are_removed(facts: DecisionFacts, tmp_path: Path) -> None:
    facts.note(None, Action.DISCOVER, now=NOW)
    facts.note(None, Action.DISCOVER, now=NOW + 91 * DAY)
    facts.flush(NOW + 91 * DAY)
    assert [fact.at for fact in last(tmp_path / "asked", 10)] == [NOW + 91 * DAY]


def test_a_node_may_keep_none(tmp_path: Path) -> None:
    none = DecisionFacts(tmp_path / "asked", pseudonym=pseudonym, days=0)
    none.note(None, Action.DISCOVER, now=NOW)
    none.flush(NOW)
    assert not (tmp_path / "asked").exists()


def test_an_hour_holds_no_more_kinds_than_its_cap(facts: DecisionFacts, tmp_path: Path) -> None:
    for number in range(MAX_KINDS_PER_HOUR + 5):
        facts.note(None, Action.STREAM, now=NOW, dataset=str(number))
    facts.flush(NOW)
    assert len(last(tmp_path / "asked", 10**6)) == MAX_KINDS_PER_HOUR


@pytest.mark.parametrize("text", ["[]", "{", '{"at": "x"}', FACTLESS])
def test_a_file_that_holds_no_facts_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "2026-01-01T00.1.jsonl").write_text(text + "\n")
    with pytest.raises(PolicyInvalid, match="not a file of decision facts"):
        last(tmp_path, 10)


# Replay


def replayed(
    facts: DecisionFacts,
    folder: Path,
    *asked: tuple[Researcher | None, Action],
    old: PolicyBook,
    new: PolicyBook,
) -> list[tuple[str, str, str, int]]:
    for who, action in asked:
        facts.note(who, action, now=NOW)
    facts.flush(NOW)
    found = compare(last(folder / "asked", 1000), old, new, pseudonym=pseudonym)
    assert found.asked == len(asked)
    return [(c.dataset, str(c.before), str(c.after), c.count) for c in found.changes]


def test_a_stricter_level_shows_whom_it_would_refuse(facts: DecisionFacts, tmp_path: Path) -> None:
    changes = replayed(
        facts,
        tmp_path,
        (None, Action.DISCOVER),
        (None, Action.DISCOVER),
        (researcher(STATUS, TERMS), Action.DISCOVER),
        old=book(HEART),
        new=book(replace(HEART, level=Level.REGISTERED)),
    )
    assert changes == [
        ("heart", "permit, boolean, public", "deny, needs_registration", 2),
    ]


def test_the_same_policy_changes_nothing(facts: DecisionFacts, tmp_path: Path) -> None:
    asked = [(who, action) for who in (None, researcher(GRANTED)) for action in Action]
    assert replayed(facts, tmp_path, *asked, old=book(HEART), new=book(HEART)) == []


def test_a_dataset_taken_away_is_a_change(facts: DecisionFacts, tmp_path: Path) -> None:
    changes = replayed(
        facts, tmp_path, (researcher(GRANTED), Action.STREAM), old=book(HEART), new=book()
    )
    assert changes == [("heart", "permit, grant", "deny, not_available", 1)]


def test_an_excluded_person_is_known_by_their_pseudonym(
    facts: DecisionFacts, tmp_path: Path
) -> None:
    new = replace(HEART, excluded_people=frozenset({"grace@https://broker.example"}))
    changes = replayed(
        facts,
        tmp_path,
        (researcher(GRANTED), Action.STREAM),
        (researcher(GRANTED, subject="heidi"), Action.STREAM),
        old=book(HEART),
        new=book(new),
    )
    assert changes == [("heart", "permit, grant", "deny, excluded", 1)]


def test_a_visa_that_has_ended_since_counts_as_it_did_then(
    facts: DecisionFacts, tmp_path: Path
) -> None:
    facts.note(researcher(GRANTED), Action.STREAM, now=GRANTED.expires - 1)
    facts.note(researcher(GRANTED), Action.STREAM, now=GRANTED.expires - 1, dataset="none")
    facts.flush(NOW)
    found = compare(last(tmp_path / "asked", 9), book(HEART), book(), pseudonym=pseudonym)
    assert [(str(change.before), change.count) for change in found.changes] == [
        ("permit, grant", 1)
    ]


def test_a_place_to_work_in_is_a_change(facts: DecisionFacts, tmp_path: Path) -> None:
    changes = replayed(
        facts,
        tmp_path,
        (researcher(GRANTED), Action.TRAIN),
        old=book(HEART),
        new=book(replace(HEART, workspaces=frozenset({"ws-1"}))),
    )
    assert changes == [("heart", "permit, grant", "permit, grant, in ws-1", 1)]
