"""An assembled node tells a real webhook and a real mail server what its settings name."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest
from fastapi import FastAPI, Request

from access.requests.lifecycle import AccessRequest, Event, State, Step
from access.requests.notices import Addressees
from gateway import home
from gateway.config import NoticeSettings
from gateway.wiring.node import assemble
from schemas.grants import EventFacts
from tests.support.loopback import served
from tests.support.node_folder import SETTINGS
from tests.support.smtp import MailServer

pytestmark = [pytest.mark.anyio, pytest.mark.live]

NOW = 1_800_000_000
PERSON = "grace@https://signin.example"


def receiver(heard: list[tuple[Request, bytes]]) -> FastAPI:
    app = FastAPI()

    @app.post("/hook")
    async def hook(request: Request) -> None:
        heard.append((request, await request.body()))

    return app


async def test_what_the_settings_name_is_told_and_signed_with_the_nodes_key(
    tmp_path: Path,
) -> None:
    heard: list[tuple[Request, bytes]] = []
    with MailServer().running() as mails:
        async with served(receiver(heard)) as url:
            told = NoticeSettings(
                smtp=mails.url,
                mail_from="node@example.org",
                mail_to={"*": ("dac@example.org",)},
                webhooks=(f"{url}/hook",),
            )
            made = home.create(tmp_path / "n", SETTINGS.model_copy(update={"notices": told}))
            node = assemble(made, clock=lambda: NOW)
            told_to = Addressees(told.mail_to, told.webhooks)
            draft = AccessRequest(
                "req-1", PERSON, "ds1", "p", "why", "ws", 1, State.DRAFT, NOW, NOW
            )
            node.store.add_request(draft, before_commit=lambda: None)
            sent = Event(NOW, Step.SUBMIT, PERSON, "", EventFacts(state=State.SUBMITTED))
            node.store.take_step(draft, sent, to=told_to, before_commit=lambda: None)
            assert await node.outbox.deliver(now=NOW) == 2
            assert await node.outbox.deliver(now=NOW) == 0
            await node.close()
    ((request, body),) = heard
    signed = f"{request.headers['webhook-id']}.{NOW}.".encode() + body
    digest = hmac.digest(made.secret("webhooks"), signed, hashlib.sha256)
    expected = "v1," + base64.b64encode(digest).decode()
    assert request.headers["webhook-signature"] == expected
    (text,) = mails.mails
    assert "To: dac@example.org" in text
    assert "grace" not in text
    assert b"grace" not in body
