"""A small archive made from a seed: a reference full of repeats, variants in every form, people.

What is written is what an archive would hand over: FASTA, VCF, BFF JSON and OBO. Coordinates are
zero-based, half-open until they are written.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pysam

from tests.support.world_people import OBO, People, make_people

LENGTHS = {"1": 5000, "X": 1500, "MT": 600}
GENES = {"ISLE1": ("1", 300, 1400), "ISLE2": ("1", 900, 2500), "HOLM": ("X", 200, 900)}
_CONTIGS = {"1": 248956422, "X": 156040895, "MT": 16569}
_HEADER = """##fileformat=VCFv4.3
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">
##FORMAT=<ID=CN,Number=1,Type=Integer,Description="Copies">
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##INFO=<ID=SVLEN,Number=A,Type=Integer,Description="Length">
##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Type">
##INFO=<ID=RS,Number=.,Type=String,Description="dbSNP">
##INFO=<ID=ALLELEID,Number=1,Type=Integer,Description="the ClinVar Allele ID">
##INFO=<ID=CLNHGVS,Number=.,Type=String,Description="HGVS">
##INFO=<ID=AC,Number=A,Type=Integer,Description="Count">
##INFO=<ID=AN,Number=1,Type=Integer,Description="Called">
##INFO=<ID=nhomalt,Number=A,Type=Integer,Description="Homozygotes">
"""
_CSQ = (
    '##INFO=<ID=CSQ,Number=.,Type=String,Description="Consequence annotations from Ensembl VEP. '
    "Format: Allele|Consequence|SYMBOL|Gene|Feature_type|Feature|HGVSc|HGVSp|Protein_position|"
    'Amino_acids|ALLELE_NUM">\n'
)
_COUNTED = {"<DEL>", "<DUP>", "<CNV>"}
_ONE = "ACDEFGHIKLMNPQRSTVWY"
_THREE = [
    "Ala",
    "Cys",
    "Asp",
    "Glu",
    "Phe",
    "Gly",
    "His",
    "Ile",
    "Lys",
    "Leu",
    "Met",
    "Asn",
    "Pro",
    "Gln",
    "Arg",
    "Ser",
    "Thr",
    "Val",
    "Trp",
    "Tyr",
]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a VCF before its genotypes; `info` as written."""

    chrom: str
    start0: int
    name: str
    ref: str
    alts: tuple[str, ...]
    info: str = "."


@dataclass(frozen=True, slots=True)
class World:
    """Files of two datasets: people with genotypes on a reference, and sites without either."""

    fasta: Path
    vcf: Path
    sites: Path
    people: Mapping[str, Path]
    obo: Path


def make_world(folder: Path, *, seed: int) -> World:
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)  # noqa: S311
    reference = {chrom: _sequence(rng, length) for chrom, length in LENGTHS.items()}
    fasta = folder / "reference.fa"
    fasta.write_text("".join(f">{chrom}\n{bases}\n" for chrom, bases in reference.items()))
    people = make_people(rng)
    lines = _Lines(rng, reference).all()
    vcf = folder / "people.vcf"
    _write_genotypes(vcf, lines, people=people, rng=rng)
    sites = folder / "sites.vcf"
    _write_sites(sites, lines, rng=rng)
    paths = {}
    for entity, records in people.records.items():
        paths[entity] = folder / f"{entity}.json"
        paths[entity].write_text(json.dumps(records))
    obo = folder / "terms.obo"
    obo.write_text(OBO)
    pysam.faidx(str(fasta))
    return World(fasta, vcf, sites, paths, obo)


def _sequence(rng: random.Random, length: int) -> str:
    """Runs of one, two and three bases between stretches without order."""
    parts: list[str] = []
    while sum(map(len, parts)) < length:
        parts.append("".join(rng.choices("ACGT", k=rng.randint(8, 40))))
        unit = "".join(rng.choices("ACGT", k=rng.randint(1, 3)))
        parts.append(unit * rng.randint(2, 8))
    return "".join(parts)[:length]


