"""One site's people for a model: an outcome and features, complete, of the clinical table.

n people, C features with the intercept first where the model has one. A site that lacks the outcome
or a feature has nobody, and adds zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workspaces.analysis.cohort import Clinical
from workspaces.analysis.design import Floats


@dataclass(frozen=True, slots=True)
class People:
    """`outcomes` (n, k) and `features` (n, C), all finite."""

    outcomes: Floats
    features: Floats

    @classmethod
    def of(cls, clinical: Clinical, *, outcomes: Sequence[str], features: Sequence[str]) -> People:
        held = clinical.columns([*outcomes, *features])
        if held is None:
            return cls(np.zeros((0, len(outcomes))), np.zeros((0, len(features))))
        whole = held[np.isfinite(held).all(axis=1)]
        return cls(whole[:, : len(outcomes)], whole[:, len(outcomes) :])

    @property
    def count(self) -> int:
        return int(self.features.shape[0])
