"""Builds the datasets of a naive node from the files that the real one was loaded from.

Accessions and digests of sequences are those of RefSeq and of GA4GH refget.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.naive.answers import NaiveDataset
from tests.support.naive.people import Archive
from tests.support.naive.reading import VcfText, read_children, read_fasta, read_json
from tests.support.naive.variants import Variants

ACCESSIONS: Mapping[str, Mapping[str, str]] = {
    "GRCh38": {"1": "NC_000001.11", "X": "NC_000023.11", "MT": "NC_012920.1"},
    "GRCh37": {"1": "NC_000001.10", "X": "NC_000023.10", "MT": "NC_012920.1"},
}
DIGESTS: Mapping[str, Mapping[str, str]] = {
    "GRCh38": {
        "1": "Ya6Rs7DHhDeg7YaOSg1EoNi3U_nQ9SvO",
        "X": "w0WZEvgJF0zf_P4yyTzjjv9oW1z61HHP",
    },
    "GRCh37": {"1": "S_KjnFVz-FE7M0W6yoaUDgYxLPc1jyWU"},
}


def read_dataset(
    name: str,
    vcf: Path,
    *,
    assembly: str = "GRCh38",
    fasta: Path | None = None,
    people: Mapping[str, Path] | None = None,
    obo: Path | None = None,
) -> NaiveDataset:
    """`people` are files by plural name, as `individuals`."""
    reference = None if fasta is None else read_fasta(fasta)
    text = VcfText(vcf, reference)
    singular = {"analyses": "analysis"}
    records = {
        singular.get(entity, entity[:-1]): list(map(_as_of_2_1_2, read_json(path)))
        for entity, path in (people or {}).items()
    }
    chroms = spelt_names(assembly)
    return NaiveDataset(
        *(name, assembly, reference, text.annotated, text.samples),
        Variants(text.variants, chroms=chroms, reference=reference, digests=DIGESTS[assembly]),
        Archive(records, read_children(obo) if obo else {}),
    )


def _as_of_2_1_2(record: dict[str, Any]) -> dict[str, Any]:
    """Beacon 2.1.2 renamed the measurements of an individual."""
    return {{"measures": "measurements"}.get(name, name): said for name, said in record.items()}


def spelt_names(assembly: str) -> dict[str, str]:
    """Every usual way to write a sequence's name."""
    names = {}
    for chrom, accession in ACCESSIONS[assembly].items():
        for name in (chrom, f"chr{chrom}", accession, f"refseq:{accession}"):
            names[name] = chrom
    for chrom, digest in DIGESTS[assembly].items():
        for name in (f"SQ.{digest}", f"ga4gh:SQ.{digest}"):
            names[name] = chrom
    return names | {"M": "MT", "chrM": "MT"}
