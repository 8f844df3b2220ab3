"""Who can answer is said before a question is sent; what a node does not say leaves nobody out."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal.nodes.node import Abilities, Dataset, Node, Term
from portal.questions.prospects import prospect, unsupported
from portal.questions.question import Question, parse
from tests.support.access_node import AccessNode
from tests.support.signed_in_portal import SmallNode, signed_in

NODE = Node("https://one", "one", "One", problem="")
SITE = parse("22:100 A>G", assembly="GRCh38")


def _able(**said: object) -> Node:
    return replace(NODE, abilities=Abilities(**said))  # type: ignore[arg-type]  # by name


def _dataset(granularity: str = "", level: str = "public", *, closed: bool = False) -> Dataset:
    return Dataset("d", "D", "", level, granularity=granularity, closed=closed)


@pytest.mark.parametrize(
    ("node", "question", "words"),
    [
        (_able(doors=frozenset({"individuals"})), SITE, "no questions about variants"),
        (_able(doors=frozenset({"g_variants"})), parse("MONDO:1"), "no questions about people"),
        (_able(assemblies=("GRCh37",)), SITE, "on GRCh37, not GRCh38"),
        (_able(chromosomes=("1", "2")), SITE, "no data on chromosome 22"),
        (_able(variant_queries={"gene": False}), parse("BRCA1"), "this kind of variant"),
        (_able(variant_queries={"range": False}), parse("1:5-9"), "this kind of variant"),
    ],
)
def test_a_node_that_cannot_serve_it_is_not_asked_and_says_why(
    node: Node, question: Question, words: str
) -> None:
    assert words in unsupported(question, node, signed_in=False)
    found = prospect(question, node, [_dataset("count")], signed_in=False)
    assert (found.can, words in found.words) == (False, True)


@pytest.mark.parametrize(
    "node",
    [
        NODE,
        _able(doors=frozenset({"g_variants", "individuals"})),
        _able(assemblies=("GRCh37", "GRCh38"), chromosomes=("chr22",)),
        _able(variant_queries={"sequence": True, "gene": False}),
    ],
)
@pytest.mark.parametrize("signed_in", [True, False])
def test_what_is_not_said_is_no_reason_to_leave_a_node_out(node: Node, signed_in: bool) -> None:
    assert unsupported(SITE, node, signed_in=signed_in) == ""


def test_what_anyone_may_know_of_the_data_does_not_bind_somebody_with_rights() -> None:
    hidden = _able(chromosomes=("1",), assemblies=("GRCh37",))
    assert unsupported(SITE, hidden, signed_in=False)
    assert unsupported(SITE, hidden, signed_in=True) == ""


@pytest.mark.parametrize(
    ("datasets", "can", "words"),
    [
        ([_dataset("boolean"), _dataset("count")], True, "A count."),
        ([_dataset("boolean")], True, "A yes or no."),
        ([_dataset()], True, "Does not say how fully"),
        ([], True, "Does not say how fully"),
        ([_dataset(level="controlled", closed=True)], False, "Needs a grant"),
        ([_dataset(level="registered", closed=True)], False, "signed in"),
        ([_dataset(level="odd", closed=True)], False, "It may not answer you"),
    ],
)
def test_the_fullest_answer_on_offer_is_named(
    datasets: list[Dataset], can: bool, words: str
) -> None:
    found = prospect(SITE, NODE, datasets, signed_in=False)
    assert found.can is can
    assert f"{found.words}.".startswith(words) or words in found.words


def test_a_missing_node_and_an_unlisted_term_are_said() -> None:
    missing = replace(NODE, problem="late: No answer.")
    assert not prospect(SITE, missing, [], signed_in=False).can
    knows = replace(NODE, terms=(Term("MONDO:1", "", "ontologyTerm"),))
    assert prospect(parse("MONDO:1"), knows, [], signed_in=False).notes == ()
    (note,) = prospect(parse("MONDO:2"), knows, [], signed_in=False).notes
    assert "Does not list MONDO:2" in note


class Unsure(SmallNode):
    """Anyone sees its datasets closed; to whoever comes with a Passport it cannot say anything."""

    async def _datasets(self, request: Request) -> Response:
        if "authorization" in request.headers:
            return JSONResponse({}, 503)
        info = {"accessLevel": "controlled", "granularityForYou": ""}
        listed = [{"id": name, "name": name, "info": info} for name in self.datasets]
        return JSONResponse({"response": {"collections": listed}})


@pytest.mark.live
@pytest.mark.anyio
async def test_that_a_node_does_not_say_what_somebody_may_is_not_said_to_be_a_no(
    tmp_path: Path,
) -> None:
    async with signed_in(Unsure(AccessNode(tmp_path)), "grace") as (grace,):
        sent = await grace.post("/search/preview", q="22:100 A>G")
        page = (await grace.browser.get(f"/datasets/{grace.slug}/ds1")).text
    assert "1 of 1 node can answer you." in sent.text
    assert "Does not say how fully it answers; it is asked all the same." in sent.text
    assert "It does not say how fully it answers." in re.sub(r"\s+", " ", page)
    assert "Your visas do not open it." not in page
