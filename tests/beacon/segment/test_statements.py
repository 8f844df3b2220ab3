"""One connection for many threads: each gets the rows of its own statement, and it is let go."""

from __future__ import annotations

import gc
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from beacon.segment.statements import Statements

NUMBERS = 2_000
THREADS = 8


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a?b#c%20.segment"  # what an address would read otherwise
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE squares (number INTEGER PRIMARY KEY, square INTEGER)")
    db.executemany("INSERT INTO squares VALUES (?, ?)", ((n, n * n) for n in range(NUMBERS)))
    db.commit()
    db.close()
    return path


@pytest.fixture
def ask(file: Path) -> Iterator[Statements]:
    made = Statements(file)
    yield made
    made.close()


def test_threads_that_ask_the_same_statement_get_their_own_rows(ask: Statements) -> None:
    """Without turns Python 3.12 and 3.13 give one thread another's rows here."""
    sql = "SELECT number, square FROM squares WHERE number >= ? AND number < ? + 3"

    def asked(begin: int) -> bool:
        numbers = range(begin, min(begin + 3, NUMBERS))
        return ask(sql, begin, begin) == [(n, n * n) for n in numbers]

    with ThreadPoolExecutor(THREADS) as threads:
        assert all(threads.map(asked, list(range(NUMBERS)) * 2))


def test_a_statement_waits_for_the_one_before(ask: Statements) -> None:
    found: list[object] = []
    with ask._turn:
        other = threading.Thread(target=lambda: found.extend(ask("SELECT 1")))
        other.start()
        other.join(0.2)
        assert not found
    other.join(600)
    assert found == [(1,)]


def test_a_number_beyond_what_sqlite_binds_is_beyond_every_row(ask: Statements) -> None:
    sql = "SELECT count(*) FROM squares WHERE number < ?"
    assert ask(sql, 2**80) == [(NUMBERS,)]
    assert ask(sql, -(2**80)) == [(0,)]


def test_the_file_is_only_read(ask: Statements) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        ask("DELETE FROM squares")


def test_the_file_is_let_go_with_whoever_used_it_last(file: Path) -> None:
    ask = Statements(file)
    gc.disable()
    try:
        assert _open(file)
        del ask
        assert not _open(file)
    finally:
        gc.enable()


def _open(file: Path) -> list[Path]:
    return [one for one in Path("/proc/self/fd").iterdir() if one.resolve() == file.resolve()]
