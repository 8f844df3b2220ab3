"""Checked import of one dataset: variant files and metadata become one segment, or nothing does.

A source has one assembly. Nothing half-loaded is served: the segment is built under a temporary
name, verified, made durable, renamed, and only then named in the manifest. Its variants stay beside
it as sorted Parquet. FILTER is not looked at: every allele of the files is loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from beacon import alleles, manifest, ontology, parquet, records, variant_files
from beacon.blocks import FORMAT
from beacon.catalog import DatasetFacts
from beacon.errors import CatalogError, Problem, SourceRefused
from beacon.members import Members, members, owned
from beacon.records import Entity, Problems
from beacon.segment_file import SegmentWriter
from beacon.variant_files import Selection, VariantFile

MAX_ALLELES = 200_000_000

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """The files of one dataset. `keep_people` narrows it to these individuals (a share of a
    cohort); `reference="own"` stores each allele's frequency over all samples of its file."""

    id: str
    name: str
    description: str
    assembly: str
    vcfs: tuple[Path, ...] = ()
    individuals: Path | None = None
    biosamples: Path | None = None
    runs: Path | None = None
    analyses: Path | None = None
    cohorts: Path | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    hierarchies: tuple[Path, ...] = ()
    keep_people: frozenset[str] | None = None
    reference: Literal["own"] | None = None


@dataclass(frozen=True, slots=True)
class _Checked:
    """A source whose records were read and whose variant files are whole."""

    entities: Mapping[str, Entity]
    files: tuple[VariantFile, ...]
    hierarchy: ontology.Hierarchy
    assembly: str


def check(source: DatasetSource) -> list[Problem]:
    """The first problems that would stop `load`, reading every line of the variant files; only
    an allele that comes twice is left for `load` to find."""
    try:
        checked = _check(source)
        for file in checked.files:
            for _ in file.rows(Selection({})):
                pass
    except SourceRefused as refused:
        return list(refused.problems)
    return []


def load(
    source: DatasetSource, catalog_dir: Path, *, progress: Progress | None = None
) -> DatasetFacts:
    """Builds the segment and makes it the one served. Raises `SourceRefused`, changing nothing."""
    checked = _check(source)
    version = _version(source)
    samples = [file.samples for file in checked.files]
    people = members(checked.entities, samples, kept=source.keep_people)
    catalog_dir.mkdir(parents=True, exist_ok=True)
    final = catalog_dir / manifest.segment_name(source.id, version)
    temporary = final.with_name(f"{final.name}.{os.getpid()}.tmp")
    variants = temporary.with_suffix(".parquet.tmp")
    temporary.unlink(missing_ok=True)
    variants.unlink(missing_ok=True)
    try:
        with SegmentWriter(temporary) as writer:
            facts = _build(
                *(source, checked, people, variants),
                writer=writer,
                version=version,
                tell=progress or (lambda _what, _count: None),
            )
        entry = manifest.Entry(final.name, version, temporary.stat().st_size, _digest(temporary))
        variants.replace(catalog_dir / manifest.parquet_name(final.name))
        temporary.replace(final)
    except (sqlite3.Error, OSError) as failed:
        raise CatalogError("the segment could not be written", detail=str(final)) from failed
    finally:
        temporary.unlink(missing_ok=True)
        variants.unlink(missing_ok=True)
    manifest.sync_folder(catalog_dir)
    manifest.switch(catalog_dir, source.id, entry)
    return facts


def _check(source: DatasetSource) -> _Checked:
    problems = Problems()
    assembly = alleles.canonical_assembly(source.assembly)
    if assembly is None:
        problems.add(Problem("source", "", "assembly", "GRCh37 or GRCh38", "name one of the two"))
    try:
        json.dumps(dict(source.metadata))
    except (TypeError, ValueError):
        expected = "JSON values only, dates written as text"
        problems.add(Problem("source", "", "metadata", expected, "put dates in quotes"))
    paths = {
        "individual": source.individuals,
        "biosample": source.biosamples,
        "run": source.runs,
        "analysis": source.analyses,
        "cohort": source.cohorts,
    }
    entities = {name: records.read_entity(name, path, problems) for name, path in paths.items()}
    if not problems.found:
        _check_references(entities, problems)
    files = []
    for path in source.vcfs:
        try:
            files.append(variant_files.open_variants(path))
        except SourceRefused as refused:
            for problem in refused.problems:
                problems.add(problem)
    for file in files:
        _check_assembly(file, assembly, problems)
    if len({bool(file.samples) for file in files}) > 1:
        expected = "genotypes in every variant file, or in none"
        problems.add(Problem("source", "", "vcfs", expected, "load the sites as their own dataset"))
    if problems.found:
        raise SourceRefused(problems.found)
    return _Checked(entities, tuple(files), ontology.read(source.hierarchies), assembly or "")


