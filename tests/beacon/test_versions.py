"""Versions beside each other, switched as one step; a load that ends early changes nothing; people
who withdrew stay out, whatever is rolled back or loaded again."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from beacon import manifest, withdrawals
from beacon.catalog import Allele, Compare, HasTerm, Not, Segment, Span
from beacon.errors import CatalogError, SourceRefused, UnknownVersion, VersionInUse
from beacon.loading.load import DatasetSource, load
from beacon.segments import SegmentCatalog
from tests.support import beacon_node

ROOT = Path(__file__).resolve().parents[2]
FEMALE, G35 = HasTerm("NCIT:C16576"), HasTerm("ICD10:G35")


@pytest.fixture
def source(tmp_path: Path) -> DatasetSource:
    return beacon_node.source(tmp_path / "files", "A")


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return tmp_path / "catalog"


def named(source: DatasetSource, name: str) -> DatasetSource:
    return dataclasses.replace(source, name=name)


def served(catalog: Path) -> Segment:
    return SegmentCatalog(catalog).snapshot()["A"]


def files(catalog: Path) -> set[str]:
    return {path.name for path in catalog.iterdir() if not path.name.endswith(".lock")}


def test_versions_are_kept_activated_and_rolled_back(source: DatasetSource, catalog: Path) -> None:
    first = load(source, catalog).version
    second = load(named(source, "Second"), catalog).version
    third = load(named(source, "Third"), catalog).version
    assert served(catalog).facts.version == third

    manifest.activate(catalog, "A", first)
    assert served(catalog).facts.version == first
    manifest.rollback(catalog, "A")
    assert served(catalog).facts.name == "Third"
    manifest.remove(catalog, "A", second)
    assert [each.version for each in manifest.read_versions(catalog)["A"].entries] == [first, third]
    assert not any(second in name for name in files(catalog))


def test_loading_the_same_again_changes_nothing(source: DatasetSource, catalog: Path) -> None:
    first = load(source, catalog)
    before = {path.name: path.stat().st_mtime_ns for path in catalog.glob("A.*")}
    assert load(source, catalog) == first
    assert {path.name: path.stat().st_mtime_ns for path in catalog.glob("A.*")} == before


def test_loading_an_older_version_again_only_activates_it(
    source: DatasetSource, catalog: Path
) -> None:
    first = load(source, catalog)
    load(named(source, "Second"), catalog)
    assert load(source, catalog) == first
    assert served(catalog).facts.name == first.name
    assert len(manifest.read_versions(catalog)["A"].entries) == 2


def test_a_version_whose_file_is_damaged_is_built_again(
    source: DatasetSource, catalog: Path
) -> None:
    load(source, catalog)
    (segment,) = catalog.glob("*.segment")
    segment.write_bytes(b"")
    load(source, catalog)
    assert served(catalog).facts.people == 4


def test_the_version_served_cannot_be_removed(source: DatasetSource, catalog: Path) -> None:
    version = load(source, catalog).version
    with pytest.raises(VersionInUse):
        manifest.remove(catalog, "A", version)
    assert served(catalog).facts.version == version


@pytest.mark.parametrize("dataset", ["A", "B"])
def test_a_version_that_is_not_there_is_refused(
    source: DatasetSource, catalog: Path, dataset: str
) -> None:
    load(source, catalog)
    for act in (manifest.activate, manifest.remove):
        with pytest.raises(UnknownVersion):
            act(catalog, dataset, "0" * 16)
    with pytest.raises(UnknownVersion):
        manifest.rollback(catalog, dataset)


def test_after_its_removal_a_version_cannot_be_rolled_back_to(
    source: DatasetSource, catalog: Path
) -> None:
    first = load(source, catalog).version
    load(named(source, "Second"), catalog)
    manifest.remove(catalog, "A", first)
    with pytest.raises(UnknownVersion):
        manifest.rollback(catalog, "A")


def test_a_request_ends_on_the_version_it_began_on(source: DatasetSource, catalog: Path) -> None:
    first = load(source, catalog).version
    reader = SegmentCatalog(catalog)
    during = reader.snapshot()["A"]
    load(named(source, "Second"), catalog)
    reader.refresh()
    manifest.remove(catalog, "A", first)
    assert len(during.people([FEMALE])) == 2
    assert during.facts.version == first
    assert reader.snapshot()["A"].facts.name == "Second"


def test_two_loads_of_one_dataset_do_not_meet(source: DatasetSource, catalog: Path) -> None:
    with manifest.loading(catalog, "A"), pytest.raises(CatalogError, match="another process"):
        load(source, catalog)
    load(source, catalog)


def test_what_a_killed_load_left_is_swept_and_nothing_else(
    source: DatasetSource, catalog: Path
) -> None:
    version = load(source, catalog).version
    other = dataclasses.replace(source, id="A.b")
    load(other, catalog)
    kept = files(catalog)
    for left in (
        "A.0123456789abcdef.segment",
        "A.0123456789abcdef.segment.77.tmp",
        "A.0123456789abcdef.segment.77.parquet.tmp",
        "A.0123456789abcdef.parquet",
    ):
        (catalog / left).write_bytes(b"x")
    load(source, catalog)
    assert files(catalog) == kept
    assert served(catalog).facts.version == version


LOADER = """
import dataclasses, sys
from pathlib import Path
from beacon.loading.load import DatasetSource, load
files, catalog, name = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
load(DatasetSource(
    "A", name, "", "GRCh38", (files / "a.vcf.gz",), individuals=files / "individuals.json",
    biosamples=files / "biosamples.json", runs=files / "runs.json",
    analyses=files / "analyses.json", cohorts=files / "cohorts.json"), catalog)
