"""Checked import of one dataset: variant files and metadata become one segment, or nothing does.

A source has one assembly. Nothing half-loaded is served: the segment is built under a temporary
name, verified, made durable, renamed, and only then named in the manifest. Its variants stay beside
it as sorted Parquet. FILTER is not looked at: every allele of the files is loaded.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from beacon import batches, manifest, ontology, withdrawals
from beacon.catalog import DatasetFacts
from beacon.errors import CatalogError, Problem, ReferenceUnreadable, SourceRefused
from beacon.loading import (
    bff_variants,
    genes,
    interpretations,
    parquet,
    people_files,
    variant_files,
)
from beacon.loading.bff_cases import Known
from beacon.loading.bff_variants import BffFile, Into
from beacon.loading.genes import Gene
from beacon.loading.interpretations import StatedVariants
from beacon.loading.members import Members, cohort_members, members, owned
from beacon.loading.parts import Part, Parts, parts
from beacon.loading.records import Problems
from beacon.loading.source import DatasetSource as DatasetSource
from beacon.loading.source import digest, version_of
from beacon.loading.staging import ENTITIES, Staging
from beacon.loading.variant_files import Selection, VariantFile
from beacon.segment.segment_file import SegmentWriter
from beacon.segments import SqliteSegment
from beacon.variation import alleles
from beacon.variation.identifiers import ANNOTATED
from beacon.variation.reaches import RefCheck
from beacon.variation.reference import FastaReference, Reference, Windowed

MAX_ALLELES = 200_000_000

_REPORT_EVERY = 10_000

_Variants = VariantFile | BffFile | StatedVariants
Progress = Callable[[str, int], None]
Report = Callable[[Problem], None]


@dataclass(frozen=True, slots=True)
class _Checked:
    """A source whose records were read and whose variant files are whole."""

    staging: Staging
    losses: Counter[str]
    rejected: int
    files: tuple[_Variants, ...]
    hierarchy: ontology.Hierarchy
    assembly: str
    bases: Reference | None
    genes: tuple[Gene, ...]


def check(
    source: DatasetSource, *, report: Report | None = None, progress: Progress | None = None
) -> list[Problem]:
    """The first problems that would stop `load`, reading every line of the variant files; only
    an allele that comes twice is left for `load` to find. `report` is given every one."""
    tell = progress or _silent
    try:
        with Staging() as staging:
            checked = _check(source, staging, report=report, tell=tell)
            _look_through(checked, tell)
        _tell_losses(checked, tell)
    except SourceRefused as refused:
        return list(refused.problems)
    return []


def _look_through(checked: _Checked, tell: Progress) -> None:
    """Reads every allele, and compares it with the reference."""
    compared = RefCheck(Windowed(checked.bases)) if checked.bases is not None else None
    rows = (row for file in checked.files for row in file.rows(Selection({})))
    number = 0
    for number, row in enumerate(rows, start=1):
        if compared is not None:
            compared.look(alleles.CHROMOSOMES[row.rank - 1], row.start0, row.ref)
        if number % _REPORT_EVERY == 0:
            tell("genomicVariant, checked", number)
    if checked.files:
        tell("genomicVariant, checked", number)
    _refuse_mismatches(compared)


def load(
    source: DatasetSource,
    catalog_dir: Path,
    *,
    progress: Progress | None = None,
    report: Report | None = None,
) -> DatasetFacts:
    """Builds the version and makes it the one served; content that is a version already is only
    activated. Raises `SourceRefused`, changing nothing."""
    tell = progress or _silent
    withdrawn = withdrawals.read(catalog_dir).get(source.id, frozenset())
    try:
        version = version_of(source, withdrawn)
    except (OSError, TypeError, ValueError):
        version = ""  # the checks below say what it is
    with manifest.loading(catalog_dir, source.id):
        manifest.sweep(catalog_dir, source.id)
        if (facts := _loaded_before(source.id, version, catalog_dir)) is not None:
            return facts
        with Staging(catalog_dir) as staging, parts(catalog_dir, source.id, version) as kept:
            checked = _check(source, staging, report=report, tell=tell)
            samples = [file.samples for file in checked.files]
            people = members(staging, samples, kept=source.keep_people, withdrawn=withdrawn)
            facts, entry = _written(source, checked, people, catalog_dir, kept, version, tell=tell)
            manifest.sync_folder(catalog_dir)
            batches.note(
                *(catalog_dir, source.id, version, frozenset(people.numbers)),
                served=partial(_served_people, catalog_dir, source.id),
            )
            manifest.switch(catalog_dir, source.id, entry, purge=bool(people.withdrawn))
    return facts


def _served_people(catalog_dir: Path, dataset: str) -> Sequence[str]:
    """Of the version that is served, none where there is none yet."""
    entry = manifest.read(catalog_dir).get(dataset)
    if entry is None:
        return ()
    try:
        segment = SqliteSegment(catalog_dir / entry.file)
    except CatalogError:
        return ()  # a damaged file is being built again, and says nothing of anybody
    try:
        return segment.person_ids(segment.people(()))
    finally:
        segment.close()


def _loaded_before(dataset: str, version: str, catalog_dir: Path) -> DatasetFacts | None:
    known = manifest.read_versions(catalog_dir).get(dataset)
    entry = known.entry(version) if known else None
    if entry is None:
        return None
    path = catalog_dir / entry.file
    try:
        if path.stat().st_size != entry.size:
            return None
        segment = SqliteSegment(path)
    except (OSError, CatalogError):
        return None  # a version whose file is damaged is built again
    segment.close()
    manifest.activate(catalog_dir, dataset, version)
    return segment.facts


def _written(
    source: DatasetSource,
    checked: _Checked,
    people: Members,
    catalog_dir: Path,
    kept: Parts,
    version: str,
    *,
    tell: Progress,
) -> tuple[DatasetFacts, manifest.Entry]:
    final = catalog_dir / manifest.segment_name(source.id, version)
    temporary = final.with_name(f"{final.name}.{os.getpid()}.tmp")
    variants = temporary.with_suffix(".parquet.tmp")
    try:
        with SegmentWriter(temporary) as writer:
            facts = _build(
                *(source, checked, people, variants),
                kept=kept,
                writer=writer,
                version=version,
                tell=tell,
            )
        entry = manifest.Entry(final.name, version, temporary.stat().st_size, digest(temporary))
        variants.replace(catalog_dir / manifest.parquet_name(final.name))
        temporary.replace(final)
    except (sqlite3.Error, OSError) as failed:
        raise CatalogError("the segment could not be written", detail=str(final)) from failed
    finally:
        temporary.unlink(missing_ok=True)
        variants.unlink(missing_ok=True)
    return facts, entry


def _check(
    source: DatasetSource, staging: Staging, *, report: Report | None, tell: Progress
) -> _Checked:
    problems = Problems(report, allowed=source.max_rejected)
    assembly = alleles.canonical_assembly(source.assembly)
    if assembly is None:
        problem = Problem("source", "", "assembly", "GRCh37 or GRCh38", "name one of the two")
        problems.add(problem, fatal=True)
    try:
        json.dumps(dict(source.metadata))
    except (TypeError, ValueError):
        expected = "JSON values only, dates written as text"
        problem = Problem("source", "", "metadata", expected, "put dates in quotes")
        problems.add(problem, fatal=True)
    losses = people_files.stage(
        source.people_files(), staging=staging, problems=problems, tell=tell
    )
    bases = _bases(source, problems)
    into = Into(source.id, assembly or "", Known.of(staging), bases)
    files = _variants(source, staging, into, problems=problems, losses=losses, tell=tell)
    _check_alike(files, problems)
    if problems.fatal or problems.count > source.max_rejected:
        raise SourceRefused(problems.found, count=problems.count)
    hierarchy = ontology.read(source.hierarchies)
    table = genes.read(source.genes) if source.genes is not None else ()
    return _Checked(
        *(staging, losses, problems.count, tuple(files), hierarchy, assembly or ""),
        bases=bases,
        genes=tuple(table),
    )


def _variants(
    source: DatasetSource,
    staging: Staging,
    into: Into,
    *,
    problems: Problems,
    losses: Counter[str],
    tell: Progress,
) -> list[_Variants]:
    """Of the variant files, or where there are none of what phenopackets say."""
    stated = StatedVariants(staging)
    if not source.interpretations and (number := staging.interpretations):
        losses[interpretations.LEFT_OUT] += number
    elif not problems.fatal:
        stated = interpretations.stated_variants(staging, into, problems=problems, losses=losses)
    if not (source.vcfs or source.genomic_variations):
        return [stated] if stated.samples else []
    if stated.first is not None:
        problems.add(interpretations.beside(stated.first), fatal=True)
        return []
    files: list[_Variants] = [*_opened(source, into.assembly or None, problems)]
    if source.genomic_variations and not problems.fatal:
        ahead = replace(into, reference=into.reference and Windowed(into.reference))
        for path in source.genomic_variations:
            file = bff_variants.open_variations(path, ahead, problems=problems, tell=tell)
            losses.update(file.lost)
            files.append(file)
    return files


def _bases(source: DatasetSource, problems: Problems) -> Reference | None:
    if not isinstance(source.bases, Path):
        return source.bases
    try:
        return FastaReference(source.bases)
    except ReferenceUnreadable as broken:
        problem = Problem(source.bases.name, "", "", "an indexed FASTA file", broken.public)
        problems.add(problem, fatal=True)
        return None


def _opened(source: DatasetSource, assembly: str | None, problems: Problems) -> list[VariantFile]:
    files = []
    for path in source.vcfs:
        try:
            files.append(variant_files.open_variants(path))
        except SourceRefused as refused:
            for problem in refused.problems:
                problems.add(problem, fatal=True)
    for file in files:
        _check_assembly(file, assembly, problems)
    return files


def _check_alike(files: Sequence[_Variants], problems: Problems) -> None:
    if len({bool(file.samples) for file in files}) > 1:
        expected = "genotypes in every variant file, or in none"
        problem = Problem("source", "", "vcfs", expected, "load the sites as their own dataset")
        problems.add(problem, fatal=True)


def _check_assembly(file: VariantFile, assembly: str | None, problems: Problems) -> None:
    if file.assembly is not None and assembly is not None and file.assembly != assembly:
        expected = f"coordinates on {assembly}, the header says {file.assembly}"
        step = "load each assembly as its own dataset"
        problems.add(Problem(file.path.name, "header", "assembly", expected, step), fatal=True)


def _build(
    source: DatasetSource,
    checked: _Checked,
    people: Members,
    variants: Path,
    *,
    kept: Parts,
    writer: SegmentWriter,
    version: str,
    tell: Progress,
) -> DatasetFacts:
    # 1. People and what their records say.
    writer.people(list(people.numbers))
    writer.samples((number, name, person) for name, (number, person) in people.samples.items())
    whole = source.keep_people is None
    for entity in ENTITIES:
        rows = owned(entity, checked.staging, people, whole=whole)
        tell(entity, writer.records(entity, rows, checked.hierarchy))
    writer.members(cohort_members(checked.staging, people))
    writer.dataset(_dataset_record(source), checked.hierarchy)
    # 2. Alleles and their carriers, into order and from there into the segment.
    numbers = {name: number for name, (number, _) in people.samples.items()}
    selection = Selection(
        numbers,
        share=people.narrowed,
        own_reference=source.reference == "own",
        withdrawn=people.withdrawn_samples,
    )
    read = _read(checked.files, selection, kept, tell=tell)
    written = kept.joined(read, variants)
    _refuse_duplicates(written.duplicates)
    persons = [person for _, person in people.samples.values()]
    against = checked.bases
    reaches = writer.against(against, checked.assembly) if against is not None else None
    indexed = writer.variants(
        *(variants, persons),
        reaches=reaches,
        tell=lambda rows: tell("genomicVariant, indexed", rows),
    )
    _refuse_mismatches(reaches.checked if reaches is not None else None)
    skipped: Counter[str] = Counter()
    if people.left_out:
        skipped["sample without an individual"] = people.left_out
    for part in read:
        skipped.update(part.skipped)
    # A file without annotation could hold what is asked, so all must have it.
    annotated = bool(checked.files) and all(file.annotated for file in checked.files)
    if checked.genes and not annotated:
        writer.genes(checked.genes)
    # 3. Facts, verification.
    facts = DatasetFacts(
        id=source.id,
        name=source.name,
        version=version,
        assembly=checked.assembly,
        people=len(people.numbers),
        variants=written.rows,
        chromosomes=indexed.chromosomes,
        description=source.description,
        metadata=_dataset_record(source),
        genotypes=any(file.samples for file in checked.files),
        genes="annotation" if annotated else "table" if checked.genes else None,
        aminoacid_changes=annotated and all(file.has_changes for file in checked.files),
        identifiers=tuple(
            kind for kind in indexed.identifiers if annotated or kind not in ANNOTATED
        ),
        justified=reaches is not None,
        populations=tuple(dict.fromkeys(n for f in checked.files for n in f.populations)),
        levels=indexed.levels,
    )
    writer.finish(facts, skipped)
    tell("genomicVariant", written.rows)
    for reason, count in skipped.items():
        tell(f"left out: {reason}", count)
    _tell_losses(checked, tell)
    return facts


def _refuse_mismatches(compared: RefCheck | None) -> None:
    step = "check the assembly, or drop these lines with bcftools norm -c x"
    problems = [
        Problem("variants", f"{chrom}:{start0 + 1}", "REF", "what the reference has there", step)
        for chrom, start0 in (compared.places if compared is not None else ())
    ]
    if problems:
        raise SourceRefused(problems)


def _tell_losses(checked: _Checked, tell: Progress) -> None:
    if checked.rejected:
        tell("left out: record that could not be read", checked.rejected)
    for what, count in sorted(checked.losses.items()):
        tell(f"lost: {what}", count)


def _dataset_record(source: DatasetSource) -> dict[str, object]:
    """The dataset's Beacon record, without the list of its members."""
    return {name: value for name, value in source.metadata.items() if name != "ids"}


