"""The engine is what its lock file says, or it is not there."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.command import skerry
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


HASH = "    --hash=sha256:" + "0" * 64
MORE = f"threadpoolctl==3.8.0 \\\n{HASH} \\\n{HASH}\n"


def second(folder: Path, text: str) -> Path:
    path = folder / "more.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text", [MORE, "# of ours\n\n" + MORE, MORE + MORE.replace("3.8.0", "3.9")]
)
def test_a_second_lock_file_is_another_environment(tmp_path: Path, text: str) -> None:
    more = environment.read_more(second(tmp_path, text))
    assert (
        len({environment.digest(), environment.digest(more), environment.digest(more + b"\n")}) == 3
    )
    assert environment.digest(b"") == environment.digest()


def test_the_engine_s_own_lock_file_is_of_that_form() -> None:
    assert environment.read_more(environment.LOCK) == environment.LOCK.read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "", "# nothing\n", "threadpoolctl==3.8.0\n", f"threadpoolctl>=3 \\\n{HASH}\n",
        f"--index-url https://elsewhere.example\n{MORE}", f"-r other.txt\n{MORE}",
        f"-e .\n{MORE}", f"--find-links /tmp\n{MORE}", f"--no-binary :all:\n{MORE}",
        f"own @ https://elsewhere.example/own.whl \\\n{HASH}\n", MORE.replace("sha256", "md5"),
        f"threadpoolctl==3.8.0 --global-option=x \\\n{HASH}\n", MORE.replace("0" * 64, "0" * 63),
        f"threadpoolctl==3.8.0 ; python_version > '3' --global-option=x \\\n{HASH}\n",
        f"threadpoolctl==3.8.0 ; x @ y \\\n{HASH}\n", MORE + "\u00e9\n", MORE * 10_000,
    ],
)  # fmt: skip
def test_a_second_lock_file_says_nothing_but_packages_and_their_hashes(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(EngineAbsent, match="lock file"):
        environment.read_more(second(tmp_path, text))


def test_an_absent_second_lock_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineAbsent, match="cannot be read"):
        environment.read_more(tmp_path / "nothing")


def test_an_engine_is_known_by_both_of_its_lock_files(tmp_path: Path) -> None:
    more = MORE.encode()
    (tmp_path / "more.lock").write_bytes(more)
    mark = json.dumps({"environment": environment.digest(more)})
    (tmp_path / "installed.json").write_text(mark)
    assert environment.find(tmp_path).digest == environment.digest(more)
    (tmp_path / "more.lock").write_bytes(more + b"\n")
    with pytest.raises(EngineAbsent, match="another release"):
        environment.find(tmp_path)
    (tmp_path / "more.lock").unlink()
    with pytest.raises(EngineAbsent, match="another release"):
        environment.find(tmp_path)


def test_the_digest_a_committee_sees_is_that_of_both(tmp_path: Path) -> None:
    ran = skerry("fl", "check", "template", "--with", second(tmp_path, MORE))
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["environment"] == environment.digest(MORE.encode())
    refused = skerry("fl", "check", "template", "--with", second(tmp_path, "x==1\n"))
    assert refused.code != 0
    assert "not a lock file" in refused.err
