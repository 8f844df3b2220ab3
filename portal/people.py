"""A dataset's people by sex, age, disease and ancestry: what anyone may be told.

Asks the dataset's own Beacon one term at a time, as anyone, so that nobody's allowance is spent on
looking at a page; numbers stay of the kind in which they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from portal.asking.answer import OUTCOMES, NodeAnswer
from portal.asking.fanout import Fanout
from portal.nodes.node import Node, Term
from portal.questions.question import Kind, Question
from portal.results.charts import Bar, Chart, chart, counted
from schemas.messages import Message

MOST = 10  # terms of one chart
_SEXES = frozenset({"NCIT:C16576", "NCIT:C20197", "NCIT:C17998", "NCIT:C46113", "NCIT:C46112"})
_DISEASES = ("MONDO:", "ICD10:", "ICD10CM:", "ORPHA:", "OMIM:", "DOID:")
# Ancestry and origin as Beacons name them: HANCESTRO and GAZ whole, of NCIT those of `ethnicity`.
_ANCESTRIES = ("HANCESTRO:", "GAZ:")
_ETHNICITIES = frozenset(
    {"NCIT:C16352", "NCIT:C17459", "NCIT:C41219", "NCIT:C41222", "NCIT:C41259", "NCIT:C41260",
     "NCIT:C41261", "NCIT:C42331", "NCIT:C43851", "NCIT:C67109"}
)  # fmt: skip
_ANCESTRY_FIELDS = ("ethnicity", "geographicOrigin")
_ONSET = "diseases.ageOfOnset"
_AGES = range(10, 90, 10)
_COLUMNS = (Message("Term"), Message("Label"), Message("People"))


@dataclass(frozen=True, slots=True)
class _Asked:
    """One bar to be: its names and the filter that counts it."""

    code: str
    label: str
    filter: dict[str, object]


async def charts(fanout: Fanout, node: Node, dataset: str) -> list[Chart]:
    """Those of which the node lists terms; returns by the fan-out's deadline."""
    terms = [term for term in node.terms if not term.scopes or "individual" in term.scopes]
    wanted = {
        (Message("People by sex"), "sex"): _sexes(terms),
        # Each bar asks «before», which holds for the first of somebody's diseases; a bar between
        # two ages could hold for one disease by one end and for another by the other.
        (Message("People who fell ill before an age"), "ages"): _ages(terms),
        (Message("People by disease, narrower ones included"), "diseases"): _diseases(terms),
        (Message("People by ancestry or origin"), "ancestry"): _ancestries(terms),
    }
    answered = await asyncio.gather(
        *(_bars(fanout, node, dataset, asked) for asked in wanted.values())
    )
    made = [
        chart(title, name, _COLUMNS, bars)
        for (title, name), bars in zip(wanted, answered, strict=True)
    ]
    return [one for one in made if one.bars]


def _sexes(terms: Sequence[Term]) -> list[_Asked]:
    return [_term(term) for term in _ontology(terms) if term.id in _SEXES]


def _diseases(terms: Sequence[Term]) -> list[_Asked]:
    return [_term(term) for term in _ontology(terms) if term.id.startswith(_DISEASES)][:MOST]


def _ages(terms: Sequence[Term]) -> list[_Asked]:
    if not any(term.id == _ONSET and term.type == "alphanumeric" for term in terms):
        return []
    return [
        _Asked(
            f"{_ONSET} < P{age}Y",
            Message("before %(age)s", age=age),
            {"id": _ONSET, "operator": "<", "value": f"P{age}Y"},
        )
        for age in _AGES
    ]


def _ancestries(terms: Sequence[Term]) -> list[_Asked]:
    """By ontology terms; where a node lists none, by the values of its own fields."""
    listed = [
        _term(term)
        for term in _ontology(terms)
        if term.id.startswith(_ANCESTRIES) or term.id in _ETHNICITIES
    ]
    by_value = [
        _Asked(f"{term.id} = {value}", value, {"id": term.id, "operator": "=", "value": value})
        for term in terms
        if term.id in _ANCESTRY_FIELDS
        for value in term.values
    ]
    return (listed or by_value)[:MOST]


def _ontology(terms: Iterable[Term]) -> Iterable[Term]:
    return (term for term in terms if term.type != "alphanumeric")


def _term(term: Term) -> _Asked:
    return _Asked(term.id, term.label or term.id, {"id": term.id, "includeDescendantTerms": True})


async def _bars(fanout: Fanout, node: Node, dataset: str, asked: Sequence[_Asked]) -> list[Bar]:
    return list(await asyncio.gather(*(_bar(fanout, node, dataset, one) for one in asked)))


async def _bar(fanout: Fanout, node: Node, dataset: str, asked: _Asked) -> Bar:
    path = f"/datasets/{quote(dataset, safe='')}/individuals"
    question = Question("", Kind.INDIVIDUALS, {}, (asked.filter,), "")
    asking = fanout.ask([node.target], path, body=question.body(limit=1))
    rows: list[NodeAnswer] = [row async for row in asking]
    row = rows[0]
    found = row.sets[0] if row.outcome.answered and len(row.sets) == 1 else None
    return counted(asked.code, asked.label, found, reason=row.reason or OUTCOMES[row.outcome])
