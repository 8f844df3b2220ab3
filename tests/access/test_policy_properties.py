"""What holds for every policy: refusing is the default, more standing is never less right."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from access.policies.decision import (
    EVERY_ACTION,
    Action,
    DatasetPolicy,
    Decision,
    EntryRule,
    Granularity,
    Level,
    Outcome,
    Profile,
    Window,
)
from access.policies.policy import PolicyBook
from access.policies.visa_rules import ANYBODY, BONA_FIDE, VisaRule
from duo.consent import Condition, Consent
from duo.terms import Term
from duo.verdict import Finding, Verdict, Versions
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.passport import VisaType

NOW = 1_000_000
ISSUER = "https://broker.example"
NODE = "https://node.example"
ENTRIES = ("individual", "genomicVariant", "run")
AFFILIATIONS = ("faculty@uni.example", "sales@firm.example", "member@firm.example")
SOME = settings(max_examples=60, deadline=None)
SEVERITY = {Outcome.PERMIT: 0, Outcome.REVIEW: 1, Outcome.DENY: 2}

levels = st.sampled_from(Level)
ceilings = st.dictionaries(levels, st.none() | st.sampled_from(Granularity))
times = st.integers(NOW - 5, NOW + 5)
visas = st.builds(
    Visa,
    issuer=st.just(NODE),
    subject=st.just("grace"),
    type=st.sampled_from([t for t in VisaType if t is not VisaType.LINKED_IDENTITIES]),
    value=st.sampled_from(
        [BONA_FIDE, *AFFILIATIONS, f"{NODE}/datasets/heart", f"{NODE}/datasets/lung"]
    ),
    source=st.sampled_from([NODE, "https://uni.example"]),
    by=st.sampled_from([*sorted(ANYBODY), None]),
    asserted=st.integers(NOW - 10, NOW),
    expires=times,
    jti=st.none(),
)
held = st.lists(visas, max_size=6).map(tuple)
rules = st.builds(
    VisaRule,
    type=st.just(VisaType.AFFILIATION_AND_ROLE),
    values=st.sampled_from([("*@uni.example",), ("faculty@*",), AFFILIATIONS]),
    by=st.sampled_from([ANYBODY, frozenset({"so"})]),
    sources=st.sampled_from([frozenset[str](), frozenset({NODE})]),
    max_age_seconds=st.none() | st.integers(1, 12),
)
windows = st.builds(
    Window,
    start=st.none() | times,
    end=st.none() | times,
    actions=st.sampled_from([EVERY_ACTION, frozenset({Action.TRAIN})]),
)
consents = st.sampled_from(
    [
        None,
        Consent(frozenset({Condition(Term.NRES)})),
        Consent(frozenset({Condition(Term.NRES)}), unclear=("odd",)),
        Consent(frozenset({Condition(Term.GRU)}), frozenset({Condition(Term.NPU)})),
    ]
)


def policies(dataset: str) -> st.SearchStrategy[DatasetPolicy]:
    return st.builds(
        DatasetPolicy,
        dataset=st.just(dataset),
        grant_value=st.just(f"{NODE}/datasets/{dataset}"),
        level=levels,
        profile=st.sampled_from(Profile),
        ceilings=ceilings,
        listed=st.booleans(),
        committee=st.sampled_from([(), (f"grace@{ISSUER}",)]),
        consent=consents,
        registered_rule=st.sampled_from(["login", "bona_fide"]),
        entries=st.dictionaries(st.sampled_from(ENTRIES), st.builds(EntryRule, levels, ceilings)),
        conditions=st.dictionaries(
            st.sampled_from([Level.REGISTERED, Level.CONTROLLED]),
            st.lists(rules, max_size=2).map(tuple),
        ),
        windows=st.lists(windows, max_size=2).map(tuple),
        data_use_for_answers=st.booleans(),
    )


books = st.tuples(policies("heart"), policies("lung"))
touched = st.none() | st.frozensets(st.sampled_from(ENTRIES), min_size=1)


def grace(*visas: Visa, expires: int = NOW + 5) -> Researcher:
    return Researcher(ISSUER, "grace", visas, (), expires)


def decide(
    book: PolicyBook,
    who: Researcher | None,
    action: Action,
    *,
    entries: frozenset[str] | None = None,
    dataset: str = "heart",
) -> Decision:
    return book.decide(who, dataset, action, now=NOW, entries=entries)


def right(decision: Decision) -> tuple[int, int]:
    """How much a decision allows; more is more."""
    return -SEVERITY[decision.outcome], decision.ceiling or 0


@given(books, held, visas, st.sampled_from(Action), touched)
@settings(max_examples=200, deadline=None)
def test_another_visa_never_lowers_a_right(
    given_policies: tuple[DatasetPolicy, ...],
    held: tuple[Visa, ...],
    more: Visa,
    action: Action,
    entries: frozenset[str] | None,
) -> None:
    book = PolicyBook(given_policies, version="1")
    before = decide(book, grace(*held), action, entries=entries)
    after = decide(book, grace(*held, more), action, entries=entries)
    assert right(after) >= right(before)
    if book.may_know(grace(*held), "heart", now=NOW):
        assert book.may_know(grace(*held, more), "heart", now=NOW)


@given(books, held, rules, st.sampled_from(Action))
@SOME
def test_only_a_documented_exclusion_lowers_a_right(
    given_policies: tuple[DatasetPolicy, ...],
    held: tuple[Visa, ...],
    rule: VisaRule,
    action: Action,
) -> None:
    first, second = given_policies
    plain = decide(PolicyBook(given_policies, version="1"), grace(*held), action)
    strict = PolicyBook((replace(first, excluded_visas=(rule,)), second), version="1")
    decision = decide(strict, grace(*held), action)
    if rule.met_until(held, now=NOW) is None:
        assert decision == plain
    else:
        assert decision.outcome is Outcome.DENY
        assert {reason.code for reason in decision.reasons} & {"excluded", "not_available"}


@given(books, held, st.sampled_from(Action), touched)
@SOME
def test_signing_in_never_lowers_a_right(
    given_policies: tuple[DatasetPolicy, ...],
    held: tuple[Visa, ...],
    action: Action,
    entries: frozenset[str] | None,
) -> None:
    book = PolicyBook(given_policies, version="1")
    nobody = decide(book, None, action, entries=entries)
    assert right(decide(book, grace(*held), action, entries=entries)) >= right(nobody)


@given(held, st.sampled_from(Action), touched, st.text(max_size=5))
@SOME
def test_an_empty_policy_denies_all(
    held: tuple[Visa, ...], action: Action, entries: frozenset[str] | None, dataset: str
) -> None:
    book = PolicyBook((), version="1")
    for who in (None, grace(*held)):
        decision = decide(book, who, action, entries=entries, dataset=dataset)
        assert decision.outcome is Outcome.DENY
        assert not book.may_know(who, dataset, now=NOW)


@given(books, held, st.sampled_from(Action), st.randoms(use_true_random=False))
@SOME
def test_the_order_of_datasets_and_visas_means_nothing(
    given_policies: tuple[DatasetPolicy, ...],
    held: tuple[Visa, ...],
    action: Action,
    random: object,
) -> None:
    shuffled = sorted(held, key=lambda _: random.random())  # type: ignore[attr-defined]  # Hypothesis' Random
    one = PolicyBook(given_policies, version="1")
    other = PolicyBook(reversed(given_policies), version="1")
    assert decide(one, grace(*held), action) == decide(other, grace(*shuffled), action)


@given(books, held, st.sampled_from(Action), touched)
@SOME
def test_not_saying_what_is_touched_never_gives_more(
    given_policies: tuple[DatasetPolicy, ...],
    held: tuple[Visa, ...],
    action: Action,
    entries: frozenset[str] | None,
) -> None:
    book = PolicyBook(given_policies, version="1")
    unsaid = decide(book, grace(*held), action)
    assert right(decide(book, grace(*held), action, entries=entries)) >= right(unsaid)


@given(books, held, st.sampled_from(Action), st.sampled_from(Outcome))
@SOME
def test_deny_stands_above_review_and_review_above_permit(
    given_policies: tuple[DatasetPolicy, ...],
    held: tuple[Visa, ...],
    action: Action,
    judged: Outcome,
) -> None:
    verdict = Verdict(
        judged, (Finding(judged, "x", "So."),), (), (), None, Versions(duo="1", diseases="1")
    )
    book = PolicyBook(given_policies, version="1")
    weighed = book.weigh(grace(*held), "heart", action, now=NOW, judge=lambda _: verdict)
    decision = book.settle(weighed, "heart", action)
    found = [finding.outcome for finding in weighed.findings]
    if weighed.known:
        assert SEVERITY[decision.outcome] == max(SEVERITY[outcome] for outcome in found)
    assert decision.allowed or decision.ceiling is None


@given(books, held, st.sampled_from(Action), touched)
@SOME
def test_a_hidden_dataset_is_refused_as_one_that_is_not_there(
    given_policies: tuple[DatasetPolicy, ...],
    held: tuple[Visa, ...],
    action: Action,
    entries: frozenset[str] | None,
) -> None:
    book = PolicyBook(given_policies, version="1")
    for who in (None, grace(*held)):
        if not book.may_know(who, "heart", now=NOW):
            gone = PolicyBook(given_policies[1:], version="1")
            assert decide(book, who, action, entries=entries) == decide(
                gone, who, action, entries=entries
            )


@given(books, held, st.sampled_from(Action))
@SOME
def test_nothing_lasts_longer_than_what_it_rests_on(
    given_policies: tuple[DatasetPolicy, ...], held: tuple[Visa, ...], action: Action
) -> None:
    decision = decide(PolicyBook(given_policies, version="1"), grace(*held), action)
    if decision.allowed and decision.expires is not None:
        later = PolicyBook(given_policies, version="1").decide(
            grace(*held), "heart", action, now=decision.expires - 1
        )
        assert later.level >= decision.level
