"""Public frequencies of alleles: a reference panel, loaded once for each assembly of a node.

Any VCF, BCF or TSV with frequencies, such as gnomAD's or a national panel's; kept as a catalog of
its own, so that a question is read exactly as a dataset reads it: every spelling of an allele finds
the same rows. What an allele's frequency is never depends on the dataset asked, and an allele the
panel has not is of frequency zero, the rarest there is. What follows from a frequency is left to
`access.privacy.pricing`.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from access.privacy.pricing import Spectrum, any_of
from beacon import load as dataset_load
from beacon.alleles import canonical_assembly, trimmed
from beacon.catalog import Segment, VariantQuestion, VariantRow
from beacon.errors import CatalogError, Problem, SourceRefused
from beacon.justify import Justified
from beacon.reference import Reference
from beacon.segments import SegmentCatalog
from beacon.site_counts import WHOLE

MAX_MATCHES = 1_000  # more of a range are passed over: then it counts as rarer than it is
MAX_REMEMBERED = 20_000
_MAX_FACTS_BYTES = 1_000_000
_FACTS = "panels.json"
_COLUMNS = ("chrom", "pos", "ref", "alt", "af")
_AT_ONCE = 5_000


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

    def _expected(self, question: VariantQuestion) -> Expected:
        if not self._segment.supports(question):
            return UNKNOWN
        rows = self._segment.variants(question, people=None, skip=0, limit=MAX_MATCHES).rows
        known = [(row, _frequency(row, self.facts.population)) for row in rows]
        found = [(_spelled(row), frequency) for row, frequency in known if frequency > 0]
        if not found:
            return UNKNOWN
        frequencies = [frequency for _, frequency in found]
        names = tuple(sorted(name for name, _ in found))
        return Expected(names, any_of(frequencies), max(frequencies))


def read(folder: Path) -> Mapping[str, Panel]:
    """The panels of a node by assembly; none where none was loaded. Raises `CatalogError`."""
    if not (folder / _FACTS).exists():
        return {}
    segments = SegmentCatalog(folder).snapshot()
    panels = {}
    for assembly, facts in _read_facts(folder).items():
        segment = segments.get(assembly)
        if segment is None or segment.facts.version != facts.version:
            raise CatalogError("a reference panel cannot be read", detail=f"{folder}: {assembly}")
        panels[assembly] = Panel(segment, facts)
    return panels


def load(
    path: Path,
    folder: Path,
    *,
    assembly: str,
    population: str = "",
    bases: Path | Reference | None = None,
    progress: dataset_load.Progress | None = None,
) -> PanelFacts:
    """Makes the file the panel of its assembly. With `bases` (the reference sequence) insertions
    and deletions are known in every shifted spelling. Raises `SourceRefused`."""
    canonical = canonical_assembly(assembly)
    if canonical is None:
        raise _refused(path, "GRCh37 or GRCh38", "name one of the two")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _as_vcf(path) as vcf:
        source = dataset_load.DatasetSource(
            id=canonical,
            name=f"Reference panel, {canonical}",
            description="",
            assembly=canonical,
            vcfs=(vcf,),
            bases=bases,
        )
        made = dataset_load.load(source, folder, progress=progress)
    segment = SegmentCatalog(folder).snapshot()[canonical]
    if population and population not in segment.facts.populations:
        held = ", ".join(segment.facts.populations) or "none"
        raise _refused(path, f"frequencies of {population[:40]}", f"it has those of: {held}")
    spectrum = Spectrum.of(_frequencies(segment, population))
    facts = PanelFacts(made.version, population, sum(spectrum.alleles), spectrum)
    if not facts.alleles:
        raise _refused(path, "a frequency (INFO AF, or AC and AN)", "a panel without is of no use")
    _write_facts(folder, {**_read_facts(folder), canonical: facts})
    return facts


def _frequencies(segment: Segment, population: str) -> Iterator[float]:
    for skip in range(0, segment.facts.variants, _AT_ONCE):
        page = segment.variants(None, people=None, skip=skip, limit=_AT_ONCE)
        yield from (_frequency(row, population) for row in page.rows)


def _frequency(row: VariantRow, population: str) -> float:
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


def _read_facts(folder: Path) -> dict[str, PanelFacts]:
    path = folder / _FACTS
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


def _write_facts(folder: Path, facts: Mapping[str, PanelFacts]) -> None:
    """Renamed into place: a reader sees one state or the other."""
    temporary = folder / f"{_FACTS}.{os.getpid()}.tmp"
    temporary.write_text(json.dumps({name: asdict(each) for name, each in facts.items()}))
    temporary.replace(folder / _FACTS)


@contextmanager
def _as_vcf(path: Path) -> Iterator[Path]:
    """A TSV as the VCF it stands for; anything else is one already."""
    if path.suffix.lower() not in (".tsv", ".txt"):
        yield path
        return
    with TemporaryDirectory() as scratch:
        made = Path(scratch) / "panel.vcf"
        try:
            with path.open(encoding="utf-8", newline="") as source, made.open("w") as target:
                target.writelines(_vcf_lines(path, source))
        except (OSError, UnicodeDecodeError, csv.Error) as broken:
            raise _refused(path, "a table of text", "is it the file?") from broken
        yield made


def _vcf_lines(path: Path, source: Iterator[str]) -> Iterator[str]:
    rows = csv.reader(source, delimiter="\t")
    header = [name.strip().lstrip("#").casefold() for name in next(rows, [])]
    if missing := [name for name in _COLUMNS if name not in header]:
        raise _refused(path, f"the columns {', '.join(_COLUMNS)}", f"add {', '.join(missing)}")
    places = [header.index(name) for name in _COLUMNS]
    yield "##fileformat=VCFv4.3\n"
    yield '##INFO=<ID=AF,Number=A,Type=Float,Description="Allele frequency">\n'
    yield "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    for number, row in enumerate(rows, start=2):
        try:
            chrom, pos, ref, alt, af = (row[at].strip() for at in places)
            whole, frequency = int(pos), float(af)
        except (IndexError, ValueError) as wrong:
            raise _refused(path, "a position and a frequency", f"see line {number}") from wrong
        if not 0 <= frequency <= 1:
            raise _refused(path, "a frequency from 0 to 1", f"see line {number}")
        yield f"{chrom}\t{whole}\t.\t{ref}\t{alt}\t.\t.\tAF={frequency!r}\n"


def _refused(path: Path, expected: str, step: str) -> SourceRefused:
    return SourceRefused([Problem(path.name, "", "", expected, step)])
