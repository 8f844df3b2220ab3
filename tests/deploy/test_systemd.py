"""The units that are shipped: sound for systemd, and with options that our processes have."""

from __future__ import annotations

import ctypes
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest

from portal.settings import PortalSettings
from streams import agent, slicer
from tests.support.command import skerry
from workspaces.errors import SandboxRefused
from workspaces.sandbox import probe

UNITS = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
NAMES = ["skerry-keys.service", "skerry-slicer@.service", "skerry.service"]
COORDINATOR, WORKSPACE = "skerry-federation.service", "skerry-workspace@.service"
PORTAL = "skerry-portal.service"
ALL = sorted([*NAMES, COORDINATOR, WORKSPACE, PORTAL])
HAS_SYSTEMD = shutil.which("systemd-analyze") is not None
needs_systemd = pytest.mark.skipif(not HAS_SYSTEMD, reason="there is no systemd-analyze")
_PYTHON = re.compile(r"/usr/lib/skerry/bin/(python|skerry)")


def unit(name: str) -> ConfigParser:
    parsed = ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]  # systemd's are not lower
    parsed.read_string((UNITS / name).read_text().replace("\\\n", " "))
    return parsed


def test_the_units_are_these() -> None:
    assert sorted(path.name for path in UNITS.iterdir()) == ALL


@needs_systemd
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    for name in ALL:
        text = _PYTHON.sub(sys.executable, (UNITS / name).read_text())
        (tmp_path / name).write_text(text)
    started = [tmp_path / name.replace("@", "@0") for name in ALL]
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *started],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    own = [line for line in checked.stderr.splitlines() if "skerry" in line]
    assert (checked.returncode, own) == (0, [])


@pytest.mark.parametrize("name", ALL)
def test_every_unit_is_hardened(name: str) -> None:
    service = unit(name)["Service"]
    bound = "CAP_NET_BIND_SERVICE" if name == COORDINATOR else ""
    assert service["NoNewPrivileges"] == "yes"
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == bound
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
    users = [unit(name)["Service"]["User"] for name in ALL]
    assert len(set(users)) == len(ALL)
    with_key = [name for name in ALL if "storage.sec" in unit(name)["Service"]["ExecStart"]]
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


# A workspace's supervisor makes a sandbox of its own


def _calls(words: list[str]) -> set[str]:
    """The names that a SystemCallFilter allows, sets taken apart as systemd does."""
    found: set[str] = set()
    for word in words:
        if not word.startswith("@"):
            found.add(word)
            continue
        told = subprocess.run(
            ["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True
        )
        members = [line.strip() for line in told.stdout.splitlines()[1:]]
        found |= _calls([one for one in members if one and not one.startswith("#")])
    return found


UNDER_THE_FILTER = """
import ctypes, os, sys
library = ctypes.CDLL("libseccomp.so.2")
library.seccomp_init.restype = ctypes.c_void_p
kept = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(0x00050000 | 1)))  # EPERM
for name in sys.argv[1].split():
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number >= 0:
        library.seccomp_rule_add_array(kept, ctypes.c_uint32(0x7FFF0000), number, 0, None)
assert library.seccomp_load(kept) == 0
from workspaces import sandbox
sandbox.probe()
"""


@needs_systemd
@pytest.mark.program("bwrap")
def test_bubblewrap_starts_under_the_system_calls_of_the_workspaces_unit() -> None:
    try:
        ctypes.CDLL("libseccomp.so.2")
        probe()
    except (OSError, SandboxRefused) as absent:
        pytest.skip(f"no filter can be tried here: {absent}")
    words = unit(WORKSPACE)["Service"]["SystemCallFilter"].split()
    allowed = _calls(words)
    for calls, expected in ((allowed, 0), (allowed - {"mount"}, 1)):
        ran = subprocess.run(
            [sys.executable, "-c", UNDER_THE_FILTER, " ".join(sorted(calls))],
            capture_output=True, text=True, check=False, cwd=UNITS.parents[1], timeout=600,
        )  # fmt: skip
        assert ran.returncode == expected, ran.stderr
        assert ("SandboxRefused" in ran.stderr) is bool(expected)


def test_the_workspaces_unit_leaves_what_a_sandbox_is_made_with() -> None:
    service = unit(WORKSPACE)["Service"]
    namespaces = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"}
    assert set(service["RestrictNamespaces"].split()) == namespaces
    assert "AF_NETLINK" in service["RestrictAddressFamilies"].split()
    # Each lays something over /proc, and then the kernel lets no user namespace mount its own.
    over_proc = {"ProtectKernelTunables", "ProtectKernelLogs", "ProtectProc", "ProcSubset",
                 "PrivateUsers", "ProtectHostname"}  # fmt: skip
    assert not over_proc & set(service)
    assert service["MemorySwapMax"] == "0"


def test_a_run_is_not_begun_at_boot_nor_again() -> None:
    parsed = unit(WORKSPACE)
    assert not parsed.has_section("Install")
    assert parsed["Service"]["Restart"] == "no"
    assert parsed["Service"]["KillMode"] == "mixed"


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("skerry.service", "ExecStart"),
        (PORTAL, "ExecStart"),
        (COORDINATOR, "ExecStart"),
        (WORKSPACE, "ExecStart"),
        (WORKSPACE, "ExecStopPost"),
    ],
)
def test_the_commands_are_ours(name: str, setting: str) -> None:
    words = shlex.split(unit(name)["Service"][setting].removeprefix("-"))
    assert words[0] == "/usr/lib/skerry/bin/skerry"
    told = skerry(*words[1:3], "--help")
    assert told.code == 0
    assert all(word in told.out for word in words[3:] if word.startswith("--"))


def test_the_portals_settings_that_are_told_write_only_where_its_unit_may() -> None:
    told = (UNITS.parents[1] / "docs" / "deploy.md").read_text(encoding="utf-8")
    _, _, told = told.partition("of the [settings](settings.md):\n\n")
    toml = "\n".join(line[4:] for line in told.partition("\n\n")[0].splitlines())
    settings = PortalSettings.model_validate(tomllib.loads(toml))
    assert settings.listened == 8100
    service = unit(PORTAL)["Service"]
    own = Path("/var/lib") / service["StateDirectory"]
    kept = (settings.nodes_file, settings.health_file, settings.searches_file)
    assert [path.parent for path in kept if path] == [own] * 3
