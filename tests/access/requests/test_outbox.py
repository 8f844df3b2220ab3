"""What is told of requests: to whom, in which words, and again after a failure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from access.errors import NotDelivered, RecordUnavailable
from access.requests.couriers import MailCourier, WebhookCourier
from access.requests.desk import RequestDesk
from access.requests.lifecycle import NODE, Event, State, Step
from access.requests.notices import Addressees, Channel, Notice, kind_of, mail, webhook
from access.requests.outbox import (
    FIRST_WAIT_SECONDS,
    LONGEST_WAIT_SECONDS,
    MAX_TRIES,
    Courier,
    Outbox,
    wait_seconds,
)
from access.tables import NoticeRow
from schemas.grants import EventFacts, NewRequest
from tests.support.access_node import NOW, URL, AccessNode, at
from tests.support.smtp import MailServer

pytestmark = pytest.mark.anyio

HOOK = "https://hooks.example.org/skerry"
TO = Addressees(
    {"ds1": ("dac@example.org",), "*": ("all@example.org",), at("grace"): ("grace@example.org",)},
    (HOOK,),
)
SECRET = b"s" * 32
PRIVATE = ("grace@http", "dora", "rosa", "ds1", "Sight", "Eyes", "melanoma")


@dataclass
class Post:
    """A courier that keeps what it was given, and fails as often as it is told."""

    failures: int = 0
    taken: list[Notice] = field(default_factory=list)

    async def __call__(self, notice: Notice) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise NotDelivered("Not now.")
        self.taken.append(notice)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    made.desk = RequestDesk(
        made.store,
        recipients=made.recipients,
        book=made.book,
        record=made.record,
        check=made.check,
        addressees=TO,
    )
    yield made
    made.close()


def outbox(node: AccessNode, mails: Post, hooks: Post, *, to: Addressees = TO) -> Outbox:
    couriers = {Channel.MAIL: mails, Channel.WEBHOOK: hooks}
    return Outbox(node.store, addressees=to, couriers=couriers)


def waiting(node: AccessNode) -> int:
    with node.store.reading() as session:
        return len(session.exec(select(NoticeRow)).all())


async def test_each_step_is_told_to_committee_requester_and_webhook(node: AccessNode) -> None:
    request_id = node.submitted(node.workspace())
    for step in (Step.RETURN, Step.SUBMIT, Step.APPROVE, Step.REVOKE):
        node.take(request_id, step, by="grace" if step is Step.SUBMIT else "dora")
    mails, hooks = Post(), Post()
    assert await outbox(node, mails, hooks).deliver(now=NOW) == 15
    kinds = ["submitted", "returned", "submitted", "approved", "revoked"]
    assert sorted(one.kind for one in hooks.taken) == sorted(kinds)
    assert {one.target for one in mails.taken} == {"dac@example.org", "grace@example.org"}
    assert waiting(node) == 0


async def test_drafts_and_edits_are_told_to_nobody(node: AccessNode) -> None:
    form = NewRequest(dataset="ds1", project="p", purpose="w", workspace=node.workspace(), months=1)
    made = node.desk.create(form, requester=at("grace"), now=NOW)
    node.desk.edit(made.request_id, form, actor=at("grace"), now=NOW)
    assert waiting(node) == 0


async def test_a_committee_without_an_entry_is_reached_by_the_star(node: AccessNode) -> None:
    node.submitted(node.workspace("rosa"), requester="rosa", dataset="ds2")
    mails = Post()
    await outbox(node, mails, Post()).deliver(now=NOW)
    assert [one.target for one in mails.taken] == ["all@example.org"]


async def test_a_failure_is_tried_again_later_and_then_given_up(node: AccessNode) -> None:
    node.submitted(node.workspace("rosa"), requester="rosa")
    mails, hooks = Post(failures=10**6), Post(failures=2)
    box, now = outbox(node, mails, hooks), NOW
    assert await box.deliver(now=now) == 0
    assert await box.deliver(now=now + FIRST_WAIT_SECONDS - 1) == 0
    assert hooks.failures == 1
    for _ in range(MAX_TRIES):
        now += LONGEST_WAIT_SECONDS
        await box.deliver(now=now)
    assert len(hooks.taken) == 1
    assert waiting(node) == 0
    assert mails.failures == 10**6 - MAX_TRIES


def test_waits_grow_to_a_quarter_of_a_day() -> None:
    waits = [wait_seconds(tries) for tries in range(1, MAX_TRIES + 1)]
    assert waits[:3] == [30, 60, 120]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_SECONDS
    assert 36 * 3600 < sum(waits) < 60 * 3600


async def test_a_target_taken_out_of_the_settings_hears_nothing_more(node: AccessNode) -> None:
    node.submitted(node.workspace())
    mails, hooks = Post(), Post()
    assert await outbox(node, mails, hooks, to=Addressees()).deliver(now=NOW) == 0
    assert (mails.taken, hooks.taken, waiting(node)) == ([], [], 0)


async def test_a_target_in_the_database_alone_is_never_called(node: AccessNode) -> None:
    node.submitted(node.workspace())
    with node.store.writing() as session:
        for row in session.exec(select(NoticeRow)).all():
            row.target = "http://169.254.169.254/latest"
    mails, hooks = Post(), Post()
    await outbox(node, mails, hooks).deliver(now=NOW)
    assert (mails.taken, hooks.taken) == ([], [])


async def test_a_step_that_is_not_taken_is_not_told(
    node: AccessNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = node.submitted(node.workspace())
    before = waiting(node)

    def unwritable(*_args: object, **_more: object) -> int:
        raise RecordUnavailable("The record can't be written.")

    monkeypatch.setattr(node.record, "append", unwritable)
    with pytest.raises(RecordUnavailable):
        node.take(request_id, Step.APPROVE, by="dora")
    assert waiting(node) == before


def test_a_step_succeeds_whatever_becomes_of_its_notices(node: AccessNode) -> None:
    request_id = node.submitted(node.workspace())
    node.take(request_id, Step.APPROVE, by="dora")  # nobody delivers anything here
    assert node.desk.see(request_id, viewer=at("grace")).request.state is State.APPROVED


@pytest.mark.parametrize("step", [s for s in Step if s not in (Step.CREATE, Step.EDIT)])
def test_no_message_names_a_person_a_dataset_or_what_was_written(step: Step) -> None:
    kind = kind_of(Event(NOW, step, NODE, "melanoma", EventFacts(state=State.APPROVED)))
    if kind is None:
        assert step in {Step.ATTACH, Step.DETACH, Step.ACCEPT}
        return
    notice = Notice("msg-1", "req-1", kind, NOW, Channel.MAIL, "dac@example.org")
    text = mail(notice, node="One", sender="node@example.org", public_url=URL).as_string()
    text += webhook(notice, public_url=URL).decode()
    assert "req-1" in text
    assert not [one for one in PRIVATE if one in text]


def test_the_first_of_two_approvals_is_told_as_such() -> None:
    event = Event(NOW, Step.APPROVE, at("dora"), "", EventFacts(state=State.SUBMITTED))
    assert kind_of(event) == "endorsed"


def test_a_node_name_adds_no_header() -> None:
    notice = Notice("msg-1", "req-1", "approved", NOW, Channel.MAIL, "dac@example.org")
    text = mail(notice, node="One\r\nBcc: x@y", sender="n@example.org", public_url=URL)
    assert text["Bcc"] is None


def hook(handler: httpx.MockTransport) -> WebhookCourier:
    return WebhookCourier(httpx.AsyncClient(transport=handler), SECRET, URL, lambda: NOW + 5)


HOOKED = Notice("msg-1", "req-1", "approved", NOW, Channel.WEBHOOK, HOOK)


async def test_a_webhook_is_signed_so_that_standard_receivers_verify_it() -> None:
    seen: list[httpx.Request] = []

    def receive(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    await hook(httpx.MockTransport(receive))(HOOKED)
    (request,) = seen
    body, headers = request.content, request.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-timestamp"] == str(NOW + 5)
    assert json.loads(body) == {
        "type": "access_request.approved",
        "timestamp": "2027-01-15T08:00:00+00:00",
        "data": {"request": "req-1", "address": f"{URL}/requests/req-1"},
    }


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 410, 500])
async def test_a_webhook_that_refuses_or_leads_elsewhere_is_not_delivered(status: int) -> None:
    asked: list[str] = []

    def receive(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(status, headers={"location": "http://169.254.169.254/"})

    with pytest.raises(NotDelivered):
        await hook(httpx.MockTransport(receive))(HOOKED)
    assert asked == [HOOK]


async def test_a_webhook_that_cannot_be_reached_is_not_delivered() -> None:
    def receive(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    with pytest.raises(NotDelivered):
        await hook(httpx.MockTransport(receive))(HOOKED)


def letters(server: str) -> MailCourier:
    return MailCourier(server, "node@example.org", "", "", "Node One", URL)


MAILED = Notice("msg-1", "req-1", "approved", NOW, Channel.MAIL, "dac@example.org")


@pytest.mark.live
async def test_a_mail_is_delivered_to_a_real_server() -> None:
    with MailServer().running() as server:
        await letters(server.url)(MAILED)
        (text,) = server.mails
    for line in ("To: dac@example.org", "Auto-Submitted: auto-generated", "Request req-1"):
        assert line in text


@pytest.mark.live
async def test_a_server_that_refuses_is_tried_again(node: AccessNode) -> None:
    node.submitted(node.workspace("rosa"), requester="rosa")
    with MailServer(refuses="451 later").running() as server:
        couriers: dict[Channel, Courier] = {
            Channel.MAIL: letters(server.url),
            Channel.WEBHOOK: Post(),
        }
        box = Outbox(node.store, addressees=TO, couriers=couriers)
        assert await box.deliver(now=NOW) == 1
        server.refuses = ""
        assert await box.deliver(now=NOW + FIRST_WAIT_SECONDS) == 1
        assert len(server.mails) == 1


@pytest.mark.live
@pytest.mark.parametrize("server", ["smtp://127.0.0.1:1", "smtps://127.0.0.1:1"])
async def test_no_server_is_no_delivery(server: str) -> None:
    with pytest.raises(NotDelivered):
        await letters(server)(MAILED)


def test_neither_password_nor_secret_is_shown() -> None:
    courier = MailCourier("smtp://h:1", "n@e.org", "me", "hush-hush", "One", URL)
    assert "hush-hush" not in repr(courier)
    assert "ssss" not in repr(hook(httpx.MockTransport(lambda _: httpx.Response(200))))
