"""Asking for access through the portal, at a real node's doors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import httpx
import pytest

from access.policies.policy import PolicyBook
from access.requests.desk import RequestDesk
from portal.errors import NodeFailed
from portal.nodes.doors import NodeDoors
from portal.nodes.node import Node
from portal.requests.applications import Applications
from portal.visitors import Visitor, Visitors
from schemas.errors import InvalidInput
from tests.support.access_node import AccessNode, at, policy

pytestmark = pytest.mark.anyio

GRACE = cast("Visitor", "grace")


class Portal:
    """Speaks with one node in process, as whoever the visitor is; counts what is forgotten."""

    def __init__(self, node: AccessNode) -> None:
        self.url = "http://node"
        self.forgotten = 0
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(node.app()), base_url=self.url)
        self.applications = Applications(cast("NodeDoors", self), cast("Visitors", self))
        self.node = cast("Node", self)

    async def send(
        self,
        method: str,
        _node: Node,
        path: str,
        *,
        visitor: Visitor,
        body: Mapping[str, object] | None = None,
    ) -> object:
        answer = await self._http.request(
            method, path, json=body, headers={"x-test-person": str(visitor)}
        )
        if answer.status_code not in (200, 201):
            raise NodeFailed(answer.json()["message"])
        return answer.json()

    def forget(self, _visitor: Visitor, _url: str) -> None:
        self.forgotten += 1


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    made.book = PolicyBook(
        (
            policy("plain", "dora"),
            replace(policy("careful", "dora"), terms="Be kind."),
            replace(policy("far", "dora"), requests_at="https://rems.example.org/apply"),
            policy("hidden", "dora", listed=False),
        ),
        version="1",
    )
    made.desk = RequestDesk(
        made.store,
        recipients=made.recipients,
        book=made.book,
        record=made.record,
        check=made.check,
    )
    yield made
    made.close()


def fields(node: AccessNode, dataset: str, **changed: list[str]) -> dict[str, list[str]]:
    form = {
        "dataset": [dataset],
        "project": ["Hearts"],
        "purpose": ["To learn."],
        "workspace": [node.workspace()],
        "months": ["6"],
        "codes": ["disease"],
    }
    return form | changed


async def test_what_has_no_terms_is_sent_with_what_it_states(node: AccessNode) -> None:
    portal = Portal(node)
    sent = await portal.applications.ask(portal.node, fields(node, "plain"), GRACE)
    assert (sent.state, sent.data_use.purpose.codes) == ("submitted", ("disease",))
    assert portal.forgotten == 1


async def test_what_has_terms_waits_at_the_node_until_they_are_accepted(node: AccessNode) -> None:
    portal = Portal(node)
    kept = await portal.applications.ask(portal.node, fields(node, "careful"), GRACE)
    assert (kept.state, kept.terms is not None) == ("draft", True)
    assert node.desk.for_committee(at("dora")) == ()


async def test_a_check_sends_and_keeps_nothing(node: AccessNode) -> None:
    portal = Portal(node)
    verdict = await portal.applications.check(portal.node, fields(node, "plain"), GRACE)
    assert verdict.decision == "needs-review"
    assert node.store.requests_of(at("grace")) == ()


async def test_the_portal_learns_where_a_dataset_is_asked_for(node: AccessNode) -> None:
    portal = Portal(node)
    asking = await portal.applications.asking(portal.node, "far", GRACE)
    assert asking.requests_at == "https://rems.example.org/apply"
    for dataset in ("hidden", "nowhere", "../requests"):
        with pytest.raises(NodeFailed, match="nothing of that name"):
            await portal.applications.asking(portal.node, dataset, GRACE)


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)//x/y", "http://rems.example.org/", "here", "", "https://a@b/", 5],
)
async def test_what_a_node_says_is_no_link_unless_it_is_an_address_of_the_web(
    node: AccessNode, monkeypatch: pytest.MonkeyPatch, address: object
) -> None:
    portal = Portal(node)

    async def said(*_: object, **__: object) -> object:
        return {"dataset": "far", "requests_at": address, "approvals": 1, "terms": None}

    monkeypatch.setattr(portal, "send", said)
    with pytest.raises(NodeFailed, match="could not be read"):
        await portal.applications.asking(portal.node, "far", GRACE)


@pytest.mark.parametrize("dataset", ["far", "hidden", "nowhere"])
async def test_what_the_node_does_not_take_is_said_in_its_words(
    node: AccessNode, dataset: str
) -> None:
    portal = Portal(node)
    with pytest.raises(NodeFailed):
        await portal.applications.ask(portal.node, fields(node, dataset), GRACE)
    assert node.store.requests_of(at("grace")) == ()


async def test_a_form_that_cannot_be_read_goes_to_no_node(node: AccessNode) -> None:
    portal = Portal(node)
    with pytest.raises(InvalidInput, match="months"):
        await portal.applications.check(portal.node, fields(node, "plain", months=["x"]), GRACE)
