"""What a passport is worth and what is left to ask, in words a person reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from passports.errors import Reason
from portal.standing import not_accepted
from schemas.grants import DroppedView
from tests.support.access_node import AccessNode
from tests.support.signed_in_portal import SmallNode, signed_in

LEFT = {
    "dataset": "ds1", "answers": 7, "nats": 0.69, "enforced": True,
    "counts": 12, "counts_left": 88, "days": 90,
}  # fmt: skip


@pytest.fixture
def room(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


def _telling(document: object) -> Callable[[FastAPI], object]:
    def more(app: FastAPI) -> None:
        @app.get("/access/allowances")
        def allowances() -> object:
            return document

    return more


@pytest.mark.anyio
@pytest.mark.live
async def test_what_is_left_of_an_allowance_is_told(room: AccessNode) -> None:
    node = SmallNode(room, more=_telling({"allowances": [LEFT]}))
    async with signed_in(node, "rosa") as (rosa,):
        page = (await rosa.browser.get("/me")).text
    assert "88 of 100 in 90 days" in page
    assert "What is left to ask" in page


@pytest.mark.anyio
@pytest.mark.live
async def test_a_node_of_an_earlier_version_tells_of_the_passport_alone(room: AccessNode) -> None:
    async with signed_in(SmallNode(room), "dora") as (dora,):
        page = (await dora.browser.get("/me")).text
    assert "You decide on" in page
    assert "What is left to ask" not in page


@pytest.mark.anyio
@pytest.mark.live
async def test_an_allowance_that_cannot_be_read_is_said_to_be_missing(room: AccessNode) -> None:
    node = SmallNode(room, more=_telling({"allowances": [{"dataset": "ds1"}]}))
    async with signed_in(node, "rosa") as (rosa,):
        page = (await rosa.browser.get("/me")).text
    assert "could not be read: word on your allowance" in page


@pytest.mark.anyio
@pytest.mark.live
async def test_how_a_program_gets_a_token_is_said_where_the_provider_knows_the_command(
    room: AccessNode,
) -> None:
    node = SmallNode(room)
    async with signed_in(node, "rosa", more={"command_client_id": "skerry-login"}) as (rosa,):
        page = (await rosa.browser.get("/me")).text
        line = f"--client-id skerry-login --node {node.url} --token-file passport-{rosa.slug}.txt"
        assert line in page  # pasted together, two lines would write one file
    async with signed_in(node, "rosa") as (rosa,):
        assert "skerry login" not in (await rosa.browser.get("/me")).text


def test_what_was_not_accepted_is_said_in_words_and_once() -> None:
    grant = DroppedView(reason=Reason.UNKNOWN_ISSUER, type="ControlledAccessGrants", issuer=None)
    odd = DroppedView(reason="of_later", type=None, issuer=None)
    assert not_accepted([grant, odd, grant]) == (
        (
            "2 grants are of somebody else, such as another node, whose word does not count here. "
            "They may well hold there. To use data of this node, ask its committee."
        ),
        "A visa: it could not be used (of_later).",
    )
