"""A whole result as a document to keep: the question, the merged answer, one row per node and
dataset, failures included. JSON and CSV (RFC 4180).

Counts and presence only: records stay at the nodes' own Beacons.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from portal.asking.aggregate import Merged
from portal.asking.answer import NodeAnswer, Outcome, SetAnswer
from portal.questions.question import Question

COLUMNS = (
    "node", "address", "dataset", "status", "exists", "answer", "count", "least", "most",
    "precision", "reason",
    "latency_ms", "age_seconds", "asked_as", "lifted",
)  # fmt: skip
# Some spreadsheets read the wide forms alike, and a cell's first line may be empty.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def document(
    question: Question, answers: Sequence[NodeAnswer], merged: Merged, *, when: str
) -> dict[str, object]:
    """`when` is an RFC 3339 time."""
    return {
        "asked": when,
        "question": {
            "text": question.typed,
            "understood": question.words,
            "path": f"/{question.kind.value}",
            "body": question.body(),
        },
        "answer": {
            "exists": merged.exists,
            "count": None if merged.low is None else [merged.low, merged.high],
            "precision": merged.precision,
            "sentence": merged.sentence,
            "nodes": asdict(merged.tally),
            "missing": list(merged.missing),
        },
        "rows": [row for answer in answers for row in _rows(answer)],
    }


def as_csv(made: Mapping[str, object]) -> str:
    """The rows of a document. A text that a spreadsheet would run as a formula is quoted."""
    rows = made["rows"]
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    if isinstance(rows, list):
        writer.writerows({name: _cell(row[name]) for name in COLUMNS} for row in rows)
    return text.getvalue()


def _rows(answer: NodeAnswer) -> list[dict[str, object]]:
    """One per dataset that answered or is named as not answering, at least one per node."""
    silent = [(Outcome.SUPPRESSED, one) for one in answer.withheld]
    silent += [(Outcome.UNSUPPORTED, one) for one in answer.unserved]
    named = [_row(answer, one) for one in answer.sets]
    named += [
        _row(answer, None)
        | {"dataset": one.dataset, "status": status.value, "reason": one.reason or None}
        for status, one in silent
    ]
    return named or [_row(answer, None)]


def _row(answer: NodeAnswer, one: SetAnswer | None) -> dict[str, object]:
    least, most = (one.bounds if one is not None else None) or (None, None)
    return {
        "node": answer.name,
        "address": answer.url,
        "dataset": one.dataset if one is not None else None,
        "status": answer.outcome.value,
        "exists": one.exists if one is not None else None,
        "answer": one.shown.value if one is not None else None,
        "count": one.count if one is not None else None,
        "least": least,
        "most": most,
        "precision": one.precision if one is not None and one.count is not None else None,
        "reason": answer.reason or None,
        "latency_ms": answer.latency_ms,
        "age_seconds": answer.age_seconds,
        "asked_as": answer.asked_as,
        "lifted": answer.lifted or None,
    }


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
