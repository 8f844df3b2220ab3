"""`skerry load --genomic-variations`, as an operator runs it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from beacon.catalog import ById
from beacon.segments import SegmentCatalog
from gateway.errors import Exit
from gateway.home import NodeHome
from tests.support.bff import PEOPLE, SAMPLES, case, legacy
from tests.support.command import Ran, skerry
from tests.support.node_folder import node_folder, open_counts
from tests.support.sources import write_records

GOOD, UNKNOWN = legacy(4, "A", "G"), legacy(9, "A", "G", caseLevelData=[case("nobody")])


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    return node_folder(tmp_path / "node", policies=[open_counts("isle")])


def load(node: NodeHome, folder: Path, *records: object, more: tuple[object, ...] = ()) -> Ran:
    variants = folder / "genomicVariations.json"
    variants.write_text(json.dumps(records), encoding="utf-8")
    people = write_records(folder / "individuals.json", PEOPLE)
    samples = write_records(folder / "biosamples.json", SAMPLES)
    given = ("--individuals", people, "--biosamples", samples, "--genomic-variations", variants)
    return skerry("load", node.root, "--dataset", "isle", *given, *more)


def test_a_check_loads_nothing_and_a_load_is_served(node: NodeHome, tmp_path: Path) -> None:
    assert "nothing was loaded" in load(node, tmp_path, GOOD, more=("--check",)).out
    assert not SegmentCatalog(node.catalog).snapshot()
    assert "variants: 1" in load(node, tmp_path, GOOD).out
    segment = SegmentCatalog(node.catalog).snapshot()["isle"]
    assert segment.person_ids(segment.owners(segment.carriers(ById("1-5-A-G")))) == ["P1"]


def test_a_carrier_nobody_knows_refuses_the_load_and_leaves_what_is_served(
    node: NodeHome, tmp_path: Path
) -> None:
    load(node, tmp_path, GOOD)
    before = SegmentCatalog(node.catalog).snapshot()["isle"].facts.version
    for more in ((), ("--check",)):
        ran = load(node, tmp_path, GOOD, UNKNOWN, more=more)
        assert ran.code == Exit.BAD_INPUT
        assert "record 2 (v), caseLevelData[0].biosampleId" in ran.err
        assert "nobody" not in ran.err  # messages name places, not people
    assert SegmentCatalog(node.catalog).snapshot()["isle"].facts.version == before


def test_the_report_names_the_record_that_was_left_out(node: NodeHome, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    more = ("--max-rejected", "1", "--report", report)
    assert "record that could not be read: 1" in load(node, tmp_path, GOOD, UNKNOWN, more=more).out
    with report.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [rows[0][name] for name in ("file", "place", "field")] == [
        "genomicVariations.json", "record 2 (v)", "caseLevelData[0].biosampleId",
    ]  # fmt: skip


def test_a_file_that_is_not_there_is_refused(node: NodeHome, tmp_path: Path) -> None:
    missing = ("--genomic-variations", tmp_path / "none.json")
    ran = skerry("load", node.root, "--dataset", "isle", *missing)
    assert ran.code == Exit.BAD_INPUT
    assert "none.json" in ran.err
