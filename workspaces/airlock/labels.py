"""Whether a name in an output may leave by itself: only words that the permit or statistics know.

Names of rows, columns, traits and coefficients, and values of a log, are text that can carry a
person. So every word of one must be approved by the committee, or be one of those that outputs of
its class use (`WORDS`), once each; numbers have three digits at most, and two stand in a name only
as a range; and a chromosome must be one. Anything else is people's to look at. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from workspaces.airlock.candidates import AggregateModel, Candidate, GwasSummary, Log, Table

_GROUPS = """
a above age all alive and at below by carriers case cases censored control controls count dead
deceased died f female from i ii iii in iv least less m male men minor missing more most n na no non
none not of or other others over pc people per sd se sex standard than to total under unknown v
women x year years yes
"""
_BY_CLASS = {
    "table": "events federated local mean median rate variance",
    "gwas-summary": "mean median rate",
    "aggregate-model": "events federated intercept local log lower mean median rate survival time "
    "upper variance",
    "log": "converged done failed fitted ok running started stopped waiting",
}
WORDS: Mapping[str, frozenset[str]] = {
    kind: frozenset(own.split()) | (frozenset() if kind == "log" else frozenset(_GROUPS.split()))
    for kind, own in _BY_CLASS.items()
}
_TOKEN = re.compile(r"[^\W_]+(?:\.\d+)?|[-–]")
_PIECE = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?|[-–]")
_BETWEEN = frozenset({"to", "and", "-", "–"})
_CHROMOSOME = re.compile(r"(?:chr)?(?:[1-9]|1\d|2[0-6]|X|Y|XY|MT?)|NC_0000[0-2]\d\.\d{1,2}")
MAX_DIGITS = 3  # on either side of a point: a year of birth or a person's number has more
MAX_WORDS = 12


def strange(offered: Candidate, allowed: Iterable[str]) -> bool:
    """Whether any name in it has a word that is not known."""
    listed = {word for label in allowed for word in _label_words(label)}
    known = listed | WORDS.get(offered.kind, frozenset())
    if isinstance(offered, GwasSummary) and not _are_chromosomes(offered):
        return True
    return any(not _plain(name, known) for name in _names(offered))


def _names(offered: Candidate) -> Iterator[str]:
    match offered:
        case Table():
            yield from (*offered.rows, *offered.columns)
        case GwasSummary():
            yield offered.trait
        case AggregateModel():
            yield from offered.coefficients
        case Log():
            yield from (
                value for line in offered.lines for value in line.values() if isinstance(value, str)
            )
        case _:
            return


def _plain(name: str, known: set[str] | frozenset[str]) -> bool:
    said = list(_pieces(name, known))
    if len(said) > MAX_WORDS or not name.isprintable():
        return False
    words = [one for one in said if not _is_number(one) and one not in {"-", "–"}]
    # A word said twice is no name, but could be a row of yes and no.
    return set(words) <= known and len(set(words)) == len(words) and _few_numbers(said)


def _few_numbers(said: list[str]) -> bool:
    places = [place for place, one in enumerate(said) if _is_number(one)]
    if any(len(part) > MAX_DIGITS for place in places for part in said[place].split(".")):
        return False
    match places:
        case [] | [_]:
            return True
        case [first, second]:
            return second == first + 2 and said[first + 1] in _BETWEEN
        case _:
            return False


def _pieces(name: str, known: set[str] | frozenset[str]) -> Iterator[str]:
    """Words and numbers; a word with digits in it is one where it is listed so."""
    for token in _TOKEN.findall(name.casefold()):
        if token in known:
            yield token
        else:
            yield from _PIECE.findall(token)


def _label_words(label: str) -> Iterator[str]:
    for token in _TOKEN.findall(label.casefold()):
        if not _is_number(token):
            yield token
            yield from (piece for piece in _PIECE.findall(token) if not _is_number(piece))


def _is_number(word: str) -> bool:
    return word[0].isdecimal() and word.replace(".", "").isdecimal()


def _are_chromosomes(offered: GwasSummary) -> bool:
    found = {one.allele.partition("-")[0] for one in offered.variants}
    return all(_CHROMOSOME.fullmatch(one) is not None for one in found)
