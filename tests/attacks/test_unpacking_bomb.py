"""Threat: a small gzip file of records that unpacks to more than the memory."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from beacon import records
from beacon.records import Problems, read_entity
from gateway import demo_data
from gateway.errors import LoadRefused

MIB = 1024 * 1024


@pytest.fixture
def bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """32 MiB of blanks in some 32 KiB, where 1 MiB and a hundredfold are allowed."""
    monkeypatch.setattr(records, "FREE_EXPANSION_BYTES", MIB)
    path = tmp_path / "individuals.json.gz"
    path.write_bytes(gzip.compress(b"[" + b" " * (32 * MIB) + b"]"))
    return path


def test_a_bomb_is_refused_by_name_before_it_is_unpacked(bomb: Path) -> None:
    problems = Problems()
    tracemalloc.start()
    try:
        assert read_entity("individuals", bomb, problems).records == ()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * MIB
    assert "individuals.json.gz: expected a gzip file that unpacks to" in str(problems.found[0])
    assert "give the file unpacked" in str(problems.found[0])


def test_the_demo_refuses_a_bomb_by_name(bomb: Path) -> None:
    with pytest.raises(LoadRefused, match=r"individuals\.json\.gz.*unpacks to"):
        demo_data.from_folder(bomb.parent, bomb.parent, nodes=1, say=lambda _: None)


def test_the_cap_of_all_json_holds_without_gzip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_JSON_BYTES", 10)
    path = tmp_path / "individuals.json"
    path.write_text("[           ]")
    problems = Problems()
    assert read_entity("individuals", path, problems).records == ()
    assert "at most 10 bytes of JSON" in str(problems.found[0])


@pytest.mark.parametrize("depth", [200, 900, 970, 990, 2_000, 200_000])
def test_endless_nesting_is_a_problem_or_a_record_never_a_crash(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "individuals.json"
    path.write_text('[{"id": "P1", "info": ' + "[" * depth + "]" * depth + "}]")
    problems = Problems()
    kept = read_entity("individuals", path, problems).records
    assert bool(kept) != bool(problems.found)
    assert depth < 1_000 or "nested too deep" in str(problems.found[0])


def test_genuine_gzip_is_read(tmp_path: Path) -> None:
    path = tmp_path / "individuals.json.gz"
    path.write_bytes(gzip.compress(b'[{"id": "P1"}]'))
    problems = Problems()
    assert read_entity("individuals", path, problems).ids() == {"P1"}
    assert not problems.found
