"""Discrete Laplace noise for tables of counts, fresh from the system's randomness each time.

The sampler is `access.privacy.noise`'s, of integers only. One person is in one cell of a table, so
a draw of scale 1/epsilon in every cell gives epsilon-differential privacy for adding or leaving out
anybody. The scale is a whole number, rounded up: never less noise than was paid for.
"""

from __future__ import annotations

import secrets
from math import ceil

from access.privacy.noise import MIN_KEY_BYTES, KeyedStream, discrete_laplace
from workspaces.airlock.candidates import Table


def noisy(table: Table, *, epsilon: float) -> Table:
    """Every cell with noise of its own; one that was not shown stays so, one below zero is zero."""
    stream, scale = KeyedStream(secrets.token_bytes(MIN_KEY_BYTES)), ceil(1 / epsilon)
    cells = tuple(
        tuple(
            None if cell is None else max(0, cell + discrete_laplace(stream, scale=scale))
            for cell in row
        )
        for row in table.cells
    )
    return table.model_copy(update={"cells": cells})
