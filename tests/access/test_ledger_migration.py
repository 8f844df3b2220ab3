"""A ledger of before accounts comes up with every answer, every balance and every count."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from access.database import Database
from access.migrations import upgrade
from access.privacy.ledger import Entry, Ledger
from access.privacy.spent import Spent

NOW = 1_800_000_000


@pytest.fixture(params=["sqlite", "postgresql"])
def url(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'control.db'}"
    else:
        yield request.getfixturevalue("postgresql").new_database()


def never() -> Sequence[int]:
    raise AssertionError("the data were asked")


def test_lines_balances_and_counts_come_along(url: str) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    packed = Spent.nothing().charged(Spent.nothing().able([7], cost=1, allowance=2), 1).packed()
    with engine.begin() as connection:
        command.upgrade(upgrade.config(connection), "0005")
        for subject in ("p-rosa", "p-ruth"):
            connection.execute(
                text("INSERT INTO privacy_line VALUES (:who, 'd', :asked, :yes, '1', 900, :at)"),
                {"who": subject, "asked": b"q", "yes": subject == "p-rosa", "at": NOW},
            )
        connection.execute(
            text("INSERT INTO privacy_spent VALUES ('p-rosa', 'd', :packed)"), {"packed": packed}
        )
        connection.execute(
            text("INSERT INTO privacy_counted VALUES ('p-rita', 'd', :asked, :at)"),
            {"asked": b"c", "at": NOW},
        )
    engine.dispose()
    database = Database(url)
    ledger = Ledger(database)
    for subject, answer in (("p-rosa", True), ("p-ruth", False)):
        entry = Entry(subject, "d", b"q", "2", 900, 949)
        told = ledger.presence(entry, frequency=0.1, allowance=math.log(2), carriers=never, now=NOW)
        assert told is answer
    assert {who: spent.packed() for who, spent in ledger.balances("d").items()} == {
        "p-rosa": packed
    }
    counted = Entry("p-rita", "d", b"c", "1", 900, 900)
    assert ledger.may_count(counted, most=1, now=NOW)
    assert not ledger.may_count(Entry("p-rita", "d", b"e", "1", 9, 9), most=1, now=NOW)
    database.close()