def _read(
    files: Sequence[_Variants], selection: Selection, kept: Parts, *, tell: Progress
) -> list[Part]:
    read: list[Part] = []
    total = 0
    for number, file in enumerate(files):
        rows, heard = _capped(file, selection, total), partial(_tell_rows, tell, total)
        part = kept.part(number, rows, skipped=file.skipped, tell=heard)
        _refuse_duplicates(part.duplicates)
        if part.kept:
            tell("alleles kept by the load that was cut", part.rows)
        total += part.rows
        read.append(part)
    return read


def _tell_rows(tell: Progress, before: int, rows: int) -> None:
    tell("genomicVariant", before + rows)


def _capped(file: _Variants, selection: Selection, before: int) -> Iterator[parquet.Row]:
    for number, row in enumerate(file.rows(selection), start=before + 1):
        if number > MAX_ALLELES:
            expected = f"at most {MAX_ALLELES} alleles"
            raise SourceRefused([Problem(file.path.name, "", "", expected, "split the source")])
        yield row


def _refuse_duplicates(places: Sequence[tuple[str, int]]) -> None:
    step = "merge the records, for example with bcftools norm -d none"
    problems = [
        Problem("variants", f"{chrom}:{start0 + 1}", "ALT", "each allele once in a source", step)
        for chrom, start0 in places
    ]
    if problems:
        raise SourceRefused(problems)


def _silent(_what: str, _count: int) -> None:
    pass
