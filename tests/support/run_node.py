"""Runs and the airlock of a node in process: real store, record, keys and checkers."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request

import access.runs.routes
from access.airlock.files import AirlockFiles
from access.airlock.person_keys import PersonKeys
from access.airlock.queue import Airlock
from access.policies.policy import PolicyBook
from access.recipients import NewKey, Workspace
from access.requests.lifecycle import Step
from access.runs.routes import RunCounter
from access.runs.starts import Runs
from access.runs.workspace_caller import WorkspaceCaller
from gateway.http_errors import ErrorTable
from passports.researcher import Researcher
from schemas import challenge, http_signature
from schemas.grants import NewRequest, SignedPermit
from schemas.http_signature import Parameters
from schemas.runs import Evidence, RunTerms, StartAsked
from streams import envelope
from streams.header import open_header, read_header
from streams.keys import SecretKey
from streams.small import open_with, seal_to
from tests.support.access_node import NOW, URL, AccessNode, at, policy
from tests.support.release_node import granted
from workspaces.airlock import gate, showing

APPLICATION, ENVIRONMENT, SANDBOX = "a" * 64, "e" * 64, "5" * 64
EVIDENCE = Evidence(sandbox=SANDBOX, environment=ENVIRONMENT, kernel="Linux 6.1", boot="0-0")


def opened(sealed: bytes, secret: SecretKey) -> bytes:
    source, plain = io.BytesIO(sealed), io.BytesIO()
    envelope.open_body(source, plain, open_header(read_header(source), [secret]))
    return plain.getvalue()


@dataclass
class Site:
    """A workspace of grace's, with its keys in hand."""

    identity: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    secret: SecretKey = field(default_factory=SecretKey.generate)
    workspace_id: str = ""

    @property
    def identity_key(self) -> bytes:
        return self.identity.public_key().public_bytes_raw()

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.identity_key).hexdigest()

    def headers(
        self, method: str, path: str, body: bytes, *, now: int, nonce: str | None = None
    ) -> dict[str, str]:
        parameters = Parameters(self.workspace_id, now, nonce or os.urandom(16).hex())
        signed = http_signature.base(method, URL + path, body=body, parameters=parameters)
        return http_signature.headers(body, parameters, self.identity.sign(signed))


