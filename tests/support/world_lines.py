"""Draws the lines of a made archive: variants in every form on a reference full of repeats."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.naive.reading import AMINO_ACIDS

LENGTHS = {"1": 5000, "X": 1500, "Y": 500, "MT": 600}
GENES = {
    "ISLE1": ("1", 300, 1400),
    "ISLE2": ("1", 900, 2500),
    "C1orf7": ("1", 2600, 3400),
    "HOLM": ("X", 200, 900),
}
_COUNTS = {"1": 320, "X": 80, "Y": 20, "MT": 25}
# As VEP would write them: of a transcript, and of what lies in none.
_IN_GENES = (
    *("intron_variant", "frameshift_variant", "synonymous_variant", "stop_gained", "start_lost"),
    *("splice_donor_variant", "splice_acceptor_variant", "splice_region_variant&intron_variant"),
    *("inframe_deletion", "inframe_insertion", "stop_gained&frameshift_variant", "stop_lost"),
    *("5_prime_UTR_variant", "3_prime_UTR_variant", "non_coding_transcript_variant"),
    *("stop_retained_variant", "coding_sequence_variant", "downstream_gene_variant"),
)
_BESIDE_GENES = ("upstream_gene_variant", "downstream_gene_variant", "intergenic_variant")
_PAIRS = str.maketrans("ACGT", "TGCA")
_THREE, _ONE = list(AMINO_ACIDS), list(AMINO_ACIDS.values())


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a VCF before its genotypes; `info` as written."""

    chrom: str
    start0: int
    name: str
    ref: str
    alts: tuple[str, ...]
    info: str = "."


def sequence(rng: random.Random, length: int) -> str:
    """Runs of one, two and three bases between stretches without order."""
    parts: list[str] = []
    while sum(map(len, parts)) < length:
        parts.append("".join(rng.choices("ACGT", k=rng.randint(8, 40))))
        unit = "".join(rng.choices("ACGT", k=rng.randint(1, 3)))
        parts.append(unit * rng.randint(2, 8))
    return "".join(parts)[:length]


def respelled(rng: random.Random, bases: str, change: tuple[int, str, str]) -> tuple[int, str, str]:
    """An insertion or deletion at any of its places near by, padded: (start0, ref, alt)."""
    start0, removed, added = change
    edited = bases[:start0] + added + bases[start0 + len(removed) :]
    spelt = [
        (at, bases[at : at + len(removed)], edited[at : at + len(added)])
        for at in range(max(1, start0 - 12), start0 + 12)
        if bases[:at] + edited[at : at + len(added)] + bases[at + len(removed) :] == edited
    ]
    at, ref, alt = rng.choice(spelt)
    pad = bases[at + len(ref) : at + len(ref) + rng.choice([0, 0, 0, 1, 2])]
    before = bases[at - 1]
    return at - 1, before + ref + pad, before + alt + pad


