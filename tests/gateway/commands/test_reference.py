"""`skerry reference`, and the bases it gives to the beacon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.errors import Exit, LoadRefused
from gateway.holding.references import StoredReference
from streams.refget.index import Index
from tests.support.command import skerry
from tests.support.node_folder import node_folder

FASTA = ">chr1 first\nACGTACGTNN\n>chrM\nACGGT\n>scaffold\nTTTT\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.fa").write_text(FASTA)
    return node_folder(tmp_path / "node").root


def test_what_was_added_is_listed_and_gives_its_bases(folder: Path, tmp_path: Path) -> None:
    added = skerry(
        "reference", "add", folder, tmp_path / "small.fa", "--circular", "chrM", "--json"
    )
    made = json.loads(added.out)
    assert (made["sequences"], made["letters"]) == (3, 19)
    listed = json.loads(skerry("reference", "list", folder, "--json").out)
    assert [one["collection"] for one in listed] == [made["collection"]]
    bases = StoredReference(Index(folder / "references"), made["collection"])
    assert bases.bases("1", 2, 6) == "GTAC"
    assert bases.bases("MT", 3, 99) == "GT"
    assert bases.bases("1", -5, 3) == "ACG"
    assert bases.bases("2", 0, 10) == ""
    assert bases.bases("1", 8, 4) == ""


@pytest.mark.parametrize(
    "arguments",
    [("none.fa",), ("small.fa", "--alias", "chr1"), ("small.fa", "--circular", "chr9")],
)
def test_what_cannot_be_added_is_refused(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ran = skerry("reference", "add", folder, tmp_path / arguments[0], *arguments[1:])
    assert ran.code not in (Exit.OK, 1)
    assert skerry("reference", "list", folder, "--json").out.strip() == "[]"


def test_a_collection_without_chromosomes_is_no_reference(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other.fa").write_text(">plasmid\nACGT\n")
    made = json.loads(skerry("reference", "add", folder, tmp_path / "other.fa", "--json").out)
    with pytest.raises(LoadRefused):
        StoredReference(Index(folder / "references"), made["collection"])
