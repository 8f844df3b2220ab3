"""Rows of a result by answer, kind of number and node: what is shown, and that nothing is hidden
from the total."""

from __future__ import annotations

import pytest

from portal.asking.answer import NodeAnswer, Outcome, SetAnswer, Silent
from portal.results.filtering import Filter, lines
from schemas.errors import InvalidInput

YES = SetAnswer("exact", True, 40, "exact")
ABOUT = SetAnswer("about", True, 40, "rounded")
FEWER = SetAnswer("fewer", True, None, "imprecise", below=10)
HIDDEN = SetAnswer("hidden", True, None, "unstated")
NO = SetAnswer("no", False, 0, "exact")


def _row(name: str, *sets: SetAnswer, outcome: Outcome = Outcome.OK, **more: object) -> NodeAnswer:
    return NodeAnswer(
        f"https://{name}.example",
        name,
        outcome,
        "",
        5,
        "anonymous",
        sets,
        **more,  # type: ignore[arg-type]
    )


ROWS = (
    _row("oslo", YES, NO, withheld=(Silent("kept", "too few"),)),
    _row("turku", ABOUT, FEWER),
    _row("aarhus", HIDDEN, unserved=(Silent("other", "another assembly"),)),
    _row("late", outcome=Outcome.LATE),
)


def _shown(**chosen: str) -> list[tuple[str, ...]]:
    found = Filter.of(chosen).rows(ROWS)
    shown = []
    for row in found:
        silent = [one.dataset for one in (*row.withheld, *row.unserved)]
        shown.append((row.name, *(str(one.dataset) for one in row.sets), *silent))
    return shown


def test_no_filter_shows_every_row_as_it_is() -> None:
    assert Filter().rows(ROWS) == list(ROWS)
    assert not Filter().on


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        ({"answer": "yes"},
         [("oslo", "exact"), ("turku", "about", "fewer"), ("aarhus", "hidden")]),
        ({"answer": "no"}, [("oslo", "no")]),
        ({"answer": "none"}, [("oslo", "kept"), ("aarhus", "other"), ("late",)]),
        ({"number": "exact"}, [("oslo", "exact")]),
        ({"number": "about"}, [("turku", "about")]),
        ({"number": "fewer"}, [("turku", "fewer")]),
        ({"number": "hidden"}, [("aarhus", "hidden")]),
        ({"answer": "no", "number": "exact"}, []),
        ({"answer": "none", "number": "exact"}, []),
        ({"node": "late-example"}, [("late",)]),
        ({"node": "turku-example", "number": "fewer"}, [("turku", "fewer")]),
        ({"node": "nobody"}, []),
    ],
)  # fmt: skip
def test_a_filter_shows_what_fits_it_alone(
    chosen: dict[str, str], shown: list[tuple[str, ...]]
) -> None:
    assert _shown(**chosen) == shown


@pytest.mark.parametrize(
    "chosen", [{"answer": "maybe"}, {"answer": "YES"}, {"number": "no"}, {"number": "fewer than"}]
)
def test_a_filter_there_is_not_is_refused(chosen: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        Filter.of(chosen)


def test_a_row_takes_a_line_for_each_dataset_and_one_where_it_has_none() -> None:
    assert [lines(row) for row in ROWS] == [3, 2, 2, 1]
