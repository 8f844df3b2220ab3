"""Builds the datasets of a naive node from the files that the real one was loaded from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.support.naive.answers import NaiveDataset
from tests.support.naive.people import Archive
from tests.support.naive.reading import VcfText, read_children, read_fasta, read_json
from tests.support.naive.sequences import DIGESTS, spelt_names
from tests.support.naive.variants import Variants


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


def left(data: NaiveDataset, withdrawn: Collection[str]) -> NaiveDataset:
    """The dataset without these people and all that is theirs. How often an allele was seen is not
    stated before the next load, and one that only they had is not there; their words stay known."""
    archive = data.archive
    kept = {
        type_: [
            each
            for each in records
            if type_ == "cohort" or archive.person_of(type_, each["id"]) not in withdrawn
        ]
        for type_, records in archive.records.items()
    }
    samples = [each for each in data.samples if data.genotyped.person(each) not in withdrawn]
    variants = [
        replace(each, calls=calls, allele_number=0, allele_count=len(calls))
        for each in data.variants.all
        if (calls := {s: call for s, call in each.calls.items() if s in samples})
    ]
    return replace(
        data,
        samples=samples,
        variants=data.variants.of(variants),
        archive=Archive(kept, archive.below, known=archive),
    )
