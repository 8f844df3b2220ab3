"""Threat: a ticket of `skerry fetch` is stolen, replayed, kept, or tried by who lacks the key."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from access.requests.lifecycle import Step
from schemas.htsget import TicketText
from streams.envelope import open_body
from streams.errors import NoSuchSession, NotForUs, TooManyReleases
from streams.header import open_header, read_header
from streams.htsget import single_use
from streams.htsget.desk import Wanted
from streams.htsget.questions import Query
from streams.htsget.single_use import TICKET_SECONDS, Held, Tickets
from streams.keys import SecretKey, public_pem
from streams.sources import Kind
from tests.support.access_node import NOW, URL, researcher
from tests.support.release_node import ReleaseNode, bgzf
from tests.support.sealing_node import TOKEN, SealingNode, client_of
from workspaces import keys, tickets
from workspaces.errors import NodeRefused, NodeSilent, ReleaseUntrue
from workspaces.tickets import Wanted as Asked

pytestmark = pytest.mark.anyio
PLACE = "/htsget/tickets/reads/sample1"


@pytest.fixture
def workspace() -> SecretKey:
    return SecretKey.generate()


@pytest.fixture
def node(tmp_path: Path, workspace: SecretKey) -> Any:
    made = ReleaseNode(tmp_path)
    made.seal(bgzf(b"reads"))
    made.request_id = made.grant(workspace)  # type: ignore[attr-defined]
    yield made
    made.close()


async def sealed_ticket(client: httpx.AsyncClient) -> bytes:
    answer = await client.post(PLACE, json={"encryptionScheme": "crypt4gh"})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return base64.b64decode(answer.json()["ticket"])


def opened(sealed: bytes, key: SecretKey) -> TicketText:
    stream, plain = io.BytesIO(sealed), io.BytesIO()
    open_body(stream, plain, open_header(read_header(stream), [key]))
    return TicketText.model_validate_json(plain.getvalue())


async def used(client: httpx.AsyncClient, ticket: TicketText) -> httpx.Response:
    return await client.get(f"/htsget/blocks/{ticket.ticket}/header")


async def test_a_ticket_opens_its_release_once_and_a_replay_nothing(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    async with node.agent_running(), node.client() as client:
        ticket = opened(await sealed_ticket(client), workspace)
        assert (ticket.audience, ticket.object_id) == (URL, "sample1")
        assert node.recorded("release.intent") == [], "a ticket is no release yet"
        first = await used(client, ticket)
        assert first.status_code == 200, first.text
        assert first.json()["htsget"]["skerry"]["manifest"]["object_id"] == "sample1"
        assert (await used(client, ticket)).status_code == 404
    assert len(node.recorded("release.intent")) == 1


async def test_of_many_who_use_a_ticket_at_once_one_gets_it(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    codes: list[int] = []

    async with node.agent_running(), node.client() as client:
        ticket = opened(await sealed_ticket(client), workspace)

        async def race() -> None:
            codes.append((await used(client, ticket)).status_code)

        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(race)
    assert sorted(codes) == [200, *[404] * 7]


async def test_who_stole_a_token_but_not_the_key_cannot_read_the_ticket(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    thief = SecretKey.generate()
    async with node.agent_running(), node.client() as client:
        sealed = await sealed_ticket(client)
        with pytest.raises(NotForUs):
            opened(sealed, thief)
        name = opened(sealed, workspace).ticket
        assert name.encode() not in sealed
        theirs = base64.b64encode(public_pem(thief.public)).decode()
        answer = await client.post(PLACE, json={}, headers={"X-C4GH-Public-Key": theirs})
        assert answer.status_code == 403
    assert node.recorded("release.intent") == []


async def test_a_ticket_lapses_after_a_minute(node: ReleaseNode, workspace: SecretKey) -> None:
    async with node.agent_running(), node.client() as client:
        ticket = opened(await sealed_ticket(client), workspace)
        node.clock.now += TICKET_SECONDS
        assert (await used(client, ticket)).status_code == 404


async def test_a_ticket_of_a_grant_that_was_revoked_opens_nothing(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    async with node.agent_running(), node.client() as client:
        ticket = opened(await sealed_ticket(client), workspace)
        node.access.take(node.request_id, Step.REVOKE, by="dora")  # type: ignore[attr-defined]
        answer = await used(client, ticket)
    assert answer.status_code == 403
    assert node.recorded("release.intent") == []


@pytest.mark.parametrize("person", [None, "mallory"])
async def test_who_has_no_grant_gets_no_ticket(node: ReleaseNode, person: str | None) -> None:
    async with node.agent_running(), node.client(person) as client:
        assert (await client.post(PLACE, json={})).status_code in {401, 403, 404}
        assert (await client.head("/htsget/blocks/none/header")).status_code == 404
        assert (await client.post("/htsget/tickets/movies/sample1", json={})).status_code == 404


async def test_asking_for_the_head_of_it_does_not_use_a_ticket_up(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    async with node.agent_running(), node.client() as client:
        ticket = opened(await sealed_ticket(client), workspace)
        head = await client.head(f"/htsget/blocks/{ticket.ticket}/header")
        assert head.status_code == 404
        assert (await used(client, ticket)).status_code == 200


def held(name: str = "grace", at: int = NOW) -> Held:
    wanted = Wanted(Kind.READS, "sample1", Query(), None)
    return Held(researcher(name), wanted, b"k" * 32, at + TICKET_SECONDS)


def test_tickets_are_capped_per_person_and_in_all_and_lapse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(single_use, "MAX_PER_CALLER", 2)
    monkeypatch.setattr(single_use, "MAX_TICKETS", 3)
    kept = Tickets("9")
    names = [kept.keep(held(), now=NOW) for _ in range(2)]
    assert all(name.startswith("9") for name in names)
    with pytest.raises(TooManyReleases):
        kept.keep(held(), now=NOW)
    kept.keep(held("rosa"), now=NOW)
    with pytest.raises(TooManyReleases):
        kept.keep(held("adam"), now=NOW)
    late = NOW + TICKET_SECONDS
    with pytest.raises(NoSuchSession):
        kept.take(names[0], now=late)
    assert kept.take(kept.keep(held(at=late), now=late), now=late).expires > late


# The workspace's side


@pytest.fixture
def lab(tmp_path: Path) -> keys.WorkspaceKeys:
    return keys.init(tmp_path / "lab", "lab")


ASKED = Asked(node_url="http://127.0.0.1:8081", object_id="reads-1", kind="reads")


def test_a_ticket_of_another_node_or_object_is_not_used(lab: keys.WorkspaceKeys) -> None:
    for fault in ({"audience": "http://127.0.0.1:9"}, {"ticket_for": "reads-2"}):
        node = SealingNode(b"plain", **fault)  # type: ignore[arg-type]
        with node.client() as http, pytest.raises(ReleaseUntrue):
            tickets.redeemed(http, lab, ASKED, token=TOKEN)
        assert len(node.asked) == 1


def test_noise_in_the_place_of_a_ticket_is_refused(lab: keys.WorkspaceKeys) -> None:
    for noise in ("*", "", base64.b64encode(b"crypt4gh" + bytes(40)).decode()):
        body = json.dumps({"ticket": noise})
        answer = httpx.Response(201, text=body)
        with client_of(lambda request, answer=answer: answer) as http, pytest.raises(ReleaseUntrue):  # type: ignore[misc]  # bound now
            tickets.redeemed(http, lab, ASKED, token=TOKEN)


def test_an_answer_that_was_cut_off_is_asked_for_with_a_new_ticket(
    lab: keys.WorkspaceKeys,
) -> None:
    node = SealingNode(b"plain", cut_headers=2)
    with node.client() as http:
        assert tickets.redeemed(http, lab, ASKED, token=TOKEN).skerry is not None
        assert [request.method for request in node.asked] == ["POST", "GET"] * 3
        node.cut_headers = 3
        with pytest.raises(NodeSilent):
            tickets.redeemed(http, lab, ASKED, token=TOKEN)


def test_the_token_goes_nowhere_but_with_the_question(lab: keys.WorkspaceKeys) -> None:
    node = SealingNode(b"plain")
    with node.client() as http:
        tickets.redeemed(http, lab, ASKED, token=TOKEN)
        assert "Authorization" not in node.asked[1].headers
        with pytest.raises(NodeRefused):
            tickets.redeemed(http, lab, ASKED, token="another")
