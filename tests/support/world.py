"""A small archive made from a seed: a reference full of repeats, variants in every form, people.

What is written is what an archive would hand over: FASTA, VCF, BFF JSON and OBO. Coordinates are
zero-based, half-open until they are written.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pysam

from tests.support.world_lines import LENGTHS, Line, Lines, respelled, sequence
from tests.support.world_people import OBO, People, make_people

_CONTIGS = {
    "GRCh38": {"1": 248956422, "X": 156040895, "Y": 57227415, "MT": 16569},
    "GRCh37": {"1": 249250621, "X": 155270560, "Y": 59373566, "MT": 16569},
}
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
##INFO=<ID=AC_afr,Number=A,Type=Integer,Description="Count">
##INFO=<ID=AN_afr,Number=1,Type=Integer,Description="Called">
##INFO=<ID=AF_eur,Number=A,Type=Float,Description="Frequency">
"""
_CSQ = (
    '##INFO=<ID=CSQ,Number=.,Type=String,Description="Consequence annotations from Ensembl VEP. '
    "Format: Allele|Consequence|SYMBOL|Gene|Feature_type|Feature|HGVSc|HGVSp|Protein_position|"
    'Amino_acids|ALLELE_NUM">\n'
)
_COUNTED = {"<DEL>", "<DUP>", "<CNV>"}


@dataclass(frozen=True, slots=True)
class World:
    """Files of three datasets: people with genotypes on a reference (`vcf`, and the same as `bcf`),
    sites without people, and fewer of them in the older assembly."""

    fasta: Path
    vcf: Path
    bcf: Path
    sites: Path
    older: Path
    people: Mapping[str, Path]
    obo: Path


def make_world(folder: Path, *, seed: int) -> World:
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)  # noqa: S311
    reference = {chrom: sequence(rng, length) for chrom, length in LENGTHS.items()}
    fasta = folder / "reference.fa"
    fasta.write_text("".join(f">{chrom}\n{bases}\n" for chrom, bases in reference.items()))
    people = make_people(rng)
    lines = Lines(rng, reference).all()
    vcf = folder / "people.vcf"
    _write_genotypes(vcf, lines, people=people, rng=rng)
    sites, older = folder / "sites.vcf", folder / "older.vcf"
    others = [_elsewhere(rng, line, reference) for line in lines]
    _write_sites(sites, others, assembly="GRCh38", rng=rng)
    _write_sites(older, lines, assembly="GRCh37", rng=rng, annotated=True)
    paths = {}
    for entity, records in people.records.items():
        paths[entity] = folder / f"{entity}.json"
        paths[entity].write_text(json.dumps(records))
    obo = folder / "terms.obo"
    obo.write_text(OBO)
    pysam.faidx(str(fasta))
    bcf = folder / "people.bcf"
    _write_bcf(vcf, bcf)
    return World(*(fasta, vcf, bcf, sites, older), people=paths, obo=obo)


def _write_bcf(vcf: Path, bcf: Path) -> None:
    with (
        pysam.VariantFile(str(vcf)) as text,
        pysam.VariantFile(str(bcf), "wb", header=text.header) as packed,
    ):
        for line in text:
            packed.write(line)


def _elsewhere(rng: random.Random, line: Line, reference: Mapping[str, str]) -> Line:
    """The same insertion or deletion, now and then written at another of its places."""
    (alt, *others), start0, ref = line.alts, line.start0, line.ref
    if others or alt[0] in "<*" or "[" in alt or rng.random() < 0.5:
        return line
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0]:
        start0, ref, alt = start0 + 1, ref[1:], alt[1:]
    if ref and alt:
        return line
    start0, ref, alt = respelled(rng, reference[line.chrom], (start0, ref, alt))
    return replace(line, start0=start0, ref=ref, alts=(alt,))


def _write_genotypes(
    path: Path, lines: Sequence[Line], *, people: People, rng: random.Random
) -> None:
    contigs = "".join(f"##contig=<ID=chr{c},length={n}>\n" for c, n in _CONTIGS["GRCh38"].items())
    head, *rest = _HEADER.split("\n", 1)
    columns = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"])
    text = [head, "\n", contigs.replace("chrMT", "chrM"), _CSQ, *rest, columns, "\t"]
    text += ["\t".join(people.samples), "\n"]
    for line in lines:
        share = rng.choice([0.0, 0.01, 0.02, 0.05, 0.15, 0.5, 0.9])
        calls = [_call(rng, line, share=share, male=male) for male in people.males]
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


def _call(rng: random.Random, line: Line, *, share: float, male: bool) -> str:
    def one() -> str:
        if rng.random() < 0.03:
            return "."
        return str(rng.randint(1, len(line.alts))) if rng.random() < share else "0"

    if line.chrom == "Y" and not male:
        return rng.choice([".", "./."])
    haploid = line.chrom in ("MT", "Y") or (line.chrom == "X" and male)
    return one() if haploid else one() + rng.choice("|/") + one()


def _write_sites(
    path: Path,
    lines: Sequence[Line],
    *,
    assembly: str,
    rng: random.Random,
    annotated: bool = False,
) -> None:
    """A share of the lines with counts instead of people, named as ClinVar names them."""
    contigs = (f"##contig=<ID={c},length={n}>\n" for c, n in _CONTIGS[assembly].items())
    text = [
        _HEADER,
        *([_CSQ] if annotated else []),
        *contigs,
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n",
    ]
    order = list(LENGTHS)
    for number, line in enumerate(
        sorted(lines, key=lambda one: (order.index(one.chrom), one.start0))
    ):
        if rng.random() < 0.5 or any(alt[0] in "<*" or "[" in alt for alt in line.alts):
            continue
        identity, info = ".", _counts(rng, line)
        if len(line.alts) == 1:
            identity = str(20_000 + number)
            info += f";ALLELEID={90_000 + number};RS={5000 + number}"
        if annotated and line.info != ".":
            info += f";{line.info}"
        named = replace(line, name=identity, info=info)
        text.append("\t".join(_columns(named, line.chrom)) + "\n")
    path.write_text("".join(text))


def _counts(rng: random.Random, line: Line) -> str:
    called = rng.randint(50, 100) * 2
    counts = [rng.choice([0, *[rng.randint(0, called // 4)] * 9]) for _ in line.alts]
    homozygous = [rng.randint(0, count // 2) for count in counts]
    info = f"AC={_joined(counts)};AN={called};nhomalt={_joined(homozygous)}"
    if rng.random() < 0.5:
        info += f";AC_afr={_joined([count // 2 for count in counts])};AN_afr={called // 2}"
    if rng.random() < 0.5:
        info += f";AF_eur={','.join(str(rng.choice([0, 0.125, 0.5])) for _ in counts)}"
    return info


def _columns(line: Line, chrom: str) -> list[str]:
    written = [chrom, str(line.start0 + 1), line.name, line.ref, ",".join(line.alts)]
    return [*written, ".", ".", line.info]


def _joined(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))


def read_records(path: Path) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(path.read_text())
    return records
