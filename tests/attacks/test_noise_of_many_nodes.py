"""A requester who has the same table released by every node of a study, and averages the noise."""

from __future__ import annotations

import json

import pytest

from schemas.runs import RunTerms
from workspaces.airlock import gate

PEOPLE, CELLS = 10_000, 900
TABLE = {
    "kind": "table",
    "rows": ["all"],
    "columns": [str(number) for number in range(CELLS)],
    "cells": [[PEOPLE] * CELLS],
}


def terms(sites: int) -> RunTerms:
    return RunTerms.model_validate(
        {
            "applications": ["a" * 64],
            "environment": "b" * 64,
            "roster": [f"{number:064x}" for number in range(sites)],
            "least_sites": 1 if sites < 3 else 3,
            "outputs": ["table"],
            "privacy": {"epsilon": 1.0, "per_table": 1.0},
        }
    )


def spread(sites: int) -> float:
    """How far one node's cells are from the truth, on average: about the scale of its noise."""
    judged = gate.judge(json.dumps(TABLE).encode(), terms(sites))
    assert judged.epsilon == 1.0
    assert judged.released is not None
    (cells,) = json.loads(judged.released)["cells"]
    apart: float = sum(abs(cell - PEOPLE) for cell in cells) / CELLS
    return apart


@pytest.mark.parametrize("sites", [1, 4, 16])
def test_all_nodes_together_spend_what_one_table_costs(sites: int) -> None:
    # Sixteen draws of scale 16 tell as much as one of scale 1: pure epsilon adds up.
    assert sites * 0.8 < spread(sites) + 0.1 < sites * 1.25
