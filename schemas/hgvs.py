"""Reads and writes genomic HGVS names (HGVS nomenclature 21, `g.` and `m.`).

Positions in names count from 1 with both ends included; inside they are zero-based, half-open.
Reading is pure: which sequence a name means, and bases only a reference knows, are left to others.
Uncertain positions (`(100_200)`, `?`), alleles in brackets and `=` are refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import InvalidInput
from schemas.messages import Message

MAX_CHARS = 12_000  # a name may spell out 10,000 inserted bases
MAX_POSITION = 2**31 - 1

# The body has no nested repetition, so reading takes time in proportion to the text.
_NAME = re.compile(r"([A-Za-z0-9_.:]{1,60}):([gm])\.(\S{1,11000})", re.ASCII)
_BODY = re.compile(r"(\d{1,10})(?:_(\d{1,10}))?([A-Za-z>=0-9]*)", re.ASCII)
_SUBSTITUTION = re.compile(r"([ACGTN]*)>([ACGTN]+)", re.IGNORECASE)
_DELINS = re.compile(r"del([ACGTN]*)ins([ACGTN]+)", re.IGNORECASE)
_PLAIN = re.compile(r"(del|dup|inv|ins)([ACGTN]*)(\d{0,10})", re.IGNORECASE | re.ASCII)
_COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


class UnreadableName(InvalidInput):
    """The text is meant as a name of this kind, and does not follow its rules."""

    code = "bad_question"


class Edit(StrEnum):
    SUBSTITUTION = ">"
    DELETION = "del"
    DUPLICATION = "dup"
    INSERTION = "ins"
    DELINS = "delins"
    INVERSION = "inv"


@dataclass(frozen=True, slots=True)
class GenomicName:
    """`[start0, end0)` of `sequence` is edited: `deleted` stood there (None where not written),
    `inserted` stands there after (None where only a reference knows it)."""

    sequence: str
    start0: int
    end0: int
    edit: Edit
    deleted: str | None
    inserted: str | None


def read(text: str) -> GenomicName | None:
    """The edit a name stands for; None when the text is not a `g.` or `m.` name at all. Raises
    `UnreadableName` for one that breaks the rules of its kind."""
    found = _NAME.fullmatch(text) if len(text) <= MAX_CHARS else None
    if found is None:
        return None
    body = _BODY.fullmatch(found[3])
    if body is None:
        raise UnreadableName(
            Message(
                "Only exact positions and one edit are supported in a g. name, such as 100A>G, "
                "100_102del, 100_102dup, 100_101insAC, 100_102delinsAC or 100_110inv."
            )
        )
    first, last = int(body[1]), int(body[2] or body[1])
    if not 1 <= first <= last <= MAX_POSITION:
        raise UnreadableName(
            Message("The positions of a g. name count from 1 and must not run backwards.")
        )
    return _edited(found[1], first, last, body=body[3])


def _edited(sequence: str, first: int, last: int, *, body: str) -> GenomicName:
    span = sequence, first - 1, last
    length = last - first + 1
    if found := _SUBSTITUTION.fullmatch(body):
        deleted, inserted = found[1].upper(), found[2].upper()
        _same_length(deleted, length)
        if length == 1 and len(inserted) == 1 and deleted:
            return GenomicName(*span, Edit.SUBSTITUTION, deleted, inserted)
        return GenomicName(*span, Edit.DELINS, deleted or None, inserted)
    if found := _DELINS.fullmatch(body):
        deleted = found[1].upper()
        _same_length(deleted, length)
        return GenomicName(*span, Edit.DELINS, deleted or None, found[2].upper())
    found = _PLAIN.fullmatch(body)
    if found is None:
        raise UnreadableName(Message("This edit is not supported in a g. name."))
    edit, bases = Edit(found[1].lower()), found[2].upper()
    if edit is Edit.INSERTION:
        return _insertion(sequence, first, last, bases=bases if not found[3] else "")
    _same_length(bases, length)
    if found[3] and int(found[3]) != length:
        raise UnreadableName(
            Message("The length written in the g. name is not that of its positions.")
        )
    inserted_by = {Edit.DELETION: "", Edit.DUPLICATION: bases * 2, Edit.INVERSION: reverse(bases)}
    known = edit is Edit.DELETION or bases
    return GenomicName(*span, edit, bases or None, inserted_by[edit] if known else None)


def _insertion(sequence: str, first: int, last: int, *, bases: str) -> GenomicName:
    if last != first + 1:
        raise UnreadableName(
            Message("An insertion stands between two neighbours, such as 100_101insA.")
        )
    if not bases:
        raise UnreadableName(Message("An insertion needs its bases, such as 100_101insA."))
    return GenomicName(sequence, first, first, Edit.INSERTION, "", bases)


def _same_length(bases: str, length: int) -> None:
    if bases and len(bases) != length:
        raise UnreadableName(Message("The bases written in the g. name do not fit its positions."))


def reverse(bases: str) -> str:
    """The reverse complement."""
    return bases.translate(_COMPLEMENT)[::-1]


def write(sequence: str, start0: int, ref: str, *, alt: str, before: str = "") -> str:
    """The name of a trimmed change, moved to the right as far as it goes (the 3' rule, left to the
    caller). An insertion is a duplication where `before`, the bases in front of it, ends in it."""
    kind = "m" if sequence.startswith("NC_012920.") else "g"
    named = f"{sequence}:{kind}."
    if not ref:
        if alt and before.endswith(alt):
            return f"{named}{_positions(start0 - len(alt), start0)}dup"
        return f"{named}{start0}_{start0 + 1}ins{alt}"
    if len(ref) == len(alt) == 1:
        return f"{named}{start0 + 1}{ref}>{alt}"
    place = _positions(start0, start0 + len(ref))
    if not alt:
        return f"{named}{place}del"
    if len(alt) == len(ref) > 1 and alt == reverse(ref):
        return f"{named}{place}inv"
    return f"{named}{place}delins{alt}"


def _positions(start0: int, end0: int) -> str:
    return str(end0) if end0 == start0 + 1 else f"{start0 + 1}_{end0}"
