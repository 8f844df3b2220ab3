"""The synthetic population is the same everywhere, and its files say what its arrays say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pysam
import pytest

from gateway.demo import population
from gateway.demo.population import Population
from tests.support.beacon_schemas import Schemas


@pytest.fixture(scope="module")
def made() -> Population:
    return population.simulate(people=12, seed=7)


def test_the_same_seed_makes_the_same_population(made: Population) -> None:
    again = population.simulate(people=12, seed=7)
    assert again.sites == made.sites
    assert again.people == made.people
    assert again.bases == made.bases
    assert np.array_equal(again.genotypes, made.genotypes)


def test_another_seed_makes_another_population(made: Population) -> None:
    assert population.simulate(people=12, seed=8).sites != made.sites


def test_every_site_stands_on_the_reference_and_somebody_carries_it(made: Population) -> None:
    assert len(made.sites) > 50
    for site, calls in zip(made.sites, made.genotypes, strict=True):
        assert made.bases[site.chrom][site.start0] == site.ref
        assert site.alt in set("ACGT") - {site.ref}
        assert calls.any()


def test_variants_read_back_by_another_reader_equal_the_arrays(
    made: Population, tmp_path: Path
) -> None:
    chosen = [3, 0, 11]
    population.write(made, tmp_path, people=chosen)
    with pysam.VariantFile(str(tmp_path / "variants.vcf.gz")) as file:
        assert list(file.header.samples) == [made.ids[number] for number in chosen]
        rows = list(file)
    assert [(r.start, r.ref, r.alts) for r in rows] == [
        (site.start0, site.ref, (site.alt,)) for site in made.sites
    ]
    read = np.array([[call["GT"] for call in row.samples.values()] for row in rows])
    assert np.array_equal(read, made.genotypes[:, chosen])


def test_only_the_chosen_people_are_written(made: Population, tmp_path: Path) -> None:
    population.write(made, tmp_path, people=[1, 2])
    for name, key in (("individuals", "id"), ("biosamples", "individualId")):
        records = json.loads((tmp_path / f"{name}.json").read_text())
        assert [record[key] for record in records] == [made.ids[1], made.ids[2]]


@pytest.mark.parametrize("entity", ["individuals", "biosamples"])
def test_records_are_valid_by_the_official_schemas(
    made: Population, tmp_path: Path, entity: str
) -> None:
    population.write(made, tmp_path, people=range(12))
    records = json.loads((tmp_path / f"{entity}.json").read_text())
    assert len(records) == 12
    for record in records:
        Schemas().entry(record, entity)


def test_every_disease_of_a_person_stands_in_the_hierarchy(
    made: Population, tmp_path: Path
) -> None:
    population.write(made, tmp_path, people=range(12))
    rows = [line.split("\t") for line in (tmp_path / "hierarchy.tsv").read_text().splitlines()]
    known = {row[0] for row in rows}
    people = json.loads((tmp_path / "individuals.json").read_text())
    assert {d["diseaseCode"]["id"] for person in people for d in person["diseases"]} <= known
    assert {parent for _, _, parent in rows if parent} <= known


def test_reads_calls_and_reference_belong_to_the_one_person(
    made: Population, tmp_path: Path
) -> None:
    files = population.write_objects(made, tmp_path, person=4, seed=1)
    name = made.ids[4]
    with pysam.FastaFile(str(files["file/reference.fa"])) as fasta:
        assert fasta.fetch(population.CHROM) == made.bases[population.CHROM]
    with pysam.AlignmentFile(str(files[f"reads/{name}.bam"]), check_sq=True) as bam:
        assert bam.header.to_dict()["RG"] == [{"ID": "1", "SM": name}]
        reads = [(read.reference_start, read.query_sequence) for read in bam]
    carried = {
        site.start0: {site.ref if not call else site.alt for call in calls[4]}
        for site, calls in zip(made.sites, made.genotypes, strict=True)
    }
    for start0, sequence in reads:
        for at, base in enumerate(sequence or "", start=start0):
            assert base in carried.get(at, {made.bases[population.CHROM][at]})


def test_cram_holds_the_reads_of_the_bam(made: Population, tmp_path: Path) -> None:
    files = population.write_objects(made, tmp_path, person=0, seed=1)
    name = made.ids[0]
    with (
        pysam.AlignmentFile(str(files[f"reads/{name}.bam"])) as bam,
        pysam.AlignmentFile(
            str(files[f"reads/{name}.cram"]), reference_filename=str(files["file/reference.fa"])
        ) as cram,
    ):
        assert [r.query_sequence for r in bam] == [r.query_sequence for r in cram]
