"""Units per chromosome: each a file of its own records, together all of the file, nothing twice."""

from __future__ import annotations

from pathlib import Path

import pysam
import pytest

from streams import sealing
from streams.errors import IndexRefused, SourceRefused
from streams.inputs import open_input
from streams.keys import SecretKey
from streams.units import units
from streams.vault import Vault
from tests.support import slice_files
from tests.support.slice_files import ENDINGS, read_all

FORMS = list(ENDINGS)


def write(folder: Path, form: str) -> Path:
    path = slice_files.write(folder, form, records=900)
    if form == "CRAM":  # htslib's habit of joining small references is what units refuse
        again = folder / "apart.cram"
        pysam.view(
            "-O", "cram,no_ref=1,multi_seq_per_slice=0,seqs_per_slice=100",
            "-o", str(again), str(path), catch_stdout=False,
        )  # fmt: skip
        return again
    return path


def cut(path: Path, form: str, to: Path) -> dict[str, Path]:
    made = {}
    with open_input(path, None) as given:
        for unit in units(given, form):
            made[unit.name] = to / f"{unit.name}{ENDINGS[form]}"
            with unit.content.stream() as stream:
                made[unit.name].write_bytes(stream.read())
            assert made[unit.name].stat().st_size == unit.content.size
    return made


@pytest.mark.parametrize("form", FORMS)
def test_the_units_are_the_chromosomes_and_together_the_file(form: str, tmp_path: Path) -> None:
    path = write(tmp_path, form)
    everything = read_all(path, form)
    (tmp_path / "units").mkdir()
    made = cut(path, form, tmp_path / "units")
    rest = {"rest"} if any(record[0] not in ("chr1", "chr2") for record in everything) else set()
    assert set(made) == {"chr1", "chr2"} | rest
    for name, unit in made.items():
        expected = [r for r in everything if (r[0] if r[0] in ("chr1", "chr2") else "rest") == name]
        assert read_all(unit, form) == expected
        assert expected


@pytest.mark.parametrize("form", FORMS)
def test_a_sealed_unit_is_sliceable_and_has_a_key_of_its_own(form: str, tmp_path: Path) -> None:
    path, public = write(tmp_path, form), SecretKey.generate().public
    vault = Vault(tmp_path / "vault")
    kind = "reads" if form in ("BAM", "CRAM") else "variants"
    with open_input(path, None) as given:
        made = [
            sealing.seal_input(
                vault, unit.content, object_id=f"ds/made/{unit.name}", dataset="ds", kind=kind,
                format=form, owner_ids=(), node_public=public,
            )
            for unit in units(given, form)
        ]  # fmt: skip
    assert len(made) >= 2
    assert all(unit.sliceable for unit in made)
    assert len({unit.header for unit in made}) == len(made)
    assert not any(p.suffix in ENDINGS.values() for p in (tmp_path / "vault").rglob("*"))


def write_reads(path: Path, places: list[tuple[str, int]]) -> Path:
    header = pysam.AlignmentHeader.from_references(["2L", "U*", "rest"], [500, 500, 500])
    with pysam.AlignmentFile(path, "wb", header=header) as file:
        for number, (name, start0) in enumerate(places):
            read = pysam.AlignedSegment(header)
            read.query_name, read.query_sequence, read.cigarstring = f"q{number}", "ACGT", "4M"
            read.reference_name, read.reference_start = name, start0
            file.write(read)
    return path


def test_references_of_another_species_are_units_too(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "fly.bam", [("2L", 7), ("U*", 7), ("rest", 7)])
    made = cut(path, "BAM", tmp_path)
    assert list(made) == ["2L", "rest"]
    assert [record[0] for record in read_all(made["rest"], "BAM")] == ["U*", "rest"]


def test_a_cram_whose_containers_mix_references_is_refused(tmp_path: Path) -> None:
    path = slice_files.write(tmp_path, "CRAM", records=60)
    mixed = tmp_path / "mixed.cram"
    pysam.view(
        "-O", "cram,no_ref=1,multi_seq_per_slice=1", "-o", str(mixed), str(path),
        catch_stdout=False,
    )  # fmt: skip
    with pytest.raises(SourceRefused, match="another reference"):
        cut(mixed, "CRAM", tmp_path)


def test_a_file_that_is_not_sorted_is_refused(tmp_path: Path) -> None:
    path = write_reads(tmp_path / "any.bam", [("2L", 300), ("2L", 7)])
    with pytest.raises(IndexRefused, match="Sort"):
        cut(path, "BAM", tmp_path)
