"""What a registered caller may learn of each person is spent once and for all."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from access.database import Database
from access.driver import Charging
from access.errors import StoreUnavailable
from access.privacy.ledger import COUNT_DAYS, KEEP_DAYS, MIN_BATCH, Entry, Ledger
from access.privacy.pricing import price
from access.privacy.spent import MAX_NATS, PER_NAT, Spent, billionths

NOW = 1_800_000_000
DAY = 86_400
LN2 = math.log(2)
ENTRY = Entry("p-rosa", "heart", b"q1", "v1", 1_000, 1_000)
RARE = 0.0004


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'control.db'}")
    else:
        database = Database(request.getfixturevalue("postgresql").new_database())
    yield Ledger(database)
    database.close()


def asks(
    ledger: Ledger,
    entry: Entry = ENTRY,
    *,
    by: Sequence[int] | Callable[[], Sequence[int]] = (7,),
    frequency: float = RARE,
    now: int = NOW,
    enforced: bool = True,
) -> bool:
    carriers = by if callable(by) else lambda: by
    return ledger.presence(
        entry,
        frequency=frequency,
        allowance=LN2,
        carriers=carriers,
        now=now,
        enforced=enforced,
    )


def named(number: int, entry: Entry = ENTRY) -> Entry:
    return replace(entry, question=b"q%d" % number)


def spent_of(ledger: Ledger, person: int, subject: str = "p-rosa") -> float:
    balance = ledger.balances("heart")[subject]
    found = dict(zip(balance.people.tolist(), balance.amounts.tolist(), strict=True))
    return float(found.get(person, 0) / PER_NAT)


def never() -> Sequence[int]:
    raise AssertionError("the data were asked")


def test_a_yes_costs_those_who_made_it_one_and_a_no_costs_nobody(ledger: Ledger) -> None:
    assert not asks(ledger, named(1), by=())
    assert ledger.balances("heart") == {}
    assert asks(ledger, named(2), by=(7, 9))
    for person in (7, 9):
        assert spent_of(ledger, person) == pytest.approx(price(RARE, 1_000), abs=1e-8)
    assert spent_of(ledger, 8) == 0


def test_no_person_is_ever_charged_beyond_the_allowance(ledger: Ledger) -> None:
    answers = [asks(ledger, named(number)) for number in range(20)]
    assert answers.index(False) == int(LN2 / price(RARE, 1_000))
    assert not any(answers[answers.index(False) :])
    assert 0 < spent_of(ledger, 7) <= LN2


def test_who_ran_out_is_left_out_and_others_still_answer(ledger: Ledger) -> None:
    numbers = count()
    while asks(ledger, named(next(numbers))):
        pass
    assert asks(ledger, b_question := named(-1), by=(7, 8))
    assert spent_of(ledger, 8) > 0
    assert asks(ledger, b_question, by=never)


def test_asked_again_a_question_answers_the_same_and_the_data_are_not_asked(
    ledger: Ledger,
) -> None:
    assert asks(ledger)
    before = spent_of(ledger, 7)
    assert asks(ledger, by=never)
    assert spent_of(ledger, 7) == before


def test_a_no_stays_a_no_when_it_is_asked_again(ledger: Ledger) -> None:
    assert not asks(ledger, by=())
    assert not asks(ledger, by=never)


def test_an_unknown_frequency_is_never_yes(ledger: Ledger) -> None:
    assert not asks(ledger, frequency=0.0)


def test_each_caller_and_each_dataset_has_its_own_allowance(ledger: Ledger) -> None:
    numbers = count()
    while asks(ledger, named(next(numbers))):
        pass
    assert asks(ledger, replace(ENTRY, subject="p-ruth", question=b"n"))
    assert asks(ledger, replace(ENTRY, dataset="lung", question=b"n"))
    assert not asks(ledger, replace(ENTRY, question=b"n"))


def test_exhausted_bystanders_make_the_rest_dearer(ledger: Ledger) -> None:
    small = replace(ENTRY, people=400)
    frequency = 0.003
    crowd = range(100, 480)
    for number in range(40):
        asks(ledger, named(number, small), by=crowd, frequency=frequency)
    asks(ledger, named(99, small), frequency=frequency)
    balances = ledger.balances("heart")
    fresh = spent_of(ledger, 7) if balances else 0
    assert fresh == 0 or fresh > price(frequency, 400)


def test_a_new_version_with_few_newcomers_answers_as_the_old_one_did(ledger: Ledger) -> None:
    assert not asks(ledger, by=())
    grown = replace(ENTRY, version="v2", turnover=1_000 + MIN_BATCH - 1)
    assert not asks(ledger, grown, by=never)


@pytest.mark.parametrize("turnover", [1_000 + MIN_BATCH, 1_000 - MIN_BATCH])
def test_a_flip_after_a_batch_costs_what_so_few_people_must(ledger: Ledger, turnover: int) -> None:
    frequency = 0.0075
    assert not asks(ledger, by=(), frequency=0.004)
    changed = replace(ENTRY, version="v2", turnover=turnover)
    assert not asks(ledger, changed, frequency=0.004)  # beyond the allowance among fifty
    assert not asks(ledger, named(5), by=(), frequency=frequency)
    again = replace(named(5), version="v2", turnover=turnover)
    assert asks(ledger, again, frequency=frequency)
    assert spent_of(ledger, 7) == pytest.approx(price(frequency, MIN_BATCH), abs=1e-8)


def test_without_enforcement_all_is_told_and_what_it_cost_is_noted(ledger: Ledger) -> None:
    for number in range(40):
        assert asks(ledger, named(number), enforced=False)
    assert spent_of(ledger, 7) == pytest.approx(MAX_NATS, abs=1e-6)


def test_of_two_who_ask_at_once_only_what_the_allowance_pays_is_answered(ledger: Ledger) -> None:
    answers: list[bool] = []

    def ask(first: int) -> None:
        answers.extend(asks(ledger, named(first + number)) for number in range(6))

    threads = [threading.Thread(target=ask, args=(100 * each,)) for each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answers) == int(LN2 / price(RARE, 1_000))


def test_workers_with_ledgers_of_their_own_share_one_allowance(ledger: Ledger) -> None:
    """Each remembers balances of its own; a charge of the other's is seen before the next."""
    other = Ledger(ledger._database)
    answers = [
        asks((ledger, other)[number % 2], named(number), frequency=0.001) for number in range(12)
    ]
    paid = int(LN2 / price(0.001, 1_000))
    assert answers == [True] * paid + [False] * (12 - paid)
    assert spent_of(ledger, 7) == pytest.approx(paid * price(0.001, 1_000), abs=1e-7)


