"""Files of BFF variants: forms, caps, what goes wrong with them, and the files of others."""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beacon.catalog import Segment, Span, VariantRow
from beacon.errors import Problem, SourceRefused
from beacon.loading import bff_variants, parquet
from beacon.loading.load import DatasetSource, check, load
from beacon.loading.records import Limits
from beacon.segments import SegmentCatalog
from tests.support.bff import (
    case,
    frequencies,
    legacy,
    loaded,
    rows,
    site,
    source,
)
from tests.support.shared import shared_data


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


@pytest.mark.parametrize("packed", [False, True])
def test_json_lines_are_read_and_refused_line_by_line(tmp_path: Path, packed: bool) -> None:
    content = lines(legacy(4, "A", "G")) + b'\n{]\n{"a": NaN}\n' + lines(legacy(9, "A", "G"))
    path = tmp_path / ("v.json.gz" if packed else "v.json")
    path.write_bytes(gzip.compress(content) if packed else content)
    found: list[Problem] = []
    made = source(tmp_path, genomic_variations=(path,), max_rejected=2)
    load(made, tmp_path / "catalog", report=found.append)
    assert [each.where for each in found] == ["line 3", "line 4"]
    assert len(rows(SegmentCatalog(tmp_path / "catalog").snapshot()["d"])) == 2


GOOD = json.dumps(legacy(4, "A", "G"))
DEEP = "[" * 100_000 + "]" * 100_000


BARE = GOOD[:-1]  # without its end
NO_RECORDS = [
    "", "   ", "7", "null", "[", "[}", "{", "[{}", "[{},]", "\x00[]", f"[{GOOD}] x",
    f"[{GOOD}{GOOD}]",
    f'[{BARE}, "info": NaN}}]',
    f'[{BARE}, "info": -Infinity}}]',
    f'[{BARE}, "variantInternalId": "w"}}]',
    f'{BARE}, "variantInternalId": "w"}}\n',
    GOOD.replace('"caseLevelData"', '"caseLevelData": [], "caseLevelData"'),
    f'[{BARE}, "info": {DEEP}}}]',
    f'{BARE}, "info": {DEEP}}}\n',
    f'[{BARE}, "info": {"9" * 10_000}}}]',
    f'{BARE}, "info": {"9" * 10_000}}}\n',
    json.dumps(legacy(4, "A", "G"), indent=1),
]  # fmt: skip


@pytest.mark.parametrize("content", NO_RECORDS, ids=range(len(NO_RECORDS)))
def test_a_file_that_is_not_json_of_records_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "v.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(SourceRefused) as caught:
        load(source(tmp_path, genomic_variations=(path,)), tmp_path / "catalog")
    assert caught.value.problems[0].file == "v.json"


@pytest.mark.parametrize(
    "content", [b"\x1f\x8b", gzip.compress(b"[" + GOOD.encode(), mtime=0)[:-9], b"[]"]
)
def test_a_packed_file_that_is_cut_off_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.json.gz"
    path.write_bytes(content)
    with pytest.raises(SourceRefused):
        load(source(tmp_path, genomic_variations=(path,)), tmp_path / "catalog")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    missing = source(tmp_path, genomic_variations=(tmp_path / "none.json",))
    assert "a file that exists" in str(check(missing)[0])


@pytest.mark.parametrize("form", ["[%s]", "%s\n"])
def test_a_record_without_end_is_refused_before_it_is_held(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bff_variants, "LIMITS", Limits(10**9, 100_000, bytes_each=1))
    path = tmp_path / "v.json"
    endless = GOOD[:-1] + ', "info": "' + "x" * 5_000_000 + '"}'
    path.write_text(form % endless, encoding="utf-8")
    assert "at most 100000 characters" in str(
        check(source(tmp_path, genomic_variations=(path,)))[0]
    )


def test_a_packed_file_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beacon.loading.records.FREE_EXPANSION_BYTES", 1_000_000)
    path = tmp_path / "v.json.gz"
    path.write_bytes(gzip.compress(b"[" + b" " * 3_000_000 + b"]"))
    assert "unpacks to at most" in str(check(source(tmp_path, genomic_variations=(path,)))[0])


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = source(tmp_path, [legacy(4, "A", "G")])
    whole = bff_variants.BffFile.check

    def changed(self: bff_variants.BffFile, *more: Any) -> None:
        whole(self, *more)
        self.path.write_text(json.dumps([legacy(4, "A", "G"), {}]), encoding="utf-8")

    monkeypatch.setattr(bff_variants.BffFile, "check", changed)
    with pytest.raises(SourceRefused, match="1 problem"):
        load(made, tmp_path / "catalog")
    assert not SegmentCatalog(tmp_path / "catalog").snapshot()