class _Lines:
    """Draws lines; no change is written twice."""

    def __init__(self, rng: random.Random, reference: Mapping[str, str]) -> None:
        self._rng = rng
        self._reference = reference
        self._seen: set[tuple[str, str]] = set()
        self._names = 1000

    def all(self) -> list[Line]:
        lines = []
        for chrom, count in (("1", 320), ("X", 80), ("MT", 25)):
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
            if alt[0] in "<*" or "[" in alt or edited not in self._seen:
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
        edited = bases[:start0] + added + bases[start0 + len(removed) :]
        spelt = [
            (at, bases[at : at + len(removed)], edited[at : at + len(added)])
            for at in range(max(1, start0 - 12), start0 + 12)
            if bases[:at] + edited[at : at + len(added)] + bases[at + len(removed) :] == edited
        ]
        at, ref, alt = rng.choice(spelt)
        pad = bases[at + len(ref) : at + len(ref) + rng.choice([0, 0, 0, 1, 2])]
        before = bases[at - 1]
        return at - 1, before + ref + pad, [before + alt + pad], "."

    def _replacement(self, chrom: str) -> tuple[int, str, list[str], str]:
        start0, size = self._place(chrom), self._rng.randint(2, 4)
        ref = self._reference[chrom][start0 : start0 + size]
        alt = "".join(self._rng.choices("ACGT", k=self._rng.choice([size, size, size + 1])))
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
            return f"{allele}|upstream_gene_variant|{feature}|||||{number}"
        if len(line.ref) > 1 or self._rng.random() < 0.3:
            effect = self._rng.choice(
                ["intron_variant", "frameshift_variant", "synonymous_variant"]
            )
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


def _write_genotypes(
    path: Path, lines: Sequence[Line], *, people: People, rng: random.Random
) -> None:
    contigs = "".join(f"##contig=<ID=chr{c},length={n}>\n" for c, n in _CONTIGS.items())
    head, *rest = _HEADER.split("\n", 1)
    columns = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"])
    text = [head, "\n", contigs.replace("chrMT", "chrM"), _CSQ, *rest, columns, "\t"]
    text += ["\t".join(people.samples), "\n"]
    for line in lines:
        share = rng.choice([0.0, 0.01, 0.02, 0.05, 0.15, 0.5, 0.9])
        calls = [
            _call(
                rng, line, share=share, haploid=line.chrom == "MT" or (line.chrom == "X" and male)
            )
            for male in people.males
        ]
        chrom = "chrM" if line.chrom == "MT" else f"chr{line.chrom}"
        form, cells = "GT:DP", [f"{call}:9" for call in calls]
        if line.alts[0] in _COUNTED or line.start0 % 6 == 0:
            copies = random.Random(line.start0)  # noqa: S311
            form = "GT:CN:DP"
            cells = [f"{call}:{_copies(copies, line, call)}:9" for call in calls]
        text.append("\t".join([*_columns(line, chrom), form, *cells]) + "\n")
    path.write_text("".join(text))


def _copies(rng: random.Random, line: Line, call: str) -> str:
    """As the alleles have it, mostly: of a gain one copy or several more each."""
    alleles = call.replace("|", "/").split("/")
    mine = sum(each not in "0." for each in alleles)
    each = rng.choice([1, 1, 2, 3]) if line.alts[0] == "<DUP>" else -1
    said = max(0, len(alleles) + each * mine)
    return rng.choice([str(said)] * 7 + [".", str(rng.randint(0, 6))])


def _call(rng: random.Random, line: Line, *, share: float, haploid: bool) -> str:
    def one() -> str:
        if rng.random() < 0.03:
            return "."
        return str(rng.randint(1, len(line.alts))) if rng.random() < share else "0"

    return one() if haploid else one() + rng.choice("|/") + one()


def _write_sites(path: Path, lines: Sequence[Line], *, rng: random.Random) -> None:
    """A share of the lines with counts instead of people, named as ClinVar names them."""
    text = [_HEADER, "##contig=<ID=1,length=248956422>\n##contig=<ID=X,length=156040895>\n"]
    text.append("##contig=<ID=MT,length=16569>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
    for number, line in enumerate(lines):
        if rng.random() < 0.5 or any(alt[0] in "<*" or "[" in alt for alt in line.alts):
            continue
        called = rng.randint(50, 100) * 2
        counts = [rng.randint(0, called // 4) for _ in line.alts]
        homozygous = [rng.randint(0, count // 2) for count in counts]
        info = f"AC={_joined(counts)};AN={called};nhomalt={_joined(homozygous)}"
        identity = "."
        if len(line.alts) == 1:
            identity = str(20_000 + number)
            info += f";ALLELEID={90_000 + number};RS={5000 + number}"
        named = Line(line.chrom, line.start0, identity, line.ref, line.alts, info)
        text.append("\t".join(_columns(named, line.chrom)) + "\n")
    path.write_text("".join(text))


def _columns(line: Line, chrom: str) -> list[str]:
    written = [chrom, str(line.start0 + 1), line.name, line.ref, ",".join(line.alts)]
    return [*written, ".", ".", line.info]


def _joined(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))


def read_records(path: Path) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(path.read_text())
    return records
