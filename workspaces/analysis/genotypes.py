"""Reads the dosages of a panel's variants from VCF text, a record at a time.

VCF 4.5: DS where the record has it, otherwise the copies of the alternate in a diploid GT; a half
or missing call is missing, a haploid call counts twice, as PLINK does. Every alternate of a record
is a variant of its own; those not written in at most 200 bases are passed over. Files end in .vcf
or .vcf.gz; a BCF comes as lines by `bcftools view`. Nothing but NumPy is needed, so it runs in the
engine's environment.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from workspaces.analysis.alleles import Allele

MAX_LINE = 64 * 1024 * 1024
MAX_PEOPLE = 1_000_000
MAX_GENOTYPES = 2_000_000_000  # people times variants kept
_FIXED = 9  # columns before the first person's
_DIGITS = b"0123456789"
_SLASH, _BAR = (ord("\t") << 24 | ord(parting) << 8 for parting in "/|")

Column = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Genotypes:
    """`dosages` (n, m) of `people` and `alleles`, NaN for a missing call."""

    people: tuple[str, ...]
    alleles: tuple[Allele, ...]
    dosages: NDArray[np.float32]


@contextmanager
def lines_of(path: Path) -> Iterator[Iterator[bytes]]:
    """Raises `ValueError` for a line beyond MAX_LINE or what is no gzip."""
    with path.open("rb") as raw:
        yield _lines(gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw)


def _lines(stream: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    try:
        while line := stream.readline(MAX_LINE):
            if len(line) == MAX_LINE:
                raise ValueError(f"a line of a VCF may have {MAX_LINE} bytes")
            yield line.rstrip(b"\r\n")
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError("the file is not a whole gzip file") from error


def read(lines: Iterable[bytes], *, wanted: frozenset[Allele] | None = None) -> Genotypes:
    """Everything in the file, or only `wanted` alleles; raises `ValueError` for what is no VCF."""
    iterator = iter(lines)
    people = _people(iterator)
    alleles: list[Allele] = []
    columns: list[Column] = []
    for line in iterator:
        if line:
            for allele, column in _record(line, len(people), wanted):
                alleles.append(allele)
                columns.append(column)
                if len(columns) * max(len(people), 1) > MAX_GENOTYPES:
                    raise ValueError(f"a site may hold {MAX_GENOTYPES} genotypes")
    together = np.concatenate([np.zeros(0, dtype=np.float32), *columns])
    dosages = together.reshape(len(columns), len(people)).T
    return Genotypes(people, tuple(alleles), dosages)


def _people(lines: Iterator[bytes]) -> tuple[str, ...]:
    for line in lines:
        if line.startswith(b"##"):
            continue
        head = line.decode("utf-8").split("\t")
        if head[:8] != ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]:
            break
        people = tuple(head[_FIXED:])
        if len(people) > MAX_PEOPLE or len(set(people)) < len(people):
            raise ValueError(f"a VCF names each of at most {MAX_PEOPLE} people once")
        return people
    raise ValueError("not a VCF: it has no line of column names")


def _record(
    line: bytes, people: int, wanted: frozenset[Allele] | None
) -> Iterator[tuple[Allele, Column]]:
    fields = line.split(b"\t", _FIXED)
    if len(fields) < _FIXED + (people > 0) or not fields[1].isdigit():
        raise ValueError("a record of the VCF is cut short")
    contig, position, ref = fields[0].decode(), int(fields[1]), fields[3].decode()
    alternates = fields[4].decode().split(",")
    calls: Sequence[bytes] | None = None
    for number, alternate in enumerate(alternates, start=1):
        allele = _allele(contig, position, ref, alternate)
        if allele is None or (wanted is not None and allele not in wanted):
            continue
        if people and fields[8] == b"GT":
            column = _of_three_letters(fields[_FIXED], people, number)
            if column is not None:
                yield allele, column
                continue
        calls = calls if calls is not None else fields[_FIXED].split(b"\t") if people else []
        if len(calls) != people:
            raise ValueError("a record of the VCF is not of all its people")
        yield allele, _dosages(calls, fields[8].split(b":"), number)


def _of_three_letters(text: bytes, people: int, alternate: int) -> Column | None:
    """The copies where every call is two of 0 to 9 or a point and what parts them, as most files
    are written throughout; None for any other line, which is read call by call."""
    if len(text) != 4 * people - 1 or alternate >= len(_DIGITS):
        return None
    words = np.frombuffer(text + b"\t", dtype="<u4")
    parting = words & 0xFF00FF00
    if not ((parting == _SLASH) | (parting == _BAR)).all():
        return None
    found = _copies_of_two(alternate)[(words & 0xFF) | ((words >> 8) & 0xFF00)]
    return None if (found < 0).any() else found


@lru_cache(maxsize=16)
def _copies_of_two(alternate: int) -> Column:
    """By the codes of both letters: copies, NaN where one is a point, -1 for what is no call."""
    copies = np.full(256, -np.inf, dtype=np.float32)
    copies[list(_DIGITS)] = 0
    copies[_DIGITS[alternate]] = 1
    copies[ord(".")] = np.nan
    both = copies[:, None] + copies
    return np.asarray(
        np.where(np.isneginf(copies)[:, None] | np.isneginf(copies), -1, both)
    ).ravel()


def _allele(contig: str, position: int, ref: str, alternate: str) -> Allele | None:
    try:
        return Allele.of(contig, position, ref, alternate)
    except ValueError:  # symbolic, a breakend, the star allele, or too long to be named
        return None


def _dosages(calls: Sequence[bytes], layout: list[bytes], alternate: int) -> Column:
    if b"DS" in layout:
        place = layout.index(b"DS")
        return _each(calls, lambda call: _stated(call, place, alternate))
    if layout[:1] != [b"GT"]:
        raise ValueError("a record has neither DS nor GT")
    copied = b"%d" % alternate
    if len(layout) == 1:
        return _each(calls, lambda call: _copies(call, copied))
    return _each(calls, lambda call: _copies(call.partition(b":")[0], copied))


class _Known(dict[bytes, float]):
    """Spellings of calls already read: a record has few."""

    def __init__(self, reading: Callable[[bytes], float]) -> None:
        self._reading = reading

    def __missing__(self, call: bytes) -> float:
        value = self[call] = self._reading(call)
        return value


def _each(calls: Sequence[bytes], reading: Callable[[bytes], float]) -> Column:
    known = _Known(reading)
    return np.fromiter(map(known.__getitem__, calls), dtype=np.float32, count=len(calls))


def _copies(genotype: bytes, alternate: bytes) -> float:
    alleles = genotype.replace(b"|", b"/").split(b"/")
    if b"." in alleles or not all(one.isdigit() for one in alleles) or len(alleles) > 2:
        return np.nan
    return 2.0 * alleles.count(alternate) / len(alleles)


def _stated(call: bytes, place: int, alternate: int) -> float:
    stated = [*call.split(b":"), *([b"."] * place)][place].split(b",")
    text = stated[alternate - 1] if alternate <= len(stated) else b"."
    if text == b".":
        return np.nan
    try:
        dosage = float(text)
    except ValueError as error:
        raise ValueError("a dosage that is no number") from error
    if not 0 <= dosage <= 2:
        raise ValueError("a dosage is not from 0 to 2")
    return dosage
