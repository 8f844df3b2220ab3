"""Every row of the threat table in docs/trust.md names tests, and they exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "trust.md"
ROWS = [
    line
    for line in PAGE.read_text(encoding="utf-8")
    .partition("## Threats")[2]
    .partition("\n## ")[0]
    .splitlines()
    if line.startswith("| ") and not line.startswith("| attack |")
]
_TEST = re.compile(r"`(test_[a-z0-9_]+)::(test_[a-z0-9_]+)`")


def _tests(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


def test_the_table_is_whole() -> None:
    assert len(ROWS) == 24


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_every_threat_has_an_attack_that_exists(row: str) -> None:
    named = _TEST.findall(row)
    assert named
    for module, test in named:
        assert test in _tests(HERE / f"{module}.py"), (module, test)
