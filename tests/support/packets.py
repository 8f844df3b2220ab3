"""Phenopackets with interpretations written on the spot, in JSON or protobuf."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import phenopackets  # type: ignore[import-untyped]  # ships no types
from google.protobuf import json_format

from beacon.catalog import VariantRow
from beacon.loading.load import DatasetSource
from beacon.variation.reference import Reference
from tests.support.bff import loaded, rows

Descriptor = dict[str, Any]
HETEROZYGOUS = {"id": "GENO:0000135", "label": "heterozygous"}


def vcf(pos: object, ref: object, alt: object, **more: Any) -> Descriptor:
    """A descriptor with a record of chromosome 1; `more` is of the record."""
    record = {"genomeAssembly": "GRCh38", "chrom": "chr1", "pos": pos, "ref": ref, "alt": alt}
    return {"vcfRecord": record | more}


def written(*values: str, syntax: str = "hgvs") -> Descriptor:
    return {"expressions": [{"syntax": syntax, "value": value} for value in values]}


def interpreted(bearer: str, descriptor: object, **more: Any) -> dict[str, Any]:
    return {
        "subjectOrBiosampleId": bearer,
        "interpretationStatus": "CAUSATIVE",
        "variantInterpretation": {"variationDescriptor": descriptor},
    } | more


def packet(person: str, *genomic: dict[str, Any], **more: Any) -> dict[str, Any]:
    diagnosis = {"genomicInterpretations": list(genomic)}
    interpretation = {"id": f"i.{person}", "progressStatus": "SOLVED", "diagnosis": diagnosis}
    return {"id": f"p.{person}", "subject": {"id": person},
            "interpretations": [interpretation]} | more  # fmt: skip


def source(
    folder: Path,
    packets: Sequence[dict[str, Any]],
    *,
    protobuf: bool = False,
    bases: Reference | None = None,
    **more: Any,
) -> DatasetSource:
    cohort = {"id": "C", "members": list(packets)}
    path = folder / ("a.cohort.pb" if protobuf else "a.json")
    if protobuf:
        message = json_format.ParseDict(cohort, phenopackets.Cohort())
        path.write_bytes(message.SerializeToString())
    else:
        path.write_text(json.dumps(cohort), encoding="utf-8")
    return DatasetSource("d", "D", "", "GRCh38", phenopackets=(path,), bases=bases, **more)


def placed(folder: Path, descriptor: object, bases: Reference | None = None) -> VariantRow:
    """The one variant of one person who carries it."""
    made = source(folder, [packet("P1", interpreted("P1", descriptor))], bases=bases)
    (row,) = rows(loaded(made, folder))
    return row
