"""Discrete Laplace noise for tables of counts, fresh from the system's randomness each time.

The sampler is `access.privacy.noise`'s, of integers only. One person is in one cell of a table, so
a draw of this scale in every cell gives 1/scale-differential privacy for adding or leaving out
anybody. What scale a permit asks for is `access.airlock.accountant`'s.
"""

from __future__ import annotations

import secrets

from access.privacy.noise import MIN_KEY_BYTES, KeyedStream, discrete_laplace
from workspaces.airlock.candidates import Table


def noisy(table: Table, *, scale: int) -> Table:
    """Every cell with noise of its own; one that was not shown stays so, one below zero is zero."""
    stream = KeyedStream(secrets.token_bytes(MIN_KEY_BYTES))
    cells = tuple(
        tuple(
            None if cell is None else max(0, cell + discrete_laplace(stream, scale=scale))
            for cell in row
        )
        for row in table.cells
    )
    return table.model_copy(update={"cells": cells})
