"""What Manhattan and QQ plots share: the variants of a summary as places and strengths."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import log10

from workspaces.airlock.candidates import GwasSummary, Variant

GENOME_WIDE = 5e-8
STRONGEST = 320.0  # of -log10 p: below, floats are 0
TOP = 20

COLUMNS = ("variant", "p", "beta", "standard error", "people")

_SEX = {"X": 23, "Y": 24, "XY": 25, "MT": 26, "M": 26}


def strength(variant: Variant) -> float:
    return min(-log10(variant.p), STRONGEST) if variant.p > 0 else STRONGEST


def place(variant: Variant) -> tuple[str, int]:
    contig, position, *_ = variant.allele.split("-")
    return contig, int(position)


def contig_order(contig: str) -> tuple[int, str]:
    """1 to 22, X, Y, MT, then others by name."""
    short = re.sub("^chr", "", contig, flags=re.IGNORECASE)
    number = int(short) if short.isdecimal() else _SEX.get(short.upper(), 1_000)
    return number, contig


def strongest(summary: GwasSummary) -> tuple[tuple[str, ...], ...]:
    first = sorted(summary.variants, key=lambda one: (one.p, one.allele))[:TOP]
    return tuple(
        (one.allele, f"{one.p:g}", f"{one.beta:g}", f"{one.standard_error:g}", f"{one.people}")
        for one in first
    )


def thinned(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """One of those that fall on the same half unit of the sheet."""
    return sorted({(round(2 * x) / 2, round(2 * y) / 2) for x, y in points})
