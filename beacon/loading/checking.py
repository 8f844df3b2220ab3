"""Reads the people of a source and opens its variant files; all that is wrong is said at once.

A source has one assembly, and genotypes in every variant file or in none; a form of file checks its
own records. Nothing is written here: what was found good is built by `beacon.loading.building`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from beacon import ontology
from beacon.errors import Problem, ReferenceUnreadable, SourceRefused
from beacon.loading import bff_variants, genes, interpretations, people_files, variant_files
from beacon.loading.bff_cases import Known
from beacon.loading.bff_variants import BffFile, Into
from beacon.loading.genes import Gene
from beacon.loading.interpretations import StatedVariants
from beacon.loading.members import Members
from beacon.loading.parquet import Row
from beacon.loading.records import Problems
from beacon.loading.source import DatasetSource
from beacon.loading.staging import Staging
from beacon.loading.variant_files import Selection, VariantFile
from beacon.loading.whole import LINES
from beacon.variation import alleles
from beacon.variation.reaches import RefCheck
from beacon.variation.reference import FastaReference, Reference, Windowed

MAX_ALLELES = 200_000_000

Variants = VariantFile | BffFile | StatedVariants
Progress = Callable[[str, int], None]
Report = Callable[[Problem], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """A source whose records were read and whose variant files are whole."""

    staging: Staging
    losses: Counter[str]
    rejected: int
    files: tuple[Variants, ...]
    hierarchy: ontology.Hierarchy
    assembly: str
    bases: Reference | None
    genes: tuple[Gene, ...]

    @property
    def annotated(self) -> bool:
        """A file without annotation could hold what is asked, so all must have it."""
        return bool(self.files) and all(file.annotated for file in self.files)

    @property
    def has_effects(self) -> bool:
        return bool(self.files) and all(file.has_effects for file in self.files)


def checked(
    source: DatasetSource, staging: Staging, *, report: Report | None, tell: Progress
) -> Checked:
    """Raises `SourceRefused`; `report` is given every problem."""
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
    with told(report):
        losses = people_files.stage(
            source.people_files(), staging=staging, problems=problems, tell=tell
        )
    bases = _bases(source, problems)
    into = Into(source.id, assembly or "", Known.of(staging), bases)
    files = _variants(source, staging, into, problems=problems, losses=losses, tell=tell)
    if files:
        tell(LINES, sum(file.expected for file in files))
    if not problems.fatal:
        _check_alike(files, problems)
    if problems.fatal or problems.count > source.max_rejected:
        raise SourceRefused(problems.found, count=problems.count)
    with told(report):
        hierarchy = ontology.read(source.hierarchies)
        table = genes.read(source.genes) if source.genes is not None else ()
    return Checked(
        *(staging, losses, problems.count, tuple(files), hierarchy, assembly or ""),
        bases=bases,
        genes=tuple(table),
    )


def capped(file: Variants, selection: Selection, before: int) -> Iterator[Row]:
    for number, row in enumerate(file.rows(selection), start=before + 1):
        if number > MAX_ALLELES:
            expected = f"at most {MAX_ALLELES} alleles"
            raise SourceRefused([Problem(file.path.name, "", "", expected, "split the source")])
        yield row


def refuse_mismatches(compared: RefCheck | None) -> None:
    step = "check the assembly, or drop these lines with bcftools norm -c x"
    problems = [
        Problem("variants", f"{chrom}:{start0 + 1}", "REF", "what the reference has there", step)
        for chrom, start0 in (compared.places if compared is not None else ())
    ]
    if problems:
        raise SourceRefused(problems)


def left_out(people: Members, skipped: Sequence[Counter[str]]) -> Counter[str]:
    """By reason, with what was of each file."""
    every: Counter[str] = Counter()
    if people.left_out:
        every["sample without an individual"] = people.left_out
    for of_file in skipped:
        every.update(of_file)
    return every


def tell_losses(found: Checked, skipped: Counter[str], tell: Progress) -> None:
    for reason, count in skipped.items():
        tell(f"left out: {reason}", count)
    if found.rejected:
        tell("left out: record that could not be read", found.rejected)
    for what, count in sorted(found.losses.items()):
        tell(f"lost: {what}", count)


@contextmanager
def told(report: Report | None) -> Iterator[None]:
    """Whatever refuses the source in here is in the report too."""
    try:
        yield
    except SourceRefused as refused:
        if report is not None:
            for problem in refused.problems:
                report(problem)
        raise


# Variant files


def _variants(
    source: DatasetSource,
    staging: Staging,
    into: Into,
    *,
    problems: Problems,
    losses: Counter[str],
    tell: Progress,
) -> list[Variants]:
    """Of the variant files, or where there are none of what phenopackets say."""
    stated = _stated(source, staging, into, problems=problems, losses=losses)
    if not (source.vcfs or source.genomic_variations):
        return [stated] if stated.samples else []
    if stated.first is not None:
        problems.add(interpretations.beside(stated.first), fatal=True)
        return []
    files: list[Variants] = [*_opened(source, into.assembly or None, problems, tell)]
    if source.genomic_variations and not problems.fatal:
        ahead = replace(into, reference=into.reference and Windowed(into.reference))
        for path in source.genomic_variations:
            file = bff_variants.open_variations(path, ahead, problems=problems, tell=tell)
            losses.update(file.lost)
            files.append(file)
    return files


def _stated(
    source: DatasetSource,
    staging: Staging,
    into: Into,
    *,
    problems: Problems,
    losses: Counter[str],
) -> StatedVariants:
    """Of nobody where they are not wanted, or cannot be placed."""
    if not source.interpretations and (number := staging.interpretations):
        losses[interpretations.LEFT_OUT] += number
    elif not problems.fatal:
        return interpretations.stated_variants(staging, into, problems=problems, losses=losses)
    return StatedVariants(staging)


def _bases(source: DatasetSource, problems: Problems) -> Reference | None:
    if not isinstance(source.bases, Path):
        return source.bases
    try:
        return FastaReference(source.bases)
    except ReferenceUnreadable as broken:
        problem = Problem(source.bases.name, "", "", "an indexed FASTA file", broken.public)
        problems.add(problem, fatal=True)
        return None


def _opened(
    source: DatasetSource, assembly: str | None, problems: Problems, tell: Progress
) -> list[VariantFile]:
    files: list[VariantFile] = []
    for path in source.vcfs:
        before = sum(file.expected for file in files)
        try:
            files.append(variant_files.open_variants(path, partial(_tell_lines, tell, before)))
        except SourceRefused as refused:
            for problem in refused.problems:
                problems.add(problem, fatal=True)
    for file in files:
        _check_assembly(file, assembly, problems)
    return files


def _tell_lines(tell: Progress, before: int, lines: int) -> None:
    tell(LINES, before + lines)


def _check_alike(files: Sequence[Variants], problems: Problems) -> None:
    if len({bool(file.samples) for file in files}) > 1:
        expected = "genotypes in every variant file, or in none"
        problem = Problem("source", "", "vcfs", expected, "load the sites as their own dataset")
        problems.add(problem, fatal=True)


def _check_assembly(file: VariantFile, assembly: str | None, problems: Problems) -> None:
    if file.assembly is not None and assembly is not None and file.assembly != assembly:
        expected = f"coordinates on {assembly}, the header says {file.assembly}"
        step = "load each assembly as its own dataset"
        problems.add(Problem(file.path.name, "header", "assembly", expected, step), fatal=True)
