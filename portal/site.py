"""What the pages of one portal share: its parts, how a page is made, whom a question goes to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from fastapi import Request
from fastapi.templating import Jinja2Templates
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse

from portal.answer import NodeAnswer
from portal.applications import Applications
from portal.fanout import Fanout
from portal.question import Question
from portal.registry import Node, Registry
from portal.results import Results
from portal.searches import Searches
from portal.settings import PortalSettings
from portal.standing import Standings
from portal.visitors import Visitor, Visitors
from schemas.errors import NotFound, TooLarge

_FORMS = (
    ("1:10177 A>AC", "Is this variant known?"),
    ("1:10000-20000", "What lies in this region?"),
)
_DISEASES = ("MONDO:", "ICD10:", "ORPHA:")
_TERM = ("ICD10:G35", "How many people like this?")


@dataclass(frozen=True, slots=True)
class Portal:
    """What the handlers of one portal share; built once by `app`."""

    settings: PortalSettings
    registry: Registry
    fanout: Fanout
    visitors: Visitors
    searches: Searches
    results: Results
    applications: Applications
    standings: Standings
    pages: Jinja2Templates

    def page(
        self,
        request: Request,
        name: str,
        *,
        visitor: Visitor,
        status: int = 200,
        values: Mapping[str, object] | None = None,
    ) -> HTMLResponse:
        context = {
            "role": "portal",
            "site": self.settings.name,
            "user": visitor.user,
            "csrf": visitor.csrf,
            "can_sign_in": self.visitors.can_sign_in,
            **(values or {}),
        }
        made = self.pages.TemplateResponse(request, name, context, status_code=status)
        self.visitors.remember(visitor, made)
        return made

    async def form(self, request: Request) -> FormData:
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > self.settings.limits.form_bytes:
            raise TooLarge("The form is too large, or does not say how large it is.")
        return await request.form(max_fields=20, max_files=0)

    def answers(self, question: Question, visitor: Visitor) -> AsyncGenerator[NodeAnswer, None]:
        return self.fanout.ask(
            [node.target for node in self.registry.nodes],
            f"/{question.kind.value}",
            body=question.body(),
            credential=self.visitors.credential(visitor),
        )

    @property
    def examples(self) -> tuple[tuple[str, str], ...]:
        """Two forms, and a disease that a node of this network lists, if one does."""
        terms = (term for node in self.registry.nodes for term in node.terms)
        listed = next((term for term in terms if term.id.startswith(_DISEASES)), None)
        if listed is None:
            return (*_FORMS, _TERM)
        return (*_FORMS, (listed.id, f"How many people with {listed.label or 'this'}?"))

    def node(self, slug: str) -> Node:
        found = self.registry.by_slug(slug)
        if found is None:
            raise NotFound("There is no such node in this network.")
        return found
