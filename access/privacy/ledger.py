"""The registered allowance: what each caller may still learn about each person, kept and spent.

One line for each caller, dataset and canonical question; asked again, a line answers as it did and
costs nothing. A person whose allowance is spent is left out of the answer: to hide or reprice it
would tell that a carrier ran out. Lines survive dataset versions: until a batch of people has come
or gone a new version answers as the old one did, and then a «yes» costs what so small a crowd must
(Ayoz et al. 2021). An answer leaves only after its line is committed; workers of one node take
turns. What follows from an alarm is `alarms`'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlmodel import select

from access.database import Database
from access.driver import Charging
from access.privacy.pricing import price
from access.privacy.spent import Spent, billionths, distinct
from access.privacy.tables import AccountRow

MIN_BATCH = 50  # people who come or go before a new version answers anew
KEEP_DAYS = 400
COUNT_DAYS = 90
MAX_LINES = 100_000  # of one account; the oldest go first
MAX_REMEMBERED = 100_000
MAX_BALANCES = 1_000
NEAR = 0.8  # of an allowance that is only noted: beyond it a person is near its end
SINGLES = 10  # answers that one person alone made «yes»: from here on they are a pattern
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Entry:
    """One question of one caller: `subject` is a pseudonym, `version` the dataset's; `people` is
    how many it holds, `turnover` how many have come and gone in all batches, `among` of how many it
    is asked, where not of all."""

    subject: str
    dataset: str
    question: bytes
    version: str
    people: int
    turnover: int
    among: int | None = None

    @property
    def crowd(self) -> int:
        """How many people could have made the answer «yes»."""
        return self.people if self.among is None else min(self.among, self.people)


@dataclass(frozen=True, slots=True)
class _Line:
    answer: bool
    turnover: int


@dataclass(frozen=True, slots=True)
class _Account:
    account: int
    stamp: int
    singles: int
    near: int
    alarm: int


@dataclass(frozen=True, slots=True)
class _Asked:
    entry: Entry
    frequency: float
    most: int  # billionths of a nat
    now: int
    enforced: bool


class Ledger:
    """The ledger of one node, in its control database. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # A line never changes under its batch, so what was read once need not be read again.
        self._remembered: dict[tuple[str, str, bytes], _Line] = {}
        self._balances: dict[int, tuple[int, Spent]] = {}  # by account, with its stamp

    def presence(
        self,
        entry: Entry,
        *,
        frequency: float,
        allowance: float,
        carriers: Callable[[], Sequence[int]],
        now: int,
        enforced: bool = True,
    ) -> bool:
        """Whether anybody who can still pay for the answer makes it «yes», once they have paid.
        `carriers` are asked for only where no line answers; without `enforced` everybody is
        counted, and what it cost is only noted."""
        key = entry.subject, entry.dataset, entry.question
        known = self._remembered.get(key)
        if known is not None and known.turnover == entry.turnover:
            return known.answer
        charged: tuple[_Account, Spent] | None = None
        with self._database.charging() as charging:
            account, line = _found(charging, entry)
            if line is None or abs(entry.turnover - line.turnover) >= MIN_BATCH:
                asked = _Asked(entry, frequency, billionths(allowance), now, enforced)
                line, charged = self._answered(charging, account, asked, line, carriers=carriers)
        # Only what is committed is remembered: its stamp may be given to another charge otherwise.
        if charged is not None:
            self._keep(*charged)
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = _Line(line.answer, entry.turnover)
        return line.answer

    def _answered(
        self,
        charging: Charging,
        account: _Account,
        asked: _Asked,
        before: _Line | None,
        *,
        carriers: Callable[[], Sequence[int]],
    ) -> tuple[_Line, tuple[_Account, Spent] | None]:
        """The line, and what the account is once the answer is charged to it."""
        entry, most = asked.entry, asked.most
        crowd = entry.crowd
        if before is not None:
            crowd = min(crowd, abs(entry.turnover - before.turnover))
        spent = self._balance(charging, account)
        cost = billionths(_fair_price(asked.frequency, crowd, spent=spent, most=most))
        if asked.enforced:
            payers = spent.able(carriers(), cost=cost, allowance=most)
        else:
            payers = distinct(carriers())
        line = _Line(bool(len(payers)), entry.turnover)
        charged = None
        if line.answer:
            spent = spent.charged(payers, cost)
            account = _charged(account, spent, asked, alone=len(payers) == 1)
            charging.run(
                _CHARGE,
                account=account.account,
                stamp=account.stamp,
                singles=account.singles,
                near=account.near,
                alarm=account.alarm,
                packed=spent.packed(),
            )
            charged = account, spent
        charging.run(
            _NOTE,
            account=account.account,
            question=entry.question,
            answer=line.answer,
            turnover=line.turnover,
            at=asked.now,
        )
        return line, charged

    def _balance(self, charging: Charging, account: _Account) -> Spent:
        known = self._balances.get(account.account)
        if known is not None and known[0] == account.stamp:
            return known[1]
        packed = charging.run(_PACKED, account=account.account).fetchone()
        spent = Spent.unpacked(bytes(packed[0])) if packed else Spent.nothing()
        self._keep(account, spent)
        return spent

    def _keep(self, account: _Account, spent: Spent) -> None:
        if len(self._balances) >= MAX_BALANCES:
            self._balances.clear()
        self._balances[account.account] = account.stamp, spent

    def may_count(self, entry: Entry, *, most: int, now: int) -> bool:
        """Whether this count is one of the `most` different ones that a caller gets of a dataset in
        COUNT_DAYS; a count that was given is given again."""
        with self._database.charging() as charging:
            whose = {"account": _found(charging, entry)[0].account}
            asked = {**whose, "question": entry.question}
            if charging.run(_FIND_COUNT, **asked).fetchone() is not None:
                return True
            since = now - COUNT_DAYS * _DAY
            (given,) = charging.run(_COUNTS, **whose, since=since).fetchone()
            if given >= most:
                return False
            charging.run(_COUNT, **asked, at=now)
        return True

    def sweep(self, now: int, *, most_lines: int = MAX_LINES) -> int:
        """Forgets old lines, account by account, so that the ledger stays bounded and nobody waits
        long; what was spent stays spent, so a question asked again after that costs again. Returns
        how many went."""
        with self._database.looking() as connection:
            accounts = [number for (number,) in connection.exec_driver_sql(_ACCOUNTS)]
        gone = 0
        for account in accounts:
            with self._database.charging() as charging:
                before = now - KEEP_DAYS * _DAY
                whose = {"account": account}
                gone += charging.run(_FORGET, **whose, before=before).rowcount
                beyond = charging.run(_NEWEST, **whose, most=most_lines).fetchone()
                if beyond is not None:
                    gone += charging.run(_FORGET, **whose, before=beyond[0] + 1).rowcount
                since = now - COUNT_DAYS * _DAY
                gone += charging.run(_FORGET_COUNTS, **whose, before=since).rowcount
        self._remembered.clear()
        return gone

    def balances(self, dataset: str) -> dict[str, Spent]:
        """What each caller has spent of the people of a dataset, for the risk report."""
        with self._database.looking() as connection:
            statement = select(AccountRow.subject, AccountRow.packed)
            rows = connection.execute(
                statement.where(AccountRow.dataset == dataset, AccountRow.packed != b"")
            )
            return {subject: Spent.unpacked(packed) for subject, packed in rows}


