"""A node's access room in process: real store, record and keys; callers are named by a header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request

import access.requests.enquiry_routes
import access.routes
from access.policies.policy import DatasetPolicy, Granularity, Level, PolicyBook, Profile
from access.purpose_check import PurposeCheck
from access.recipients import NewKey, Recipients, SealedChallenge
from access.record.audit import RecordFile
from access.requests.attachments import Attachments
from access.requests.desk import RequestDesk
from access.requests.enquiries import Enquiries
from access.requests.lifecycle import Step
from access.requests.notices import Addressees
from access.store import Store
from duo.consent import Consent
from gateway.http_errors import ErrorTable
from passports.researcher import Researcher
from passports.tokens import SigningKey
from schemas import challenge
from schemas.grants import Extent, NewRequest, StepBody

URL = "http://127.0.0.1:8081"
ISSUER = "http://127.0.0.1:8179"
BROKER_SECRET = "broker-secret-of-the-tests"
NOW = 1_800_000_000


def at(name: str) -> str:
    return f"{name}@{ISSUER}"


def policy(
    dataset: str, *committee: str, listed: bool = True, consent: Consent | None = None
) -> DatasetPolicy:
    return DatasetPolicy(
        dataset=dataset,
        grant_value=f"{URL}/datasets/{dataset}",
        level=Level.CONTROLLED,
        profile=Profile.CONTROLLED,
        ceilings={Level.CONTROLLED: Granularity.RECORD},
        listed=listed,
        committee=tuple(at(name) for name in committee),
        consent=consent,
        registered_rule="bona_fide",
    )


def researcher(name: str) -> Researcher:
    return Researcher(issuer=ISSUER, subject=name, visas=(), dropped=(), expires=NOW + 10**9)


@dataclass
class Clock:
    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass
class AccessNode:
    """`texts` keeps what was sealed to each key, `secrets` the answer its workspace would give."""

    folder: Path
    admins: tuple[str, ...] = (at("adam"),)
    clock: Clock = field(default_factory=Clock)
    secrets: dict[bytes, bytes] = field(default_factory=dict)
    texts: dict[bytes, bytes] = field(default_factory=dict)
    control_url: str = ""
    check: PurposeCheck = field(default_factory=PurposeCheck)
    consents: Mapping[str, Consent] = field(default_factory=dict)
    addressees: Addressees = field(default_factory=Addressees)

    def __post_init__(self) -> None:
        self.record = RecordFile(
            self.folder / "record.jsonl",
            pseudonym_key=b"p" * 32,
            signing_key=Ed25519PrivateKey.generate(),
        )
        self.store_url = self.control_url or f"sqlite:///{self.folder / 'control.db'}"
        self.store = Store(self.store_url)
        self.recipients = Recipients(self.store, record=self.record)
        self.book = PolicyBook(
            (
                policy("ds1", "dora"),
                policy("ds2", "emil"),
                policy("hidden", "dora", listed=False),
                *(policy(name, "dora", consent=one) for name, one in self.consents.items()),
            ),
            version="1",
        )
        self.desk = RequestDesk(
            self.store,
            recipients=self.recipients,
            book=self.book,
            record=self.record,
            check=self.check,
        )
        self.enquiries = Enquiries(
            self.store, book=self.book, record=self.record, addressees=self.addressees
        )
        self.visa_key = SigningKey.generate()
        self.rotations: tuple[str, ...] = ()

    def close(self) -> None:
        self.store.close()
        self.record.close()

    def seal(self, public_key: bytes, text: bytes) -> bytes:
        self.texts[public_key], self.secrets[public_key] = text, challenge.answer(text)
        return b"sealed to " + public_key

    def attachments(self) -> Attachments:
        """Sealed as a reader of the disk could tell, and opened again."""
        return Attachments(
            self.folder / "attachments",
            desk=self.desk,
            seal=lambda plain: b"sealed:" + plain[::-1],
            unseal=lambda sealed: sealed.removeprefix(b"sealed:")[::-1],
        )

    def app(self, *, broker_secret: str = BROKER_SECRET) -> FastAPI:
        async def who(request: Request) -> Researcher | None:
            name = request.headers.get("x-test-person")
            return None if name is None else researcher(name)

        app = FastAPI()
        app.include_router(
            access.routes.build(
                store=self.store,
                recipients=self.recipients,
                book=self.book,
                record=self.record,
                visa_key=self.visa_key,
                rotations=self.rotations,
                public_url=URL,
                caller=who,
                broker_secret=broker_secret,
                broker_issuer=ISSUER,
                admins=self.admins,
                clock=self.clock,
                seal_challenge=self.seal,
                desk=self.desk,
                attachments=self.attachments(),
            )
        )
        app.include_router(
            access.requests.enquiry_routes.build(
                self.enquiries, book=self.book, caller=who, clock=self.clock
            )
        )
        ErrorTable(bodies={}, realm="test").install(app)
        return app

    def register(self, owner: str = "grace", *, key: bytes | None = None) -> SealedChallenge:
        return self.recipients.register(
            signed_key(key or bytes([7]) * 32),
            owner=at(owner),
            audience=URL,
            seal=self.seal,
            now=self.clock(),
        )

    def workspace(self, owner: str = "grace", *, confirmed_by: str | None = "adam") -> str:
        """A proven workspace, confirmed where an admin is named."""
        made = self.register(owner)
        answer = self.secrets[bytes([7]) * 32]
        self.recipients.prove(made.workspace_id, answer, owner=at(owner), now=self.clock())
        if confirmed_by is not None:
            self.recipients.confirm(made.workspace_id, admin=at(confirmed_by), now=self.clock())
        return made.workspace_id

    def submitted(
        self,
        workspace: str,
        *,
        requester: str = "grace",
        dataset: str = "ds1",
        extent: Extent | None = None,
    ) -> str:
        new = NewRequest(
            dataset=dataset, project="Sight", purpose="Eyes.", workspace=workspace, months=6,
            extent=extent,
        )  # fmt: skip
        made = self.desk.create(new, requester=at(requester), now=self.clock())
        self.take(made.request_id, Step.SUBMIT, by=requester)
        return made.request_id

    def take(self, request_id: str, step: Step, *, by: str, body: StepBody | None = None) -> None:
        self.desk.take(request_id, step, body or StepBody(), actor=at(by), now=self.clock())

    def kinds(self) -> list[str]:
        return [line for line in (self.folder / "record.jsonl").read_text().splitlines() if line]


def signed_key(public_key: bytes) -> NewKey:
    identity = Ed25519PrivateKey.generate()
    return NewKey(
        name="Lab",
        public_key=public_key,
        identity_key=identity.public_key().public_bytes_raw(),
        signature=identity.sign(public_key),
    )
