"""Builds a node once, from its folder: the only place that knows every concrete class."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import httpx
from fastapi import APIRouter

import access.allowance_routes
import access.data_use
import access.enquiry_routes
import access.record_routes
import access.routes
import access.run_routes
import access.session_routes
import beacon.doors
import beacon.names
import beacon.panel
import gateway.pages.admin.routes
import gateway.pages.airlock.routes
import gateway.pages.routes
import gateway.registering
import streams.htsget.routes
import streams.refget.collection_routes
import streams.refget.sequence_routes
import streams.refget.service
from access.admin_changes import AdminChanges
from access.attachments import Attachments
from access.audit import Record
from access.caller import caller
from access.couriers import MailCourier, WebhookCourier
from access.decision_facts import DecisionFacts
from access.disclosure import Disclosure
from access.enquiries import Enquiries
from access.limits import Counts, Limits, Rates, limited
from access.live_policies import LivePolicies
from access.notices import Addressees, Channel
from access.outbox import Courier, Outbox
from access.own_grants import OwnGrants, honouring
from access.permits import PermitOffice
from access.policy_versions import PolicyVersions
from access.privacy.allowance import Balances
from access.privacy.ledger import Ledger
from access.purpose_check import PurposeCheck
from access.recipients import Recipients
from access.record_tree import RecordTree
from access.requests import RequestDesk
from access.store import Store
from beacon.info import NodeFacts
from beacon.segments import SegmentCatalog
from duo.ontology import load_ontology
from gateway import clickhouse, config, holdings, recording, running
from gateway.admin_changes import AdminDesk
from gateway.home import NodeHome
from gateway.load_jobs import Jobs
from gateway.pages.admin.rooms import Rooms
from gateway.pages.airlock.routes import AirlockOffice
from gateway.pages.render import Pages
from gateway.pages.signin import Desk
from gateway.share import Share
from passports import trust
from passports.bearers import Bearers
from passports.kept import Kept
from passports.keys import KeyStore
from passports.login import Login
from passports.passport import Clearinghouse
from passports.sessions import Sessions
from passports.tokens import SigningKey
from passports.userinfo import Userinfo
from streams import envelope, in_place
from streams.agent_client import AgentClient
from streams.header import open_header, read_header
from streams.htsget.routes import ServiceFacts
from streams.keys import SecretKey
from streams.refget.index import Index
from streams.refget.sequences import Sequences
from streams.release import Releases
from streams.shelf import Shelf
from streams.slicer_client import Slicers
from streams.sources import Kind
from streams.vault import SealedObject, Vault

_OUTBOUND_SECONDS = 3.0


def epoch() -> int:
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Node:
    """One assembled node: its doors, and what must be refreshed or closed."""

    settings: config.NodeSettings
    facts: NodeFacts
    beacon: beacon.doors.Doors
    others: tuple[APIRouter, ...]
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
    settings = config.load(home.settings)
    url = settings.public_url
    http = httpx.AsyncClient(timeout=_OUTBOUND_SECONDS, follow_redirects=False)
    table = trust.load(home.trust)
    keys = KeyStore(table, http=http, clock=time.time)
    clearinghouse = Clearinghouse(
        trust=table,
        keys=keys,
        userinfo=Userinfo(http=http, clock=time.time),
        audience=url,
        clock=clock,
    )
    node_key = home.signing_key()
    record = record or recording.of_server(home, share)
    kept = Kept(None if share is None else share.sessions)
    book = _policies(home, settings, record)
    tree = RecordTree(home.record, home.record_tree)
    store = Store(settings.control_database or home.control_url)
    recipients = Recipients(store, record=record)
    purpose_check = PurposeCheck(load_ontology(home.ontology), strict_duos=settings.strict_duos)
    addressees = Addressees(settings.notices.mail_to, settings.notices.webhooks)
    desk = RequestDesk(
        store,
        recipients=recipients,
        book=book,
        record=record,
        check=purpose_check,
        addressees=addressees,
    )
    enquiries = Enquiries(store, book=book, record=record, addressees=addressees)
    attachment_key = home.attachment_key()
    attachments = Attachments(
        home.attachments,
        desk=desk,
        seal=lambda plain: seal_challenge(attachment_key.public, plain),
        unseal=lambda sealed: unseal(attachment_key, sealed),
    )
    runs = running.counter(
        store,
        recipients=recipients,
        book=book,
        desk=desk,
        record=record,
        signing_key=node_key,
        public_url=url,
        folder=home.airlock,
        catalog=home.catalog,
        seal=lambda plain: seal_challenge(attachment_key.public, plain),
        unseal=lambda sealed: unseal(attachment_key, sealed),
        seal_to=seal_challenge,
        clock=clock,
    )
    catalog = clickhouse.catalog(home, settings)
    vault = Vault(home.vault)
    agent = AgentClient(home.agent_socket)
    bearers = Bearers(clearinghouse, clock=clock, kept=kept)
    who = limited(
        honouring(caller(bearers), OwnGrants(store, issuer=url, clock=clock)),
        _limits(home, settings.rate_limits, share),
    )
    facts = NodeFacts(
        id=settings.id,
        name=settings.name,
        public_url=url,
        organization_id=settings.organization_id,
        organization_name=settings.organization_name,
        environment=settings.environment,
        version="0.1.0",
        description=settings.description,
    )
    releases = Releases(
        vault=vault,
        agent=agent,
        slicer=Slicers(home.slicer_sockets(settings.slicers)),
        record=record,
        signing_key=node_key,
        ticket_key=home.secret("tickets"),
        public_url=url,
        clock=clock,
        mark="" if share is None else share.mark,
    )
    login = Login(
        settings.signin.issuer,
        client_id=settings.signin.client_id,
        client_secret=home.secret("signin_client").decode(),
        redirect_uri=f"{url}/signin/done",
        http=http,
    )
    jobs = Jobs(home)
    sessions = sessions or Sessions(clock=time.time, kept=kept)
    routers = (
        access.routes.build(
            store=store,
            recipients=recipients,
            book=book,
            record=record,
            visa_key=SigningKey.load(home.visa_key),
            rotations=home.rotations(),
            public_url=url,
            caller=who,
            broker_secret=home.secret("broker").decode(),
            broker_issuer=settings.signin.issuer,
            admins=settings.admins,
            clock=clock,
            seal_challenge=seal_challenge,
            desk=desk,
            attachments=attachments,
        ),
        access.allowance_routes.build(
            Balances(store, record=record), book=book, caller=who, clock=clock
        ),
        access.enquiry_routes.build(enquiries, book=book, caller=who, clock=clock),
        access.run_routes.build(runs, caller=who),
        access.data_use.build(check=purpose_check, book=book, clock=clock),
        access.record_routes.build(
            tree=tree,
            signing_key=node_key,
            public_url=url,
            caller=who,
            admins=settings.admins,
        ),
        access.session_routes.build(bearers=bearers, clock=clock),
        streams.htsget.routes.build(
            vault=vault,
            shelf=Shelf(home.clear),
            releases=releases,
            book=book,
            store=store,
            recipients=recipients,
            permits=PermitOffice(node_key, audience=url, record=record),
            record=record,
            caller=who,
            public_url=url,
            clock=clock,
            withdrawn=partial(holdings.withdrawn, home.catalog),
            service=ServiceFacts(
                id=f"{settings.id}.htsget",
                name=f"{settings.name}, htsget",
                organization_name=settings.organization_name,
                organization_url=url,
                version=facts.version,
                environment=settings.environment,
            ),
            sequences=Sequences(Index(home.references)),
            accel=in_place.folders(settings.accel),
        ),
        gateway.registering.build(
            home=home,
            sources=settings.register_from,
            caller=who,
            admins=settings.admins,
            record=record,
        ),
        *_references(home, facts),
        gateway.pages.routes.build(
            settings=settings,
            login=login,
            sessions=sessions,
            desk=desk,
            attachments=attachments,
            recipients=recipients,
            enquiries=enquiries,
            clock=clock,
        ),
        gateway.pages.airlock.routes.build(
            AirlockOffice(
                Pages(node=settings.name, admins=settings.admins),
                Desk(sessions, public_url=url),
                runs.airlock,
                runs.keys,
                clock,
            )
        ),
        gateway.pages.admin.routes.build(
            Rooms(
                home=home,
                settings=settings,
                pages=Pages(node=settings.name, admins=settings.admins),
                door=Desk(sessions, public_url=url),
                store=store,
                recipients=recipients,
                book=book,
                desk=AdminDesk(
                    home,
                    AdminChanges(store, record=record),
                    book=book,
                    versions=PolicyVersions(home.policy_versions, public_url=url),
                    jobs=jobs,
                    clock=clock,
                ),
                jobs=jobs,
                record=record,
                tree=tree,
                keys=keys,
                trust=table,
                http=http,
                clock=clock,
            )
        ),
    )
    return Node(
        settings=settings,
        facts=facts,
        beacon=beacon.doors.Doors(
            facts,
            catalog,
            book,
            caller=who,
            record=record,
            clock=clock,
            disclosure=Disclosure(Ledger(store), key=home.noise_key()),
            panels=beacon.panel.read(
                home.panel, form=beacon.names.form(beacon.names.read(home.names))
            ),
            objects=lambda dataset: [_object_path(found) for found in vault.objects(dataset)],
        ),
        others=routers,
        catalog=catalog,
        book=book,
        record=record,
        store=store,
        requests=desk,
        outbox=Outbox(
            store,
            addressees=addressees,
            couriers=_couriers(home, settings, http=http, clock=clock),
        ),
        agent=agent,
        releases=releases,
        jobs=jobs,
        http=http,
        clock=clock,
    )


def _couriers(
    home: NodeHome,
    settings: config.NodeSettings,
    *,
    http: httpx.AsyncClient,
    clock: Callable[[], int],
) -> dict[Channel, Courier]:
    """None for what the settings do not name; a secret is read only where it is used."""
    notices, url = settings.notices, settings.public_url
    couriers: dict[Channel, Courier] = {}
    if notices.smtp and notices.mail_from is not None:
        password = home.secret("smtp_password").decode().strip() if notices.smtp_user else ""
        couriers[Channel.MAIL] = MailCourier(
            notices.smtp, notices.mail_from, notices.smtp_user, password, settings.name, url
        )
    if notices.webhooks:
        couriers[Channel.WEBHOOK] = WebhookCourier(http, home.secret("webhooks"), url, clock)
    return couriers


def _limits(home: NodeHome, rates: config.RateSettings, share: Share | None) -> Limits:
    given = rates.model_dump(exclude={"portals"})
    counts = Counts(None if share is None else share.limits, key=home.secret("pseudonym"))
    return Limits(Rates(**given, portals=frozenset(map(str, rates.portals))), counts)


def _policies(home: NodeHome, settings: config.NodeSettings, record: Record) -> LivePolicies:
    facts = DecisionFacts(
        home.decision_facts, pseudonym=record.pseudonym, days=settings.decision_facts_days
    )
    return LivePolicies(
        PolicyVersions(home.policy_versions, public_url=settings.public_url),
        draft=home.policies,
        public_url=settings.public_url,
        record=record,
        facts=facts,
    )


def _references(home: NodeHome, facts: NodeFacts) -> tuple[APIRouter, APIRouter]:
    """refget: reference sequences are public, so nobody is asked who they are."""
    index = Index(home.references)
    about = streams.refget.service.ServiceFacts(
        id=facts.id,
        name=facts.name,
        organization_name=facts.organization_name,
        organization_url=facts.public_url,
        environment=facts.environment,
        version=facts.version,
    )
    return (
        streams.refget.sequence_routes.build(index, about),
        streams.refget.collection_routes.build(index, about),
    )


def _object_path(found: SealedObject) -> str:
    """Where a ticket for an object is asked for."""
    door = "files" if found.kind is Kind.FILE else found.kind.value
    return f"/htsget/{door}/{found.object_id}"


def seal_challenge(public_key: bytes, text: bytes) -> bytes:
    """A whole Crypt4GH file holding `text`, that only the owner of `public_key` can open."""
    return envelope.sealed_whole(text, public_key)


def unseal(key: SecretKey, sealed: bytes) -> bytes:
    """The content of a whole Crypt4GH file."""
    source, plain = io.BytesIO(sealed), io.BytesIO()
    envelope.open_body(source, plain, open_header(read_header(source), [key]))
    return plain.getvalue()