# Text, since making statements of objects costs more than running them.
_FIND = (
    "SELECT a.account, a.stamp, a.singles, a.near, a.alarm, l.answer, l.turnover "
    "FROM privacy_account a "
    "LEFT JOIN privacy_answer l ON l.account = a.account AND l.question = :question "
    "WHERE a.subject = :subject AND a.dataset = :dataset"
)
_OPEN = (
    "INSERT INTO privacy_account (subject, dataset, stamp, singles, near, alarm, packed) "
    "VALUES (:subject, :dataset, 0, 0, 0, 0, :packed) RETURNING account"
)
_PACKED = "SELECT packed FROM privacy_account WHERE account = :account"
_CHARGE = (
    "UPDATE privacy_account SET packed = :packed, stamp = :stamp, singles = :singles, "
    "near = :near, alarm = :alarm WHERE account = :account"
)
_NOTE = (
    "INSERT INTO privacy_answer (account, question, answer, turnover, at) "
    "VALUES (:account, :question, :answer, :turnover, :at) "
    "ON CONFLICT (account, question) DO UPDATE SET answer = excluded.answer, "
    "turnover = excluded.turnover, at = excluded.at"
)
_FIND_COUNT = "SELECT at FROM privacy_count WHERE account = :account AND question = :question"
_COUNTS = "SELECT count(*) FROM privacy_count WHERE account = :account AND at >= :since"
_COUNT = (
    "INSERT INTO privacy_count (account, question, at) VALUES (:account, :question, :at) "
    "ON CONFLICT (account, question) DO UPDATE SET at = excluded.at"
)
_ACCOUNTS = "SELECT account FROM privacy_account"
_FORGET = "DELETE FROM privacy_answer WHERE account = :account AND at < :before"
_NEWEST = (
    "SELECT at FROM privacy_answer WHERE account = :account ORDER BY at DESC LIMIT 1 OFFSET :most"
)
_FORGET_COUNTS = "DELETE FROM privacy_count WHERE account = :account AND at < :before"


def _found(charging: Charging, entry: Entry) -> tuple[_Account, _Line | None]:
    """The account, opened where there is none, and what was answered before."""
    whose = {"subject": entry.subject, "dataset": entry.dataset}
    row = charging.run(_FIND, **whose, question=entry.question).fetchone()
    if row is None:
        (number,) = charging.run(_OPEN, **whose, packed=b"").fetchone()
        return _Account(number, 0, 0, 0, 0), None
    *account, answer, turnover = row
    return _Account(*account), None if turnover is None else _Line(bool(answer), turnover)


def _charged(account: _Account, spent: Spent, asked: _Asked, *, alone: bool) -> _Account:
    """Where prices are only noted, it is told when ten times as many as before were asked about
    alone, or brought near the end of what an allowance would be."""
    if asked.enforced:
        return replace(account, stamp=account.stamp + 1)
    singles, near = account.singles + alone, spent.beyond(int(NEAR * asked.most))
    told = _digits(near) > _digits(account.near) or (
        singles >= SINGLES and _digits(singles) > _digits(account.singles)
    )
    alarm = asked.now if told else account.alarm
    return _Account(account.account, account.stamp + 1, singles, near, alarm)


def _digits(number: int) -> int:
    return len(str(number)) if number else 0


def _fair_price(frequency: float, crowd: int, *, spent: Spent, most: int) -> float:
    """Of a «yes» among those who can pay it: who ran out can't have made it one, and the fewer
    are left the more it tells of them."""
    nats = price(frequency, crowd)
    for _ in range(4):
        left = crowd - spent.beyond(most - billionths(nats))
        again = price(frequency, left)
        if again == nats:
            break
        nats = again
    return nats