def test_a_load_that_was_cut_does_not_read_a_whole_file_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "one.json", tmp_path / "two.json"
    first.write_text(json.dumps([legacy(4, "A", "G"), site(9)]), encoding="utf-8")
    second.write_text(json.dumps([legacy(14, "A", "G")]), encoding="utf-8")
    made = source(tmp_path, genomic_variations=(first, second))
    write: Callable[..., parquet.Written] = parquet.write

    def cut(read: Any, path: Path, **more: Any) -> parquet.Written:
        if ".1." in path.name:
            raise KeyboardInterrupt
        return write(read, path, **more)

    with monkeypatch.context() as patched:
        patched.setattr(parquet, "write", cut)
        with pytest.raises(KeyboardInterrupt):
            load(made, tmp_path / "catalog")
    told: dict[str, int] = {}
    facts = load(made, tmp_path / "catalog", progress=told.__setitem__)
    assert facts.variants == 2
    assert told["alleles kept by the load that was cut"] == 1
    assert told["left out: record without caseLevelData in a file that has them"] == 1


def test_the_version_is_of_the_content(tmp_path: Path) -> None:
    made = source(tmp_path, [legacy(4, "A", "G")])
    first = load(made, tmp_path / "catalog").version
    assert load(made, tmp_path / "catalog").version == first
    source(tmp_path, [legacy(4, "A", "T")])
    assert load(made, tmp_path / "catalog").version != first
    assert load(replace(made, genomic_variations=()), tmp_path / "catalog").version != first


MISSENSE = {"id": "SO:0001583"}


def _places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of everything inside."""
    held = isinstance(value, dict | list)
    keys = list(value) if isinstance(value, dict) else range(len(value)) if held else ()
    inner = [(value, key) for key in keys]
    return inner + [place for container, key in inner for place in _places(container[key])]


WHOLE = legacy(
    4, "A", "G", identifiers={"variantAlternativeIds": [{"id": "dbSNP:rs1"}], "genomicHGVSId": "x"},
    molecularAttributes={
        "geneIds": ["A"], "aminoacidChanges": ["V2E"], "molecularEffects": [MISSENSE],
    },
    caseLevelData=[case("S1", {"id": "GENO:0000135", "label": "0|1"}), case("S2")],
    **frequencies(("AFR", {"alleleFrequency": 0.1, "alleleCount": 1, "alleleNumber": 10})),
)  # fmt: skip
ODD: Sequence[object] = (
    None, True, -1, 2**64, 1e308, 0.5, "", "x", "\ud800", "\x00", "1" * 300, [], {}, [[]], [None],
    {"id": {}}, {"type": []}, {"value": {}}, ["x", 7], "<DEL>", "GENO:0000135",
)  # fmt: skip


def test_any_member_of_any_form_is_refused_or_read(tmp_path: Path) -> None:
    """Each place of a whole record, with each odd value: nothing but a refusal ever comes out."""
    chance = random.Random(20)  # noqa: S311 (seeded, so a failure repeats)
    records: list[Mapping[str, Any]] = []
    for number in range(len(_places(WHOLE))):
        for odd in chance.sample(ODD, 12):
            record = copy.deepcopy(WHOLE)
            container, key = _places(record)[number]
            container[key] = odd
            records.append(record)
    good = legacy(50, "A", "G")
    found: list[Problem] = []
    made = source(tmp_path, [*records, good], max_rejected=len(records))
    twice = "each allele once in a source"  # many are still the allele they were
    assert {each.expected for each in check(made, report=found.append)} == {twice}
    rejected = [each for each in found if each.expected != twice]
    assert len(records) / 2 < len(rejected) < len(records)


def test_a_converters_file_is_what_its_vcf_is(tmp_path: Path) -> None:
    folder = shared_data("beacon")
    people = folder / "cineca-uk1" / "individuals.json.gz"
    bare = DatasetSource("d", "D", "", "GRCh37", individuals=people)
    one_vcf = folder / "1000g" / "test_1000G.b37.chr1.vcf.gz"
    one_bff = folder / "1000g" / "genomicVariations.b37.chr1.bff.json.gz"
    vcf = loaded(replace(bare, vcfs=(one_vcf,)), tmp_path / "vcf")
    bff = loaded(replace(bare, genomic_variations=(one_bff,)), tmp_path / "bff")
    known, found = ({row.variant_id: row for row in all_rows(each)} for each in (vcf, bff))
    # The converter trimmed one allele; of the other nobody is a carrier.
    assert known.keys() - found.keys() == {"1-66381-TATATA-AATATA", "1-61170-C-T"}
    assert found.keys() - known.keys() == {"1-66381-T-A"}
    for name in known.keys() & found.keys():
        one, other = known[name], found[name]
        assert (one.allele_count, one.carriers, one.homozygotes, one.variant_type) == (
            other.allele_count, other.carriers, other.homozygotes, other.variant_type,
        )  # fmt: skip
        assert list(vcf.calls(one.row, limit=3000)) == sorted(bff.calls(other.row, limit=3000))


def all_rows(segment: Segment) -> Sequence[VariantRow]:
    return segment.variants(Span("1", 0, 10**8), samples=None, skip=0, limit=5000).rows


@pytest.mark.parametrize(
    ("file", "variants"),
    [("pi-api-chr22/genomicVariations.json.gz", 999), ("ega-test/genomicVariations.json", 41)],
)
def test_the_files_of_other_beacons_are_read_whole(
    tmp_path: Path, file: str, variants: int
) -> None:
    path = shared_data("beacon") / file
    facts = load(
        DatasetSource("d", "D", "", "GRCh37", genomic_variations=(path,)), tmp_path / "catalog"
    )
    assert facts.variants == variants
