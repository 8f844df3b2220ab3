"""The wheel contains what it needs and nothing else; every name it installs has one owner."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {
    "access", "beacon", "duo", "gateway", "passports", "portal", "schemas", "streams", "workspaces",
}  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return zipfile.ZipFile(next(out.glob("skerry-*.whl")))


def test_the_wheel_holds_the_rooms_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == ROOMS


def test_the_wheel_holds_templates_and_assets(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    for room in ("portal", "gateway"):
        for path in (ROOT / room / "pages").rglob("*"):
            if path.suffix in {".html", ".css", ".js", ".svg", ".po"}:
                assert str(path.relative_to(ROOT)) in names


def test_each_of_our_import_names_has_one_owner() -> None:
    owners = importlib.metadata.packages_distributions()
    for room in ROOMS:
        assert set(owners.get(room, ["skerry"])) == {"skerry"}, room


def test_no_neighbour_installs_a_file_into_our_rooms() -> None:
    for distribution in importlib.metadata.distributions():
        if distribution.metadata["Name"].lower() == "skerry":
            continue
        tops = {Path(str(file)).parts[0] for file in distribution.files or () if file.parts}
        assert not tops & ROOMS, distribution.metadata["Name"]
