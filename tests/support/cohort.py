"""A dataset of many people on a few alleles, written on the spot."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path

from beacon.loading.load import DatasetSource
from tests.support.sources import write_records, write_vcf

FEMALE = {"id": "NCIT:C16576", "label": "female"}
MALE = {"id": "NCIT:C20197", "label": "male"}


def cohort(
    folder: Path,
    dataset: str,
    *,
    people: int,
    lines: Mapping[int, str],
    carriers: Mapping[int, Container[int]],
) -> DatasetSource:
    """`lines` are REF and ALT by one-based position on chromosome 1; every second person is a
    woman, every fourth has multiple sclerosis, and one a disease that nobody else has."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"P{number}" for number in range(people)]
    rows = []
    for position, bases in sorted(lines.items()):
        calls = ("0/1" if n in carriers.get(position, ()) else "0/0" for n in range(people))
        rows.append(f"{position} . {bases} . {' '.join(calls)}")
    disease = {"diseaseCode": {"id": "ICD10:G35", "label": "MS"}}
    rare = {"diseaseCode": {"id": "ORPHA:1", "label": "rare"}}
    return DatasetSource(
        id=dataset,
        name=dataset,
        description="",
        assembly="GRCh38",
        vcfs=(write_vcf(folder / "a.vcf.gz", rows, samples=names),),
        individuals=write_records(
            folder / "individuals.json",
            [
                {
                    "id": name,
                    "sex": FEMALE if number % 2 else MALE,
                    "diseases": [rare] if number == 1 else [] if number % 4 else [disease],
                }
                for number, name in enumerate(names)
            ],
        ),
        biosamples=write_records(
            folder / "biosamples.json",
            [
                {
                    "id": name,
                    "individualId": name,
                    "biosampleStatus": {"id": "EFO:0009654", "label": "reference sample"},
                    "sampleOriginType": {"id": "UBERON:0000178", "label": "blood"},
                }
                for name in names
            ],
        ),
    )
