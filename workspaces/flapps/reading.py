"""What a site staged, read once per run and kept in the run's own memory.

The data folder holds one clinical table (`*.tsv`) and, for a study of genotypes, VCF or BCF files
of the same people (`*.vcf`, `*.vcf.gz`, `*.bcf`, for instance one per chromosome). `contigs.json`,
if there, names each contig's refget digest, and sites that spell contigs differently agree by it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from workspaces.analysis import genotypes
from workspaces.analysis.alleles import Allele
from workspaces.analysis.cohort import Clinical, read_clinical
from workspaces.analysis.design import Dosages
from workspaces.analysis.genotypes import Genotypes

_KINDS = (".vcf", ".vcf.gz", ".bcf")
_DOSAGES, _ALLELES, _PEOPLE = "dosages.npy", "alleles.json", "people.json"


class Unfit(Exception):
    """The site's data are not what the analysis is about. The words leave the site: no data."""

    for_the_coordinator = True


def clinical(data: Path) -> Clinical:
    """Raises `Unfit` where there is not one table, `ValueError` where it cannot be read."""
    tables = sorted(data.glob("*.tsv"))
    if len(tables) != 1:
        raise Unfit("the staged data have no clinical table, or more than one")
    with tables[0].open(encoding="utf-8") as lines:
        return read_clinical(lines)


def contigs(data: Path) -> Mapping[str, str]:
    """Refget digests by contig name; none where the site states none."""
    place = data / "contigs.json"
    if not place.exists():
        return {}
    stated = json.loads(place.read_bytes())
    return {str(name): str(digest) for name, digest in stated.items()}


def read_genotypes(data: Path, scratch: Path) -> Genotypes:
    """All of the files' variants; a second call is quick. Raises `Unfit` where there are none, or
    the files are of different people."""
    people, dosages = kept(data, scratch)
    alleles = json.loads((scratch / _ALLELES).read_bytes())
    return Genotypes(people, tuple(Allele(*one) for one in alleles), dosages)


def kept(data: Path, scratch: Path) -> tuple[tuple[str, ...], Dosages]:
    """People and dosages (n, m) alone, which need not be copied."""
    if not (scratch / _PEOPLE).exists():
        _keep(_read_files(data), scratch)
    by_variant = np.asarray(np.load(scratch / _DOSAGES, allow_pickle=False, mmap_mode="r"))
    return tuple(json.loads((scratch / _PEOPLE).read_bytes())), by_variant.T


def _read_files(data: Path) -> Genotypes:
    places = sorted(place for place in data.iterdir() if place.name.endswith(_KINDS))
    read = []
    for place in places:
        with _lines_of(place) as lines:
            read.append(genotypes.read(lines))
    if not read:
        raise Unfit("the staged data have no VCF or BCF file")
    if len({one.people for one in read}) > 1:
        raise Unfit("the staged VCF files are not of the same people in the same order")
    alleles = tuple(allele for one in read for allele in one.alleles)
    return Genotypes(read[0].people, alleles, _side_by_side([one.dosages for one in read]))


def _side_by_side(files: Sequence[Dosages]) -> Dosages:
    if all(one.dtype == np.int8 for one in files):
        return np.concatenate([one.T for one in files]).T
    return np.concatenate([genotypes.floating(one).T for one in files]).T


@contextmanager
def _lines_of(place: Path) -> Iterator[Iterator[bytes]]:
    if place.suffix != ".bcf":
        with genotypes.lines_of(place) as lines:
            yield lines
        return
    from cyvcf2 import VCF

    with VCF(str(place)) as records:
        yield _text(records)


def _text(records: object) -> Iterator[bytes]:
    yield from str(records.raw_header).encode().splitlines()  # type: ignore[attr-defined]  # cyvcf2
    for record in records:  # type: ignore[attr-defined]  # cyvcf2 is untyped
        yield str(record).rstrip("\n").encode()


def _keep(read: Genotypes, scratch: Path) -> None:
    np.save(scratch / _DOSAGES, read.dosages.T)
    alleles = [[one.contig, one.position, one.ref, one.alt] for one in read.alleles]
    (scratch / _ALLELES).write_text(json.dumps(alleles), encoding="utf-8")
    (scratch / _PEOPLE).write_text(json.dumps(read.people), encoding="utf-8")  # and all is there
