"""Makes the demo's small synthetic population: seeded, deterministic, nobody real.

Genomes come from a coalescent simulation (msprime) over a random reference; people have sex, age,
ontology-coded diseases and phenotypes; a few of them also have reads (BAM, CRAM), calls (BCF) and
the reference (FASTA). Written as the BFF JSON and VCF that `skerry load` takes from anyone.
Truth for tests is `Population.genotypes`, which shares no code with the servers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msprime
import numpy as np
import pysam
from numpy.typing import NDArray

from gateway.demo import synthetic_gene

CHROM = "22"
LENGTH = 200_000
_READ_LENGTH = 100
_READS = 400
_BASES = np.frombuffer(b"ACGT", dtype=np.uint8)

# (id, label, parent, chance): a small is-a hierarchy, so that descendants can be asked for.
DISEASES: tuple[tuple[str, str, str | None, float], ...] = (
    ("MONDO:0005015", "diabetes mellitus", None, 0.0),
    ("MONDO:0005147", "type 1 diabetes mellitus", "MONDO:0005015", 0.04),
    ("MONDO:0005148", "type 2 diabetes mellitus", "MONDO:0005015", 0.12),
    ("MONDO:0004979", "asthma", None, 0.15),
    ("MONDO:0005301", "multiple sclerosis", None, 0.05),
)
PHENOTYPES: tuple[tuple[str, str, str | None, float], ...] = (
    ("HP:0000118", "Phenotypic abnormality", None, 0.0),
    ("HP:0000822", "Hypertension", "HP:0000118", 0.2),
    ("HP:0001513", "Obesity", "HP:0000118", 0.15),
)
_SEXES = (("NCIT:C16576", "female"), ("NCIT:C20197", "male"))


@dataclass(frozen=True, slots=True)
class Site:
    """One biallelic SNV; `start0` is zero-based."""

    start0: int
    ref: str
    alt: str
    chrom: str = CHROM

    @property
    def name(self) -> str:
        """As people type it, one-based."""
        return f"{self.chrom}-{self.start0 + 1}-{self.ref}-{self.alt}"


@dataclass(frozen=True, slots=True)
class Population:
    """`genotypes` is (sites, people, 2) of 0/1 haplotype calls; `people` are BFF individuals;
    `bases` the reference of each chromosome, all of LENGTH."""

    sites: tuple[Site, ...]
    people: tuple[Mapping[str, object], ...]
    genotypes: NDArray[np.int8]
    bases: Mapping[str, str]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(str(person["id"]) for person in self.people)


def simulate(*, people: int, seed: int) -> Population:
    """The same population for the same arguments, on every machine."""
    rng = np.random.default_rng(seed)
    tree = msprime.sim_ancestry(
        people, sequence_length=LENGTH, recombination_rate=1e-8, population_size=10_000,
        random_seed=seed,
    )  # fmt: skip
    laid = lay_out(tree, CHROM, rng=rng, seed=seed)
    people_made = tuple(person(number, rng) for number in range(people))
    return Population(laid.sites, people_made, laid.calls, {CHROM: laid.bases})


@dataclass(frozen=True, slots=True)
class LaidOut:
    """One chromosome: its sites, `calls` (sites, people, 2), and its reference."""

    sites: tuple[Site, ...]
    calls: NDArray[np.int8]
    bases: str


def lay_out(tree: Any, chrom: str, *, rng: np.random.Generator, seed: int) -> LaidOut:
    """Mutations on a genealogy (tskit's), over a random reference of LENGTH."""
    mutated = msprime.sim_mutations(
        tree, rate=2e-8, random_seed=seed, model=msprime.BinaryMutationModel()
    )
    bases = _BASES[rng.integers(0, 4, LENGTH)].tobytes().decode()
    sites, calls = [], []
    for variant in mutated.variants():
        start0 = int(variant.site.position)
        others = [base for base in "ACGT" if base != bases[start0]]
        sites.append(Site(start0, bases[start0], others[int(rng.integers(0, 3))], chrom))
        calls.append(variant.genotypes.reshape(-1, 2))
    return LaidOut(tuple(sites), np.stack(calls).astype(np.int8), bases)


def person(number: int, rng: np.random.Generator) -> Mapping[str, object]:
    """A BFF individual."""
    sex_id, sex = _SEXES[int(rng.integers(0, 2))]
    age = int(rng.integers(18, 91))
    return {
        "id": f"person-{number:04d}",
        "sex": {"id": sex_id, "label": sex},
        "diseases": [
            {
                "diseaseCode": {"id": term, "label": label},
                "ageOfOnset": {"iso8601duration": f"P{int(rng.integers(5, age))}Y"},
            }
            for term, label, _, chance in DISEASES
            if rng.random() < chance
        ],
        "phenotypicFeatures": [
            {"featureType": {"id": term, "label": label}, "excluded": bool(rng.random() < 0.1)}
            for term, label, _, chance in PHENOTYPES
            if rng.random() < chance
        ],
        "measurements": [
            {
                "assayCode": {"id": "LOINC:35925-4", "label": "BMI"},
                "measurementValue": {
                    "unit": {"id": "NCIT:C49671", "label": "Kilogram per Square Meter"},
                    "value": round(float(rng.normal(27, 4)), 1),
                },
            }
        ],
        "info": {"age": f"P{age}Y"},
    }


def write(population: Population, folder: Path, *, people: Sequence[int]) -> None:
    """Writes these people (by number) as one dataset's input: BFF JSON, VCF, hierarchy, and the
    reference."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [population.people[number] for number in people]
    _write_json(folder / "individuals.json", chosen)
    _write_json(folder / "biosamples.json", [_biosample(str(person["id"])) for person in chosen])
    _write_vcf(population, folder / "variants.vcf.gz", people)
    _write_fasta(population, folder / "reference.fa")
    rows = [
        f"{term}\t{label}\t{parent or ''}" for term, label, parent, _ in (*DISEASES, *PHENOTYPES)
    ]
    (folder / "hierarchy.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def write_panel(population: Population, path: Path) -> Path:
    """How frequent each allele is among everybody simulated, as a table of public frequencies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="ascii") as out:
        out.write("chrom\tpos\tref\talt\taf\n")
        for site, calls in zip(population.sites, population.genotypes, strict=True):
            frequency = float(calls.mean())
            out.write(f"{site.chrom}\t{site.start0 + 1}\t{site.ref}\t{site.alt}\t{frequency!r}\n")
    return path


