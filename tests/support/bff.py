"""BFF `genomicVariations` written on the spot, for a dataset of three people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from beacon.catalog import Segment, Span, VariantRow
from beacon.errors import SourceRefused
from beacon.loading.load import DatasetSource, check, load
from beacon.segments import SegmentCatalog
from beacon.variation.reference import Reference
from tests.support.bases import TextReference
from tests.support.sources import write_records

PEOPLE = [{"id": name} for name in ("P1", "P2", "P3")]
SAMPLES = [
    {"id": "S1", "individualId": "P1"},
    {"id": "S2", "individualId": "P2"},
    {"id": "S3", "individualId": "P3"},
    {"id": "P3", "individualId": "P2"},  # named as another person is
]
Record = dict[str, Any]


def located(start0: object, end0: object, sequence: object = "refseq:NC_000001.11") -> Record:
    number = {"type": "Number"}
    interval = {"type": "SequenceInterval", "start": {**number, "value": start0},
                "end": {**number, "value": end0}}  # fmt: skip
    return {"type": "SequenceLocation", "sequence_id": sequence, "interval": interval}


def legacy(start0: object, ref: object, alt: object, kind: object = "SNP", **more: Any) -> Record:
    """One that S1 carries."""
    length = len(ref) if isinstance(ref, str) and isinstance(start0, int) else 1
    end0 = start0 + length if isinstance(start0, int) else start0
    variation = {"variantType": kind, "referenceBases": ref, "alternateBases": alt,
                 "location": located(start0, end0)}  # fmt: skip
    return {"variantInternalId": "v", "variation": variation, "caseLevelData": [case("S1")]} | more


def case(sample: object, zygosity: object = None, **more: Any) -> Record:
    made: Record = {"biosampleId": sample, **more}
    return made if zygosity is None else made | {"zygosity": zygosity}


def varied(variation: Record) -> Record:
    return {"variation": variation, "caseLevelData": [case("S1")]}


def source(folder: Path, records: Sequence[object] | None = None, **more: Any) -> DatasetSource:
    path = folder / "genomicVariations.json"
    if records is not None:
        path.write_text(json.dumps(records), encoding="utf-8")
    given: dict[str, Any] = {
        "individuals": write_records(folder / "individuals.json", PEOPLE),
        "biosamples": write_records(folder / "biosamples.json", SAMPLES),
        "genomic_variations": (path,),
    }
    return DatasetSource("d", "D", "", "GRCh38", **given | more)


def loaded(made: DatasetSource, folder: Path) -> Segment:
    load(made, folder / "catalog")
    return SegmentCatalog(folder / "catalog").snapshot()["d"]


def rows(segment: Segment) -> list[VariantRow]:
    asked = (Span(chrom, 0, 200_000_000) for chrom in segment.facts.chromosomes)
    pages = (segment.variants(each, samples=None, skip=0, limit=100) for each in asked)
    return [row for page in pages for row in page.rows]


def one(folder: Path, record: Record, *, text: str | None = None) -> tuple[Segment, VariantRow]:
    bases: Reference | None = None if text is None else TextReference(text)
    segment = loaded(source(folder, [record], bases=bases), folder)
    (row,) = rows(segment)
    return segment, row


def refused(folder: Path, *records: object, **more: Any) -> str:
    """The problems as text; the dry run finds the same, and neither leaves anything."""
    made = source(folder, records, **more)
    with pytest.raises(SourceRefused) as caught:
        load(made, folder / "catalog")
    assert [str(each) for each in check(made)] == [str(each) for each in caught.value.problems]
    assert [p for p in (folder / "catalog").iterdir() if not p.name.endswith(".lock")] == []
    return "\n".join(str(each) for each in caught.value.problems)


def frequencies(*stated: tuple[str, Record], source: str = "here") -> Record:
    of = [{"population": name, **numbers} for name, numbers in stated]
    return {"frequencyInPopulations": [{"source": source, "sourceReference": "x",
                                        "frequencies": of}]}  # fmt: skip


def site(start0: int, **more: Any) -> Record:
    return {name: v for name, v in legacy(start0, "A", "G", **more).items() if name[0] != "c"}
