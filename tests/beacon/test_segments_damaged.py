"""A dataset version whose file is cut, overwritten or damaged while it is served: an error that
says so, never a «no», never another kind of error, never the end of the process."""

# ruff: noqa: S311 - seeds of examples

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from beacon import manifest, withdrawals
from beacon.catalog import Allele, Compare, EntryType, HasTerm, InGene, Segment, Span
from beacon.errors import CatalogError, UnsupportedFilter, UnsupportedQuestion
from beacon.loading.load import load
from beacon.segments import SegmentCatalog, SqliteSegment
from tests.support import beacon_node

FEMALE = HasTerm("NCIT:C16576")
ENTITIES: tuple[EntryType, ...] = (
    *("individual", "biosample", "run", "analysis", "cohort", "dataset"),
)
REFUSALS = (CatalogError, UnsupportedQuestion, UnsupportedFilter)


@pytest.fixture
def served(tmp_path: Path) -> tuple[Segment, Path]:
    """Opened, and asked nothing yet."""
    catalog = tmp_path / "catalog"
    load(beacon_node.source(tmp_path / "files", "A"), catalog)
    return SegmentCatalog(catalog).snapshot()["A"], catalog / manifest.read(catalog)["A"].file


def everything(segment: Segment) -> list[Callable[[], object]]:
    listed = partial(segment.variants, samples=None, skip=0, limit=100)
    page = partial(segment.entries, samples=None, skip=0, limit=9)
    return [
        partial(listed, None),
        partial(listed, Allele("1", 100, "A", "G")),
        partial(listed, Span("1", 0, 999)),
        partial(listed, InGene("ISLE1")),
        partial(segment.carriers, Span("1", 0, 999)),
        *(partial(segment.calls, row, limit=9) for row in range(segment.facts.variants)),
        *(partial(page, entity) for entity in ENTITIES),
        *(partial(segment.matching, entity, [FEMALE]) for entity in ENTITIES),
        partial(segment.people, [Compare("sex", "=", "female")]),
        partial(segment.knows, HasTerm("ICD10:G35")),
        partial(segment.person_number, "P1"),
        partial(segment.belonging, "run", to="individual", entry_id="P1"),
        segment.terms,
        segment.ontologies,
    ]


@pytest.mark.parametrize("left", [0, 1, 5_000])
def test_a_file_cut_short_while_it_is_served_is_an_error_and_not_the_end_of_the_process(
    served: tuple[Segment, Path], left: int
) -> None:
    """Of a mapped file every page that went would be a SIGBUS."""
    segment, path = served
    os.truncate(path, left)
    for asks in everything(segment)[1:5:3]:
        with pytest.raises(CatalogError, match="cannot be read"):
            asks()
    answered = 0
    for asks in everything(segment):
        try:
            asks()
            answered += 1  # from what SQLite had read before
        except REFUSALS:
            pass
    assert answered < len(everything(segment))


def test_a_file_whose_name_goes_is_still_read_to_its_end(served: tuple[Segment, Path]) -> None:
    segment, path = served
    path.unlink()
    assert segment.variants(None, samples=None, skip=0, limit=0).total == segment.facts.variants
    assert len(segment.people([FEMALE])) == 2


def test_whatever_bytes_are_damaged_no_other_error_comes_of_it(
    served: tuple[Segment, Path],
) -> None:
    draw = random.Random(6)
    whole = served[1].read_bytes()
    damaged = served[1].with_suffix(".damaged")
    refused = 0
    for _ in range(100):
        content = bytearray(whole)
        if draw.random() < 0.5:
            for _ in range(draw.choice((1, 3, 30))):
                content[draw.randrange(len(content))] = draw.randrange(256)
        else:
            begin, count = draw.randrange(len(content)), draw.choice((100, 4096, 20_000))
            content[begin : begin + count] = bytes(len(content[begin : begin + count]))
        damaged.write_bytes(content)
        try:
            segment = SqliteSegment(damaged)
        except CatalogError:
            refused += 1
            continue
        for asks in everything(segment):
            try:
                asks()
            except REFUSALS:
                refused += 1
    assert refused


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """Of two datasets."""
    folder = tmp_path / "catalog"
    for dataset in ("A", "B"):
        load(beacon_node.source(tmp_path / f"files {dataset}", dataset), folder)
    return folder


def file_of(catalog: Path, dataset: str) -> Path:
    return catalog / manifest.read(catalog)[dataset].file


def total(segment: Segment) -> int:
    everywhere = Span("1", 0, 2**28)
    return segment.variants(everywhere, samples=None, skip=0, limit=0).total


