"""Whether a name in an output may leave by itself: only words that the permit or statistics know.

Names of rows, columns, traits and coefficients, and values of a log, are text that can carry a
person. So every word of one must be approved by the committee, or be one of the few that statistics
use, or a number of at most three digits; and a chromosome must be one. Anything else is people's to
look at. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from workspaces.airlock.candidates import AggregateModel, Candidate, GwasSummary, Log, Table

_STATISTICS = """
a above age all alive and at below by carriers case cases censored control controls count dead
deceased died events f female from i ii iii intercept iv least log m male mean median men minor
missing more most n na no non none not of or other others over pc people per rate sd se sex
standard survival than time to total under unknown v variance women x year years yes
converged done failed fitted ok running started stopped waiting
"""
WORDS = frozenset(_STATISTICS.split())
_WORD = re.compile(r"[^\W\d_]+|\d+")
_CHROMOSOME = re.compile(r"(?:chr)?(?:[1-9]|1\d|2[0-6]|X|Y|XY|MT?)|NC_0000[0-2]\d\.\d{1,2}")
MAX_DIGITS = 3  # of one number: a year of birth or a person's number has more
MAX_WORDS = 12


def strange(offered: Candidate, allowed: Iterable[str]) -> bool:
    """Whether any name in it has a word that is not known."""
    known = WORDS | {word for label in allowed for word in _words(label)}
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


def _plain(name: str, known: frozenset[str]) -> bool:
    words = _words(name)
    if len(words) > MAX_WORDS or not name.isprintable():
        return False
    return all(len(word) <= MAX_DIGITS if word.isdecimal() else word in known for word in words)


def _words(name: str) -> list[str]:
    return _WORD.findall(name.casefold())


def _are_chromosomes(offered: GwasSummary) -> bool:
    found = {one.allele.partition("-")[0] for one in offered.variants}
    return all(_CHROMOSOME.fullmatch(one) is not None for one in found)
