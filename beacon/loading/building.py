"""Builds one version of a dataset from what was found good: its segment, and its sorted variants.

Both are written under temporary names, made durable and renamed; naming them in the manifest is
left to `beacon.loading.load`, checking to `beacon.loading.checking`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from beacon import manifest
from beacon.catalog import DatasetFacts
from beacon.loading import repeated
from beacon.loading.checking import (
    Checked,
    Progress,
    Report,
    capped,
    left_out,
    refuse_mismatches,
    tell_losses,
)
from beacon.loading.members import Members, cohort_members, owned
from beacon.loading.parts import Part, Parts
from beacon.loading.source import DatasetSource, digest
from beacon.loading.staging import ENTITIES
from beacon.loading.variant_files import Selection
from beacon.segment.segment_file import Indexed, SegmentWriter
from beacon.variation.identifiers import ANNOTATED


@dataclass(frozen=True, slots=True)
class Build:
    """One version: what it is made of and for whom, the parts of it that are kept if it is cut."""

    source: DatasetSource
    checked: Checked
    people: Members
    version: str
    parts: Parts
    tell: Progress
    report: Report | None = None


def build(of: Build, catalog_dir: Path) -> tuple[DatasetFacts, manifest.Entry]:
    """Leaves both files in the catalog, or neither. Raises `SourceRefused`."""
    final = catalog_dir / manifest.segment_name(of.source.id, of.version)
    temporary = final.with_name(f"{final.name}.{os.getpid()}.tmp")
    variants = temporary.with_suffix(".parquet.tmp")
    try:
        with SegmentWriter(temporary) as writer:
            facts = _written(of, writer, variants)
        entry = manifest.Entry(final.name, of.version, temporary.stat().st_size, digest(temporary))
        variants.replace(catalog_dir / manifest.parquet_name(final.name))
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)
        variants.unlink(missing_ok=True)
    return facts, entry


def _written(of: Build, writer: SegmentWriter, variants: Path) -> DatasetFacts:
    _write_people(of, writer)
    read = _read(of)
    written = of.parts.joined(read, variants)
    repeated.refuse(written.duplicates)
    indexed = _write_variants(of, writer, variants)
    if of.checked.genes and not of.checked.annotated:
        writer.genes(of.checked.genes)
    facts = _facts(of, written.rows, indexed)
    skipped = left_out(of.people, [part.skipped for part in read])
    writer.finish(facts, skipped)
    of.tell("genomicVariant", written.rows)
    tell_losses(of.checked, skipped, of.tell)
    return facts


def _write_people(of: Build, writer: SegmentWriter) -> None:
    """And what their records say."""
    people, staging, hierarchy = of.people, of.checked.staging, of.checked.hierarchy
    writer.people(list(people.numbers))
    writer.samples((number, name, person) for name, (number, person) in people.samples.items())
    whole = of.source.keep_people is None
    for entity in ENTITIES:
        rows = owned(entity, staging, people, whole=whole)
        of.tell(entity, writer.records(entity, rows, hierarchy))
    writer.members(cohort_members(staging, people))
    writer.dataset(_dataset_record(of.source), hierarchy)


def _read(of: Build) -> list[Part]:
    """Alleles and their carriers, into order, one part for each file."""
    selection = Selection(
        {name: number for name, (number, _) in of.people.samples.items()},
        share=of.people.narrowed,
        own_reference=of.source.reference == "own",
        withdrawn=of.people.withdrawn_samples,
        note=of.report,
    )
    read: list[Part] = []
    total = 0
    for number, file in enumerate(of.checked.files):
        rows, heard = capped(file, selection, total), partial(_tell_rows, of.tell, total)
        part = of.parts.part(number, rows, skipped=file.skipped, tell=heard)
        repeated.refuse(part.duplicates)
        if part.kept:
            of.tell("alleles kept by the load that was cut", part.rows)
        total += part.rows
        read.append(part)
    return read


def _tell_rows(tell: Progress, before: int, rows: int) -> None:
    tell("genomicVariant", before + rows)


def _write_variants(of: Build, writer: SegmentWriter, variants: Path) -> Indexed:
    """From the sorted file into the segment, compared with the reference where there is one."""
    against = of.checked.bases
    reaches = writer.against(against, of.checked.assembly) if against is not None else None
    indexed = writer.variants(
        *(variants, [person for _, person in of.people.samples.values()]),
        reaches=reaches,
        tell=lambda rows: of.tell("genomicVariant, indexed", rows),
    )
    refuse_mismatches(reaches.checked if reaches is not None else None)
    return indexed


def _facts(of: Build, variants: int, indexed: Indexed) -> DatasetFacts:
    source, checked, annotated = of.source, of.checked, of.checked.annotated
    return DatasetFacts(
        id=source.id,
        name=source.name,
        version=of.version,
        assembly=checked.assembly,
        people=len(of.people.numbers),
        variants=variants,
        chromosomes=indexed.chromosomes,
        description=source.description,
        metadata=_dataset_record(source),
        genotypes=any(file.samples for file in checked.files),
        genes="annotation" if annotated else "table" if checked.genes else None,
        aminoacid_changes=annotated and all(file.has_changes for file in checked.files),
        identifiers=tuple(
            kind for kind in indexed.identifiers if annotated or kind not in ANNOTATED
        ),
        justified=checked.bases is not None,
        populations=tuple(dict.fromkeys(n for f in checked.files for n in f.populations)),
        levels=indexed.levels,
        effects=checked.has_effects,
    )


def _dataset_record(source: DatasetSource) -> dict[str, object]:
    """The dataset's Beacon record, without the list of its members."""
    return {name: value for name, value in source.metadata.items() if name != "ids"}
