"""A check refuses what a load refuses and tells what it leaves out, in the report by its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from beacon.errors import Problem, SourceRefused
from beacon.loading import variant_lines
from beacon.loading.load import DatasetSource, check, load
from tests.support.bases import TextReference
from tests.support.bff import legacy
from tests.support.sources import HEADER, write_records, write_vcf

HEADED = HEADER.count("\n") + 1


def source(folder: Path, *files: list[str], samples: tuple[str, ...] = ("P1",)) -> DatasetSource:
    vcfs = tuple(
        write_vcf(folder / f"{number}.vcf.gz", lines, samples=samples)
        for number, lines in enumerate(files)
    )
    return DatasetSource("d", "D", "", "GRCh38", vcfs)


def both(made: DatasetSource, folder: Path) -> tuple[list[Problem], dict[str, int]]:
    """What the report says and what is counted: a check's, which must be a load's."""
    reports: list[list[Problem]] = [[], []]
    counted: list[dict[str, int]] = [{}, {}]
    refused = check(made, report=reports[0].append, progress=counted[0].__setitem__)
    by_load: list[Problem] = []
    try:
        load(made, folder / "catalog", report=reports[1].append, progress=counted[1].__setitem__)
    except SourceRefused as caught:
        by_load = list(caught.problems)
    assert by_load == refused
    lost = [
        {what: n for what, n in each.items() if what.startswith(("left out", "lost"))}
        for each in counted
    ]
    if not refused:
        assert lost[0] == lost[1]
    assert reports[0] == reports[1]
    return reports[0], lost[0]


def test_what_is_left_out_is_named_with_line_place_and_reason(tmp_path: Path) -> None:
    made = source(
        tmp_path,
        ["5 . A G . 0/1", "9 . A *,T . 1/2", "11 . A . . 0/0", "13 . N <DEL> . 0/1"],
        ["21 . A R . 0/1"],
    )
    report, counted = both(made, tmp_path)
    assert [(each.file, each.where, each.field) for each in report] == [
        ("0.vcf.gz", f"line {HEADED + 2}, chr1:9", "ALT"),
        ("0.vcf.gz", f"line {HEADED + 3}, chr1:11", "ALT"),
        ("0.vcf.gz", f"line {HEADED + 4}, chr1:13", "INFO"),
        ("1.vcf.gz", f"line {HEADED + 1}, chr1:21", "ALT"),
    ]
    assert report[1].expected == "line without ALT alleles"
    assert sum(counted.values()) == 4


def test_a_record_that_is_left_out_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    elsewhere = legacy(4, "A", "G")
    elsewhere["variation"]["location"]["sequence_id"] = "GL000191.1"
    nobody = legacy(9, "A", "G", caseLevelData=[]) | {"variantInternalId": "nobody's"}
    write_records(path, [legacy(4, "A", "G"), elsewhere, nobody])
    made = DatasetSource("d", "D", "", "GRCh38", genomic_variations=(path,))
    report, counted = both(made, tmp_path)
    assert [each.where for each in report] == ["record 2 (v)", "record 3 (nobody's)"]
    assert sum(counted.values()) == 2


def test_of_each_reason_only_the_first_are_named_and_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variant_lines, "NAMED_EACH", 3)
    lines = [f"{number} . A * . 0/1" for number in range(1, 9)]
    report, counted = both(source(tmp_path, [*lines, "20 . A . . 0/0"]), tmp_path)
    assert [each.where.rpartition(":")[2] for each in report] == ["1", "2", "3", "20"]
    assert sorted(counted.values()) == [1, 8]


@pytest.mark.parametrize(
    "files",
    [
        (["5 . A G . 0/1", "5 . A G . 0/0"],),
        (["5 . A G . 0/1", "9 . A T . 0/1", "5 . A G . 0/0"],),
        (["5 . A G . 0/1"], ["9 . A T . 0/1", "5 . A C,G . 0/2"]),
    ],
)
def test_an_allele_that_comes_twice_is_found_in_any_order_and_any_file(
    tmp_path: Path, files: tuple[list[str], ...]
) -> None:
    report, _ = both(source(tmp_path, *files), tmp_path)
    assert [(each.where, each.field) for each in report] == [("1:5", "ALT")]


def test_what_only_looks_alike_is_no_repetition(tmp_path: Path) -> None:
    """Another end, another ALT, another REF."""
    lines = ["5 . A G . 0/1", "5 . A T . 0/1", "5 . AC G . 0/1", "5 . A <DEL> END=9 0/1"]
    report, _ = both(source(tmp_path, [*lines, "5 . A <DEL> END=10 0/1"]), tmp_path)
    assert report == []


def test_alleles_that_share_a_hash_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beacon.loading.repeated.hash", lambda _row: 7, raising=False)
    made = source(tmp_path, ["5 . A G . 0/1", "9 . A T . 0/1"])
    assert check(made) == []
    assert [each.where for each in check(replace(made, vcfs=made.vcfs * 2))] == ["1:5", "1:9"]


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    made = source(tmp_path, ["5 . A G . 0/1", "9 . A G . 0/x", "11 . A C . 0/1"])
    (problem,), _ = both(made, tmp_path)
    assert (problem.file, problem.where) == ("0.vcf.gz", f"line {HEADED + 2}")


def test_a_genotype_of_too_many_alleles_is_named(tmp_path: Path) -> None:
    (problem,), _ = both(source(tmp_path, ["5 . A G . 0/0/0/0/0/0/0/1"]), tmp_path)
    assert (problem.where, problem.next_step) == ("chr1:5", "leave the line out")


def test_a_base_that_is_not_the_references_is_in_the_report(tmp_path: Path) -> None:
    made = replace(source(tmp_path, ["2 . A G . 0/1"]), bases=TextReference("ACGT"))
    (problem,), _ = both(made, tmp_path)
    assert (problem.where, problem.field) == ("1:2", "REF")


def test_a_dataset_of_nobody_is_refused_by_the_check_too(tmp_path: Path) -> None:
    empty = write_records(tmp_path / "individuals.json", [])
    made = replace(source(tmp_path, ["2 . A G . 0/1"]), individuals=empty)
    (problem,), _ = both(made, tmp_path)
    assert problem.expected == "at least one person"


def test_a_hierarchy_that_is_none_is_in_the_report(tmp_path: Path) -> None:
    made = replace(source(tmp_path, ["2 . A G . 0/1"]), hierarchies=(tmp_path / "absent.obo",))
    report, _ = both(made, tmp_path)
    assert len(report) == 1


def test_samples_without_an_individual_are_counted_by_the_check_too(tmp_path: Path) -> None:
    people = write_records(tmp_path / "individuals.json", [{"id": "P1"}])
    made = source(tmp_path, ["2 . A G . 0/1 0/1"], samples=("P1", "P2"))
    _, counted = both(replace(made, individuals=people), tmp_path)
    assert counted == {"left out: sample without an individual": 1}


def test_a_mapping_that_is_none_is_in_the_report(tmp_path: Path) -> None:
    wrong = tmp_path / "mapping.yaml"
    wrong.write_text("tables: [")
    (tmp_path / "people.csv").write_text("id\nP1\n")
    made = DatasetSource("d", "D", "", "GRCh38", tables=tmp_path / "people.csv", mapping=wrong)
    (problem,), _ = both(made, tmp_path)
    assert problem.file == "mapping.yaml"


def test_a_file_that_cannot_be_opened_is_the_only_thing_said(tmp_path: Path) -> None:
    """Nothing is concluded from what it does not say."""
    made = replace(
        source(tmp_path, ["2 . A G . 0/1"]), genomic_variations=(tmp_path / "absent.json",)
    )
    (problem,), _ = both(made, tmp_path)
    assert problem.file == "absent.json"


def test_content_that_cannot_be_named_is_no_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file beside the records, which no check opens, belongs to what a version is named by."""

    def unreadable(*_: object) -> str:
        raise PermissionError

    monkeypatch.setattr("beacon.loading.load.version_of", unreadable)
    report: list[Problem] = []
    with pytest.raises(SourceRefused, match="refused"):
        load(source(tmp_path, ["2 . A G . 0/1"]), tmp_path / "catalog", report=report.append)
    assert [each.next_step for each in report] == ["check their rights"]
    assert not list((tmp_path / "catalog").glob("*.segment"))