class Lines:
    """Draws lines; no change is written twice."""

    def __init__(self, rng: random.Random, reference: Mapping[str, str]) -> None:
        self._rng = rng
        self._reference = reference
        self._seen: set[tuple[str, str]] = set()
        self._names = 1000

    def all(self) -> list[Line]:
        lines = []
        for chrom, count in _COUNTS.items():
            for _ in range(count):
                line = self._line(chrom)
                if line is not None:
                    lines.append(line)
        return sorted(lines, key=lambda line: (list(LENGTHS).index(line.chrom), line.start0))

    def _line(self, chrom: str) -> Line | None:
        draw = self._rng.choices(
            [self._substitutions, self._shifted, self._replacement, self._mixed, self._symbolic],
            [45, 30, 8, 9, 8],
        )[0]
        start0, ref, alts, info = draw(chrom)
        bases = self._reference[chrom]
        kept = []
        for alt in alts:
            edited = (chrom, bases[:start0] + alt + bases[start0 + len(ref) :])
            if alt[0] == "<" or "[" in alt:
                edited = (chrom, f"{start0} {alt}")
            if alt == "*" or edited not in self._seen:
                self._seen.add(edited)
                kept.append(alt)
        if not kept:
            return None
        self._names += 1
        name = f"rs{self._names}" if self._rng.random() < 0.5 else "."
        line = Line(chrom, start0, name, ref, tuple(kept), info)
        return line if info != "." else Line(*_named(line), self._annotation(line))

    def _place(self, chrom: str, margin: int = 20) -> int:
        return self._rng.randrange(margin, len(self._reference[chrom]) - margin)

    def _substitutions(self, chrom: str) -> tuple[int, str, list[str], str]:
        start0 = self._place(chrom)
        ref = self._reference[chrom][start0]
        count = 2 if self._rng.random() < 0.2 else 1
        return start0, ref, self._rng.sample(sorted(set("ACGT") - {ref}), count), "."

    def _shifted(self, chrom: str) -> tuple[int, str, list[str], str]:
        """An insertion or deletion of repeat units, written anywhere it can be and padded."""
        bases, rng = self._reference[chrom], self._rng
        start0, size = self._place(chrom), rng.randint(1, 4)
        removed = bases[start0 : start0 + size] if rng.random() < 0.5 else ""
        added = "" if removed else bases[start0 : start0 + size]
        start0, ref, alt = respelled(rng, bases, (start0, removed, added))
        return start0, ref, [alt], "."

    def _replacement(self, chrom: str) -> tuple[int, str, list[str], str]:
        start0, size = self._place(chrom), self._rng.randint(2, 4)
        ref = self._reference[chrom][start0 : start0 + size]
        alt = "".join(self._rng.choices("ACGT", k=self._rng.choice([size, size, size + 1])))
        if self._rng.random() < 0.3:
            alt = ref.translate(_PAIRS)[::-1]
            if self._rng.random() < 0.5:  # as some write it: behind a base that stays
                before = self._reference[chrom][start0 - 1]
                return start0 - 1, before + ref, [] if alt == ref else [before + alt], "."
        return start0, ref, [] if alt == ref else [alt], "."

    def _mixed(self, chrom: str) -> tuple[int, str, list[str], str]:
        """A deletion, a substitution and an insertion on one line, with `*` now and then."""
        start0 = self._place(chrom)
        ref = self._reference[chrom][start0 : start0 + 3]
        other = self._rng.choice(sorted(set("ACGT") - {ref[1]}))
        alts = [ref[0], ref[0] + other + ref[2], ref + self._rng.choice("ACGT"), "*"]
        return start0, ref, self._rng.sample(alts, self._rng.randint(2, 4)), "."

    def _symbolic(self, chrom: str) -> tuple[int, str, list[str], str]:
        start0, size = self._place(chrom, 120), self._rng.randint(10, 100)
        if self._rng.random() < 0.3:  # far longer than others
            size = max(size, len(self._reference[chrom]) - start0 - self._rng.randint(10, 900))
        ref = self._reference[chrom][start0]
        kind = self._rng.choice(["DEL", "DEL", "DUP", "CNV", "INV", "INS", "BND"])
        if kind == "BND":
            mate = self._place("X")
            return start0, ref, [f"{ref}[X:{mate}["], "SVTYPE=BND"
        if kind == "INS":
            return start0, ref, ["<INS>"], f"SVTYPE=INS;SVLEN={size}"
        if self._rng.random() < 0.5:
            return start0, ref, [f"<{kind}>"], f"END={start0 + 1 + size};SVTYPE={kind}"
        length = -size if kind == "DEL" else size
        return start0, ref, [f"<{kind}>"], f"SVTYPE={kind};SVLEN={length}"

    def _annotation(self, line: Line) -> str:
        """What VEP would write: an entry for each allele and gene."""
        entries = []
        for number, alt in enumerate(line.alts, start=1):
            if alt[0] in "<*" or "[" in alt:
                continue
            allele = _vep_allele(line, alt)
            inside = [
                name
                for name, (chrom, start0, end0) in GENES.items()
                if chrom == line.chrom and start0 <= line.start0 < end0
            ]
            entries += [
                self._effect(allele, gene, number, coding=bool(inside), line=line)
                for gene in inside or ["NEARBY"]
            ]
        return "CSQ=" + ",".join(entries) if entries else "."

    def _effect(self, allele: str, gene: str, number: int, *, coding: bool, line: Line) -> str:
        transcript, protein = f"{gene}-t.1", f"{gene}-p.1"
        if not coding:
            feature = f"{gene}|E{gene}|Transcript|{transcript}"
            return f"{allele}|{self._rng.choice(_BESIDE_GENES)}|{feature}|||||{number}"
        if len(line.ref) > 1 or self._rng.random() < 0.3:
            effect = self._rng.choice(_IN_GENES)
            coding_name = f"{transcript}:c.{line.start0}-{number}del"
            feature = f"{gene}|E{gene}|Transcript|{transcript}"
            return f"{allele}|{effect}|{feature}|{coding_name}||||{number}"
        before, after = self._rng.sample(range(20), 2)
        place = self._rng.randint(2, 60)
        names = (
            f"{transcript}:c.{line.start0}{line.ref}>{line.alts[number - 1]}",
            f"{protein}:p.{_THREE[before]}{place}{_THREE[after]}",
        )
        effect = "missense_variant&splice_region_variant" if place < 10 else "missense_variant"
        return (
            f"{allele}|{effect}|{gene}|E{gene}|Transcript|{transcript}|{names[0]}|{names[1]}"
            f"|{place}|{_ONE[before]}/{_ONE[after]}|{number}"
        )


def _named(line: Line) -> tuple[str, int, str, str, tuple[str, ...]]:
    return line.chrom, line.start0, line.name, line.ref, line.alts


def _vep_allele(line: Line, alt: str) -> str:
    """VEP drops the first base where all alleles of a line share it, and writes - for nothing."""
    spelt = [line.ref, *(each for each in line.alts if each != "*")]
    if len({len(each) for each in spelt}) > 1 and len({each[0] for each in spelt}) == 1:
        return alt[1:] or "-"
    return alt
