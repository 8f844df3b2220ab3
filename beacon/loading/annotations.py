"""Reads variant annotation: VEP `CSQ` and SnpEff `ANN`, whose fields the header declares.

VCF 4.3 INFO, the VEP output format and the SnpEff `ANN` standard 1.0. Effects become Sequence
Ontology ids, changes of amino acids the one-letter form. A gene counts for a variant where some
effect lies in it: a transcript that is only up- or downstream does not. Which variant a question
finds is left to `beacon.segment.variant_table`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from beacon.catalog import Annotations
from beacon.effects import EFFECTS, within
from schemas import protein

MAX_TEXT = 1_000_000
MAX_EACH = 200  # names of one kind kept per allele
MAX_NAME = 200

_OUTSIDE = within(EFFECTS["intergenic_variant"]) | {EFFECTS["intergenic_region"]}
_FORMAT = re.compile(r"(?:Format:|Functional annotations:)\s*['\"]?([^'\"]+)", re.IGNORECASE)
# Names of what we read, as VEP and SnpEff call them.
_COLUMNS = {
    "allele": ("Allele",),
    "number": ("ALLELE_NUM",),
    "effect": ("Consequence", "Annotation"),
    "gene": ("SYMBOL", "Gene_Name"),
    "transcript": ("HGVSc", "HGVS.c"),
    "protein": ("HGVSp", "HGVS.p"),
    "feature": ("Feature_ID",),
    "residues": ("Amino_acids",),
    "position": ("Protein_position",),
}


@dataclass(slots=True)
class _Said:
    """What entries said of one allele so far, each once and in their order."""

    genes: dict[str, None] = field(default_factory=dict)
    effects: dict[str, None] = field(default_factory=dict)
    changes: dict[tuple[str, str], None] = field(default_factory=dict)  # with their gene
    transcript_hgvs: dict[str, None] = field(default_factory=dict)
    protein_hgvs: dict[str, None] = field(default_factory=dict)

    def annotations(self) -> Annotations:
        changes = list(self.changes)[:MAX_EACH]
        return Annotations(
            genes=_kept(self.genes),
            effects=_kept(self.effects),
            aminoacid_changes=tuple(change for change, _ in changes),
            transcript_hgvs=_kept(self.transcript_hgvs),
            protein_hgvs=_kept(self.protein_hgvs),
            changed_genes=tuple(gene for _, gene in changes),
        )


def _kept(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(islice(names, MAX_EACH))


@dataclass(frozen=True, slots=True)
class Annotator:
    """The INFO key that holds the annotation and where each field stands in an entry."""

    key: str
    places: Mapping[str, int]

    @property
    def has_changes(self) -> bool:
        return "protein" in self.places or {"residues", "position"} <= self.places.keys()

    def read(self, text: str, ref: str, alts: Sequence[str]) -> list[Annotations]:
        """What is said of each ALT; an entry for none of them says nothing."""
        said = [_Said() for _ in alts]
        by_name = _named(ref, alts)
        for entry in text[:MAX_TEXT].split(","):
            cells = entry.split("|")
            number = self._cell(cells, "number")
            index = int(number) - 1 if number.isdecimal() else None
            if index is None:
                index = by_name.get(self._cell(cells, "allele"), 0 if len(alts) == 1 else None)
            if index is not None and 0 <= index < len(alts):
                self._add(said[index], cells)
        return [each.annotations() for each in said]

    def _add(self, said: _Said, cells: Sequence[str]) -> None:
        """What one entry, which is of one transcript, says of its allele."""
        names = self._cell(cells, "effect").split("&")
        effects = [EFFECTS[name] for name in names if name in EFFECTS]
        said.effects |= dict.fromkeys(effects)
        gene = self._cell(cells, "gene")
        if outside(effects):
            gene = ""
        if gene:
            said.genes[gene] = None
        if transcript := self._cell(cells, "transcript"):
            said.transcript_hgvs[self._qualified(cells, transcript)] = None
        spelled = self._cell(cells, "protein").replace("%3D", "=")
        if spelled:
            said.protein_hgvs[spelled] = None
        change = protein.one_letter(spelled.rpartition(":")[2]) if spelled else self._change(cells)
        if change is not None:
            said.changes[change, gene] = None

    def _change(self, cells: Sequence[str]) -> str | None:
        """`V600E` of the residues `V/E` at position 600, where the annotation has no HGVS."""
        before, slash, after = self._cell(cells, "residues").partition("/")
        position = self._cell(cells, "position").partition("/")[0]
        if not slash or len(before) != 1:
            return None
        return protein.one_letter(f"{before}{position}{after}")

    def _qualified(self, cells: Sequence[str], transcript: str) -> str:
        """SnpEff gives the transcript beside its `c.` name, VEP in front of it."""
        feature = self._cell(cells, "feature")
        return f"{feature}:{transcript}" if feature and ":" not in transcript else transcript

    def _cell(self, cells: Sequence[str], name: str) -> str:
        place = self.places.get(name)
        if place is None or place >= len(cells):
            return ""
        return cells[place].strip()[:MAX_NAME]


def outside(effects: Collection[str]) -> bool:
    """Whether effects are of what lies beside a gene, so that no gene counts for them."""
    return bool(effects) and _OUTSIDE.issuperset(effects)


def annotator(declared: Mapping[str, str]) -> Annotator | None:
    """The reader for a header's INFO descriptions by key; VEP's field wins where both are there."""
    for key in ("CSQ", "vep", "ANN"):
        found = _FORMAT.search(declared.get(key, ""))
        if found is None:
            continue
        fields = [field.strip() for field in found[1].split("|")]
        places = {
            name: fields.index(spelling)
            for name, spellings in _COLUMNS.items()
            for spelling in spellings
            if spelling in fields
        }
        if {"effect", "gene"} <= places.keys():
            return Annotator(key, places)
    return None


def _named(ref: str, alts: Sequence[str]) -> dict[str, int]:
    """ALTs by the names VEP and SnpEff give them: as written, or without the first base that all
    alleles of the line share, `-` where nothing is left."""
    anchored = len({ref[:1], *(alt[:1] for alt in alts)}) == 1 and {len(ref), *map(len, alts)} != {
        1
    }
    named = {(alt[1:] or "-") if anchored else alt: index for index, alt in enumerate(alts)}
    return {alt: index for index, alt in enumerate(alts)} | named
