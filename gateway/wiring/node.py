"""One assembled node: its parts, its doors, and what carries its notices out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from fastapi import APIRouter

import beacon.doors
import beacon.names
import beacon.panel
from access.disclosure import Disclosure
from access.policies.live import LivePolicies
from access.privacy.ledger import Ledger
from access.record.audit import Record
from access.requests.couriers import MailCourier, WebhookCourier
from access.requests.desk import RequestDesk
from access.requests.notices import Channel
from access.requests.outbox import Courier, Outbox
from access.store import Store
from beacon.info import NodeFacts
from beacon.segments import SegmentCatalog
from gateway import config
from gateway.holding.load_jobs import Jobs
from gateway.home import NodeHome
from gateway.http_errors import Page
from gateway.serving.share import Share
from gateway.wiring import doors, parts
from gateway.wiring.parts import Parts
from passports.sessions import Sessions
from streams.agent_client import AgentClient
from streams.release import Releases
from streams.sources import Kind
from streams.vault import SealedObject


def epoch() -> int:
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Node:
    """What a node answers with, and what of it must be refreshed or closed."""

    settings: config.NodeSettings
    facts: NodeFacts
    beacon: beacon.doors.Doors
    others: tuple[APIRouter, ...]
    error_page: Page
    catalog: SegmentCatalog
    book: LivePolicies
    record: Record
    store: Store
    requests: RequestDesk
    outbox: Outbox
    agent: AgentClient
    releases: Releases
    jobs: Jobs
    http: httpx.AsyncClient
    clock: Callable[[], int]

    async def close(self) -> None:
        self.releases.close()
        await self.http.aclose()
        self.store.close()
        self.record.close()
        self.book.keep_facts(self.clock())


def assemble(
    home: NodeHome,
    *,
    clock: Callable[[], int] = epoch,
    share: Share | None = None,
    sessions: Sessions | None = None,
    record: Record | None = None,
) -> Node:
    """Raises the errors of the files it reads: settings, policies, trust, keys, record."""
    made = parts.build(home, clock=clock, share=share, sessions=sessions, record=record)
    return Node(
        settings=made.settings,
        facts=made.facts,
        beacon=_beacon(made),
        others=doors.build(made),
        error_page=doors.error_page(made),
        catalog=made.catalog,
        book=made.book,
        record=made.record,
        store=made.store,
        requests=made.desk,
        outbox=Outbox(made.store, addressees=made.addressees, couriers=_couriers(made)),
        agent=made.agent,
        releases=made.releases,
        jobs=made.jobs,
        http=made.http,
        clock=clock,
    )


def _beacon(made: Parts) -> beacon.doors.Doors:
    home, vault = made.home, made.vault
    return beacon.doors.Doors(
        made.facts,
        made.catalog,
        made.book,
        caller=made.askers.who,
        record=made.record,
        clock=made.clock,
        disclosure=Disclosure(Ledger(made.store), key=home.noise_key()),
        panels=beacon.panel.read(home.panel, form=beacon.names.form(beacon.names.read(home.names))),
        objects=lambda dataset: [_object_path(found) for found in vault.objects(dataset)],
    )


def _object_path(found: SealedObject) -> str:
    """Where a ticket for an object is asked for."""
    door = "files" if found.kind is Kind.FILE else found.kind.value
    return f"/htsget/{door}/{found.object_id}"


def _couriers(made: Parts) -> dict[Channel, Courier]:
    """None for what the settings do not name; a secret is read only where it is used."""
    settings, home = made.settings, made.home
    notices, url = settings.notices, settings.public_url
    couriers: dict[Channel, Courier] = {}
    if notices.smtp and notices.mail_from is not None:
        password = home.secret("smtp_password").decode().strip() if notices.smtp_user else ""
        couriers[Channel.MAIL] = MailCourier(
            notices.smtp, notices.mail_from, notices.smtp_user, password, settings.name, url
        )
    if notices.webhooks:
        couriers[Channel.WEBHOOK] = WebhookCourier(
            made.http, home.secret("webhooks"), url, made.clock
        )
    return couriers
