"""Allele frequencies of a panel over sites, from pooled genotype counts.

Exact frequencies allow membership tests: they are offered to the airlock as counts, whose small
ones it blanks, and only where the permit has the output class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workspaces.analysis.design import Design, Floats
from workspaces.analysis.quality import GenotypeCounts, genotype_counts
from workspaces.analysis.rounds import Round

ROWS = 1_000  # of one table, as the airlock reads them


@dataclass(frozen=True, slots=True)
class Frequencies:
    variants: int

    def first(self) -> Round:
        return Round("count")

    def answer(self, site: Design, asked: Round) -> Floats:
        if site.variants != self.variants:
            raise ValueError("the site's data has other variants than the analysis")
        return genotype_counts(site.dosages).vector()

    def after(self, asked: Round, total: Floats, *, sites: int) -> GenotypeCounts:
        return GenotypeCounts.of_vector(total, variants=self.variants, covariates=0)


def documents(counts: GenotypeCounts, names: Sequence[str]) -> list[dict[str, object]]:
    """Candidates for the airlock: tables of copies of the reference and the alternate allele."""
    none, one, two, _ = np.rint(counts.counts).astype(int).T
    cells = np.stack([2 * none + one, one + 2 * two], axis=1).tolist()
    return [
        {
            "kind": "table",
            "rows": list(names[first : first + ROWS]),
            "columns": ["reference", "alternate"],
            "cells": cells[first : first + ROWS],
        }
        for first in range(0, len(names), ROWS)
    ]
