"""What is kept for a number: for who has it, in every process, until it ends, and in no copy."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from passports.errors import KeptUnavailable
from passports.kept import Kept

NUMBER = "n" * 43


@pytest.fixture(params=["memory", "file"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    return Kept(tmp_path / "kept.db" if request.param == "file" else None)


def put(kept: Kept, number: str = NUMBER, value: bytes = b"token", **given: object) -> None:
    stated = {"owner": "rosa", "expires": 100.0, "now": 0.0, "most": 5} | given
    kept.put("session", number, value, **stated)  # type: ignore[arg-type]  # one of each by name


def test_it_is_there_until_it_expires_and_for_its_kind_only(kept: Kept) -> None:
    put(kept)
    assert kept.get("session", NUMBER, now=99) == b"token"
    assert kept.get("session", NUMBER, now=100) is None
    assert kept.get("bearer", NUMBER, now=0) is None
    assert kept.get("session", NUMBER[:-1], now=0) is None
    assert kept.get("session", "", now=0) is None
    assert kept.get("session", "\udcff", now=0) is None


def test_it_is_extended_dropped_and_taken_once(kept: Kept) -> None:
    put(kept)
    kept.extend("session", NUMBER, expires=200)
    assert kept.get("session", NUMBER, now=150) == b"token"
    assert kept.drop("session", NUMBER)
    assert not kept.drop("session", NUMBER)
    put(kept)
    assert kept.take("session", NUMBER, now=0) == b"token"
    assert kept.take("session", NUMBER, now=0) is None
    put(kept)
    assert kept.take("session", NUMBER, now=100) is None


def test_the_oldest_make_room_and_nobody_elses(kept: Kept) -> None:
    put(kept, "dora", owner="dora")
    for number in "abc":
        put(kept, number, most_of_owner=2)
    assert [kept.get("session", n, now=0) is not None for n in ("a", "b", "c", "dora")] == [
        False, True, True, True,
    ]  # fmt: skip
    for number in "defg":
        put(kept, number, most=4)
    assert kept.get("session", "dora", now=0) is None
    assert kept.size("session", now=0) == 4 * len(b"token")
    assert kept.size("session", now=100) == 0


def test_a_person_is_dropped_everywhere(kept: Kept) -> None:
    put(kept, "a")
    put(kept, "b", owner="dora")
    kept.drop_owner("session", "rosa")
    assert kept.get("session", "a", now=0) is None
    assert kept.get("session", "b", now=0) == b"token"


def test_two_processes_share_one_file_and_nobody_else_may(tmp_path: Path) -> None:
    one, other = Kept(tmp_path / "kept.db"), Kept(tmp_path / "kept.db")
    put(one)
    assert other.get("session", NUMBER, now=0) == b"token"
    assert other.drop("session", NUMBER)
    assert one.get("session", NUMBER, now=0) is None
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_only_one_of_many_takes_it(tmp_path: Path) -> None:
    put(Kept(tmp_path / "kept.db"))
    taken: list[bytes | None] = []

    def take() -> None:
        taken.append(Kept(tmp_path / "kept.db").take("session", NUMBER, now=0))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken, key=bool) == [None] * 7 + [b"token"]


def test_neither_number_nor_value_nor_owner_stands_in_the_file(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.db")
    put(kept, value=b"secret-token-of-rosa", owner="rosa@broker")
    kept.close()
    for path in tmp_path.iterdir():
        held = path.read_bytes()
        assert not any(word in held for word in (NUMBER.encode(), b"secret", b"rosa", b"broker"))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept.db").write_bytes(b"not a database" * 100)
    with pytest.raises(KeptUnavailable):
        Kept(tmp_path / "kept.db")


def test_what_is_not_written_is_not_there(kept: Kept) -> None:
    put(kept)
    with pytest.raises(KeptUnavailable):
        put(kept)  # the same number again
    assert kept.get("session", NUMBER, now=0) == b"token"