def _write_json(path: Path, records: object) -> None:
    path.write_text(json.dumps(records, indent=1), encoding="utf-8")


def _biosample(person: str) -> Mapping[str, object]:
    return {
        "id": person,
        "individualId": person,
        "biosampleStatus": {"id": "EFO:0009654", "label": "reference sample"},
        "sampleOriginType": {"id": "UBERON:0000178", "label": "blood"},
    }


def _vcf_header(population: Population, people: Sequence[int]) -> pysam.VariantHeader:
    header = pysam.VariantHeader()
    header.add_line("##source=Skerry synthetic population; nobody real")
    header.add_line("##reference=GRCh38")
    for chrom in population.bases:
        header.contigs.add(chrom, length=LENGTH)
    header.formats.add("GT", 1, "String", "Genotype")
    header.info.add("CSQ", ".", "String", synthetic_gene.DESCRIPTION)
    for number in people:
        header.add_sample(population.ids[number])
    return header


def _write_vcf(population: Population, path: Path, people: Sequence[int]) -> None:
    header = _vcf_header(population, people)
    with pysam.BGZFile(str(path), "wb", None) as out:
        out.write(str(header).encode())
        for line in _vcf_lines(population, people):
            out.write(line)


def _write_bcf(population: Population, path: Path, people: Sequence[int]) -> None:
    text = path.with_suffix(".vcf.gz")
    _write_vcf(population, text, people)
    pysam.set_verbosity(0)  # htslib speaks of the index we neither have nor need
    with (
        pysam.VariantFile(str(text)) as source,
        pysam.VariantFile(str(path), "wb", header=source.header) as target,
    ):
        for row in source:
            target.write(row)
    text.unlink()


