"""The doors of a node beside its Beacon: each room's routes, given the parts they lead to."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

import access.allowance_routes
import access.data_use
import access.record.routes
import access.requests.enquiry_routes
import access.routes
import access.runs.routes
import access.session_routes
import gateway.holding.registering
import gateway.pages.admin.routes
import gateway.pages.airlock.routes
import gateway.pages.routes
import streams.htsget.routes
import streams.refget.collection_routes
import streams.refget.sequence_routes
from access.admin_changes import AdminChanges
from access.permits import PermitOffice
from access.policies.versions import PolicyVersions
from access.privacy.allowance import Balances
from gateway.admin_changes import AdminDesk
from gateway.holding import holdings
from gateway.http_errors import Page
from gateway.pages.admin.rooms import Rooms
from gateway.pages.airlock.routes import AirlockOffice
from gateway.pages.render import Pages
from gateway.pages.request_routes import RequestOffice
from gateway.pages.signin import Desk
from gateway.wiring.parts import Parts
from passports.tokens import SigningKey
from streams import in_place, small
from streams.htsget.routes import ServiceFacts as HtsgetFacts
from streams.refget.index import Index
from streams.refget.sequences import Sequences
from streams.refget.service import ServiceFacts as RefgetFacts
from streams.shelf import Shelf


def build(parts: Parts) -> tuple[APIRouter, ...]:
    return (*_of_access(parts), *_of_streams(parts), *_pages(parts))


def error_page(parts: Parts) -> Page:
    return _page_maker(parts).error_page(_page_door(parts).session)


def _of_access(parts: Parts) -> tuple[APIRouter, ...]:
    settings, book, who, clock = parts.settings, parts.book, parts.askers.who, parts.clock
    return (
        access.routes.build(
            store=parts.store,
            recipients=parts.recipients,
            book=book,
            record=parts.record,
            visa_key=SigningKey.load(parts.home.visa_key),
            rotations=parts.home.rotations(),
            public_url=settings.public_url,
            caller=who,
            broker_secret=parts.home.secret("broker").decode(),
            broker_issuer=settings.signin.issuer,
            admins=settings.admins,
            clock=clock,
            seal_challenge=small.seal_to,
            desk=parts.desk,
            attachments=parts.attachments,
        ),
        access.allowance_routes.build(
            Balances(parts.store, record=parts.record), book=book, caller=who, clock=clock
        ),
        access.requests.enquiry_routes.build(parts.enquiries, book=book, caller=who, clock=clock),
        access.runs.routes.build(parts.runs, caller=who),
        access.data_use.build(check=parts.purpose_check, book=book, clock=clock),
        access.record.routes.build(
            tree=parts.tree,
            signing_key=parts.node_key,
            public_url=settings.public_url,
            caller=who,
            admins=settings.admins,
        ),
        access.session_routes.build(bearers=parts.askers.bearers, clock=clock),
    )


def _of_streams(parts: Parts) -> tuple[APIRouter, ...]:
    settings, home, url = parts.settings, parts.home, parts.settings.public_url
    index = Index(home.references)
    # Reference sequences are public, so nobody is asked who they are.
    about = RefgetFacts(
        id=settings.id,
        name=settings.name,
        organization_name=settings.organization_name,
        organization_url=url,
        environment=settings.environment,
        version=parts.facts.version,
    )
    return (
        streams.htsget.routes.build(
            vault=parts.vault,
            shelf=Shelf(home.clear),
            releases=parts.releases,
            book=parts.book,
            store=parts.store,
            recipients=parts.recipients,
            permits=PermitOffice(parts.node_key, audience=url, record=parts.record),
            record=parts.record,
            caller=parts.askers.who,
            public_url=url,
            clock=parts.clock,
            withdrawn=partial(holdings.withdrawn, home.catalog),
            service=HtsgetFacts(
                id=f"{settings.id}.htsget",
                name=f"{settings.name}, htsget",
                organization_name=settings.organization_name,
                organization_url=url,
                version=parts.facts.version,
                environment=settings.environment,
            ),
            sequences=Sequences(index),
            accel=in_place.folders(settings.accel),
        ),
        gateway.holding.registering.build(
            home=home,
            sources=settings.register_from,
            caller=parts.askers.who,
            admins=settings.admins,
            record=parts.record,
        ),
        streams.refget.sequence_routes.build(index, about),
        streams.refget.collection_routes.build(index, about),
    )


def _pages(parts: Parts) -> tuple[APIRouter, ...]:
    pages, door = _page_maker(parts), _page_door(parts)
    requests = RequestOffice(
        pages, door, parts.desk, parts.attachments, parts.recipients, parts.enquiries, parts.clock
    )
    outputs = AirlockOffice(pages, door, parts.runs.airlock, parts.runs.keys, parts.clock)
    return (
        gateway.pages.routes.build(
            parts.settings, requests, login=parts.askers.login, greet=parts.askers.greet
        ),
        gateway.pages.airlock.routes.build(outputs),
        gateway.pages.admin.routes.build(_rooms(parts, pages, door)),
    )


def _rooms(parts: Parts, pages: Pages, door: Desk) -> Rooms:
    home, url = parts.home, parts.settings.public_url
    return Rooms(
        home=home,
        settings=parts.settings,
        pages=pages,
        door=door,
        store=parts.store,
        recipients=parts.recipients,
        book=parts.book,
        desk=AdminDesk(
            home,
            AdminChanges(parts.store, record=parts.record),
            book=parts.book,
            versions=PolicyVersions(home.policy_versions, public_url=url),
            jobs=parts.jobs,
            clock=parts.clock,
        ),
        jobs=parts.jobs,
        record=parts.record,
        tree=parts.tree,
        keys=parts.askers.keys,
        trust=parts.askers.trust,
        http=parts.http,
        clock=parts.clock,
    )


def _page_maker(parts: Parts) -> Pages:
    return Pages(node=parts.settings.name, admins=parts.settings.admins)


def _page_door(parts: Parts) -> Desk:
    return Desk(parts.askers.sessions, public_url=parts.settings.public_url)
