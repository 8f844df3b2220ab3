"""A kept result holds every node, failures included, and nothing a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest

from portal.asking.aggregate import merge
from portal.asking.answer import NodeAnswer, Outcome, SetAnswer
from portal.questions.question import parse
from portal.results.export import COLUMNS, as_csv, document

QUESTION = parse("MONDO:0005148")
ANSWERS = (
    NodeAnswer(
        "https://a", "A", Outcome.OK, "", 12, "anonymous",
        sets=(SetAnswer("d1", exists=True, count=3, precision="exact"),
              SetAnswer("d2", exists=True, count=None, precision="unstated")),
    ),
    NodeAnswer("https://b", "B", Outcome.LATE, "No answer within 5 s.", 5000, "anonymous"),
    NodeAnswer("https://c", "=cmd|' /C calc'!A0", Outcome.ERROR, "@SUM(1)", 1, "anonymous"),
)  # fmt: skip


def made() -> dict[str, object]:
    merged = merge(QUESTION.kind, ANSWERS)
    return document(QUESTION, ANSWERS, merged, when="2026-01-01T00:00:00+00:00")


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(made()))))


def test_every_node_has_a_row_and_every_dataset_its_own() -> None:
    assert [(row["node"], row["dataset"], row["status"]) for row in rows()][:3] == [
        ("A", "d1", "ok"),
        ("A", "d2", "ok"),
        ("B", "", "late"),
    ]
    assert len(rows()) == 4


def test_a_hidden_count_and_a_silent_node_stay_empty_and_are_never_zero() -> None:
    assert [(row["exists"], row["count"]) for row in rows()] == [
        ("yes", "3"),
        ("yes", ""),
        ("", ""),
        ("", ""),
    ]


def test_a_text_that_a_spreadsheet_would_run_is_quoted() -> None:
    last = rows()[3]
    assert last["node"].startswith("'=cmd")
    assert last["reason"] == "'@SUM(1)"


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff20"])
def test_each_sign_that_may_begin_a_formula_is_quoted(first: str) -> None:
    row: dict[str, object] = dict.fromkeys(COLUMNS)
    text = as_csv({"rows": [row | {"reason": f"{first}1+1"}]})
    (read,) = csv.DictReader(io.StringIO(text, newline=""))
    assert read["reason"] == f"'{first}1+1"


def test_the_document_says_what_was_asked_what_it_came_to_and_who_is_missing() -> None:
    kept = made()
    assert kept["question"]["body"] == QUESTION.body()  # type: ignore[index]  # a JSON document
    assert kept["answer"]["missing"][0].startswith("B (late")  # type: ignore[index]
    assert set(kept["rows"][0]) == set(COLUMNS)  # type: ignore[index]
