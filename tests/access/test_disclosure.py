"""What an answer may hold under each profile and level; refusals never depend on the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from access.disclosure import Answer, Asker, Disclosure, Found, granted
from access.errors import InconsistentAnswer
from access.policies.policy import Action, Decision, Granularity, Level, Outcome, Profile
from access.privacy.pricing import price
from access.privacy.profiles import terms
from access.privacy.question import Kind, Question, key_of
from access.privacy.spent import PER_NAT
from access.privacy.terms import group_margin, margin_scale
from schemas.errors import Suppressed
from tests.support.disclosure import disclosure

NOW = 1_800_000_000
ROSA, NOBODY = Asker("p-rosa", NOW), Asker(None, NOW)
COMMON = Question(
    kind=Kind.ALLELE,
    key=key_of("common"),
    dataset="heart",
    version="1",
    people=1_000,
    frequency=0.2,
    commonest=0.2,
    floor=0.003,
)
RARE = replace(COMMON, key=key_of("rare"), frequency=0.001, commonest=0.001)
UNKNOWN = replace(COMMON, key=key_of("unknown"), frequency=0.0, commonest=0.0)
PEOPLE = Question(
    kind=Kind.PEOPLE,
    key=key_of("people"),
    dataset="heart",
    version="1",
    people=1_000,
    counts=True,
    filters=1,
    margin=True,
    margins=20,
)
TOGETHER = replace(
    COMMON, kind=Kind.TOGETHER, key=key_of("together"), counts=True, within=PEOPLE, frequency=0.01
)
REFUSED = (
    (Level.PUBLIC, TOGETHER),
    (Level.PUBLIC, UNKNOWN),
    (Level.PUBLIC, RARE),
    (Level.PUBLIC, replace(COMMON, floor=None)),
    (Level.PUBLIC, replace(COMMON, people=99)),
    (Level.PUBLIC, replace(COMMON, kind=Kind.RANGE, length=0)),
    (Level.PUBLIC, replace(COMMON, kind=Kind.RANGE, length=50_001)),
    (Level.PUBLIC, replace(PEOPLE, people=99)),
    (Level.PUBLIC, replace(PEOPLE, margin=False)),
    (Level.PUBLIC, replace(PEOPLE, kind=Kind.TOGETHER)),
    (Level.PUBLIC, replace(PEOPLE, kind=Kind.PERSON)),
    (Level.REGISTERED, UNKNOWN),
    (Level.REGISTERED, replace(RARE, people=300)),
    (Level.REGISTERED, replace(RARE, genotypes=False)),
    (Level.REGISTERED, replace(PEOPLE, people=19)),
    (Level.REGISTERED, replace(PEOPLE, filters=5)),
    (Level.REGISTERED, replace(PEOPLE, counts=False)),
    (Level.REGISTERED, replace(COMMON, kind=Kind.TOGETHER)),
    (Level.REGISTERED, replace(TOGETHER, within=replace(PEOPLE, filters=5))),
    (Level.REGISTERED, replace(TOGETHER, within=replace(PEOPLE, people=19))),
    (Level.REGISTERED, replace(TOGETHER, frequency=0.0)),
    (Level.REGISTERED, replace(PEOPLE, kind=Kind.PERSON)),
)


def decision(
    *,
    profile: Profile = Profile.DEFAULT,
    level: Level = Level.PUBLIC,
    ceiling: Granularity | None = Granularity.RECORD,
    outcome: Outcome = Outcome.PERMIT,
    action: Action = Action.DISCOVER,
) -> Decision:
    return Decision(
        dataset="heart",
        action=action,
        outcome=outcome,
        level=level,
        ceiling=ceiling,
        profile=profile,
        reasons=(),
        expires=None,
        policy_version="1",
    )


@pytest.fixture
def guard(tmp_path: Path) -> Disclosure:
    return disclosure(tmp_path)


def never() -> Found:
    raise AssertionError("the data were asked")


def holding(count: int, people: Sequence[str] = ("P1",)) -> Callable[[], Found]:
    return lambda: Found(count, lambda: people if count else ())


def ask(
    guard: Disclosure,
    asked: Question,
    found: Callable[[], Found],
    *,
    at: Decision,
    requested: Granularity = Granularity.COUNT,
    asker: Asker = ROSA,
    within: int = 500,
) -> Answer:
    return guard.protect(
        lambda: asked,
        found,
        requested=requested,
        decision=at,
        asker=asker,
        within=lambda: within,
    )


@pytest.mark.parametrize(
    "refused",
    [
        decision(outcome=Outcome.DENY),
        decision(outcome=Outcome.REVIEW),
        decision(ceiling=None),
        decision(action=Action.STREAM),
        decision(action=Action.TRAIN, level=Level.CONTROLLED),
        decision(profile=Profile.OPEN, outcome=Outcome.DENY),
    ],
)
def test_without_a_permit_to_discover_nothing_is_asked_or_answered(
    guard: Disclosure, refused: Decision
) -> None:
    with pytest.raises(Suppressed):
        ask(guard, COMMON, never, at=refused)


@pytest.mark.parametrize(("level", "asked"), REFUSED)
@pytest.mark.parametrize("profile", [Profile.DEFAULT, Profile.CONTROLLED])
def test_what_cannot_be_answered_is_refused_before_the_data_are_asked(
    guard: Disclosure, level: Level, asked: Question, profile: Profile
) -> None:
    with pytest.raises(Suppressed):
        ask(guard, asked, never, at=decision(level=level, profile=profile))


@pytest.mark.parametrize(("_level", "asked"), REFUSED)
@pytest.mark.parametrize("at", [decision(level=Level.CONTROLLED), decision(profile=Profile.OPEN)])
def test_a_grant_and_an_open_dataset_answer_all_of_it_exactly(
    guard: Disclosure, _level: Level, asked: Question, at: Decision
) -> None:
    for count in (0, 1, 2504):
        answer = ask(guard, asked, holding(count), at=at)
        assert answer == Answer(count > 0, count, Granularity.COUNT, "exact")


@pytest.mark.parametrize("requested", Granularity)
@pytest.mark.parametrize("ceiling", Granularity)
@pytest.mark.parametrize("profile", [Profile.DEFAULT, Profile.OPEN])
def test_no_answer_is_above_ceiling_or_request(
    guard: Disclosure, requested: Granularity, ceiling: Granularity, profile: Profile
) -> None:
    at = decision(profile=profile, ceiling=ceiling, level=Level.REGISTERED)
    most = min(requested, ceiling)
    if profile is Profile.DEFAULT:
        most = min(most, Granularity.COUNT)
    assert granted(requested, at) is most
    for asked in (COMMON, replace(COMMON, counts=True), PEOPLE):
        answer = ask(guard, asked, holding(500), at=at, requested=requested)
        assert answer.granularity <= most
        assert (answer.count is None) is (answer.granularity is Granularity.BOOLEAN)


def test_everybody_gets_the_truth_about_common_variants_and_never_a_number(
    guard: Disclosure,
) -> None:
    for count in (0, 7):
        asked = replace(COMMON, counts=True)
        answer = ask(guard, asked, holding(count), at=decision(), asker=NOBODY)
        assert answer == Answer(count > 0, None, Granularity.BOOLEAN)


def test_a_registered_yes_is_true_until_the_allowance_of_its_carrier_is_spent(
    guard: Disclosure,
) -> None:
    at = decision(level=Level.REGISTERED)
    answers = [
        ask(guard, replace(RARE, key=key_of(number)), holding(1), at=at).exists
        for number in range(20)
    ]
    rules = terms(Profile.DEFAULT)
    assert rules is not None
    paid = int(rules.allowance / price(RARE.frequency, RARE.people))
    assert answers == [True] * paid + [False] * (20 - paid)


def test_a_registered_no_is_always_a_no(guard: Disclosure) -> None:
    answer = ask(guard, RARE, holding(0), at=decision(level=Level.REGISTERED))
    assert not answer.exists
    assert answer.approximate is not None


@pytest.mark.parametrize("granularity", [Granularity.BOOLEAN, Granularity.COUNT])
@pytest.mark.parametrize("true", [0, 3, 9, 10, 11, 15, 200, 1000])
def test_presence_and_count_of_people_are_one_draw(
    guard: Disclosure, granularity: Granularity, true: int
) -> None:
    for number in range(30):
        asked = replace(PEOPLE, key=key_of(number))
        at = decision(level=Level.REGISTERED)
        first = ask(guard, asked, holding(true), at=at, requested=Granularity.COUNT)
        again = ask(guard, asked, holding(true), at=at, requested=granularity)
        assert again.exists == first.exists
        assert first.count is not None
        assert first.exists == (first.count > 0)
        assert first.count % 10 == 0
        assert first.precision == "imprecise"
        assert first.adjusted_to


def test_where_a_variant_is_absent_no_count_is_positive(guard: Disclosure) -> None:
    at = decision(level=Level.REGISTERED)
    for number in range(30):
        asked = replace(RARE, key=key_of(number), counts=True)
        answer = ask(guard, asked, holding(0), at=at)
        assert (answer.exists, answer.count) == (False, 0)


def test_where_a_variant_is_present_a_count_is_never_none(guard: Disclosure) -> None:
    at = decision(level=Level.REGISTERED)
    for number in range(30):
        asked = replace(COMMON, key=key_of(number), counts=True)
        answer = ask(guard, asked, holding(1), at=at)
        assert answer.exists
        assert (answer.count or 0) >= 10


def test_the_noise_of_a_count_is_that_of_the_margins_for_everybody(guard: Disclosure) -> None:
    told = [
        ask(guard, replace(PEOPLE, key=key_of(n)), holding(500), at=decision(), asker=NOBODY).count
        for n in range(400)
    ]
    scale = margin_scale(PEOPLE.margins)
    errors = [abs((count or 0) + 5 - 500) for count in told]
    assert scale * 0.8 < sum(errors) / len(errors) < scale * 1.2


def test_one_term_more_does_not_show_in_the_margin_that_is_told() -> None:
    """The scale is told as ±, and a term may be of one person alone."""
    assert len({margin_scale(terms) for terms in range(65)}) == 1
    assert len({margin_scale(terms) for terms in range(65, 129)}) == 1
    assert margin_scale(129) > margin_scale(128) > margin_scale(64)


@pytest.mark.parametrize(("holders", "may_be_listed"), [(1, False), (9, False), (10, True)])
def test_a_term_of_a_few_people_is_listed_by_no_draw(
    guard: Disclosure, holders: int, *, may_be_listed: bool
) -> None:
    rules = terms(Profile.DEFAULT)
    assert rules is not None
    drawn = [guard.lists(replace(PEOPLE, key=key_of(n)), holders, rules) for n in range(200)]
    assert any(drawn) is may_be_listed


def test_a_term_of_many_people_is_listed_by_every_draw(guard: Disclosure) -> None:
    rules = terms(Profile.DEFAULT)
    assert rules is not None
    assert all(guard.lists(replace(PEOPLE, key=key_of(n)), 900, rules) for n in range(200))
    few = replace(PEOPLE, people=99)
    assert not any(guard.lists(replace(few, key=key_of(n)), 99, rules) for n in range(20))


def test_different_counts_run_out_and_those_told_are_told_again(guard: Disclosure) -> None:
    at = decision(level=Level.REGISTERED)
    rules = terms(Profile.DEFAULT)
    assert rules is not None
    asked = [replace(PEOPLE, key=key_of(number)) for number in range(rules.counts + 1)]
    told = [ask(guard, each, holding(500), at=at) for each in asked[:-1]]
    with pytest.raises(Suppressed, match="90 days"):
        ask(guard, asked[-1], never, at=at)
    assert [ask(guard, each, holding(500), at=at) for each in asked[:-1]] == told
    assert ask(guard, asked[-1], holding(500), at=at, asker=Asker("p-ruth", NOW)).exists


def test_a_new_version_of_a_count_is_another_of_the_counts(guard: Disclosure) -> None:
    at = decision(level=Level.REGISTERED)
    rules = terms(Profile.DEFAULT)
    assert rules is not None
    for number in range(rules.counts):
        ask(guard, replace(PEOPLE, version=f"1.{number}"), holding(500), at=at)
    with pytest.raises(Suppressed):
        ask(guard, replace(PEOPLE, version="2"), never, at=at)


def test_another_node_draws_other_noise(tmp_path: Path) -> None:
    one = disclosure(tmp_path)
    two = Disclosure(one._ledger, key=b"x" * 32)  # the ledger is not what draws
    at = decision(level=Level.REGISTERED)
    keys = [replace(PEOPLE, key=key_of(number)) for number in range(20)]
    first = [ask(one, each, holding(500), at=at).count for each in keys]
    assert first != [ask(two, each, holding(500), at=at).count for each in keys]


@pytest.mark.parametrize("count", [-1, -2504])
@pytest.mark.parametrize("asked", [COMMON, RARE, PEOPLE])
@pytest.mark.parametrize("level", [Level.REGISTERED, Level.CONTROLLED])
def test_a_negative_count_is_our_own_fault(
    guard: Disclosure, count: int, asked: Question, level: Level
) -> None:
    with pytest.raises(InconsistentAnswer):
        ask(guard, asked, lambda: Found(count), at=decision(level=level))


def test_a_registered_caller_without_a_name_is_our_own_fault(guard: Disclosure) -> None:
    with pytest.raises(InconsistentAnswer):
        ask(guard, RARE, never, at=decision(level=Level.REGISTERED), asker=NOBODY)


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key"):
        Disclosure(disclosure(tmp_path)._ledger, key=b"short")


def test_a_rare_disease_dataset_tells_registered_callers_exact_presence_and_notes_it(
    guard: Disclosure,
) -> None:
    at = decision(profile=Profile.RARE_DISEASE, level=Level.REGISTERED)
    for number in range(20):
        asked = replace(UNKNOWN, key=key_of(number))
        assert ask(guard, asked, holding(1), at=at) == Answer(True, None, Granularity.BOOLEAN)
        absent = replace(asked, key=key_of("absent", number))
        assert not ask(guard, absent, holding(0), at=at).exists
    (spent,) = guard._ledger.balances("heart").values()
    assert spent.beyond(int(3e9)) == 1


@pytest.mark.parametrize("asked", [COMMON, PEOPLE])
def test_a_rare_disease_dataset_tells_strangers_nothing(guard: Disclosure, asked: Question) -> None:
    with pytest.raises(Suppressed):
        ask(guard, asked, never, at=decision(profile=Profile.RARE_DISEASE), asker=NOBODY)


def test_a_variant_among_filtered_people_costs_what_so_few_must_pay(guard: Disclosure) -> None:
    at = decision(level=Level.REGISTERED)
    assert ask(guard, TOGETHER, holding(3), at=at, requested=Granularity.BOOLEAN).exists
    told = ask(guard, PEOPLE, holding(500), at=at).count
    assert told is not None
    (spent,) = guard._ledger.balances("heart").values()
    cost = spent.amounts.max() / PER_NAT
    rules = terms(Profile.DEFAULT)
    assert rules is not None
    assert cost == pytest.approx(price(0.01, told - group_margin(rules)), abs=1e-6)
    assert cost > price(0.01, 1_000)


@pytest.mark.parametrize("within", [0, 9, 40, 60])
def test_a_variant_among_too_few_people_is_refused_whether_or_not_they_have_it(
    guard: Disclosure, within: int
) -> None:
    at = decision(level=Level.REGISTERED)
    for number in range(5):
        cohort = replace(PEOPLE, key=key_of("cohort", number))
        asked = replace(TOGETHER, frequency=0.003, key=key_of("few", number), within=cohort)
        with pytest.raises(Suppressed, match="group"):
            ask(guard, asked, never, at=at, within=within)


def test_a_group_of_one_is_taken_for_a_crowd_by_no_draw_of_a_callers_counts(
    guard: Disclosure,
) -> None:
    """Somebody found by a hundred different filters would be asked about alone from the first that
    is, one common allele after the other."""
    at, rules = decision(level=Level.REGISTERED), terms(Profile.DEFAULT)
    assert rules is not None
    for number in range(rules.counts):
        cohort = replace(PEOPLE, key=key_of("above", number))
        asked = replace(TOGETHER, frequency=0.3, key=key_of("one", number), within=cohort)
        with pytest.raises(Suppressed, match="group"):
            ask(guard, asked, never, at=at, within=1)


def test_asking_of_filtered_people_is_one_of_the_counts(guard: Disclosure) -> None:
    at = decision(level=Level.REGISTERED)
    rules = terms(Profile.DEFAULT)
    assert rules is not None
    for number in range(rules.counts):
        ask(guard, replace(PEOPLE, key=key_of(number)), holding(500), at=at)
    with pytest.raises(Suppressed, match="90 days"):
        ask(guard, TOGETHER, never, at=at)


def test_a_rare_disease_dataset_tells_of_few_filtered_people_and_notes_it(
    guard: Disclosure,
) -> None:
    at = decision(profile=Profile.RARE_DISEASE, level=Level.REGISTERED)
    assert ask(guard, replace(TOGETHER, frequency=0.0), holding(1), at=at, within=1).exists
    assert not ask(guard, replace(TOGETHER, key=key_of("no")), holding(0), at=at, within=1).exists
    (spent,) = guard._ledger.balances("heart").values()
    assert spent.beyond(int(3e9)) == 1


def test_a_policy_that_grants_no_counts_has_a_margin_all_the_same() -> None:
    rules = terms(Profile.DEFAULT)
    assert rules is not None
    none = replace(rules, counts=0)
    assert group_margin(none) == group_margin(replace(rules, counts=1)) > 0