class RunNode:
    """Committee of ds1: dora, emil and vera; two of them approve what is to run."""

    def __init__(
        self, folder: Path, *, control_url: str = "", access: AccessNode | None = None
    ) -> None:
        self.access = access or AccessNode(folder, control_url=control_url)
        self.clock = self.access.clock
        self.book = PolicyBook((policy("ds1", "dora", "emil", "vera"),), version="1")
        self.access.desk._book = self.book  # as its own, with a committee of three
        self.store, self.record = self.access.store, self.access.record
        self.node_key = Ed25519PrivateKey.generate()
        self.rest_key = SecretKey.generate()
        self.people = {"grace": granted("grace", "ds1"), "mallory": granted("mallory", "ds1")}
        self.data = "v1-0"
        self.runs = Runs(
            self.store,
            book=self.book,
            record=self.record,
            signing_key=self.node_key,
            audience=URL,
            seal=seal_to,
            data=lambda _dataset: self.data,
        )
        self.keys = PersonKeys(self.store, record=self.record)
        self.airlock = Airlock(
            self.store,
            runs=self.runs,
            desk=self.access.desk,
            keys=self.keys,
            files=AirlockFiles(
                folder / "airlock",
                seal=lambda plain: seal_to(self.rest_key.public, plain),
                unseal=lambda sealed: open_with(self.rest_key, sealed),
            ),
            record=self.record,
            judge=gate.judge,
            seal_to=seal_to,
            show=showing.show,
            signing_key=self.node_key,
            audience=URL,
        )
        self.callers = WorkspaceCaller(self.store, self.access.recipients, URL, self.clock)
        self.site = self.registered()

    def close(self) -> None:
        self.access.close()

    def registered(self, *, owner: str = "grace") -> Site:
        """A confirmed workspace."""
        site, recipients = Site(), self.access.recipients
        public = site.secret.public
        key = NewKey("Lab", public, site.identity_key, site.identity.sign(public))
        made = recipients.register(
            key, owner=at(owner), audience=URL, seal=seal_to, now=self.clock()
        )
        site.workspace_id = made.workspace_id
        answer = challenge.answer(opened(made.sealed, site.secret))
        recipients.prove(made.workspace_id, answer, owner=at(owner), now=self.clock())
        recipients.confirm(made.workspace_id, admin=at("adam"), now=self.clock())
        return site

    def terms(self, site: Site | None = None, **more: Any) -> RunTerms:
        """Approved for one site, the node's own, and every class."""
        given: dict[str, Any] = {
            "applications": (APPLICATION,),
            "environment": ENVIRONMENT,
            "roster": ((site or self.site).fingerprint,),
            "least_sites": 1,
            "outputs": ("table", "gwas-summary", "aggregate-model", "log", "plot", "other"),
            "floors": {"labels": ("b", "r", "calls", "lines")},
        }
        return RunTerms(**(given | more))

    def approved(self, terms: RunTerms | None = None, *, site: Site | None = None) -> str:
        """A request for a run that dora and emil approved."""
        desk, now = self.access.desk, self.clock()
        new = NewRequest(
            dataset="ds1",
            project="Sight",
            purpose="Eyes.",
            workspace=(site or self.site).workspace_id,
            months=6,
            run=terms or self.terms(site),
        )
        made = desk.create(new, requester=at("grace"), now=now)
        self.access.take(made.request_id, Step.SUBMIT, by="grace")
        for member in ("dora", "emil"):
            self.access.take(made.request_id, Step.APPROVE, by=member)
        return made.request_id

    def asked(self, key: SecretKey, site: Site | None = None, **more: Any) -> StartAsked:
        given: dict[str, Any] = {
            "dataset": "ds1",
            "public_key": key.public.hex(),
            "application": APPLICATION,
            "roster": ((site or self.site).fingerprint,),
            "evidence": EVIDENCE,
        }
        return StartAsked(**(given | more))

    def workspace(self, site: Site | None = None) -> Workspace:
        found = self.access.recipients.approved((site or self.site).workspace_id, now=self.clock())
        assert found is not None
        return found

    def started(self, key: SecretKey | None = None, **more: Any) -> tuple[str, SignedPermit]:
        """A permitted start of the site, by rules alone."""
        made_key = key or SecretKey.generate()
        asked = self.asked(made_key, **more)
        made = self.runs.ask(
            asked, workspace=self.workspace(), researcher=self.people["grace"], now=self.clock()
        )
        answer = challenge.answer(opened(made.sealed, made_key))
        permit = self.runs.prove(made.run_id, answer, workspace=self.workspace(), now=self.clock())
        return made.run_id, permit

    def app(self, app: FastAPI | None = None) -> FastAPI:
        """These doors, beside those of `app` where one is given."""

        async def who(request: Request) -> Researcher | None:
            name = request.headers.get("x-test-person", "")
            others = {one: replace(self.people["grace"], subject=one, visas=()) for one in _OTHERS}
            return (self.people | others).get(name)

        served = app or FastAPI(redirect_slashes=False)
        counter = RunCounter(self.runs, self.airlock, self.keys, self.callers, self.clock)
        served.include_router(access.runs.routes.build(counter, caller=who))
        if app is None:
            ErrorTable(bodies={}, realm="test").install(served)
        return served

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app()), base_url=URL)

    def recorded(self, kind: str) -> list[dict[str, Any]]:
        entries = [json.loads(line) for line in self.access.kinds()]
        return [entry["facts"] for entry in entries if entry["kind"] == kind]


_OTHERS = ("dora", "emil", "vera", "ada")


def unsealed(result: dict[str, Any], secret: SecretKey) -> bytes:
    return opened(base64.b64decode(result["sealed"]), secret)


__all__ = ["APPLICATION", "ENVIRONMENT", "EVIDENCE", "NOW", "RunNode", "Site", "opened", "unsealed"]
