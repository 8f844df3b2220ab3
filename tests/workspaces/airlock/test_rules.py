"""What leaves a workspace: only output classes of the permit, and only their safe form."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspaces.airlock import rules
from workspaces.airlock.candidates import GwasSummary, Table, read
from workspaces.airlock.rules import CLASSES, Floors, Outcome, judge
from workspaces.errors import CandidateUnreadable

ALL = Floors(frozenset(CLASSES), labels=frozenset({"b", "c", "risk", "w", "x", "y", "z"}))
DIGEST = "a" * 64
TABLE = {"kind": "table", "rows": ["f", "m"], "columns": ["a", "b"], "cells": [[12, 40], [33, 18]]}
LINE = {"allele": "1-1000-A-G", "people": 3012, "minor_count": 207, "beta": 0.123456,
        "standard_error": 0.0123456, "p": 1.23456e-9, "frequency": 0.0343626}  # fmt: skip
SUMMARY = {"kind": "gwas-summary", "trait": "risk", "sites": 6, "variants": [LINE]}
MODEL = {"kind": "aggregate-model", "people": 300, "sites": 3, "coefficients": {"w": [0.5, -1.25]}}
LOG = {"kind": "log", "lines": [{"round": 1, "seconds": 2.5, "status": "done"}]}
PLOT = {"kind": "plot", "form": "manhattan", "of": DIGEST}
OTHER = {"kind": "other", "description": "a picture", "content": "aGVsbG8="}
OFFERED = (TABLE, SUMMARY, MODEL, LOG, PLOT, OTHER)


def verdict(offered: dict[str, Any], floors: Floors = ALL) -> rules.Verdict:
    return judge(read(json.dumps(offered).encode()), floors)


@pytest.mark.parametrize("offered", OFFERED, ids=lambda one: one["kind"])
def test_nothing_leaves_under_a_permit_that_does_not_name_its_class(
    offered: dict[str, Any],
) -> None:
    others = Floors(frozenset(CLASSES) - {offered["kind"]})
    assert verdict(offered, others).outcome is Outcome.REFUSE
    assert verdict(offered, Floors(frozenset())).outcome is Outcome.REFUSE
    assert verdict(offered, others).released is None


@pytest.mark.parametrize("offered", OFFERED[:5], ids=lambda one: one["kind"])
def test_what_is_harmless_leaves(offered: dict[str, Any]) -> None:
    assert verdict(offered).outcome is Outcome.RELEASE


def test_what_no_checker_knows_is_for_two_people() -> None:
    found = verdict(OTHER)
    assert (found.outcome, found.released) == (Outcome.REVIEW, None)


def test_a_table_leaves_with_its_small_cells_blank() -> None:
    found = verdict(TABLE | {"cells": [[3, 40], [33, 18]]})
    assert isinstance(found.released, Table) or found.outcome is Outcome.REFUSE
    wide = {
        "kind": "table",
        "rows": ["x", "y", "z"],
        "columns": ["a", "b", "c"],
        "cells": [[3, 50, 90], [60, 70, 80], [99, 98, 97]],
    }
    found = verdict(wide)
    assert isinstance(found.released, Table)
    assert found.released.cells[0] == (None, None, 90)
    assert "4 of 9 cells" in found.reasons[0]


@given(st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=3, max_size=3))
def test_no_small_cell_ever_leaves(cells: list[list[int]]) -> None:
    offered = {"kind": "table", "rows": ["x", "y", "z"], "columns": ["a", "b", "c"], "cells": cells}
    released = verdict(offered).released
    if isinstance(released, Table):
        assert all(cell is None or cell >= 10 for row in released.cells for cell in row)


def test_a_summary_leaves_rounded_and_without_frequencies() -> None:
    found = verdict(SUMMARY)
    assert isinstance(found.released, GwasSummary)
    (line,) = found.released.variants
    assert (line.beta, line.standard_error, line.p) == (0.1235, 0.01235, 1.235e-9)
    assert (line.people, line.minor_count, line.frequency) == (3000, 0, None)


@pytest.mark.parametrize(
    "change",
    [
        {"sites": 2},
        {"variants": [LINE | {"people": 499}]},
        {"variants": [LINE | {"minor_count": 19}]},
        {"variants": []},
    ],
)
def test_a_summary_below_the_floors_stays(change: dict[str, Any]) -> None:
    assert verdict(SUMMARY | change).outcome is Outcome.REFUSE


def test_rare_variants_are_left_out_and_the_others_leave() -> None:
    found = verdict(SUMMARY | {"variants": [LINE, LINE | {"minor_count": 1}]})
    assert isinstance(found.released, GwasSummary)
    assert len(found.released.variants) == 1
    assert found.reasons == ("1 variants below the floors are left out",)


def test_a_permit_for_two_sites_can_lower_the_floor() -> None:
    assert verdict(SUMMARY | {"sites": 2}, replace(ALL, gwas_sites=2)).outcome is Outcome.RELEASE


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"people": 5}, Outcome.REFUSE),
        ({"coefficients": {"w": [0.1] * 100}}, Outcome.REFUSE),
        ({"coefficients": {"w": [1e7]}}, Outcome.REVIEW),
    ],
)
def test_a_model_that_could_hold_people_stays(change: dict[str, Any], outcome: Outcome) -> None:
    assert verdict(MODEL | change).outcome is outcome


@pytest.mark.parametrize(
    "line",
    [
        {"person": "HG00096"}, {"status": "HG00096"}, {"status": "two words"},
        {"status": "1985-04-12"}, {"status": "a" * 21}, {"status": "\u0430"},
    ],
)  # fmt: skip
def test_a_log_line_that_could_name_somebody_stays(line: dict[str, Any]) -> None:
    assert verdict({"kind": "log", "lines": [line]}).outcome is Outcome.REFUSE


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"{}", b'{"kind": "image"}', b"[" * 100_000,
        json.dumps(TABLE | {"cells": [[1, 2]]}).encode(),
        json.dumps(TABLE | {"cells": [[1, -2], [3, 4]]}).encode(),
        json.dumps(TABLE | {"notes": "John, 45"}).encode(),
        json.dumps(SUMMARY | {"per_site": [1, 2]}).encode(),
        json.dumps(SUMMARY | {"variants": [LINE | {"allele": "rs1 of HG00096"}]}).encode(),
        b'{"kind": "aggregate-model", "people": 9, "sites": 1, "coefficients": {"w": [NaN]}}',
    ],
)  # fmt: skip
def test_what_has_no_known_shape_is_not_even_judged(raw: bytes) -> None:
    with pytest.raises(CandidateUnreadable) as refused:
        read(raw)
    assert "John" not in refused.value.public
