"""Reads BFF `genomicVariations`: a JSON array or JSON lines, as a source of variants like a VCF.

Beacon v2.2 `genomicVariation`, record by record and twice: once to check all of it and to learn who
is in it, once for its rows. A file has people where some record of it has `caseLevelData`; how many
were looked at it only says where it states the dataset's own `alleleNumber`. What an allele, a
carrier, a count and a name are is left to `bff_alleles`, `bff_cases`, `bff_counts`, `bff_notes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from beacon.errors import Problem, SourceRefused
from beacon.loading import bff_alleles, bff_counts, bff_notes, site_counts
from beacon.loading.bff_cases import Known, cases
from beacon.loading.bff_fields import Record, Rejected, member
from beacon.loading.bff_notes import Lost
from beacon.loading.bff_rows import Read, Rows
from beacon.loading.json_stream import Broken
from beacon.loading.parquet import Row
from beacon.loading.records import Limits, Problems, Unreadable, json_records
from beacon.loading.variant_carriers import Selection
from beacon.loading.variant_files import MAX_SAMPLES
from beacon.loading.variant_lines import NAMED_EACH
from beacon.variation import alleles
from beacon.variation.reference import Reference

# Most of a record is ids of carriers, whose characters are of one byte.
LIMITS = Limits(file_bytes=1_000_000_000_000, record_characters=16_000_000, bytes_each=1)
MAX_SOURCES = 1_000  # pairs of a source and a population, before they are named
_MAX_SHOWN = 60
_REPORT_EVERY = 1000
_OUTSIDE = "sequence outside 1..22, X, Y, MT"
_NO_CASES = "record without caseLevelData in a file that has them"


@dataclass(frozen=True, slots=True)
class Into:
    """The dataset that a file is read for."""

    dataset: str
    assembly: str
    known: Known
    reference: Reference | None


@dataclass(slots=True)
class BffFile:
    """A checked file; `rows` reads it once from the start."""

    path: Path
    into: Into
    samples: tuple[str, ...] = ()
    populations: tuple[str, ...] = ()
    annotated: bool = False
    has_effects: bool = False
    has_changes: bool = False
    expected: int = 0
    lost: Lost = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    _named: dict[tuple[str, str], str] = field(default_factory=dict)
    _rejected: int = 0

    @property
    def assembly(self) -> str | None:
        """Checked record by record: each is refused whose sequence is of another."""
        return None

    def check(self, problems: Problems, tell: Callable[[str, int], None]) -> None:
        """Tells what is wrong in `problems`, and learns what `rows` must know."""
        samples: dict[str, None] = {}
        pairs: dict[tuple[str, str], None] = {}
        number = 0
        for number, (where, item) in enumerate(json_records(self.path, LIMITS), start=1):
            if number % _REPORT_EVERY == 0:
                tell("genomicVariations, read", number)
            lost: Lost = Counter()
            try:
                if (read := self._read(item, lost)) is not None:
                    self._learn(read, samples, pairs)
                    bff_notes.not_read(_object(item), lost)
                self.lost.update(lost)
            except Rejected as wrong:
                self._rejected += 1
                place = _place(where, item)
                problems.add(
                    Problem(self.path.name, place, wrong.field, wrong.expected, wrong.step)
                )
                if problems.full:
                    return
        tell("genomicVariations, read", number)
        self.samples, self.expected = tuple(samples), number
        self._named = bff_counts.spelled(tuple(pairs), self.into.dataset)
        self.populations = tuple(dict.fromkeys(self._named.values()))
        if len(self.populations) > site_counts.MAX_POPULATIONS:
            most = f"{site_counts.MAX_POPULATIONS} populations"
            raise self._too_many("frequencyInPopulations", most)

    def _too_many(self, name: str, most: str) -> Unreadable:
        step = "split the file, or give the people as VCF"
        return Unreadable(Problem(self.path.name, "", name, f"at most {most} in a file", step))

    def _learn(
        self, read: Read, samples: dict[str, None], pairs: dict[tuple[str, str], None]
    ) -> None:
        """Everything that can be wrong is found before anything is kept."""
        ours = bff_counts.own(read.stated, self.into.dataset)
        theirs = {(s.source, s.part.population): None for s in read.stated if s is not ours}
        if len(theirs) + (ours is not None) < len(read.stated):
            raise Rejected("frequencyInPopulations", "each population once for a source")
        carried = sum(called.copies for called in read.carriers.values())
        if ours is not None and read.carriers and ours.part.allele_count != carried:
            raise Rejected("frequencyInPopulations", "as many alleles as caseLevelData has")
        pairs |= theirs
        samples |= dict.fromkeys(read.carriers)
        if len(pairs) > MAX_SOURCES:
            raise self._too_many("frequencyInPopulations", f"{MAX_SOURCES} sources")
        if len(samples) > MAX_SAMPLES:
            raise self._too_many("caseLevelData", f"{MAX_SAMPLES} biosamples")
        if read.said is not None:
            self.annotated = self.annotated or bool(read.said.genes)
            self.has_effects = self.has_effects or bool(read.said.effects)
            self.has_changes = self.has_changes or bool(read.said.aminoacid_changes)

    def _read(self, item: object, lost: Lost) -> Read | None:
        """None for what is left out and counted, as it is of a VCF."""
        record, into = _object(item), self.into
        shape = bff_alleles.shape(record, assembly=into.assembly, reference=into.reference)
        if shape is None:
            return None
        word = member(record, "variation").get("variantType", shape.type)
        covered = alleles.types_matching(word) if isinstance(word, str) else None
        if covered is None or shape.type not in covered:
            lost["variantType, which the bases contradict"] += 1
        return Read(
            shape,
            cases(record, into.known),
            bff_notes.names(record, assembly=into.assembly, lost=lost),
            bff_notes.said(record, lost=lost),
            bff_counts.frequencies(record),
        )

    def rows(self, selection: Selection) -> Iterator[Row]:
        """Leaves out what `check` told. Raises `SourceRefused` where the file is another by now."""
        unheard: Lost = Counter()
        rows = Rows(self.into.dataset, self._named, cased=bool(self.samples))
        rejected = 0
        self.skipped.clear()
        try:
            for where, item in json_records(self.path, LIMITS):
                try:
                    read = self._read(item, unheard)
                    if read is None:
                        self._left_out(_OUTSIDE, _place(where, item), selection)
                        continue
                    self._learn(read, {}, {})
                except Rejected:
                    rejected += 1
                    continue
                if rows.lacks_cases(read, selection):
                    self._left_out(_NO_CASES, _place(where, item), selection)
                elif (row := rows.row(read, selection)) is not None:
                    yield row
        except (Unreadable, KeyError) as broken:
            raise self._changed() from broken
        if rejected != self._rejected:
            raise self._changed()

    def _changed(self) -> SourceRefused:
        expected = "a file that stays as it was checked"
        return SourceRefused([Problem(self.path.name, "", "", expected, "load it again")])

    def _left_out(self, reason: str, place: str, selection: Selection) -> None:
        self.skipped[reason] += 1
        if selection.note is not None and self.skipped[reason] <= NAMED_EACH:
            step = "correct it, or leave it out as now"
            selection.note(Problem(self.path.name, place, "", reason, step))


def open_variations(
    path: Path, into: Into, *, problems: Problems, tell: Callable[[str, int], None]
) -> BffFile:
    """The file, after every record was read; what is wrong is in `problems`."""
    file = BffFile(path, into)
    try:
        file.check(problems, tell)
    except Unreadable as broken:
        problems.add(broken.problem, fatal=True)
    return file


def _object(item: object) -> Record:
    if isinstance(item, Broken):
        raise Rejected("", item.expected)
    if not isinstance(item, dict):
        raise Rejected("", "a JSON object")
    return item


def _place(where: str, item: object) -> str:
    name = item.get("variantInternalId") if isinstance(item, dict) else None
    return f"{where} ({name[:_MAX_SHOWN]})" if isinstance(name, str) else where
