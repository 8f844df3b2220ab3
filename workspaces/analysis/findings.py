"""What a genome-wide association study found, per variant of its panel, and how it is offered.

Nothing here is of one site or one person; what of it may leave is the airlock's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workspaces.analysis.linear import Associations
from workspaces.analysis.quality import GenotypeCounts, Quality

_MEMBERS = ("allele", "people", "minor_count", "beta", "standard_error", "p")


@dataclass(frozen=True, slots=True)
class Found:
    """Per variant of the panel (m,), NaN where it was not tested. `screened` are those whose
    figures are the score test's only; `sites` took part."""

    associations: Associations
    quality: Quality
    counts: GenotypeCounts
    screened: NDArray[np.bool_]
    sites: int

    def document(self, names: Sequence[str], *, trait: str) -> dict[str, object]:
        """The candidate for the airlock: a GWAS summary of what was tested."""
        found, counts = self.associations, self.counts.counts
        copies = counts[:, 1] + 2 * counts[:, 2]
        minor = np.minimum(copies, 2 * counts[:, :3].sum(axis=1) - copies)
        tested = np.flatnonzero(np.isfinite(found.p) & np.isfinite(found.beta))
        columns = (
            [names[number] for number in tested.tolist()],
            found.people[tested].astype(int).tolist(),
            minor[tested].astype(int).tolist(),
            found.beta[tested].tolist(),
            found.standard_error[tested].tolist(),
            found.p[tested].tolist(),
        )
        return {
            "kind": "gwas-summary",
            "trait": trait,
            "sites": self.sites,
            "variants": [
                dict(zip(_MEMBERS, figures, strict=True)) for figures in zip(*columns, strict=True)
            ],
        }


def placed(some: Associations, numbers: NDArray[np.intp], *, over: Associations) -> Associations:
    """`some`, written at `numbers` over the figures of all variants."""
    columns = []
    for mine, all_of_them in zip(some.columns(), over.columns(), strict=True):
        column = all_of_them.copy()
        column[numbers] = mine
        columns.append(column)
    return Associations(*columns)
