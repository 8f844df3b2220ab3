"""Variants that the interpretations of phenopackets state, as a source of variants like a VCF.

GA4GH Phenopacket Schema 2.0 `genomicInterpretations`: a person, or one of his biosamples, carries
what a `variationDescriptor` places on the assembly, whatever it is thought to cause. `allelicState`
is the zygosity; how many were looked at is not said, so nothing here is a frequency. Which allele
a descriptor states is left to `beacon.loading.descriptors`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from beacon.catalog import Annotations
from beacon.errors import Problem
from beacon.loading import bff_cases, bff_notes, descriptors, genotypes
from beacon.loading.annotations import MAX_EACH, MAX_NAME
from beacon.loading.bff_fields import Record, Rejected, member, text, texts
from beacon.loading.bff_variants import Into
from beacon.loading.descriptors import Unplaced
from beacon.loading.genotypes import Called
from beacon.loading.parquet import Row
from beacon.loading.records import Problems
from beacon.loading.shapes import Shape
from beacon.loading.staging import Interpreted, Staging
from beacon.loading.variant_carriers import Selection
from beacon.loading.variant_lines import MAX_IDENTIFIERS
from beacon.variation.identifiers import Kind, kind
from beacon.zygosity import Zygosity
from schemas import protein

UNPLACED = "genomic interpretation without a place on the assembly"
LEFT_OUT = "genomic interpretation, left out as wanted"
_STEP = "state it as vcfRecord, or leave it out as now"
_AT = "variationDescriptor."
_UNSAID = bff_cases.called({}, "")
_LISTS = ("names", "genes", "transcripts", "proteins", "changes")
_MAX_TEXT = 100_000
# (number of the sample, what is said of its allele)
_Carried = Sequence[tuple[int, dict[str, Any]]]
_KNOWN = frozenset({Kind.RSID, Kind.CLINVAR})


@dataclass(slots=True)
class StatedVariants:
    """Those that are placed; `rows` reads them once from the staging area."""

    staging: Staging
    samples: tuple[str, ...] = ()
    annotated: bool = False
    has_effects: bool = False  # which an interpretation does not state
    has_changes: bool = False
    skipped: Counter[str] = field(default_factory=Counter)
    path: Path = Path("phenopackets")
    populations: tuple[str, ...] = ()
    assembly: str | None = None  # what is on another is not among them
    expected: int = 0
    first: Interpreted | None = None

    def rows(self, selection: Selection) -> Iterator[Row]:
        """Leaves out an allele that nobody who is kept carries."""
        for allele, stated in groupby(self.staging.all_stated(), key=itemgetter(0)):
            carried = [
                (selection.samples[sample], json.loads(said))
                for _, sample, said in stated
                if sample in selection.samples
            ]
            if carried:
                yield _row(Shape(*json.loads(allele)), sorted(carried, key=itemgetter(0)))


def stated_variants(
    staging: Staging, into: Into, *, problems: Problems, losses: Counter[str]
) -> StatedVariants:
    """Places every interpretation; what has no place is counted in `losses` and reported, what is
    wrong is in `problems`."""
    found = StatedVariants(staging)
    samples: dict[str, None] = {}
    every: Counter[str] = Counter()
    for each in staging.interpreted():
        try:
            sample, said = _placed(each, staging, into)
        except Unplaced as nowhere:
            losses[UNPLACED] += 1
            problems.note(Problem(each.file, each.where, nowhere.field, nowhere.expected, _STEP))
            continue
        except Rejected as wrong:
            problems.add(Problem(each.file, each.where, wrong.field, wrong.expected, wrong.step))
            if problems.full:
                break
            continue
        samples[sample] = None
        found.first = found.first or each
        every.update(placed=1, genes=bool(said["genes"]), changes=bool(said["changes"]))
    found.samples, found.expected = tuple(samples), every["placed"]
    # A gene that only some name would make a «no» of what is not said.
    found.annotated = bool(samples) and every["genes"] == every["placed"]
    found.has_changes = every["changes"] == every["placed"]
    return found


def beside(first: Interpreted) -> Problem:
    """One allele of two sources would count twice, and by the other its bearer may have been looked
    at and not have it."""
    expected = "no variants of phenopackets beside variant files, which say who carries what"
    step = "load them as a dataset of their own, or leave them out with --without-interpretations"
    return Problem(first.file, first.where, "variantInterpretation", expected, step)


def _placed(each: Interpreted, staging: Staging, into: Into) -> tuple[str, dict[str, list[str]]]:
    """(the sample, what is said of its allele), noted in the staging area."""
    descriptor = member(each.stated, "variationDescriptor")
    shape = descriptors.shape(descriptor, assembly=into.assembly, reference=into.reference)
    at = f"{_AT}allelicState"
    state = member(descriptor, "allelicState", at=_AT)
    try:
        called = bff_cases.called(state, at)
    except Rejected as unknown:
        raise Unplaced(unknown.field, unknown.expected) from unknown
    person = {"individualId": each.person}
    of_sample = {} if each.bearer == each.person else {"biosampleId": each.bearer}
    sample = into.known.sample(person | of_sample, "subjectOrBiosampleId: ")
    allele, said = json.dumps(shape._replace(level=None)), _said(descriptor)
    level = None if shape.level is None else shape.level.code
    whole: dict[str, Any] = {**said, "level": level, "genotype": genotypes.text(called.code)}
    if (before := staging.stated(allele, sample)) is not None:
        whole = _one(json.loads(before), whole, at=at)
    staging.state(allele, sample, json.dumps(whole))
    return sample, said


def _one(before: dict[str, Any], now: dict[str, Any], *, at: str) -> dict[str, Any]:
    """What two interpretations say of one allele of one sample."""
    calls = {said["genotype"] for said in (before, now)} - {genotypes.text(_UNSAID.code)}
    if len(calls) > 1:
        raise Rejected(at, "the same as in the other interpretation of this variant")
    lists = {what: [*before[what], *now[what]] for what in _LISTS}
    level = now["level"] or before["level"]
    return {**lists, "level": level, "genotype": next(iter(calls), now["genotype"])}


def _said(descriptor: Record) -> dict[str, list[str]]:
    """Names, genes and transcripts' changes, for `_annotations`."""
    gene = text(member(descriptor, "geneContext", at=_AT), "symbol", at=_AT, most=MAX_NAME)
    written = (name for _, name in descriptors.expressions(descriptor))
    short = [name for name in written if len(name) <= MAX_NAME]
    proteins = [name for name in short if kind(name) is Kind.PROTEIN]
    changes = (protein.one_letter(name.rpartition(":")[2]) for name in proteins)
    return {
        "names": _names(descriptor),
        "genes": [gene] if gene else [],
        "transcripts": [name for name in short if kind(name) is Kind.TRANSCRIPT],
        "proteins": proteins,
        "changes": [change for change in changes if change],
    }