def test_a_charge_that_is_not_committed_is_not_remembered(ledger: Ledger) -> None:
    assert asks(ledger, named(1), frequency=0.002)

    def broken() -> Sequence[int]:
        raise OSError("a disk fails")

    with pytest.raises(OSError, match="fails"):
        asks(ledger, named(2), by=broken, frequency=0.002)
    assert asks(ledger, named(2), frequency=0.002)
    assert spent_of(ledger, 7) == pytest.approx(2 * price(0.002, 1_000), abs=1e-8)


def test_a_transaction_that_fails_is_unavailable_and_the_next_one_works(ledger: Ledger) -> None:
    assert asks(ledger, named(1))

    def fails() -> None:
        with ledger._database.charging() as charging:
            charging.run("DELETE FROM privacy_answer")
            charging.run("SELECT 1 FROM no_such_table")

    with pytest.raises(StoreUnavailable):
        fails()
    other = Ledger(ledger._database)  # remembers nothing
    assert asks(other, named(1), by=never)
    assert asks(other, named(2), by=(8,))


def test_what_a_failed_charge_would_have_spent_is_never_taken_for_what_was(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next charge, by another worker, gets the stamp that the failed one would have had."""
    assert asks(ledger, named(1), by=(7,), frequency=0.002)
    run = Charging.run

    def fails_at_the_line(charging: Charging, statement: str, **values: object) -> object:
        if statement.startswith("INSERT INTO privacy_answer"):
            run(charging, "SELECT 1 FROM no_such_table")
        return run(charging, statement, **values)

    with monkeypatch.context() as patch:
        patch.setattr(Charging, "run", fails_at_the_line)
        with pytest.raises(StoreUnavailable):
            asks(ledger, named(2), by=(8,), frequency=0.002)
    assert asks(Ledger(ledger._database), named(3), by=(9,), frequency=0.002)
    assert asks(ledger, named(4), by=(7,), frequency=0.002)
    once = price(0.002, 1_000)
    assert [spent_of(ledger, n) for n in (7, 8, 9)] == pytest.approx([2 * once, 0, once], abs=1e-8)


def test_a_database_that_is_closed_is_unavailable_or_opened_anew(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'control.db'}")
    ledger = Ledger(database)
    assert asks(ledger, named(1))
    database.close()
    assert asks(Ledger(database), named(1), by=never)
    database.close()


def test_an_account_keeps_its_newest_lines_only(ledger: Ledger) -> None:
    for number in range(8):
        asks(ledger, named(number), by=(), now=NOW + number)
    asks(ledger, replace(named(1), subject="p-ruth"), by=())
    assert ledger.sweep(NOW + 9, most_lines=5) == 3
    assert not asks(ledger, named(7), by=never)
    with pytest.raises(AssertionError):
        asks(ledger, named(2), by=never)
    assert not asks(ledger, replace(named(1), subject="p-ruth"), by=never)


def test_where_the_carriers_cannot_be_read_nothing_is_spent_or_noted(ledger: Ledger) -> None:
    with pytest.raises(AssertionError):
        asks(ledger, by=never)
    assert asks(ledger)


def test_different_counts_are_given_up_to_their_number_and_again_for_nothing(
    ledger: Ledger,
) -> None:
    given = [ledger.may_count(named(number), most=3, now=NOW) for number in range(5)]
    assert given == [True, True, True, False, False]
    assert ledger.may_count(named(1), most=3, now=NOW)
    assert not ledger.may_count(named(9), most=3, now=NOW + COUNT_DAYS * DAY - 1)
    assert ledger.may_count(named(9), most=3, now=NOW + COUNT_DAYS * DAY + 1)


def test_sweeping_forgets_old_lines_and_never_what_was_spent(ledger: Ledger) -> None:
    assert asks(ledger)
    ledger.may_count(ENTRY, most=3, now=NOW)
    assert ledger.sweep(NOW + DAY) == 0
    assert ledger.sweep(NOW + (KEEP_DAYS + 1) * DAY) == 2
    before = spent_of(ledger, 7)
    assert before > 0
    assert not asks(ledger) or spent_of(ledger, 7) > before


def test_spent_amounts_come_out_as_they_went_in() -> None:
    chooser = random.Random(5)  # noqa: S311 - an example
    expected: dict[int, int] = {}
    spent = Spent.nothing()
    for _ in range(200):
        people = [chooser.choice([0, 1, 2**64 - 1, chooser.getrandbits(64)]) for _ in range(3)]
        cost = chooser.randrange(1, 1_000_000)
        payers = spent.able(people, cost=cost, allowance=5_000_000)
        assert payers.tolist() == sorted(
            person for person in set(people) if expected.get(person, 0) + cost <= 5_000_000
        )
        spent = Spent.unpacked(spent.charged(payers, cost).packed())
        for person in payers.tolist():
            expected[person] = expected.get(person, 0) + cost
    assert dict(zip(spent.people.tolist(), spent.amounts.tolist(), strict=True)) == expected
    assert spent.beyond(1_000_000) == sum(1 for each in expected.values() if each > 1_000_000)


@pytest.mark.parametrize(
    ("nats", "expected"), [(0.0, 0), (1e-12, 1), (0.5, 500_000_000), (math.inf, 4_000_000_000)]
)
def test_prices_are_rounded_against_the_asker(nats: float, expected: int) -> None:
    assert billionths(nats) == expected
