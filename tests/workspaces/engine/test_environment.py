"""The engine is what its lock file says, or it is not there."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.engine import engine
from workspaces.engine import environment
from workspaces.errors import EngineAbsent


def lines() -> list[str]:
    return environment.LOCK.read_text().splitlines()


def test_every_package_is_pinned_and_every_file_has_a_hash() -> None:
    pinned = [line for line in lines() if "==" in line and not line.startswith("#")]
    assert any(line.startswith("flwr==1.29.0 ") for line in pinned)
    assert all(line.endswith("\\") for line in pinned), "a package without a hash"
    rest = [line for line in lines() if line not in pinned and not line.startswith("#")]
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in rest)


def test_the_lock_names_no_index_and_no_address() -> None:
    assert not [line for line in lines() if "://" in line or "index" in line.lower()]


def test_the_environment_digest_is_that_of_the_lock_file() -> None:
    assert environment.digest() == hashlib.sha256(environment.LOCK.read_bytes()).hexdigest()


def test_without_an_engine_the_message_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(EngineAbsent, match="skerry workspace install-engine"):
        environment.find(tmp_path / "nothing")


def test_the_engine_of_another_lock_file_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "installed.json").write_text(json.dumps({"environment": "0" * 64}))
    with pytest.raises(EngineAbsent, match="another release"):
        environment.find(tmp_path)


@pytest.mark.parametrize("mark", ["", "[]", "{", '{"environment": 1}'])
def test_a_broken_mark_is_no_engine(tmp_path: Path, mark: str) -> None:
    (tmp_path / "installed.json").write_text(mark)
    with pytest.raises(EngineAbsent):
        environment.find(tmp_path)


def test_a_folder_of_something_else_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(EngineAbsent, match="something else"):
        environment.install(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_the_place_can_be_stated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(environment.PLACE, str(tmp_path))
    assert environment.place() == tmp_path


def test_installing_what_is_there_does_nothing_again() -> None:
    there = engine()
    assert environment.install(there.folder) == there


def test_the_installed_engine_is_the_pinned_one_and_reads_variants() -> None:
    found = engine()
    script = "import flwr.supercore.version as v, cyvcf2, numpy, scipy; print(v.package_version)"
    quiet = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
    said = subprocess.run(
        [found.python, "-c", script], capture_output=True, text=True, check=True, env=quiet
    )
    assert said.stdout.strip() == "1.29.0"