"""


def test_a_load_killed_at_any_moment_leaves_the_version_before_serving(
    source: DatasetSource, catalog: Path
) -> None:
    """Random moments over the whole of a load; what is served is always one whole version."""
    load(source, catalog)
    chance = random.Random(7)  # noqa: S311 (seeded, so a failure repeats)
    names = {source.name}
    killed = 0
    for attempt in range(6):
        name = f"Try {attempt}"
        names.add(name)
        process = subprocess.Popen(
            [sys.executable, "-c", LOADER, str(source.individuals and source.individuals.parent),
             str(catalog), name], cwd=ROOT,
        )  # fmt: skip
        deadline = time.monotonic() + 600
        while not list(catalog.glob("*.tmp")) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(chance.random() * 0.03)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.wait(600)
        segment = served(catalog)
        assert segment.facts.name in names
        assert len(segment.people([FEMALE])) == 2
        assert segment.variants(None, samples=None, skip=0, limit=1).total == segment.facts.variants
    assert killed
    load(named(source, "Last"), catalog)
    assert served(catalog).facts.name == "Last"
    assert not list(catalog.glob("*.tmp"))


@pytest.mark.parametrize("text", ["", "[]", '{"withdrawn": 3}', '{"withdrawn": {"A": [5]}}'])
def test_a_broken_list_of_withdrawals_is_an_error_never_an_empty_list(
    source: DatasetSource, catalog: Path, text: str
) -> None:
    load(source, catalog)
    (catalog / "withdrawn.json").write_text(text)
    with pytest.raises(CatalogError):
        SegmentCatalog(catalog)
    with pytest.raises(CatalogError):
        load(named(source, "Second"), catalog)


def everything(segment: Segment) -> Iterator[tuple[str, Any]]:
    """All that a caller can learn of a dataset, but the frequencies and its version."""
    yield "people", segment.facts.people
    for entity in ("individual", "biosample", "run", "analysis"):
        yield entity, segment.entries(entity, samples=None, skip=0, limit=10)
        for term in (FEMALE, G35, Not(G35), Compare("libraryStrategy", "=", "WGS")):
            found = segment.matching(entity, [term])
            yield f"how many {entity} {term}", len(found)  # as protection counts them
            yield (
                f"{entity} {term}",
                segment.entries(
                    entity,
                    samples=None,
                    records=found,
                    skip=0,
                    limit=10,
                ),
            )
        for name in ("P2", "P3", "R1", "R2", "A1", "A2"):
            yield f"{entity} {name}", segment.entry(entity, name)
    page = segment.variants(None, samples=None, skip=0, limit=50)
    yield "variants", [page.total, [(row.variant_id, row.carriers) for row in page.rows]]
    for row in page.rows:
        yield row.variant_id, list(segment.calls(row.row, limit=10))
    theirs = segment.matching("genomicVariant", [G35])
    narrow = segment.variants(Span("1", 0, 10**6), samples=theirs, skip=0, limit=9)
    yield "of G35", [row.variant_id for row in narrow.rows]
    asked = segment.carriers(Allele("1", 100, "A", "G"))
    yield "carriers", segment.entries("individual", samples=asked, skip=0, limit=9)
    told = ((term.id, term.scope, term.values) for term in segment.terms())
    yield "terms", [each for each in told if each[1] != "cohort"]


def test_a_withdrawn_person_is_out_of_every_answer_before_any_load(
    source: DatasetSource, catalog: Path
) -> None:
    """As if the files had never held them: the same as loading the other three people."""
    load(source, catalog)
    running = SegmentCatalog(catalog)
    assert running.snapshot()["A"].person_number("P2") == 1
    assert withdrawals.add(catalog, "A", "P2")
    running.refresh()

    masked = running.snapshot()["A"]
    never = dataclasses.replace(source, id="N", keep_people=frozenset({"P1", "P3", "P4"}))
    load(never, catalog)
    other = SegmentCatalog(catalog).snapshot()["N"]

    assert dict(everything(masked)) == dict(everything(other))
    assert masked.person_number("P2") is None
    assert masked.belonging("run", to="individual", entry_id="P2") is None
    assert masked.belonging("run", to="biosample", entry_id="P2") is None
    (row, *_) = masked.variants(None, samples=None, skip=0, limit=1).rows
    assert (row.allele_count, row.allele_number) == (0, 0)
    assert masked.variants(Allele("1", 300, "G", "T"), samples=None, skip=0, limit=1).total == 0
    assert masked.people(()) == BitMap([0, 2, 3])


def test_the_next_load_purges_a_withdrawn_person_from_every_file(
    source: DatasetSource, catalog: Path
) -> None:
    load(source, catalog)
    load(named(source, "Second"), catalog)
    withdrawals.add(catalog, "A", "P2")
    load(source, catalog)

    segment = served(catalog)
    assert segment.facts.people == 3
    assert segment.person_number("P2") is None
    assert segment.variants(Allele("1", 300, "G", "T"), samples=None, skip=0, limit=1).total == 0
    assert len([name for name in files(catalog) if name.endswith(".segment")]) == 1
    for path in catalog.glob("A.*"):
        assert b'"P2"' not in path.read_bytes()
    with pytest.raises(UnknownVersion):
        manifest.rollback(catalog, "A")


def test_the_next_load_counts_reference_frequencies_without_them(
    source: DatasetSource, catalog: Path
) -> None:
    """P2 carries two of the three G at 101; one of six alleles is left."""
    asked = dataclasses.replace(source, reference="own")
    load(asked, catalog)
    withdrawals.add(catalog, "A", "P2")
    load(asked, catalog)
    page = served(catalog).variants(Allele("1", 100, "A", "G"), samples=None, skip=0, limit=1)
    (row,) = page.rows
    assert (row.allele_count, row.allele_number) == (1, 6)
    assert row.reference_af == pytest.approx(1 / 6)


def test_neither_rollback_nor_reload_brings_a_withdrawn_person_back(
    source: DatasetSource, catalog: Path
) -> None:
    load(source, catalog)
    load(named(source, "Second"), catalog)
    withdrawals.add(catalog, "A", "P2")
    manifest.rollback(catalog, "A")
    assert served(catalog).person_number("P2") is None
    load(named(source, "Third"), catalog)
    assert served(catalog).person_number("P2") is None


def test_a_withdrawal_binds_its_own_dataset_only_and_once(
    source: DatasetSource, catalog: Path
) -> None:
    load(source, catalog)
    assert withdrawals.add(catalog, "B", "P2")
    assert not withdrawals.add(catalog, "B", "P2")
    assert served(catalog).person_number("P2") == 1
    assert withdrawals.add(catalog, "A", "nobody")
    assert served(catalog).facts.people == 4


def test_when_everybody_withdrew_nothing_is_built(source: DatasetSource, catalog: Path) -> None:
    load(source, catalog)
    for person in ("P1", "P2", "P3", "P4"):
        withdrawals.add(catalog, "A", person)
    assert served(catalog).facts.people == 0
    assert served(catalog).variants(None, samples=None, skip=0, limit=1).total == 0
    with pytest.raises(SourceRefused):
        load(source, catalog)
