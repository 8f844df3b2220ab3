"""The units that are shipped: sound for systemd, and with options that our processes have."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from streams import agent, slicer

UNITS = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
NAMES = ["skerry-keys.service", "skerry-slicer@.service", "skerry.service"]
_PYTHON = re.compile(r"/usr/lib/skerry/bin/(python|skerry)")


def unit(name: str) -> ConfigParser:
    parsed = ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]  # systemd's are not lower
    parsed.read_string((UNITS / name).read_text().replace("\\\n", " "))
    return parsed


def test_the_units_are_these() -> None:
    assert sorted(path.name for path in UNITS.iterdir()) == NAMES


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    for name in NAMES:
        text = _PYTHON.sub(sys.executable, (UNITS / name).read_text())
        (tmp_path / name).write_text(text)
    started = [tmp_path / name.replace("@", "@0") for name in NAMES]
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *started],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    own = [line for line in checked.stderr.splitlines() if "skerry" in line]
    assert (checked.returncode, own) == (0, [])


@pytest.mark.parametrize("name", NAMES)
def test_every_unit_is_hardened(name: str) -> None:
    service = unit(name)["Service"]
    assert service["NoNewPrivileges"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert service["ProtectSystem"] == "strict"
    assert service["LimitCORE"] == "0"
    assert service["UMask"] == "0077"


@pytest.mark.parametrize("name", NAMES[:2])
def test_who_holds_keys_has_no_network_and_sees_the_vault_alone(name: str) -> None:
    service = unit(name)["Service"]
    assert service["PrivateNetwork"] == "yes"
    assert service["RestrictAddressFamilies"] == "AF_UNIX"
    assert service["TemporaryFileSystem"] == "/var/lib/skerry:ro"
    assert service["BindReadOnlyPaths"] == "/var/lib/skerry/vault"


def test_each_process_has_a_user_of_its_own_and_only_one_reaches_the_key() -> None:
    users = [unit(name)["Service"]["User"] for name in NAMES]
    assert len(set(users)) == 3
    with_key = [name for name in NAMES if "storage.sec" in unit(name)["Service"]["ExecStart"]]
    assert with_key == ["skerry-keys.service"]
    assert unit("skerry.service")["Service"]["InaccessiblePaths"] == "/var/lib/skerry-keys"


@pytest.mark.parametrize(("name", "program"), [(NAMES[0], agent), (NAMES[1], slicer)])
def test_the_options_are_those_of_the_process(
    name: str, program: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    python, minus, module, *options = shlex.split(unit(name)["Service"]["ExecStart"])
    assert (python, minus) == ("/usr/lib/skerry/bin/python", "-m")
    assert module == getattr(program, "__name__")  # noqa: B009 - of a module, for the types
    with pytest.raises(SystemExit):
        program.main([*options, "--no-such-option"])  # type: ignore[attr-defined]
    said = capsys.readouterr().err
    assert "unrecognized arguments: --no-such-option" in said
