"""Checked import of one dataset: variant files and metadata become one segment, or nothing does.

A source has one assembly. Nothing half-loaded is served: the segment is built under a temporary
name, verified, made durable, renamed, and only then named in the manifest. FILTER is not looked at:
every allele of the files is loaded. The canonical sorted Parquet of the design is not built yet.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from beacon import alleles, manifest, ontology, records, variant_files
from beacon.catalog import Allele, DatasetFacts
from beacon.errors import CatalogError, Problem, SourceRefused
from beacon.members import Members, members, owned
from beacon.records import Entity, Problems
from beacon.segment_file import FORMAT, SegmentWriter, StoredAllele
from beacon.variant_files import FileAllele, VariantFile

MAX_ALLELES = 50_000_000
_REPORT_EVERY = 1000
_MAX_SPELLED = 40

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
            for _ in file:
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
    temporary.unlink(missing_ok=True)
    try:
        with SegmentWriter(temporary) as writer:
            facts = _build(source, checked, people, writer=writer, version=version, tell=progress)
        entry = manifest.Entry(final.name, version, temporary.stat().st_size, _digest(temporary))
        temporary.replace(final)
    except (sqlite3.Error, OSError) as failed:
        raise CatalogError("the segment could not be written", detail=str(final)) from failed
    finally:
        temporary.unlink(missing_ok=True)
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
    *,
    writer: SegmentWriter,
    version: str,
    tell: Progress | None,
) -> DatasetFacts:
    tell = tell or (lambda _what, _count: None)
    # 1. People and what their records say.
    writer.people(list(people.numbers))
    writer.samples((number, name, person) for name, (number, person) in people.samples.items())
    whole = source.keep_people is None
    for name in checked.entities:
        rows = owned(name, checked.entities, people, whole=whole)
        tell(name, writer.records(name, rows, checked.hierarchy))
    writer.dataset(_dataset_record(source), checked.hierarchy)
    # 2. Alleles and their carriers.
    skipped: Counter[str] = Counter()
    if people.left_out:
        skipped["sample without an individual"] = people.left_out
    for file in checked.files:
        for number, stored in enumerate(_stored(source, file, people), start=1):
            if number > MAX_ALLELES:
                expected = f"at most {MAX_ALLELES} alleles"
                raise SourceRefused([Problem(file.path.name, "", "", expected, "split the file")])
            writer.allele(stored)
            if number % _REPORT_EVERY == 0:
                tell("genomicVariant", number)
        skipped.update(file.skipped)
    _refuse_duplicates(writer)
    # 3. Order, facts, verification.
    variants, chromosomes = writer.arrange()
    facts = DatasetFacts(
        id=source.id,
        name=source.name,
        version=version,
        assembly=checked.assembly,
        people=len(people.numbers),
        variants=variants,
        chromosomes=chromosomes,
        description=source.description,
        metadata=_dataset_record(source),
    )
    writer.finish(facts, skipped)
    tell("genomicVariant", variants)
    for reason, count in skipped.items():
        tell(f"left out: {reason}", count)
    return facts


def _dataset_record(source: DatasetSource) -> dict[str, object]:
    """The dataset's Beacon record, without the list of its members."""
    return {name: value for name, value in source.metadata.items() if name != "ids"}


def _stored(source: DatasetSource, file: VariantFile, people: Members) -> Iterator[StoredAllele]:
    columns, numbers, persons = _columns(file, people)
    for found in file:
        copies, called = found.copies[columns], found.called[columns]
        carrying = np.flatnonzero(copies)
        if not len(carrying) and source.keep_people is not None:
            continue  # another share of the cohort has it
        everyone = int(found.called.sum())
        frequency = int(found.copies.sum()) / everyone if everyone else None
        yield StoredAllele(
            allele=found.allele,
            end0=found.end0,
            variant_type=found.variant_type,
            variant_id=variant_id(found.allele, found.end0),
            allele_count=int(copies.sum()),
            allele_number=int(called.sum()),
            carriers=BitMap(persons[carrying]),
            reference_af=frequency if source.reference == "own" else None,
            identifiers=found.identifiers,
            genotypes=_by_genotype(found, columns[carrying], numbers[carrying]),
        )


def _columns(
    file: VariantFile, people: Members
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint32]]:
    """For the kept samples of a file: column, sample number, person number."""
    kept = [(i, *people.samples[s]) for i, s in enumerate(file.samples) if s in people.samples]
    table = np.array(kept, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1].astype(np.uint32), table[:, 2].astype(np.uint32)


def _by_genotype(
    found: FileAllele, columns: NDArray[np.int64], numbers: NDArray[np.uint32]
) -> dict[str, BitMap]:
    codes = found.codes[columns]
    return {
        variant_files.genotype_text(int(code)): BitMap(numbers[codes == code])
        for code in np.unique(codes)
    }


def variant_id(allele: Allele, end0: int) -> str:
    """`1-10177-A-AC`: chromosome, one-based position, bases; long bases by their digest."""
    bases = f"{allele.ref}-{allele.alt}"
    if allele.alt.startswith("<") or len(bases) > _MAX_SPELLED:
        digest = hashlib.sha256(f"{bases}-{end0}".encode()).hexdigest()[:24]
        bases = f"{end0}-{digest}"
    return f"{allele.chrom}-{allele.start0 + 1}-{bases}"


def _refuse_duplicates(writer: SegmentWriter) -> None:
    step = "merge the records, for example with bcftools norm -d none"
    problems = [
        Problem("variants", f"{chrom}:{start0 + 1}", "ALT", "each allele once in a source", step)
        for chrom, start0 in writer.duplicates()
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
