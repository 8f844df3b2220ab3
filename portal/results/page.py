"""What a search's page is given: the question as typed and as understood, its rows, its charts.

Values only, for the templates; asking is `search_routes`', a kept result `results.routes`'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from portal.asking.aggregate import merge
from portal.nodes.node import slug_of
from portal.questions.parts import joined
from portal.questions.question import Kind, Question, parse
from portal.questions.snippets import snippets
from portal.results.charts import by_dataset
from portal.results.filtering import Filter, lines
from portal.results.kept import Result
from portal.site import Portal
from portal.visitors import Visitor

EVERY = Filter()


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was filled in."""

    q: str
    terms: str
    assembly: str

    @classmethod
    def of(cls, given: Mapping[str, object]) -> Typed:
        q = joined(given) if "chrom" in given else str(given.get("q", ""))
        return cls(q, str(given.get("terms", "")), str(given.get("assembly", "")))

    def question(self) -> Question:
        return parse(self.q, terms=self.terms, assembly=self.assembly)

    @property
    def shown(self) -> dict[str, object]:
        return {"q": self.q[:500], "terms": self.terms[:500], "assembly": self.assembly[:10]}


def whole(
    request: Request,
    portal: Portal,
    visitor: Visitor,
    search_id: str,
    result: Result,
    *,
    typed: Typed | None = None,
    chosen: Filter = EVERY,
) -> Response:
    """The search page with every row on it."""
    question = result.question
    again = typed or Typed(question.text, question.terms, question.assembly)
    values = (
        form_values(portal, again)
        | asked_values(portal, question)
        | shown_values(search_id, result, chosen)
    )
    values |= drawn_values(search_id, result)
    return portal.page(request, "search.html", visitor=visitor, values=values)


def form_values(portal: Portal, typed: Typed) -> dict[str, object]:
    return {"examples": portal.examples, **typed.shown}


def asked_values(portal: Portal, question: Question) -> dict[str, object]:
    beacon_url = f"{portal.settings.public_url}/beacon"
    return {
        "question": question,
        "asked": len(portal.registry.nodes),
        "counterparts": portal.liftover.counterparts(question),
        "listed": portal.vocabulary.listed(question.terms),
        "snippets": snippets(question, beacon_url=beacon_url),
    }


def shown_values(search_id: str, result: Result, chosen: Filter = EVERY) -> dict[str, object]:
    """Of the rows those chosen; the total is always of all."""
    rows = result.rows
    chosen_rows = chosen.rows(rows) if chosen.on else rows
    return {
        "question": result.question,
        "rows": chosen_rows,
        "every": rows,
        "chosen": chosen,
        "lines": (sum(map(lines, chosen_rows)), sum(map(lines, rows))) if chosen.on else (),
        "asked": result.asked,
        "merged": merge(result.question.kind, rows),
        "kept": search_id,
        "slugs": {row.url: slug_of(row.url) for row in rows},  # some may have left meanwhile
    }


def drawn_values(search_id: str, result: Result) -> dict[str, object]:
    """The answer as bars, and whether frequencies of its allele can be asked for."""
    question = result.question
    site = question.site
    return {
        "chart": by_dataset(result.rows, question.kind),
        "kept": search_id,
        "is_allele": question.kind is Kind.VARIANTS and site is not None and bool(site.alt),
    }
