"""Reads the dosages of a file's variants from VCF text.

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
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workspaces.analysis.alleles import Allele
from workspaces.analysis.design import MISSING, Dosages

MAX_LINE = 64 * 1024 * 1024
MAX_PEOPLE = 1_000_000
MAX_GENOTYPES = 2_000_000_000  # people times variants kept
_FIXED = 9  # columns before the first person's
_TOGETHER = 1 << 18  # bytes of calls that are read at a time
_DIGITS = b"0123456789"
_SLASH, _BAR = (ord("\t") << 24 | ord(parting) << 8 for parting in "/|")
_NO_CALL = -2

Column = NDArray[np.float32]
Hard = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Genotypes:
    """`dosages` (n, m) of `people` and `alleles`: bytes where all calls are hard."""

    people: tuple[str, ...]
    alleles: tuple[Allele, ...]
    dosages: Dosages


@contextmanager
def lines_of(path: Path) -> Iterator[Iterator[bytes]]:
    """Raises `ValueError` for a line beyond MAX_LINE or what is no gzip."""
    with path.open("rb", buffering=_TOGETHER) as raw:
        yield _lines(gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw)


def _lines(stream: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    try:
        while line := stream.readline(MAX_LINE):
            if len(line) == MAX_LINE:
                raise ValueError(f"a line of a VCF may have {MAX_LINE} bytes")
            yield line.rstrip(b"\r\n")
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError("the file is not a whole gzip file") from error


def read(lines: Iterable[bytes]) -> Genotypes:
    """Everything in the file; raises `ValueError` for what is no VCF."""
    iterator = iter(lines)
    people = _people(iterator)
    alleles: list[Allele] = []
    rows = _Rows(len(people))
    for line in iterator:
        if line:
            for allele, calls in _record(line, len(people)):
                alleles.append(allele)
                rows.add(calls)
                if len(alleles) * max(len(people), 1) > MAX_GENOTYPES:
                    raise ValueError(f"a site may hold {MAX_GENOTYPES} genotypes")
    return Genotypes(people, tuple(alleles), rows.together())


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


class _Calls(NamedTuple):
    """All people's of one record, as they stand there, and which alternate is counted."""

    text: bytes
    layout: bytes
    alternate: int


def _record(line: bytes, people: int) -> Iterator[tuple[Allele, _Calls]]:
    fields = line.split(b"\t", _FIXED)
    if len(fields) < _FIXED + (people > 0) or not fields[1].isdigit():
        raise ValueError("a record of the VCF is cut short")
    contig, position, ref = fields[0].decode(), int(fields[1]), fields[3].decode()
    text = fields[_FIXED] if people else b""
    for number, alternate in enumerate(fields[4].decode().split(","), start=1):
        allele = _allele(contig, position, ref, alternate)
        if allele is not None:
            yield allele, _Calls(text, fields[8], number)


class _Rows:
    """Dosages variant by variant, many lines at a time."""

    def __init__(self, people: int) -> None:
        self._people = people
        self._waiting: list[_Calls] = []
        self._bytes = 0
        self._read: list[Hard | Column] = []

    def add(self, calls: _Calls) -> None:
        self._waiting.append(calls)
        self._bytes += len(calls.text)
        if self._bytes >= _TOGETHER:
            self._read_waiting()

    def together(self) -> Dosages:
        self._read_waiting()
        if any(rows.dtype != np.int8 for rows in self._read):
            return np.concatenate([floating(rows) for rows in self._read]).T
        return np.concatenate([np.zeros((0, self._people), dtype=np.int8), *self._read]).T

    def _read_waiting(self) -> None:
        """Lines of three letters a call at once, and the others one by one."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        rows: Hard | Column = np.empty((len(waiting), self._people), dtype=np.int8)
        left = [True] * len(waiting)
        short = [place for place, one in enumerate(waiting) if self._is_short(one)]
        for number in {waiting[place].alternate for place in short}:
            at = [place for place in short if waiting[place].alternate == number]
            copies, sound = _of_three_letters([waiting[place].text for place in at], number)
            rows[at] = copies
            for place, read in zip(at, sound.tolist(), strict=True):
                left[place] = not read
        longer = [place for place, unread in enumerate(left) if unread]
        if longer:
            columns = np.stack([_dosages(waiting[place], self._people) for place in longer])
            hard = _hard(columns)
            rows = rows if hard is not None else floating(rows)
            rows[longer] = columns if hard is None else hard
        self._read.append(rows)

    def _is_short(self, calls: _Calls) -> bool:
        short = len(calls.text) == 4 * self._people - 1 and calls.alternate < len(_DIGITS)
        return short and calls.layout == b"GT"


def floating(dosages: Dosages) -> Column:
    """NaN for a missing call."""
    if dosages.dtype != np.int8:
        return dosages.astype(np.float32, copy=False)
    return np.where(dosages == MISSING, np.float32(np.nan), dosages.astype(np.float32))


def _hard(columns: Column) -> Hard | None:
    """The same as bytes; None where a dosage is between two calls."""
    filled = np.where(np.isnan(columns), np.float32(MISSING), columns)
    hard = filled.astype(np.int8)
    return hard if (hard == filled).all() else None


def _of_three_letters(texts: Sequence[bytes], alternate: int) -> tuple[Hard, NDArray[np.bool_]]:
    """The copies where every call is two of 0 to 9 or a point and what parts them, as most files
    are written throughout; and which lines are so. The others are read call by call."""
    words = np.frombuffer(b"\t".join([*texts, b""]), dtype="<u4").reshape(len(texts), -1)
    parting = words & np.uint32(0xFF00FF00)
    letters = (words & np.uint32(0xFF)) | ((words >> np.uint32(8)) & np.uint32(0xFF00))
    copies = _copies_of_two(alternate).take(letters.astype(np.uint16))
    sound = (parting == _SLASH) | (parting == _BAR)
    return copies, np.asarray((sound & (copies != _NO_CALL)).all(axis=1))


@lru_cache(maxsize=16)
def _copies_of_two(alternate: int) -> Hard:
    """By the codes of both letters."""
    copies = np.full(256, _NO_CALL, dtype=np.int8)
    copies[list(_DIGITS)] = 0
    copies[_DIGITS[alternate]] = 1
    copies[ord(".")] = MISSING
    one, other = copies[:, None], copies
    both = np.where((one < 0) | (other < 0), np.minimum(one, other), one + other)
    return both.astype(np.int8).ravel()


def _allele(contig: str, position: int, ref: str, alternate: str) -> Allele | None:
    try:
        return Allele.of(contig, position, ref, alternate)
    except ValueError:  # symbolic, a breakend, the star allele, or too long to be named
        return None


def _dosages(calls: _Calls, people: int) -> Column:
    each = calls.text.split(b"\t") if people else []
    if len(each) != people:
        raise ValueError("a record of the VCF is not of all its people")
    layout, alternate = calls.layout.split(b":"), calls.alternate
    if b"DS" in layout:
        place = layout.index(b"DS")
        return _each(each, lambda call: _stated(call, place, alternate))
    if layout[0] != b"GT":
        raise ValueError("a record has neither DS nor GT")
    copied = b"%d" % alternate
    if len(layout) == 1:
        return _each(each, lambda call: _copies(call, copied))
    return _each(each, lambda call: _copies(call.partition(b":")[0], copied))


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
