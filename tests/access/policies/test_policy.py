"""The policy rules, refusal by refusal."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from access.policies.decision import EntryRule, Obligation, Window
from access.policies.policy import (
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
from access.policies.visa_rules import VisaRule
from duo.consent import Condition, Consent
from duo.terms import Term
from duo.verdict import Finding as DuoFinding
from duo.verdict import Obligation as Owed
from duo.verdict import Verdict, Versions
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.passport import VisaType
from tests.support.policies import (
    CEILINGS,
    GRANT,
    GRANTED,
    HEART,
    NODE,
    NOW,
    STATUS,
    TERMS,
    researcher,
    visa,
)


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


# Entry types


def entries_of(**rules: EntryRule) -> DatasetPolicy:
    return replace(HEART, entries=rules)


def test_an_entry_type_may_need_more_than_its_dataset() -> None:
    book = PolicyBook([entries_of(individual=EntryRule(Level.CONTROLLED, CEILINGS))], version="1")

    def code(*touched: str) -> list[str]:
        entries = frozenset(touched) if touched else None
        return codes(book.decide(None, "heart", Action.DISCOVER, now=NOW, entries=entries))

    assert code("genomicVariant") == ["public"]
    assert code("individual") == ["needs_grant"]
    assert code("individual", "genomicVariant") == ["needs_grant"]
    assert code() == ["needs_grant"]


def test_the_ceiling_is_the_least_of_what_is_touched() -> None:
    policy = entries_of(run=EntryRule(Level.PUBLIC, {Level.PUBLIC: None}))
    book = PolicyBook([policy], version="1")
    both = frozenset({"run", "individual"})
    decision = book.decide(None, "heart", Action.DISCOVER, now=NOW, entries=both)
    assert codes(decision) == ["no_answer_at_level"]
    alone = frozenset({"individual"})
    decision = book.decide(None, "heart", Action.DISCOVER, now=NOW, entries=alone)
    assert decision.ceiling is Granularity.BOOLEAN


def test_nothing_touched_is_the_dataset_itself() -> None:
    book = PolicyBook([HEART], version="1")
    decision = book.decide(None, "heart", Action.DISCOVER, now=NOW, entries=frozenset())
    assert decision.allowed


# Conditions, exclusions, windows, duties

MEMBER = VisaRule(VisaType.AFFILIATION_AND_ROLE, ("*@uni.example",), by=frozenset({"so"}))


def affiliated(value: str, *, by: str = "so") -> Visa:
    return visa(VisaType.AFFILIATION_AND_ROLE, value, by=by)


@pytest.mark.parametrize(
    ("held", "level"),
    [
        (affiliated("faculty@uni.example"), Level.REGISTERED),
        (affiliated("faculty@uni.example", by="peer"), Level.PUBLIC),
        (affiliated("faculty@uni.example.evil.example"), Level.PUBLIC),
        (affiliated("faculty@evil.example"), Level.PUBLIC),
        (affiliated("uni.example@evil.example"), Level.PUBLIC),
    ],
)
def test_a_level_may_need_another_visa_besides(held: Visa, level: Level) -> None:
    policy = replace(HEART, conditions={Level.REGISTERED: (MEMBER,)})
    assert decide(policy, researcher(STATUS, TERMS, held)).level is level
    assert decide(policy, researcher(held)).level is Level.PUBLIC


def test_a_grant_whose_conditions_are_unmet_leaves_the_level_below() -> None:
    policy = replace(HEART, conditions={Level.CONTROLLED: (MEMBER,)}, registered_rule="login")
    assert decide(policy, researcher(GRANTED)).level is Level.REGISTERED
    member = affiliated("student@uni.example")
    assert decide(policy, researcher(GRANTED, member)).level is Level.CONTROLLED


def test_a_visa_may_be_too_old_or_of_the_wrong_source() -> None:
    held = affiliated("faculty@uni.example")
    fresh = replace(MEMBER, max_age_seconds=20)
    policy = replace(HEART, registered_rule="login", conditions={Level.REGISTERED: (fresh,)})
    decision = decide(policy, researcher(held))
    assert (decision.level, decision.expires) == (Level.REGISTERED, held.asserted + 20)
    assert decide(policy, researcher(held), now=held.asserted + 20).level is Level.PUBLIC
    elsewhere = replace(MEMBER, sources=frozenset({"https://uni.example"}))
    policy = replace(policy, conditions={Level.REGISTERED: (elsewhere,)})
    assert decide(policy, researcher(held)).level is Level.PUBLIC


def test_who_is_excluded_is_refused_whatever_else_holds() -> None:
    grace = "grace@https://broker.example"
    policy = replace(HEART, excluded_people=frozenset({grace}))
    for action in Action:
        assert "excluded" in codes(decide(policy, researcher(GRANTED), action))
    assert decide(policy, researcher(GRANTED, subject="heidi"), Action.STREAM).allowed
    assert decide(policy, researcher(GRANTED, expires=NOW)).allowed  # an anonymous caller by now


def test_an_unlisted_dataset_hides_from_whom_it_excludes_but_not_from_its_committee() -> None:
    hidden = replace(HEART, listed=False, excluded_visas=(MEMBER,))
    book = PolicyBook([hidden], version="1")
    member = affiliated("faculty@uni.example")
    assert book.may_know(researcher(GRANTED), "heart", now=NOW)
    assert not book.may_know(researcher(GRANTED, member), "heart", now=NOW)
    assert book.may_know(researcher(GRANTED, member, subject="dora"), "heart", now=NOW)


@pytest.mark.parametrize(
    ("windows", "code", "expires"),
    [
        ((Window(NOW, NOW + 1),), "public", NOW + 1),
        ((Window(NOW + 1, None),), "outside_window", None),
        ((Window(None, NOW),), "outside_window", None),
        ((Window(None, NOW), Window(NOW, None)), "public", None),
        ((Window(None, NOW + 9), Window(NOW, NOW + 7)), "public", NOW + 9),
        ((Window(None, NOW, frozenset({Action.TRAIN})),), "public", None),
    ],
)
def test_outside_its_windows_a_dataset_is_closed(
    windows: tuple[Window, ...], code: str, expires: int | None
) -> None:
    decision = decide(replace(HEART, windows=windows), None)
    assert codes(decision) == [code]
    assert decision.expires == expires


def test_what_is_owed_is_said_with_a_permit_of_that_action_only() -> None:
    owed = Obligation("publish", "Publish.", frozenset({Action.STREAM}))
    policy = replace(HEART, obligations=(owed,), workspaces=frozenset({"ws-1"}))
    streamed = decide(policy, researcher(GRANTED), Action.STREAM)
    assert (streamed.obligations, streamed.workspaces) == ((owed,), frozenset({"ws-1"}))
    assert decide(policy, researcher(GRANTED), Action.TRAIN).obligations == ()
    assert decide(policy, None, Action.STREAM).obligations == ()


# Data use

NRES = Consent(frozenset({Condition(Term.NRES)}))
GRU = Consent(frozenset({Condition(Term.GRU)}))


def judged(outcome: Outcome, *obligations: Owed) -> Verdict:
    reasons = (DuoFinding(outcome, "use", "Judged."), DuoFinding(Outcome.PERMIT, "x", "Other."))
    last_day = date(1970, 1, 20)
    return Verdict(outcome, reasons, obligations, (), last_day, Versions(duo="1", diseases="1"))


@pytest.mark.parametrize(
    ("consent", "who", "outcome"),
    [
        (None, None, Outcome.REVIEW),
        (GRU, None, Outcome.REVIEW),
        (replace(NRES, unclear=("odd",)), None, Outcome.REVIEW),
        (replace(NRES, modifiers=frozenset({Condition(Term.NPU)})), None, Outcome.REVIEW),
        (NRES, None, Outcome.PERMIT),
        (GRU, researcher(GRANTED), Outcome.PERMIT),
    ],
)
def test_where_answers_are_data_use_they_need_a_grant_or_no_restriction(
    consent: Consent | None, who: Researcher | None, outcome: Outcome
) -> None:
    policy = replace(HEART, consent=consent, data_use_for_answers=True)
    decision = decide(policy, who)
    assert decision.outcome is outcome
    assert (decision.ceiling is None) == (outcome is not Outcome.PERMIT)
    assert ("needs_purpose" in codes(decision)) == (outcome is Outcome.REVIEW)


@pytest.mark.parametrize("outcome", Outcome)
def test_a_purpose_that_came_along_is_judged(outcome: Outcome) -> None:
    owed = Owed(Term.PUB, "Publish.")
    book = PolicyBook([replace(HEART, consent=GRU)], version="1")
    decision = book.decide(
        researcher(GRANTED), "heart", Action.STREAM, now=NOW, judge=lambda _: judged(outcome, owed)
    )
    assert decision.outcome is outcome
    if outcome is Outcome.PERMIT:
        assert decision.expires == GRANTED.expires
        assert [one.text for one in decision.obligations] == ["Publish."]
    else:
        assert [reason.text for reason in decision.reasons] == ["Judged."]


def test_an_answer_that_is_no_data_use_is_not_judged() -> None:
    book = PolicyBook([replace(HEART, consent=GRU)], version="1")
    never = judged(Outcome.DENY)
    decision = book.decide(None, "heart", Action.DISCOVER, now=NOW, judge=lambda _: never)
    assert decision.allowed


def test_clear_streams_need_nothing_and_training_still_needs_a_grant() -> None:
    policy = replace(HEART, consent=NRES, clear_streams=True)
    assert decide(policy, None, Action.STREAM).allowed
    assert not decide(policy, None, Action.TRAIN).allowed


# The node as a whole


def test_who_is_registered_at_the_node_follows_its_rule() -> None:
    strict, lenient = (
        PolicyBook([], version="1", registered_rule=rule) for rule in ("bona_fide", "login")
    )
    assert strict.reached(researcher(), now=NOW).level is Level.PUBLIC
    assert strict.reached(researcher(STATUS, TERMS), now=NOW).level is Level.REGISTERED
    assert lenient.reached(researcher(), now=NOW).level is Level.REGISTERED
    assert lenient.reached(None, now=NOW).level is Level.PUBLIC


def test_a_book_is_its_own_snapshot_and_knows_its_committees() -> None:
    book = PolicyBook([HEART, replace(HEART, dataset="lung", committee=())], version="1")
    assert book.consult(None, Action.DISCOVER, now=NOW) is book
    assert book.current() is book
    assert book.committee_of("dora@https://broker.example") == ("heart",)
    assert book.committee_of("rosa@https://broker.example") == ()


def test_what_holds_for_nobody_is_remembered_and_stays_the_same() -> None:
    book = PolicyBook([HEART], version="1")
    first = book.decide(None, "heart", Action.DISCOVER, now=NOW)
    assert book.decide(None, "heart", Action.DISCOVER, now=NOW + 10**6) == first
    for name in ("a", "b", "c"):
        assert not book.decide(None, name, Action.DISCOVER, now=NOW).allowed
    assert len(book._for_nobody) == 2  # one for heart, one for all that is not there
