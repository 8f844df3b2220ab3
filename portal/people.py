"""How many people of one dataset are of each sex and have each disease: what anyone may be told.

Asks the dataset's own Beacon one term at a time, as anyone, so that nobody's allowance is spent on
looking at a page; numbers stay of the kind in which they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from portal.answer import NodeAnswer, SetAnswer
from portal.fanout import Fanout
from portal.question import parse
from portal.registry import Node, Term

MAX_BARS = 12
_SEXES = frozenset({"NCIT:C16576", "NCIT:C20197", "NCIT:C17998", "NCIT:C46113", "NCIT:C46112"})
_DISEASES = ("MONDO:", "ICD10:", "ICD10CM:", "ORPHA:", "OMIM:", "DOID:")


@dataclass(frozen=True, slots=True)
class Bar:
    """One term and its answer; None where there is none, and then `reason` says why. `share` is its
    length in hundredths of the longest."""

    term: str
    label: str
    answer: SetAnswer | None
    reason: str
    share: int = 0


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    id: str
    bars: tuple[Bar, ...]


async def charts(fanout: Fanout, node: Node, dataset: str) -> list[Chart]:
    """Those of which the node lists terms; returns by the fan-out's deadline."""
    asked = [term for term in node.terms if not term.scopes or "individual" in term.scopes]
    asked = [term for term in asked if term.type != "alphanumeric"]
    sexes = [term for term in asked if term.id in _SEXES]
    diseases = [term for term in asked if term.id.startswith(_DISEASES)][:MAX_BARS]
    answered = await asyncio.gather(
        *(_answer(fanout, node, dataset, term) for term in (*sexes, *diseases))
    )
    made = [
        chart("People by sex", "sex", answered[: len(sexes)]),
        chart("People by disease, narrower ones included", "diseases", answered[len(sexes) :]),
    ]
    return [one for one in made if one.bars]


def chart(title: str, name: str, bars: Sequence[Bar]) -> Chart:
    most = max((_most(bar) for bar in bars), default=0)
    return Chart(
        title,
        name,
        tuple(
            Bar(bar.term, bar.label, bar.answer, bar.reason, round(100 * _most(bar) / (most or 1)))
            for bar in bars
        ),
    )


def _most(bar: Bar) -> int:
    bounds = bar.answer.bounds if bar.answer is not None else None
    return bounds[1] if bounds is not None else 0


async def _answer(fanout: Fanout, node: Node, dataset: str, term: Term) -> Bar:
    path = f"/datasets/{quote(dataset, safe='')}/individuals"
    asking = fanout.ask([node.target], path, body=parse("", terms=term.id).body(limit=1))
    rows: list[NodeAnswer] = [row async for row in asking]
    row = rows[0]
    found = row.sets[0] if row.outcome.answered and len(row.sets) == 1 else None
    return Bar(term.id, term.label or term.id, found, row.reason or row.outcome.value)