def overwritten(path: Path) -> None:
    """In place, at the same length."""
    with path.open("r+b") as stream:
        stream.seek(-40, os.SEEK_END)
        stream.write(b"x" * 40)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize("harm", [overwritten, cut])
def test_a_file_that_is_changed_under_a_catalog_is_told_and_asked_no_more(
    catalog: Path, harm: Callable[[Path], None]
) -> None:
    reader = SegmentCatalog(catalog)
    harm(file_of(catalog, "A"))
    for _ in range(2):
        with pytest.raises(CatalogError, match="not the one in the manifest"):
            reader.refresh()
        served = reader.snapshot()
        with pytest.raises(CatalogError, match="cannot be read"):
            total(served["A"])
        assert total(served["B"]) == served["B"].facts.variants


def test_a_file_that_others_put_in_its_place_is_told_and_the_true_one_goes_on(
    catalog: Path, tmp_path: Path
) -> None:
    reader = SegmentCatalog(catalog)
    other = tmp_path / "other"
    other.write_bytes(file_of(catalog, "A").read_bytes())
    overwritten(other)
    other.replace(file_of(catalog, "A"))
    with pytest.raises(CatalogError, match="not the one in the manifest"):
        reader.refresh()
    assert total(reader.snapshot()["A"]) == reader.snapshot()["A"].facts.variants


def test_a_damaged_version_that_is_loaded_again_is_taken_up(catalog: Path, tmp_path: Path) -> None:
    reader = SegmentCatalog(catalog)
    cut(file_of(catalog, "A"))
    with pytest.raises(CatalogError):
        reader.refresh()
    load(beacon_node.source(tmp_path / "files A", "A"), catalog)
    reader.refresh()
    assert total(reader.snapshot()["A"]) == reader.snapshot()["A"].facts.variants


def test_a_copy_of_the_same_content_is_the_same_version(catalog: Path) -> None:
    """As a backup that makes hard links and is put back, or a move to another disk."""
    reader = SegmentCatalog(catalog)
    path = file_of(catalog, "A")
    saved = path.with_suffix(".saved")
    saved.hardlink_to(path)
    reader.refresh()
    path.unlink()
    path.write_bytes(saved.read_bytes())
    reader.refresh()
    assert total(reader.snapshot()["A"]) == reader.snapshot()["A"].facts.variants


def test_one_dataset_that_cannot_be_opened_holds_up_no_other(catalog: Path, tmp_path: Path) -> None:
    reader = SegmentCatalog(catalog)
    before = reader.snapshot()["A"].facts
    for dataset in ("A", "B"):
        source = beacon_node.source(tmp_path / f"files {dataset}", dataset)
        load(replace(source, name="Second"), catalog)
    cut(file_of(catalog, "A"))
    with pytest.raises(CatalogError):
        reader.refresh()
    served = reader.snapshot()
    assert (served["A"].facts, served["B"].facts.name) == (before, "Second")


@pytest.mark.parametrize("where", ["manifest.json", "batches.json", "A"])
def test_who_withdraws_is_out_though_the_catalog_cannot_be_followed(
    catalog: Path, where: str, tmp_path: Path
) -> None:
    reader = SegmentCatalog(catalog)
    if where == "A":
        load(replace(beacon_node.source(tmp_path / "files A", "A"), name="Second"), catalog)
        cut(file_of(catalog, "A"))
    else:
        (catalog / where).write_text("{")
    for dataset in ("A", "B"):
        assert withdrawals.add(catalog, dataset, "P1")
    with pytest.raises(CatalogError):
        reader.refresh()
    for dataset in ("A", "B"):
        served = reader.snapshot()[dataset]
        assert served.facts.people == 3
        assert "P1" not in served.person_ids(served.people(()))


def test_who_waits_in_a_version_that_stays_goes_on_waiting(catalog: Path, tmp_path: Path) -> None:
    reader = SegmentCatalog(catalog)
    more = [*beacon_node.PEOPLE, {"id": "P5", "sex": beacon_node.MALE}]
    source = beacon_node.source(tmp_path / "files A", "A", people=more)
    load(source, catalog)
    reader.refresh()
    waiting = reader.batches()["A"]
    assert waiting.waiting[reader.snapshot()["A"].facts.version] == {"P5"}
    load(replace(source, name="Third"), catalog)
    cut(file_of(catalog, "A"))
    with pytest.raises(CatalogError):
        reader.refresh()
    assert reader.batches()["A"] == waiting


def test_a_catalog_that_is_opened_tells_of_a_damaged_file(catalog: Path) -> None:
    cut(file_of(catalog, "B"))
    with pytest.raises(CatalogError, match="not the one in the manifest"):
        SegmentCatalog(catalog)
