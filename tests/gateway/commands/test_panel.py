"""`skerry panel`: public frequencies are taken in, listed, or refused with what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beacon import panel
from beacon.catalog import Allele
from gateway.errors import Exit
from tests.support.command import skerry
from tests.support.node_folder import node_folder

TABLE = "chrom\tpos\tref\talt\taf\n1\t101\tA\tG\t0.25\n1\t201\tC\tT\t0.5\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "af.tsv").write_text(TABLE)
    return node_folder(tmp_path / "node").root


def test_what_was_added_is_listed_and_read(folder: Path, tmp_path: Path) -> None:
    assert "needs a grant" in skerry("panel", "list", folder).out
    added = skerry("panel", "add", folder, tmp_path / "af.tsv", "--json")
    made = json.loads(added.out)
    assert (made["assembly"], made["alleles"], made["population"]) == ("GRCh38", 2, "all")
    assert json.loads(skerry("panel", "list", folder, "--json").out) == made
    assert panel.read(folder / "panel")["GRCh38"].expected(Allele("1", 100, "A", "G")).alleles


@pytest.mark.parametrize(
    "arguments",
    [
        ("none.tsv",),
        ("af.tsv", "--assembly", "hg17"),
        ("af.tsv", "--population", "nfe"),
        ("af.tsv", "--reference", "nowhere"),
    ],
)
def test_what_cannot_be_added_is_refused(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ran = skerry("panel", "add", folder, tmp_path / arguments[0], *arguments[1:])
    assert ran.code not in (Exit.OK, 1)
    assert panel.read(folder / "panel") == {}


@pytest.mark.parametrize("command", ["add", "list"])
def test_a_folder_that_is_no_nodes_is_refused(tmp_path: Path, command: str) -> None:
    more = (tmp_path / "x.tsv",) if command == "add" else ()
    assert skerry("panel", command, tmp_path, *more).code not in (Exit.OK, 1)
