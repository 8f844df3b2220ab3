"""What the ledger costs a protected answer, at a million lines."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from access.database import Database
from access.privacy.ledger import Entry, Ledger

GOAL_MS = 0.15
_CALLERS, _ROUNDS = 200, 5


def cost(scratch: Path, *, lines: int) -> str:
    """Processor time of the ledger's part of an answer, at so many lines of 200 callers."""
    database = Database(f"sqlite:///{scratch / 'cost.db'}")
    with database.writing() as session:
        connection = session.connection()
        for account in range(_CALLERS):
            connection.exec_driver_sql(
                "INSERT INTO privacy_account "
                "(account, subject, dataset, stamp, singles, near, alarm, packed) "
                "VALUES (?, ?, 'd', 0, 0, 0, 0, x'')",
                (account, f"p-{account}"),
            )
        for begin in range(0, lines, 50_000):
            rows = [
                (n % _CALLERS, os.urandom(20), False, 1000, 0)
                for n in range(begin, min(begin + 50_000, lines))
            ]
            connection.exec_driver_sql(
                "INSERT INTO privacy_answer (account, question, answer, turnover, at) "
                "VALUES (?, ?, ?, ?, ?)",
                rows,
            )
    ledger, entry = Ledger(database), Entry("", "d", b"", "1", 1000, 1000)

    def asked(carriers: Callable[[], Sequence[int]], *, first: int = 0) -> float:
        """Milliseconds a question, of the round that a busy machine disturbed least."""
        rounds = []
        for begin in range(first, first + _ROUNDS * _CALLERS, _CALLERS):
            begun = time.process_time()
            for number in range(begin, begin + _CALLERS):
                ledger.presence(
                    replace(entry, subject=f"p-{number % _CALLERS}", question=b"%d" % number),
                    frequency=0.001,
                    allowance=math.log(2),
                    carriers=carriers,
                    now=1,
                )
            rounds.append(1000 * (time.process_time() - begun) / _CALLERS)
        return min(rounds)

    charged, again = asked(lambda: [7, 11]), asked(lambda: [7, 11])
    absent = asked(list, first=_ROUNDS * _CALLERS)
    database.close()
    size = (scratch / "cost.db").stat().st_size
    missed = (charged + absent) / 2 > GOAL_MS
    return (
        f"ledger at {lines:,} lines: {charged:.2f} ms CPU for a «yes» that is charged, "
        f"{absent:.2f} ms for a «no», {again:.2f} ms for a question asked before "
        f"(goal {GOAL_MS} ms in the mean){'; missed' if missed else ''}; "
        f"{size / lines:.0f} bytes a line"
    )