def _vcf_lines(population: Population, people: Sequence[int]) -> Iterator[bytes]:
    """As text: some million calls would take pysam a minute."""
    words = [b"0|0", b"0|1", b"1|0", b"1|1"]
    called = population.genotypes[:, people]
    for site, calls in zip(population.sites, 2 * called[:, :, 0] + called[:, :, 1], strict=True):
        said = synthetic_gene.consequence(population.bases[CHROM], site.start0, site.alt)
        info = f"CSQ={said}" if said and site.chrom == CHROM else "."
        fixed = f"{site.chrom}\t{site.start0 + 1}\t.\t{site.ref}\t{site.alt}\t.\t.\t{info}\tGT\t"
        yield fixed.encode() + b"\t".join([words[call] for call in calls.tolist()]) + b"\n"


def write_objects(
    population: Population, folder: Path, *, person: int, seed: int
) -> Mapping[str, Path]:
    """Reads (BAM, CRAM), calls (BCF) and the reference (FASTA) that belong to one person."""
    folder.mkdir(parents=True, exist_ok=True)
    name = population.ids[person]
    fasta = _write_fasta(population, folder / "reference.fa")
    bam, cram, bcf = folder / f"{name}.bam", folder / f"{name}.cram", folder / f"{name}.bcf"
    _write_bam(population, bam, person=person, seed=seed)
    with (
        pysam.AlignmentFile(str(bam), "rb") as source,
        pysam.AlignmentFile(
            str(cram), "wc", template=source, reference_filename=str(fasta)
        ) as target,
    ):
        for read in source:
            target.write(read)
    _write_bcf(population, bcf, [person])
    return {
        f"reads/{name}.bam": bam,
        f"reads/{name}.cram": cram,
        f"variants/{name}.bcf": bcf,
        "file/reference.fa": fasta,
    }


def _write_fasta(population: Population, path: Path) -> Path:
    with path.open("w", encoding="ascii") as out:
        for chrom, bases in population.bases.items():
            lines = [bases[at : at + 60] for at in range(0, LENGTH, 60)]
            out.write(f">{chrom}\n" + "\n".join(lines) + "\n")
    pysam.faidx(str(path))
    return path


def _write_bam(population: Population, path: Path, *, person: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    name = population.ids[person]
    header = {
        "HD": {"VN": "1.6", "SO": "coordinate"},
        "SQ": [{"SN": CHROM, "LN": LENGTH}],
        "RG": [{"ID": "1", "SM": name}],
    }
    haplotypes = [_haplotype(population, person, side) for side in (0, 1)]
    starts = np.sort(rng.integers(0, LENGTH - _READ_LENGTH, _READS))
    with pysam.AlignmentFile(str(path), "wb", header=header) as out:
        for number, start0 in enumerate(int(start) for start in starts):
            read = pysam.AlignedSegment(out.header)
            read.query_name = f"r{number:05d}"
            read.flag = int(rng.integers(0, 2)) * 16
            read.reference_id = 0
            read.reference_start = start0
            read.mapping_quality = 60
            read.cigarstring = f"{_READ_LENGTH}M"
            haplotype = haplotypes[int(rng.integers(0, 2))]
            read.query_sequence = haplotype[start0 : start0 + _READ_LENGTH]
            read.query_qualities = pysam.qualitystring_to_array("I" * _READ_LENGTH)
            read.set_tag("RG", "1")
            out.write(read)


def _haplotype(population: Population, person: int, side: int) -> str:
    bases = list(population.bases[CHROM])
    for site, calls in zip(population.sites, population.genotypes, strict=True):
        if site.chrom == CHROM and calls[person, side]:
            bases[site.start0] = site.alt
    return "".join(bases)
