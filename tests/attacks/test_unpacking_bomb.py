"""Threat: a small gzip file of records that unpacks to more than the memory."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from beacon.loading import records
from beacon.loading.people_files import PeopleFiles, stage
from beacon.loading.records import Problems, Record
from beacon.loading.staging import Staging
from gateway.demo import data
from gateway.errors import LoadRefused

MIB = 1024 * 1024


def read(path: Path) -> tuple[list[Record], Problems]:
    problems = Problems()
    with Staging() as staging:
        stage(PeopleFiles(bff={"individual": path}), staging=staging, problems=problems)
        return list(staging.records("individual")), problems


@pytest.fixture
def bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """32 MiB of blanks in some 32 KiB, where 1 MiB and a hundredfold are allowed."""
    monkeypatch.setattr(records, "FREE_EXPANSION_BYTES", MIB)
    path = tmp_path / "individuals.json.gz"
    path.write_bytes(gzip.compress(b"[" + b" " * (32 * MIB) + b"]"))
    return path


def test_a_bomb_is_refused_by_name_before_it_is_unpacked(bomb: Path) -> None:
    tracemalloc.start()
    try:
        kept, problems = read(bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert kept == []
    assert peak < 4 * MIB
    assert "individuals.json.gz: expected a gzip file that unpacks to" in str(problems.found[0])
    assert "give the file unpacked" in str(problems.found[0])


def test_the_demo_refuses_a_bomb_by_name(bomb: Path) -> None:
    with pytest.raises(LoadRefused, match=r"individuals\.json\.gz.*unpacks to"):
        data.from_folder(bomb.parent, bomb.parent, nodes=1, say=lambda _: None)


def test_the_cap_of_all_json_holds_without_gzip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_JSON_BYTES", 10)
    path = tmp_path / "individuals.json"
    path.write_text("[           ]")
    kept, problems = read(path)
    assert kept == []
    assert "at most 10 bytes of JSON" in str(problems.found[0])


@pytest.mark.parametrize("depth", [200, 900, 970, 990, 2_000, 200_000])
def test_endless_nesting_is_a_problem_or_a_record_never_a_crash(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "individuals.json"
    path.write_text('[{"id": "P1", "info": ' + "[" * depth + "]" * depth + "}]")
    kept, problems = read(path)
    assert bool(kept) != bool(problems.found)
    # How deep it goes is Python's: 3.13 reads a few thousand.
    assert depth < 10_000 or "nested too deep" in str(problems.found[0])


def test_genuine_gzip_is_read(tmp_path: Path) -> None:
    path = tmp_path / "individuals.json.gz"
    path.write_bytes(gzip.compress(b'[{"id": "P1"}]'))
    kept, problems = read(path)
    assert [record["id"] for record in kept] == ["P1"]
    assert not problems.found


def test_a_dense_file_is_never_held_whole(tmp_path: Path) -> None:
    """2 MiB of empty lists, which as Python objects would take some 20 times as much."""
    path = tmp_path / "individuals.json"
    with path.open("w") as file:
        file.write("[")
        for number in range(20):
            dense = ",".join("[]" for _ in range(35_000))
            file.write(f'{"," if number else ""}{{"id": "P{number}", "info": [{dense}]}}')
        file.write("]")
    problems = Problems()
    tracemalloc.start()
    try:
        with Staging(tmp_path) as staging:
            stage(PeopleFiles(bff={"individual": path}), staging=staging, problems=problems)
            assert staging.count("individual") == 20
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * MIB


def test_one_endless_record_is_refused_before_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_RECORD_CHARACTERS", 100_000)
    path = tmp_path / "individuals.json"
    path.write_text('[{"id": "P1", "info": "' + "x" * (8 * MIB) + '"}]')
    kept, problems = read(path)
    assert kept == []
    assert "at most 100000 characters" in str(problems.found[0])
    assert problems.fatal
