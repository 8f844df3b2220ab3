"""Every file of ours that may be YAML is read by one reader, and hostile text stops at it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from access.errors import PolicyInvalid
from access.policies import file
from beacon.errors import SourceRefused
from beacon.loading import mapping
from gateway.errors import Exit
from passports import trust
from passports.errors import BadTrustFile
from tests.support.command import skerry

ROOT = Path(__file__).resolve().parents[2]
CHOKERS = (
    b"[" * 50_000,
    b"{a: " * 50_000,
    b"- " * 50_000,
    b"version: 2024-13-45",
    b"version: !!timestamp x",
    b"version: !!int x",
    b"version: !!float x",
    b"version: !!bool 1",
    b"version: !!binary \xc3\xa9",
    b"version: " + b"9" * 9_000,
    b'version: "\\ud800"',
    b"&a [*a]",
    b"&a {b: *a}",
    b"? [a]\n: b",
    b"<<: 1",
    b"\0",
    b"\xff\xfe\x00",
    b"!!python/object/apply:os.getcwd []",
    b"version: 1\nversion: 2",
)


def _policy(path: Path) -> None:
    with pytest.raises(PolicyInvalid):
        file.load_policies(path, public_url="https://node.example.org")


def _trust(path: Path) -> None:
    with pytest.raises(BadTrustFile):
        trust.load(path)


def _mapping(path: Path) -> None:
    with pytest.raises(SourceRefused):
        mapping.read(path)


def _terms(path: Path) -> None:
    ran = skerry("duo", "lint", path)
    assert ran.code == Exit.BAD_INPUT
    assert path.name in ran.err


@pytest.mark.parametrize("text", CHOKERS, ids=lambda text: repr(text[:24]))
@pytest.mark.parametrize("refused", [_policy, _trust, _mapping, _terms])
def test_hostile_text_is_refused_by_every_reader_and_nothing_else(
    refused: Callable[[Path], None], text: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "given.yaml"
    path.write_bytes(text)
    refused(path)


def test_nothing_else_of_ours_reads_yaml() -> None:
    reading = re.compile(r"yaml\.(?:safe_load|load|full_load|unsafe_load|compose|\w*Loader)\b")
    rooms = [path.parent for path in ROOT.glob("*/__init__.py")]
    assert len(rooms) > 8
    found = [
        path.relative_to(ROOT).as_posix()
        for room in rooms
        for path in sorted(room.rglob("*.py"))
        if reading.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["schemas/yaml_text.py"]
