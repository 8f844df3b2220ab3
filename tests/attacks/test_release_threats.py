"""Every row of the threat table in docs/release.md names files of tests, and they exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "release.md"
ROWS = [
    line
    for line in PAGE.read_text(encoding="utf-8").partition("## Threats")[2].splitlines()
    if line.startswith("| ") and not line.startswith("| attack |")
]


def test_the_table_is_whole() -> None:
    assert len(ROWS) == 17


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_every_threat_has_a_file_of_tests(row: str) -> None:
    named = re.findall(r"`(test_[a-z0-9_]+)`", row.split("|")[3])
    assert named
    for module in named:
        (found,) = [*HERE.glob(f"{module}.py"), *(HERE.parent / "faults").glob(f"{module}.py")]
        assert "def test_" in found.read_text(encoding="utf-8")
