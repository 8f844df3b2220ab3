"""Who carries a BFF variant, and who cannot be somebody of the dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon import withdrawals
from beacon.catalog import ById
from tests.support.bff import (
    case,
    frequencies,
    legacy,
    loaded,
    one,
    refused,
    rows,
    source,
)
from tests.support.sources import write_vcf


@pytest.mark.parametrize(
    ("zygosity", "genotype"),
    [
        ({"id": "GENO:0000135", "label": "heterozygous"}, "0/1"),
        ({"id": "GENO:0000136"}, "1/1"),
        ({"id": "GENO:0000134", "label": "hemizygous"}, "1"),
        ({"id": "GENO:GENO_0000458", "label": "1|0"}, "1|0"),
        ({"id": "GENO:GENO_0000136", "label": "1|1"}, "1|1"),
        ({"id": "GENO:0000137", "label": "unspecified"}, "1/."),
        ({"id": "X:1", "label": "./1"}, "./1"),
        ({"label": "Homozygous"}, "1/1"),
        ({"label": "0/1/1"}, "0/1/1"),
        (None, "1/."),
        ({}, "1/."),
    ],
)
def test_a_zygosity_is_the_genotype_it_stands_for(
    tmp_path: Path, zygosity: object, genotype: str
) -> None:
    record = legacy(4, "A", "G", caseLevelData=[case("S1", zygosity)])
    segment, row = one(tmp_path, record)
    assert list(segment.calls(row.row, limit=9)) == [("S1", genotype)]
    assert row.allele_count == genotype.count("1")
    assert (row.homozygotes, row.hemizygotes) == (int(genotype in ("1/1", "1|1")),
                                                  int(genotype == "1"))  # fmt: skip


def test_a_biosample_counts_for_its_individual(tmp_path: Path) -> None:
    cases = [case("S2"), case("P1"), case(None, individualId="P1")]
    records = [legacy(9 + n, "A", "G", caseLevelData=[each]) for n, each in enumerate(cases)]
    segment = loaded(source(tmp_path, records), tmp_path)
    found = [segment.owners(segment.carriers(ById(f"1-{10 + n}-A-G"))) for n in range(3)]
    carriers = [segment.person_ids(each) for each in found]
    assert carriers == [["P2"], ["P1"], ["P1"]]


def test_somebody_of_no_record_is_a_person_where_no_file_of_people_is_given(
    tmp_path: Path,
) -> None:
    record = legacy(4, "A", "G", caseLevelData=[case("X"), case(None, individualId="Y")])
    segment = loaded(source(tmp_path, [record], individuals=None, biosamples=None), tmp_path)
    carriers = segment.owners(segment.carriers(ById("1-5-A-G")))
    assert sorted(segment.person_ids(carriers)) == ["X", "Y"]


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([case("nobody")], "caseLevelData[0].biosampleId"),
        ([case("S1"), case("nobody")], "caseLevelData[1].biosampleId"),
        ([case("nobody", individualId="P1")], "caseLevelData[0].biosampleId"),
        ([case("S1", individualId="P2")], "caseLevelData[0].individualId"),
        ([case(None, individualId="nobody")], "caseLevelData[0].individualId"),
        ([case(None, individualId="P3")], "caseLevelData[0].individualId"),  # a biosample of P2
        ([case(None)], "caseLevelData[0].biosampleId"),
        ([case("")], "caseLevelData[0].biosampleId"),
        ([case(7)], "caseLevelData[0].biosampleId"),
        ([case("S1"), case("S1")], "each biosample once"),
        (["S1"], "caseLevelData[0]"),
        ({"biosampleId": "S1"}, "caseLevelData"),
        ([case("S1", "0/1")], "zygosity"),
        ([case("S1", {"id": "GENO:0000135", "label": "1/1"})], "say the same"),
        ([case("S1", {"id": "GENO:0000135", "label": "0/0"})], "genotype with this allele"),
        ([case("S1", {"label": "./."})], "genotype with this allele"),
        ([case("S1", {"label": "1/2"})], "a genotype of 0, 1"),
        ([case("S1", {"label": "/".join("1" * 8)})], "a genotype of 0, 1"),
        ([case("S1", {"id": "GENO:9999999", "label": "odd"})], "a zygosity of GENO"),
        ([case("S1", {"id": 135})], "zygosity.id"),
    ],
)
def test_a_carrier_that_is_not_of_the_dataset_or_contradicts_itself_is_refused(
    tmp_path: Path, cases: object, said: str
) -> None:
    assert said in refused(tmp_path, legacy(50, "A", "G"), legacy(4, "A", "G", caseLevelData=cases))


def test_nobody_who_withdrew_is_loaded(tmp_path: Path) -> None:
    both = [case("S1"), case("S2")]
    own = frequencies(("d", {"alleleFrequency": 0.5, "alleleCount": 2, "alleleNumber": 4}))
    records = [legacy(4, "A", "G", caseLevelData=both, **own), legacy(9, "A", "G")]
    made = source(tmp_path, records, reference="own")
    before = {row.variant_id: row for row in rows(loaded(made, tmp_path))}
    assert before["1-5-A-G"].allele_number == 4
    assert before["1-5-A-G"].reference_af == 0.5
    withdrawals.add(tmp_path / "catalog", "d", "P1")
    (row,) = rows(loaded(made, tmp_path))
    assert (row.variant_id, row.allele_count, row.carriers) == ("1-5-A-G", 1, 1)
    assert (row.allele_number, row.reference_af) == (0, None)


def test_variants_of_both_forms_make_one_dataset(tmp_path: Path) -> None:
    vcf = write_vcf(tmp_path / "a.vcf.gz", ["101 . A G . 0/1 0/0"], samples=("S1", "S2"))
    segment = loaded(source(tmp_path, [legacy(4, "A", "G")], vcfs=(vcf,)), tmp_path)
    assert sorted(row.variant_id for row in rows(segment)) == ["1-101-A-G", "1-5-A-G"]
    assert segment.person_ids(segment.owners(segment.carriers(ById("1-101-A-G")))) == ["P1"]


def test_sites_do_not_go_with_genotypes(tmp_path: Path) -> None:
    vcf = write_vcf(tmp_path / "a.vcf.gz", ["101 . A G . 0/1 0/0"], samples=("S1", "S2"))
    sites = {name: value for name, value in legacy(4, "A", "G").items() if name == "variation"}
    assert "genotypes in every variant file, or in none" in refused(tmp_path, sites, vcfs=(vcf,))
