"""Public frequencies of alleles: a reference panel for each assembly of a node.

Such as gnomAD's or a national panel's; kept as a catalog of its own, so that a question is read
exactly as a dataset reads it: every spelling of an allele finds the same rows. What an allele's
frequency is never depends on the dataset asked, and an allele the panel has not is of frequency
zero, the rarest there is. What follows from a frequency is `access.privacy.pricing`'s, loading
`panel_load`'s.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from access.privacy.pricing import Floors, Spectrum, any_of, floors
from beacon.catalog import Segment, VariantQuestion, VariantRow
from beacon.errors import CatalogError
from beacon.loading.site_counts import WHOLE
from beacon.segments import SegmentCatalog
from beacon.variation.alleles import trimmed
from beacon.variation.justify import Justified

MAX_MATCHES = 1_000  # more of a range are passed over: then it counts as rarer than it is
MAX_REMEMBERED = 20_000
_MAX_FACTS_BYTES = 1_000_000
FACTS = "panels.json"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a panel says of a question: the alleles it names (each in its one canonical spelling),
    the frequency of having any of them and that of the commonest."""

    alleles: tuple[str, ...] = ()
    frequency: float = 0.0
    commonest: float = 0.0


UNKNOWN = Expected()


@dataclass(frozen=True, slots=True)
class PanelFacts:
    """A loaded panel; `population` is empty where its frequencies are of all it holds."""

    version: str
    population: str
    alleles: int
    spectrum: Spectrum


class Panel:
    """The panel of one assembly, opened for reading; remembers what it was asked."""

    def __init__(self, segment: Segment, facts: PanelFacts) -> None:
        self.facts = facts
        self._segment = segment
        self.expected = lru_cache(MAX_REMEMBERED)(self._expected)
        self.floors = lru_cache(MAX_REMEMBERED)(self._floors)

    def _floors(self, people: int) -> Floors:
        return floors(self.facts.spectrum, people)

    def _expected(self, question: VariantQuestion) -> Expected:
        if not self._segment.supports(question):
            return UNKNOWN
        rows = self._segment.variants(question, samples=None, skip=0, limit=MAX_MATCHES).rows
        known = [(row, frequency_of(row, self.facts.population)) for row in rows]
        found = [(_spelled(row), frequency) for row, frequency in known if frequency > 0]
        if not found:
            return UNKNOWN
        frequencies = [frequency for _, frequency in found]
        names = tuple(sorted(name for name, _ in found))
        return Expected(names, any_of(frequencies), max(frequencies))


NO_PANELS: Mapping[str, Panel] = MappingProxyType({})  # then every allele is the rarest there is


def read(
    folder: Path, *, form: Callable[[Segment], Segment] = lambda segment: segment
) -> Mapping[str, Panel]:
    """The panels of a node by assembly; none where none was loaded. `form` is what datasets are
    given too, so that a panel understands what they do. Raises `CatalogError`."""
    if not (folder / FACTS).exists():
        return {}
    segments = SegmentCatalog(folder, form=form).snapshot()
    panels = {}
    for assembly, facts in read_facts(folder).items():
        segment = segments.get(assembly)
        if segment is None or segment.facts.version != facts.version:
            raise CatalogError("a reference panel cannot be read", detail=f"{folder}: {assembly}")
        panels[assembly] = Panel(segment, facts)
    return panels


def frequency_of(row: VariantRow, population: str) -> float:
    """Zero where the panel does not say."""
    if not population and row.allele_number:
        return row.allele_count / row.allele_number
    wanted = population or WHOLE
    stated = (each.frequency for each in row.populations if each.population == wanted)
    return next(stated, None) or 0.0


def _spelled(row: VariantRow) -> str:
    """One name for all spellings: as far to the left as the change can be written."""
    core = trimmed(row.allele)
    left, right = row.reach or (0, 0)
    core = Justified(core, left, right).moved(-left) if left else core
    return (
        f"{core.chrom}-{core.start0}-{row.end0 if core.alt[:1] == '<' else ''}{core.ref}-{core.alt}"
    )


def read_facts(folder: Path) -> dict[str, PanelFacts]:
    path = folder / FACTS
    try:
        if not path.exists():
            return {}
        with path.open("rb") as stream:
            raw = json.loads(stream.read(_MAX_FACTS_BYTES))
        return {
            assembly: PanelFacts(
                version=known["version"],
                population=known["population"],
                alleles=known["alleles"],
                spectrum=Spectrum(tuple(int(each) for each in known["spectrum"]["alleles"])),
            )
            for assembly, known in raw.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as broken:
        raise CatalogError("a reference panel cannot be read", detail=str(path)) from broken
