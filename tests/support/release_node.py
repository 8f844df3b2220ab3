"""The release side of a node in process: real vault, agent on a real socket, grants and record."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request

import streams.htsget.routes
from access.permits import PermitOffice
from access.policies.policy import DatasetPolicy, Level, PolicyBook
from access.requests.lifecycle import Step
from duo.consent import read_consent
from gateway.http_errors import ErrorTable
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.data_use import DataUseTerm
from schemas.errors import SkerryError
from schemas.grants import Extent
from schemas.passport import VisaType
from streams import sealing
from streams.agent_client import AgentClient
from streams.agent_doors import AgentServer
from streams.agent_wire import KeyAnswer, KeyRequest
from streams.entitlement import Entitlement, Entitlements
from streams.htsget.tickets import error_body
from streams.keys import SecretKey
from streams.release import Releases
from streams.rewrapping import Agent
from streams.shelf import Shelf
from streams.slicer import Slicer, SlicerServer
from streams.slicer_client import SlicerClient
from streams.sources import BGZF_EOF, Kind
from streams.vault import SealedObject, Vault
from tests.support.access_node import NOW, URL, AccessNode, at, policy, researcher


def bgzf(content: bytes) -> bytes:
    """A complete BGZF file, as bgzip would write it."""
    made = b""
    for start in range(0, len(content), 60_000):
        piece = content[start : start + 60_000]
        deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
        packed = deflate.compress(piece) + deflate.flush()
        frame = bytes.fromhex("1f8b08040000000000ff060042430200")
        made += frame + struct.pack("<H", len(packed) + 25) + packed
        made += struct.pack("<II", zlib.crc32(piece), len(piece))
    return made + BGZF_EOF


def granted(name: str, *datasets: str) -> Researcher:
    """A researcher with a ControlledAccessGrants visa for each dataset."""
    visas = tuple(
        Visa(
            issuer=URL,
            subject=name,
            type=VisaType.CONTROLLED_ACCESS,
            value=f"{URL}/datasets/{dataset}",
            source=URL,
            by="dac",
            asserted=NOW,
            expires=NOW + 10**6,
            jti=None,
        )
        for dataset in datasets
    )
    return replace(researcher(name), visas=visas)


def clear_policy(dataset: str) -> DatasetPolicy:
    """Whose objects leave in the clear, to anyone."""
    return replace(
        policy(dataset, "dora"),
        level=Level.PUBLIC,
        clear_streams=True,
        consent=read_consent((DataUseTerm(id="DUO:0000004"),)),
    )


@dataclass
class ReleaseNode:
    """`people` says who a caller named in the header `x-test-person` is, `gone` how many withdrew
    from a dataset."""

    folder: Path

    def __post_init__(self) -> None:
        self.access = AccessNode(self.folder)
        self.clock = self.access.clock
        others = (self.access.book.policy(name) for name in self.access.book.datasets())
        policies = [*(one for one in others if one is not None), clear_policy("open1")]
        self.book = PolicyBook(policies, version="1")
        self.node_secret = SecretKey.generate()
        self.node_key = Ed25519PrivateKey.generate()
        self.vault = Vault(self.folder / "vault")
        self.shelf = Shelf(self.folder / "clear")
        self.permits = PermitOffice(self.node_key, audience=URL, record=self.access.record)
        self.socket = self.folder / "agent.sock"
        self.slicer_socket = self.folder / "slicer.sock"
        self.gone: dict[str, int] = {}
        self.people = {"grace": granted("grace", "ds1"), "mallory": researcher("mallory")}
        self.releases = Releases(
            vault=self.vault,
            agent=AgentClient(self.socket),
            slicer=SlicerClient(self.slicer_socket),
            record=self.access.record,
            signing_key=self.node_key,
            ticket_key=os.urandom(32),
            public_url=URL,
            clock=self.clock,
        )

    def close(self) -> None:
        self.releases.close()
        self.access.close()

    def agent(self) -> Agent:
        public = self.node_key.public_key().public_bytes_raw()
        return Agent(lambda: (self.node_secret,), public, URL, self.vault)

    def slicer(self) -> Slicer:
        """A slicer that asks the agent without a pipe between them."""
        agent = self.agent()

        def ask(request: KeyRequest) -> KeyAnswer:
            try:
                return agent.unit_keys(request, now=self.clock())
            except SkerryError as error:
                return KeyAnswer(refused=error.public)

        return Slicer(self.vault, ask, clock=self.clock)

    @asynccontextmanager
    async def agent_running(self) -> AsyncIterator[None]:
        server = await AgentServer(self.agent(), clock=self.clock).start(self.socket)
        slicer = await SlicerServer(self.slicer()).start(self.slicer_socket)
        try:
            yield
        finally:
            for one in (server, slicer):
                one.close()
            self.socket.unlink(missing_ok=True)

    @asynccontextmanager
    async def client(self, person: str | None = "grace") -> AsyncIterator[httpx.AsyncClient]:
        headers = {} if person is None else {"x-test-person": person}
        transport = httpx.ASGITransport(self.app())
        async with httpx.AsyncClient(transport=transport, base_url=URL, headers=headers) as client:
            yield client

    def app(self) -> FastAPI:
        async def who(request: Request) -> Researcher | None:
            return self.people.get(request.headers.get("x-test-person", ""))

        def htsget(_request: Request, error: SkerryError) -> dict[str, object]:
            return error_body(error)

        app = FastAPI(redirect_slashes=False)
        app.include_router(
            streams.htsget.routes.build(
                vault=self.vault,
                shelf=self.shelf,
                releases=self.releases,
                book=self.book,
                store=self.access.store,
                recipients=self.access.recipients,
                permits=self.permits,
                record=self.access.record,
                caller=who,
                public_url=URL,
                clock=self.clock,
                withdrawn=self.withdrawn,
            )
        )
        ErrorTable(bodies={"/htsget": htsget}, realm="test").install(app)
        return app

    def seal(
        self, content: bytes, object_id: str = "sample1", *, kind: str = "reads", form: str = "BAM"
    ) -> SealedObject:
        """Seals content of dataset ds1, or of `hidden` where the id says so."""
        source = self.folder / "source"
        source.write_bytes(content)
        dataset = "hidden" if object_id.startswith("hidden") else "ds1"
        return sealing.seal(
            self.vault,
            source,
            object_id=object_id,
            dataset=dataset,
            kind=Kind(kind),
            format=form,
            owner_ids=("person1",),
            node_public=self.node_secret.public,
        )

    def grant(
        self,
        workspace: SecretKey,
        *,
        to: str = "grace",
        dataset: str = "ds1",
        extent: Extent | None = None,
    ) -> str:
        """A confirmed workspace with this key and an approved request; answers the request."""
        access = self.access
        made = access.register(to, key=workspace.public)
        secret = access.secrets[workspace.public]
        access.recipients.prove(made.workspace_id, secret, owner=at(to), now=self.clock())
        access.recipients.confirm(made.workspace_id, admin=at("adam"), now=self.clock())
        request = access.submitted(made.workspace_id, requester=to, dataset=dataset, extent=extent)
        access.take(request, Step.APPROVE, by="dora")
        return request

    def approve(self, workspace_id: str, *, to: str = "grace", extent: Extent | None = None) -> str:
        """One more approved request for a workspace that is confirmed; answers the request."""
        request = self.access.submitted(workspace_id, requester=to, extent=extent)
        self.access.take(request, Step.APPROVE, by="dora")
        return request

    def entitlements(self) -> Entitlements:
        access = self.access
        return Entitlements(
            self.vault, access.book, access.store, access.recipients, self.withdrawn
        )

    def withdrawn(self, dataset: str) -> int:
        return self.gone.get(dataset, 0)

    def entitled(
        self, object_id: str = "sample1", *, client_key: bytes | None = None
    ) -> Entitlement:
        """What grace may have now, found as the doors find it."""
        sealed = self.vault.get(object_id)
        kind = Kind.READS if sealed is None else sealed.kind
        return self.entitlements().find(
            self.people["grace"], object_id, kind, client_key=client_key, now=self.clock()
        )

    def recorded(self, kind: str) -> list[dict[str, object]]:
        entries = [json.loads(line) for line in self.access.kinds()]
        return [entry["facts"] for entry in entries if entry["kind"] == kind]