def _names(descriptor: Record) -> list[str]:
    """rsIDs and ClinVar ids."""
    record = member(descriptor, "vcfRecord", at=_AT)
    given = (text(record, "id", at=_AT, most=_MAX_TEXT) or "").split(";")
    given.append(text(descriptor, "id", at=_AT, most=_MAX_TEXT) or "")
    given += texts(descriptor, "xrefs", at=_AT, most=_MAX_TEXT)
    named = (bff_notes.public(name.strip()) for name in given if len(name) <= MAX_NAME)
    return [name for name in named if kind(name) in _KNOWN]


# Rows


def _row(shape: Shape, carried: _Carried) -> Row:
    calls = [_called(said["genotype"]) for _, said in carried]
    levels = np.array([said["level"] or 0 for _, said in carried], dtype=np.uint8)
    names = _once(carried, "names", most=MAX_IDENTIFIERS)
    return Row(
        *shape[:-1],
        sum(called.copies for called in calls),
        0,  # nobody knows how many were looked at
        sum(called.zygosity is Zygosity.HOMOZYGOUS for called in calls),
        sum(called.zygosity is Zygosity.HEMIZYGOUS for called in calls),
        None,
        np.array([sample for sample, _ in carried], dtype=np.uint32),
        np.array([called.code for called in calls], dtype=np.uint16),
        names or None,
        _annotations(carried),
        None,
        levels if levels.any() else None,
    )


def _called(text: str) -> Called:
    return genotypes.called(text) or _UNSAID


def _once(carried: _Carried, what: str, *, most: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, said in carried for name in said[what]))[:most]


def _annotations(carried: _Carried) -> Annotations | None:
    pairs = dict.fromkeys(
        (change, next(iter(said["genes"]), "")) for _, said in carried for change in said["changes"]
    )
    kept = list(pairs)[:MAX_EACH]
    made = Annotations(
        genes=_once(carried, "genes", most=MAX_EACH),
        aminoacid_changes=tuple(change for change, _ in kept),
        transcript_hgvs=_once(carried, "transcripts", most=MAX_EACH),
        protein_hgvs=_once(carried, "proteins", most=MAX_EACH),
        changed_genes=tuple(gene for _, gene in kept),
    )
    return made if made != Annotations() else None
