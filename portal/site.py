"""What the pages of one portal share: its parts, how a page is made, whom a question goes to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace

from fastapi import Request
from fastapi.templating import Jinja2Templates
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse

from portal import languages
from portal.asking.answer import NodeAnswer
from portal.asking.fanout import Fanout, Instead, Target
from portal.asking.hops import begun
from portal.coordinators import Coordinators
from portal.errors import SignInNeeded
from portal.nodes.joining import JoinBook
from portal.nodes.node import Dataset, Node
from portal.nodes.registry import Registry
from portal.questions.liftover import Liftover
from portal.questions.prospects import Prospects, pose, unsupported
from portal.questions.question import Kind, Question, parse
from portal.questions.saved import SavedSearches
from portal.questions.vocabulary import Vocabulary
from portal.requests.applications import Applications
from portal.requests.enquiries import Enquiries
from portal.requests.purpose_form import MAX_FIELDS
from portal.results.kept import Results
from portal.searches import Searches
from portal.settings import PortalSettings
from portal.standing import Standings
from portal.visitors import Visitor, Visitors
from portal.workspaces import Workspaces
from schemas.errors import NotFound, TooLarge
from schemas.messages import Message

_FORMS = ("1:10177 A>AC", "1:10000-20000")
_DISEASES = ("MONDO:", "ICD10:", "ORPHA:")
_TERM = "ICD10:G35"


def is_part(request: Request) -> bool:
    """Whether a page that is open asks for a part of itself, rather than a browser for a page."""
    return request.headers.get("hx-request") == "true"


def event(name: str, html: str) -> str:
    """A server-sent event of some HTML in which line breaks mean no more than spaces."""
    words = " ".join(line.strip() for line in html.splitlines() if line.strip())
    return f"event: {name}\ndata: {words}\n\n"


@dataclass(frozen=True, slots=True)
class Example:
    """A question to try: what to type in the box, which terms beside it, what it asks."""

    text: str
    terms: str
    says: str

    @classmethod
    def of(cls, written: str) -> Example:
        """`variant`, `region`, `terms`, or `variant; terms`. Raises `UnreadableQuestion`."""
        first, _, rest = written.partition(";")
        question = parse(first, terms=rest)
        match question.kind, bool(question.text):
            case Kind.INDIVIDUALS, True:
                says = Message("How many people like this carry it?")
            case Kind.INDIVIDUALS, False:
                says = Message("How many people like this?")
            case _ if question.site is not None and not question.site.alt:
                says = Message("What lies in this region?")
            case _:
                says = Message("Is this variant known?")
        return cls(question.text, question.terms, says)


@dataclass(frozen=True, slots=True)
class Portal:
    """What the handlers of one portal share; built once by `parts`."""

    settings: PortalSettings
    registry: Registry
    fanout: Fanout
    visitors: Visitors
    searches: Searches
    results: Results
    applications: Applications
    standings: Standings
    workspaces: Workspaces
    enquiries: Enquiries
    coordinators: Coordinators
    prospects: Prospects
    vocabulary: Vocabulary
    liftover: Liftover
    saved: SavedSearches | None
    joining: JoinBook | None
    # The templates in each language.
    pages: Mapping[str, Jinja2Templates]

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
            "this_page": languages.come_from(request),
            "section": languages.section_of(request),
            "site": self.settings.name,
            "user": visitor.user,
            "csrf": visitor.csrf,
            "can_sign_in": self.visitors.can_sign_in,
            "keeps_searches": self.saved is not None,
            "can_join": self.joining is not None,
            "has_federations": bool(self.coordinators.names),
            "is_admin": visitor.identity in self.settings.admins,
            **(values or {}),
        }
        pages = self.pages[languages.asked_for(request)]
        made = pages.TemplateResponse(request, name, context, status_code=status)
        self.visitors.remember(visitor, made)
        return made

    async def form(self, request: Request) -> FormData:
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > self.settings.limits.form_bytes:
            raise TooLarge(Message("The form is too large, or does not say how large it is."))
        return await request.form(max_fields=MAX_FIELDS, max_files=0)

    def person(self, request: Request) -> Visitor:
        """Raises `SignInNeeded` for anyone else."""
        visitor = self.visitors.of(request)
        if visitor.session is None:
            raise SignInNeeded(Message("Sign in first."))
        return visitor

    async def signed_form(self, request: Request) -> tuple[Visitor, FormData]:
        """A form that a signed-in person sent from one of our pages."""
        visitor, form = self.person(request), await self.form(request)
        self.visitors.check_form(visitor, form.get("csrf"))
        return visitor, form

    def answers(
        self,
        question: Question,
        visitor: Visitor,
        *,
        nodes: Sequence[Node] | None = None,
        stopped: asyncio.Event | None = None,
        granularity: str = "count",
    ) -> AsyncGenerator[NodeAnswer, None]:
        """From `nodes`, or from all of them; one that cannot serve the question is not asked."""
        signed_in = visitor.session is not None
        chosen = self.registry.nodes if nodes is None else nodes
        counterparts = self.liftover.counterparts(question)

        def target(node: Node) -> Target:
            posed, instead = pose(question, node, counterparts), None
            if posed is not question:
                body = posed.body(granularity=granularity)
                instead = Instead(body, f"{posed.assembly} {posed.text}")
            reason = unsupported(posed, node, signed_in=signed_in)
            return replace(node.target, unsupported=reason, instead=instead)

        return self.fanout.ask(
            [target(node) for node in chosen],
            f"/{question.kind.value}",
            body=question.body(granularity=granularity),
            credential=self.visitors.credential(visitor),
            stopped=stopped,
            journey=begun(self.settings.network_id),
        )

    @property
    def examples(self) -> tuple[Example, ...]:
        """The operator's, or a disease that a node of this network lists and two forms."""
        if self.settings.examples:
            return tuple(Example.of(one) for one in self.settings.examples)
        terms = (term for node in self.registry.nodes for term in node.terms)
        listed = next((term for term in terms if term.id.startswith(_DISEASES)), None)
        people = Example.of(listed.id if listed is not None else _TERM)
        return (*map(Example.of, _FORMS), people)

    def dataset(self, slug: str, dataset_id: str) -> tuple[Node, Dataset]:
        node = self.node(slug)
        for found in node.datasets:
            if found.id == dataset_id:
                return node, found
        raise NotFound(Message("There is no such dataset listed in this network."))

    def own_node(self, slug: str) -> Node:
        """One with doors for people's requests and workspaces."""
        found = self.node(slug)
        if found.foreign:
            raise NotFound(Message("A Beacon of others keeps nothing of yours here."))
        return found

    def node(self, slug: str) -> Node:
        found = self.registry.by_slug(slug)
        if found is None:
            raise NotFound(Message("There is no such node in this network."))
        return found
