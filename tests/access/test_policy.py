"""The policy rules, refusal by refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from access.policy import (
    BONA_FIDE,
    Action,
    Ceilings,
    DatasetPolicy,
    Decision,
    Granularity,
    Level,
    Outcome,
    PolicyBook,
    Profile,
    RegisteredRule,
)
from passports.passport import Researcher
from passports.visas import Visa, VisaType

NODE = "https://node.example"
GRANT = f"{NODE}/datasets/heart"
NOW = 1_000_000
CEILINGS: Ceilings = {
    Level.PUBLIC: Granularity.BOOLEAN,
    Level.REGISTERED: Granularity.COUNT,
    Level.CONTROLLED: Granularity.RECORD,
}
HEART = DatasetPolicy(
    dataset="heart",
    grant_value=GRANT,
    level=Level.PUBLIC,
    profile=Profile.DEFAULT,
    ceilings=CEILINGS,
    listed=True,
    committee=("dora@https://broker.example",),
    consent=None,
    registered_rule="bona_fide",
)


def visa(kind: VisaType, value: str, *, by: str | None, expires: int = NOW + 500) -> Visa:
    return Visa(
        issuer=NODE,
        subject="grace",
        type=kind,
        value=value,
        source=NODE,
        by=by,
        asserted=NOW - 10,
        expires=expires,
        jti=None,
    )


STATUS = visa(VisaType.RESEARCHER_STATUS, BONA_FIDE, by="so")
TERMS = visa(VisaType.ACCEPTED_TERMS, BONA_FIDE, by="self")
GRANTED = visa(VisaType.CONTROLLED_ACCESS, GRANT, by="dac")


def researcher(*visas: Visa, subject: str = "grace", expires: int = NOW + 900) -> Researcher:
    return Researcher("https://broker.example", subject, visas=visas, dropped=(), expires=expires)


def decide(
    policy: DatasetPolicy,
    who: Researcher | None,
    action: Action = Action.DISCOVER,
    *,
    now: int = NOW,
) -> Decision:
    return PolicyBook([policy], version="1").decide(who, policy.dataset, action, now=now)


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


@pytest.mark.parametrize("action", Action)
def test_an_empty_book_refuses_everything(action: Action) -> None:
    decision = PolicyBook([], version="1").decide(researcher(GRANTED), "heart", action, now=NOW)
    assert decision.outcome is Outcome.DENY
    assert decision.ceiling is None
    assert codes(decision) == ["not_available"]


@pytest.mark.parametrize("who", [None, researcher(), researcher(STATUS, TERMS)])
@pytest.mark.parametrize("action", Action)
def test_an_unlisted_dataset_is_refused_as_one_that_is_not_there(
    who: Researcher | None, action: Action
) -> None:
    hidden = replace(HEART, listed=False, level=Level.CONTROLLED)
    with_it = PolicyBook([hidden], version="1").decide(who, "heart", action, now=NOW)
    without = PolicyBook([], version="1").decide(who, "heart", action, now=NOW)
    assert with_it == without


def test_a_committee_member_may_know_of_their_unlisted_dataset() -> None:
    hidden = replace(HEART, listed=False, level=Level.CONTROLLED)
    book = PolicyBook([hidden], version="1")
    assert book.may_know(researcher(subject="dora"), "heart", now=NOW)
    assert not book.may_know(researcher(subject="dora", expires=NOW), "heart", now=NOW)
    assert not book.may_know(researcher(subject="rosa"), "heart", now=NOW)
    assert not book.may_know(None, "heart", now=NOW)
    assert not book.may_know(researcher(subject="dora"), "lung", now=NOW)


@pytest.mark.parametrize(
    ("visas", "level"),
    [
        ((), Level.PUBLIC),
        ((STATUS,), Level.PUBLIC),
        ((TERMS,), Level.PUBLIC),
        ((replace(STATUS, by="self"), TERMS), Level.PUBLIC),
        ((replace(STATUS, by=None), TERMS), Level.PUBLIC),
        ((STATUS, replace(TERMS, by=None)), Level.PUBLIC),
        ((replace(STATUS, value=BONA_FIDE + "/"), TERMS), Level.PUBLIC),
        ((STATUS, replace(TERMS, value="https://terms.example")), Level.PUBLIC),
        ((replace(STATUS, expires=NOW), TERMS), Level.PUBLIC),
        ((STATUS, TERMS), Level.REGISTERED),
        ((replace(STATUS, by="peer"), TERMS), Level.REGISTERED),
        ((replace(GRANTED, expires=NOW),), Level.PUBLIC),
        ((replace(GRANTED, value=GRANT + "2"),), Level.PUBLIC),
        ((replace(GRANTED, value=GRANT.upper()),), Level.PUBLIC),
        ((replace(GRANTED, by="self"),), Level.PUBLIC),
        ((replace(GRANTED, by=None),), Level.PUBLIC),
        ((replace(GRANTED, type=VisaType.ACCEPTED_TERMS),), Level.PUBLIC),
        ((GRANTED,), Level.CONTROLLED),
    ],
)
def test_the_level_reached_rests_on_visas_alone(visas: tuple[Visa, ...], level: Level) -> None:
    assert decide(HEART, researcher(*visas)).level is level


def test_where_login_is_the_rule_any_signed_in_researcher_is_registered() -> None:
    policy = replace(HEART, registered_rule="login")
    assert decide(policy, researcher()).level is Level.REGISTERED
    assert decide(policy, None).level is Level.PUBLIC
    assert decide(policy, researcher(expires=NOW)).level is Level.PUBLIC


@pytest.mark.parametrize(
    ("level", "rule", "code"),
    [
        (Level.REGISTERED, "login", "needs_login"),
        (Level.REGISTERED, "bona_fide", "needs_registration"),
        (Level.CONTROLLED, "bona_fide", "needs_grant"),
    ],
)
def test_a_refusal_of_a_listed_dataset_says_what_would_help(
    level: Level, rule: RegisteredRule, code: str
) -> None:
    policy = replace(HEART, level=level, registered_rule=rule)
    decision = decide(policy, None)
    assert decision.outcome is Outcome.DENY
    assert decision.ceiling is None
    assert codes(decision) == [code]
    assert decision.expires is None


@pytest.mark.parametrize("action", [Action.STREAM, Action.TRAIN])
@pytest.mark.parametrize("who", [None, researcher(), researcher(STATUS, TERMS)])
@pytest.mark.parametrize("profile", Profile)
def test_streams_and_training_need_a_grant_whatever_the_answers_need(
    action: Action, who: Researcher | None, profile: Profile
) -> None:
    decision = decide(replace(HEART, profile=profile), who, action)
    assert not decision.allowed
    assert codes(decision) == ["needs_grant"]


@pytest.mark.parametrize("action", [Action.STREAM, Action.TRAIN])
def test_a_grant_opens_streams_without_a_ceiling_of_answers(action: Action) -> None:
    decision = decide(HEART, researcher(GRANTED), action)
    assert decision.allowed
    assert decision.ceiling is None
    assert decision.expires == GRANTED.expires


def test_a_grant_for_another_dataset_opens_nothing() -> None:
    other = replace(GRANTED, value=f"{NODE}/datasets/lung")
    assert not decide(HEART, researcher(other), Action.STREAM).allowed


@pytest.mark.parametrize(
    ("who", "ceiling"),
    [
        (None, Granularity.BOOLEAN),
        (researcher(STATUS, TERMS), Granularity.COUNT),
        (researcher(GRANTED), Granularity.RECORD),
    ],
)
def test_the_ceiling_is_that_of_the_level_reached(
    who: Researcher | None, ceiling: Granularity
) -> None:
    assert decide(HEART, who).ceiling is ceiling


def test_a_level_without_a_ceiling_falls_back_to_the_one_below() -> None:
    policy = replace(HEART, ceilings={**CEILINGS, Level.CONTROLLED: None})
    assert decide(policy, researcher(GRANTED)).ceiling is Granularity.COUNT


@pytest.mark.parametrize("ceilings", [{}, {Level.PUBLIC: None}, {Level.CONTROLLED: None}])
def test_no_ceiling_means_no_answer(ceilings: Ceilings) -> None:
    decision = decide(replace(HEART, ceilings=ceilings), researcher(GRANTED))
    assert decision.outcome is Outcome.DENY
    assert codes(decision) == ["no_answer_at_level"]


def test_a_decision_ends_with_the_first_thing_it_rests_on() -> None:
    soon = replace(TERMS, expires=NOW + 5)
    assert decide(HEART, researcher(STATUS, soon)).expires == NOW + 5
    assert decide(HEART, researcher(STATUS, TERMS, expires=NOW + 3)).expires == NOW + 3
    assert decide(HEART, None).expires is None


def test_of_two_grants_the_longer_counts() -> None:
    longer = replace(GRANTED, expires=NOW + 800)
    assert decide(HEART, researcher(GRANTED, longer)).expires == NOW + 800


def test_a_grant_ends_at_its_last_second() -> None:
    who = researcher(GRANTED)
    assert decide(HEART, who, Action.STREAM, now=GRANTED.expires - 1).allowed
    assert not decide(HEART, who, Action.STREAM, now=GRANTED.expires).allowed


def test_the_book_lists_its_datasets_and_its_version() -> None:
    book = PolicyBook([HEART], version="7")
    assert book.datasets() == ("heart",)
    assert book.policy("heart") == HEART
    assert book.policy("lung") is None
    assert decide(HEART, None).policy_version == "1"
    assert book.decide(None, "heart", Action.DISCOVER, now=NOW).policy_version == "7"
