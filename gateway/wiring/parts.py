"""What a node is made of, built once from its folder: keys, policies, record, stores, desks.

The only place that knows which concrete class stands behind each of them. Leaves the doors that
lead to them to `wiring.doors`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.policies.decision_facts import DecisionFacts
from access.policies.live import LivePolicies
from access.policies.versions import PolicyVersions
from access.purpose_check import PurposeCheck
from access.recipients import Recipients
from access.record.audit import Record
from access.record.tree import RecordTree
from access.requests.attachments import Attachments
from access.requests.desk import RequestDesk
from access.requests.enquiries import Enquiries
from access.requests.notices import Addressees
from access.runs.routes import RunCounter
from access.store import Store
from beacon.info import NodeFacts
from beacon.segments import SegmentCatalog
from duo.ontology import load_ontology
from gateway import config, control, recording
from gateway.holding import clickhouse
from gateway.holding.load_jobs import Jobs
from gateway.home import NodeHome
from gateway.serving.share import Share
from gateway.wiring import askers, runs
from gateway.wiring.askers import Askers
from gateway.wiring.runs import AtRest
from passports import trust
from passports.sessions import Sessions
from schemas.version import skerry_version
from streams import small
from streams.agent_client import AgentClient
from streams.release import Releases
from streams.slicer_client import Slicers
from streams.vault import Vault

OUTBOUND_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Parts:
    """One of each; the doors share them."""

    home: NodeHome
    settings: config.NodeSettings
    facts: NodeFacts
    clock: Callable[[], int]
    http: httpx.AsyncClient
    askers: Askers
    # By which rules, and what was done.
    node_key: Ed25519PrivateKey
    record: Record
    tree: RecordTree
    book: LivePolicies
    store: Store
    # What people ask for and decide.
    recipients: Recipients
    purpose_check: PurposeCheck
    addressees: Addressees
    desk: RequestDesk
    enquiries: Enquiries
    attachments: Attachments
    runs: RunCounter
    jobs: Jobs
    # What is held, and how it leaves.
    catalog: SegmentCatalog
    vault: Vault
    agent: AgentClient
    releases: Releases


def build(
    home: NodeHome,
    *,
    clock: Callable[[], int],
    share: Share | None,
    sessions: Sessions | None,
    record: Record | None,
) -> Parts:
    """Raises the errors of the files it reads: settings, policies, trust, keys, record."""
    settings = config.load(home.settings)
    url, trusted = settings.public_url, trust.load(home.trust)
    http = httpx.AsyncClient(timeout=OUTBOUND_SECONDS, follow_redirects=False)
    node_key, rest_key = home.signing_key(), home.attachment_key()
    at_rest = AtRest(
        seal=lambda plain: small.seal_to(rest_key.public, plain),
        unseal=lambda sealed: small.open_with(rest_key, sealed),
    )
    record = record or recording.of_server(home, share)
    book = _policies(home, settings, record)
    store = control.opened(home, settings)
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
    vault, agent = Vault(home.vault), AgentClient(home.agent_socket)
    return Parts(
        home=home,
        settings=settings,
        facts=_facts(settings),
        clock=clock,
        http=http,
        askers=askers.build(
            home,
            settings,
            trust=trusted,
            store=store,
            http=http,
            clock=clock,
            share=share,
            sessions=sessions,
        ),
        node_key=node_key,
        record=record,
        tree=RecordTree(home.record, home.record_tree),
        book=book,
        store=store,
        recipients=recipients,
        purpose_check=purpose_check,
        addressees=addressees,
        desk=desk,
        enquiries=Enquiries(store, book=book, record=record, addressees=addressees),
        attachments=Attachments(
            home.attachments, desk=desk, seal=at_rest.seal, unseal=at_rest.unseal
        ),
        runs=runs.counter(
            store,
            recipients=recipients,
            book=book,
            desk=desk,
            record=record,
            signing_key=node_key,
            public_url=url,
            folder=home.airlock,
            catalog=home.catalog,
            at_rest=at_rest,
            seal_to=small.seal_to,
            clock=clock,
        ),
        jobs=Jobs(home),
        catalog=clickhouse.catalog(home, settings),
        vault=vault,
        agent=agent,
        releases=Releases(
            vault=vault,
            agent=agent,
            slicer=Slicers(home.slicer_sockets(settings.slicers)),
            record=record,
            signing_key=node_key,
            ticket_key=home.secret("tickets"),
            public_url=url,
            clock=clock,
            mark="" if share is None else share.mark,
        ),
    )


def _facts(settings: config.NodeSettings) -> NodeFacts:
    return NodeFacts(
        id=settings.id,
        name=settings.name,
        public_url=settings.public_url,
        organization_id=settings.organization_id,
        organization_name=settings.organization_name,
        environment=settings.environment,
        version=skerry_version(),
        description=settings.description,
    )


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