def _check_assembly(file: VariantFile, assembly: str | None, problems: Problems) -> None:
    if file.assembly is not None and assembly is not None and file.assembly != assembly:
        expected = f"coordinates on {assembly}, the header says {file.assembly}"
        step = "load each assembly as its own dataset"
        problems.add(Problem(file.path.name, "header", "assembly", expected, step))


def _check_references(entities: Mapping[str, Entity], problems: Problems) -> None:
    for entity, reference, target in (
        ("biosample", "individualId", "individual"),
        ("run", "biosampleId", "biosample"),
        ("analysis", "biosampleId", "biosample"),
        ("analysis", "runId", "run"),
    ):
        if entities[target].file:
            records.check_references(entities[entity], reference, entities[target].ids(), problems)


def _build(
    source: DatasetSource,
    checked: _Checked,
    people: Members,
    variants: Path,
    *,
    writer: SegmentWriter,
    version: str,
    tell: Progress,
) -> DatasetFacts:
    # 1. People and what their records say.
    writer.people(list(people.numbers))
    writer.samples((number, name, person) for name, (number, person) in people.samples.items())
    whole = source.keep_people is None
    for name in checked.entities:
        rows = owned(name, checked.entities, people, whole=whole)
        tell(name, writer.records(name, rows, checked.hierarchy))
    writer.dataset(_dataset_record(source), checked.hierarchy)
    # 2. Alleles and their carriers, into order and from there into the segment.
    numbers = {name: number for name, (number, _) in people.samples.items()}
    selection = Selection(
        numbers, share=source.keep_people is not None, own_reference=source.reference == "own"
    )
    written = parquet.write(
        _rows(checked.files, selection), variants, tell=lambda rows: tell("genomicVariant", rows)
    )
    _refuse_duplicates(written)
    persons = [person for _, person in people.samples.values()]
    chromosomes, kinds = writer.variants(
        variants, persons, tell=lambda rows: tell("genomicVariant, indexed", rows)
    )
    skipped: Counter[str] = Counter()
    if people.left_out:
        skipped["sample without an individual"] = people.left_out
    for file in checked.files:
        skipped.update(file.skipped)
    # 3. Facts, verification.
    annotators = [file.annotator for file in checked.files]
    facts = DatasetFacts(
        id=source.id,
        name=source.name,
        version=version,
        assembly=checked.assembly,
        people=len(people.numbers),
        variants=written.rows,
        chromosomes=chromosomes,
        description=source.description,
        metadata=_dataset_record(source),
        genotypes=any(file.samples for file in checked.files),
        # A file without annotation could hold what is asked, so all must have it.
        genes="annotation" if annotators and all(annotators) else None,
        aminoacid_changes=bool(annotators) and all(a and a.has_changes for a in annotators),
        identifiers=kinds,
        populations=tuple(dict.fromkeys(n for f in checked.files for n in f.counts.populations)),
    )
    writer.finish(facts, skipped)
    tell("genomicVariant", written.rows)
    for reason, count in skipped.items():
        tell(f"left out: {reason}", count)
    return facts


def _dataset_record(source: DatasetSource) -> dict[str, object]:
    """The dataset's Beacon record, without the list of its members."""
    return {name: value for name, value in source.metadata.items() if name != "ids"}


def _rows(files: Sequence[VariantFile], selection: Selection) -> Iterator[parquet.Row]:
    number = 0
    for file in files:
        for row in file.rows(selection):
            yield row
            number += 1
            if number > MAX_ALLELES:
                expected = f"at most {MAX_ALLELES} alleles"
                raise SourceRefused([Problem(file.path.name, "", "", expected, "split the source")])


def _refuse_duplicates(written: parquet.Written) -> None:
    step = "merge the records, for example with bcftools norm -d none"
    problems = [
        Problem("variants", f"{chrom}:{start0 + 1}", "ALT", "each allele once in a source", step)
        for chrom, start0 in written.duplicates
    ]
    if problems:
        raise SourceRefused(problems)


def _version(source: DatasetSource) -> str:
    """The same content gives the same version, whatever its files are called."""
    stated = {each.name: getattr(source, each.name) for each in fields(source)}
    stated["metadata"] = dict(source.metadata)
    for name in ("vcfs", "hierarchies"):
        stated[name] = [_digest(path) for path in stated[name]]
    for name in ("individuals", "biosamples", "runs", "analyses", "cohorts"):
        stated[name] = _digest(stated[name]) if stated[name] else None
    stated["keep_people"] = sorted(source.keep_people) if source.keep_people is not None else None
    text = json.dumps({"format": FORMAT, **stated}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
