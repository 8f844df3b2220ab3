"""Dosages read from VCF text are those that cyvcf2 and the specification read."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from workspaces.analysis import genotypes
from workspaces.analysis.alleles import Allele, Panel
from workspaces.analysis.cohort import design_of, of_panel, read_clinical
from workspaces.analysis.genotypes import Genotypes, floating, lines_of, read

HEAD = (
    "##fileformat=VCFv4.3\n##contig=<ID=1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT"
)


def vcf(*records: str, people: str = "ann bob cleo") -> list[bytes]:
    lines = "\n".join(["\t".join([HEAD, *people.split()]), *records])
    return [line.replace(" ", "\t").encode() for line in lines.split("\n")]


def only(record: str) -> list[float]:
    return [float(one) for one in floating(read(vcf(record)).dosages)[:, 0]]


@pytest.mark.parametrize(
    ("record", "dosages"),
    [
        ("1 5 . A G . . . GT 0/0 0|1 1/1", [0, 1, 2]),
        ("1 5 . A G . . . GT:DP 1/0:9 ./.:0 .|1:3", [1, np.nan, np.nan]),
        ("1 5 . A G . . . GT 1 0 .", [2, 0, np.nan]),
        ("1 5 . A G . . . GT 0/1/1 1/1 0/1", [np.nan, 2, 1]),
        ("1 5 . A G . . . GT:DS 0/0:0.25 0/1:1.5 1/1:.", [0.25, 1.5, np.nan]),
        ("1 5 . A G . . . DS 2 0 1.0", [2, 0, 1]),
        ("1 5 . A G . . . GT:DS 0/0 0/1:1 1/1:2", [np.nan, 1, 2]),
    ],
)
def test_calls_become_copies_of_the_alternate(record: str, dosages: list[float]) -> None:
    assert np.array_equal(only(record), dosages, equal_nan=True)


def test_every_alternate_is_a_variant_and_symbolic_ones_are_passed_over() -> None:
    found = read(
        vcf("1 5 . A G,<DEL>,T,* . . . GT 1/3 0/2 3/3", "1 9 . A <INS> . . . GT 0/1 0/0 0/0")
    )
    assert [allele.name for allele in found.alleles] == ["1-5-A-G", "1-5-A-T"]
    assert found.dosages.T.tolist() == [[1, 0, 0], [1, 0, 2]]


def test_alleles_are_kept_by_their_trimmed_name() -> None:
    found = read(vcf("1 5 . CA CG . . . GT 0/1 0/0 0/0", "1 0 . A G . . . GT 0/1 0/0 0/0"))
    assert [allele.name for allele in found.alleles] == ["1-6-A-G"]


RECORDS = {
    "short": "1 5 . A G . . . GT 0/0 0|1 ./.",
    "alternates": "1 6 . A G,T . . . GT 0/2 2|1 ./1",
    "longer": "1 7 . A G . . . GT:DP 1/0:9 1/1:8 ./.:0",
    "haploid": "1 8 . A G . . . GT 1 0/1 .",
    "dosage": "1 9 . A G . . . GT:DS 0/0:0.25 0/1:1.5 1/1:.",
}


@pytest.mark.parametrize("together", [1, 20, 1 << 18])
@pytest.mark.parametrize("drawn", range(5))
def test_records_of_every_kind_in_one_file_are_read_as_each_alone(
    drawn: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genotypes, "_TOGETHER", together)
    order = np.random.default_rng(drawn).integers(0, len(RECORDS), 40).tolist()
    kinds = [list(RECORDS)[one] for one in order]
    alone = [floating(read(vcf(RECORDS[kind])).dosages) for kind in kinds]
    found = read(vcf(*(RECORDS[kind] for kind in kinds)))
    np.testing.assert_array_equal(floating(found.dosages), np.hstack(alone))
    assert len(found.alleles) == found.dosages.shape[1]


def test_hard_calls_take_a_byte_each_and_other_dosages_do_not() -> None:
    hard = [record for kind, record in RECORDS.items() if kind != "dosage"]
    assert read(vcf(*hard)).dosages.dtype == np.int8
    assert read(vcf(*hard, RECORDS["dosage"])).dosages.dtype == np.float32


def test_a_file_of_nobody_and_one_of_no_variants_have_no_dosages() -> None:
    assert read(vcf("1 5 . A G . . . GT", people="")).dosages.shape == (0, 1)
    assert read(vcf()).dosages.shape == (3, 0)


def test_a_file_is_read_as_cyvcf2_reads_it(tmp_path: Path) -> None:
    from cyvcf2 import VCF

    draw = np.random.default_rng(3)
    calls = np.array(["0/0", "0|1", "1/1", "./."])[draw.integers(0, 4, (200, 12))]
    people = " ".join(f"p{number}" for number in range(12))
    records = [f"1 {10 * place} . A G . . . GT {' '.join(row)}" for place, row in
               enumerate(calls, start=1)]  # fmt: skip
    path = tmp_path / "a.vcf.gz"
    header = b'##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">'
    lines = vcf(*records, people=people)
    path.write_bytes(gzip.compress(b"\n".join([lines[0], header, *lines[1:]]) + b"\n"))
    with lines_of(path) as stream:
        found = read(stream)
    for column, variant in zip(found.dosages.T, VCF(str(path), gts012=True), strict=True):
        theirs = np.where(variant.gt_types == 3, np.nan, variant.gt_types)
        assert np.array_equal(floating(column), theirs, equal_nan=True)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "column names"),
        ([b"hello"], "column names"),
        (vcf("1 5 . A G . . . GT 0/0 0/1"), "all its people"),
        (vcf("1 5 . A G . . . GT 0/0 0/1 0/0 0/0"), "all its people"),
        (vcf("1 5 . A G"), "cut short"),
        (vcf("1 x . A G . . . GT 0/0 0/1 0/0"), "cut short"),
        (vcf("1 5 . A G . . . DP 1 1 1"), "neither DS nor GT"),
        (vcf("1 5 . A G . . . DS 1 many 1"), "no number"),
        (vcf("1 5 . A G . . . DS 1 nan 1"), "0 to 2"),
        (vcf("1 5 . A G . . . DS 1 2.5 1"), "0 to 2"),
        (vcf("1 5 . A G . . . GT 0/0 0/1 0/0", people="a b a"), "once"),
    ],
)
def test_what_is_no_vcf_is_refused(lines: list[bytes], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(lines)


def test_long_lines_cut_archives_and_too_many_genotypes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = gzip.compress(b"\n".join(vcf("1 5 . A G . . . GT 0/0 0/1 0/0")))
    for name, content in (
        ("cut", whole[:-9]),
        ("none", b"not gzip"),
        ("bad", whole[:20] + b"x" * 40),
    ):
        path = tmp_path / f"{name}.vcf.gz"
        path.write_bytes(content)
        with pytest.raises(ValueError, match="gzip"), lines_of(path) as lines:
            read(lines)
    path = tmp_path / "long.vcf"
    path.write_bytes(b"#" * 100)
    monkeypatch.setattr(genotypes, "MAX_LINE", 50)
    with pytest.raises(ValueError, match="a line"), lines_of(path) as lines:
        read(lines)
    monkeypatch.setattr(genotypes, "MAX_GENOTYPES", 5)
    with pytest.raises(ValueError, match="genotypes"):
        read(vcf(*(f"1 {n} . A G . . . GT 0/0 0/1 0/0" for n in (5, 6))))


TABLE = ["id\ttrait\tage", "cleo\t1.5\t40", "bob\tNA\t50", "dora\t2\t60", "ann\t2.5\t."]


def genotyped() -> Genotypes:
    return read(vcf("1 5 . A G . . . GT 0/0 0/1 1/1", "1 9 . C T . . . GT 1/1 0/1 0/0"))


def test_people_are_joined_by_name_and_the_incomplete_left_out() -> None:
    panel = Panel(tuple(map(Allele.read, ("1-9-C-T", "1-7-A-G", "1-5-A-G"))), {})
    held = genotyped()
    harmony = panel.harmonise(held.alleles, {})
    dosages = of_panel(held.dosages, harmony.columns)
    table = read_clinical(TABLE)
    design = design_of(table, held.people, dosages, trait="trait", covariates=["age"])
    assert design.phenotype.tolist() == [1.5]
    assert design.covariates.tolist() == [[1, 40]]
    assert np.array_equal(floating(design.dosages), [[0, np.nan, 2]], equal_nan=True)
    alone = design_of(table, held.people, dosages, trait="trait", covariates=[])
    assert alone.phenotype.tolist() == [1.5, 2.5]


@pytest.mark.parametrize(("trait", "covariates"), [("height", ["age"]), ("trait", ["age", "sex"])])
def test_a_site_without_the_trait_or_a_covariate_has_nobody(
    trait: str, covariates: list[str]
) -> None:
    held = genotyped()
    table = read_clinical(TABLE)
    design = design_of(table, held.people, held.dosages, trait=trait, covariates=covariates)
    assert (design.people, design.variants) == (0, 2)
    assert design.covariates.shape == (0, len(covariates) + 1)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "header"),
        (["id"], "header"),
        (["id\tage\tage"], "header"),
        (["id\t"], "header"),
        (["id\tage", "ann"], "line 2 has 1 fields"),
        (["id\tage", "ann\tforty"], "line 2, column age: not a number"),
        (["id\tage", "ann\tinf"], "not a finite number"),
        (["id\tage", "ann\t1", "ann\t2"], "twice"),
    ],
)
def test_what_is_no_clinical_table_is_refused_without_its_values(
    lines: list[str], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        read_clinical(lines)
    assert "forty" not in str(refused.value)


CALLS = ["0/0", "0|1", "1/1", "./.", "1|.", "2/1", "9|0", "0/2"]


@pytest.mark.parametrize("longer", ["", ":7", "0"])
def test_short_calls_are_read_as_the_same_calls_written_longer(longer: str) -> None:
    """A line of three-letter calls takes another path; one longer call sends it the usual way."""
    head = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
    people = "\t".join(f"p{number}" for number in range(len(CALLS)))
    layout = "GT:DP" if ":" in longer else "GT"
    calls = [call + longer if ":" in longer else call for call in CALLS]
    if longer == "0":
        calls[0] = "0/00"
    record = f"1\t5\t.\tA\tC,G,T\t.\tPASS\t.\t{layout}\t" + "\t".join(calls)
    found = read([(head + people).encode(), record.encode()])
    nan = np.nan
    expected = [
        [0, 1, 2, nan, nan, 1, 0, 0],
        [0, 0, 0, nan, nan, 1, 0, 1],
        [0, 0, 0, nan, nan, 0, 0, 0],
    ]
    assert np.array_equal(floating(found.dosages).T, expected, equal_nan=True)


@pytest.mark.parametrize("calls", ["0/0\t0-1\t1/1", "0/0\t0/1\ta/1", "0/0/0/1\t1/1"])
def test_three_letters_that_are_no_call_are_not_read_as_one(calls: str) -> None:
    people = "\t".join(f"p{number}" for number in range(3))
    head = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + people
    lines = [head.encode(), ("1\t5\t.\tA\tC\t.\tPASS\t.\tGT\t" + calls).encode()]
    if calls.count("\t") < 2:
        with pytest.raises(ValueError, match="all its people"):
            read(lines)
    else:
        assert np.isnan(floating(read(lines).dosages)).sum() == 1
