"""The model: change these two functions, and the rest of the application stays as it is.

Features are standardised by the mean and spread over all sites. What sites learn is averaged by
their people, round for round.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from workspaces.analysis.design import Floats
from workspaces.analysis.people import People

STEPS = 10


def start(features: int) -> Floats:
    """The weights before the first round, the same for everybody: any shape, no chance in it."""
    return np.zeros(1 + features)


def learn(weights: Floats, people: People) -> Floats:
    """Better weights of the same shape, of this site's people alone: `people.features` (n, C),
    `people.outcomes` (n, 1), both complete. Here logistic regression, ten steps down its
    gradient."""
    for _ in range(STEPS):
        wrong = special.expit(weights[0] + people.features @ weights[1:]) - people.outcomes[:, 0]
        each = np.concatenate([[wrong.sum()], people.features.T @ wrong])
        weights = weights - each / people.count
    return weights
