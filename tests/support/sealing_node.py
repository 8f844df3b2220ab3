"""A node's releasing side in memory: real keys, seals and signatures, on an httpx transport.

Faults are set by the test: what the node sends is `parts`, what it signed stays what it was.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas import challenge
from schemas.challenge import ChallengeText
from schemas.grants import Challenge, NewWorkspace, Proof, WorkspaceView
from schemas.htsget import (
    Manifest,
    SealedTicket,
    SignedManifest,
    Ticket,
    TicketAnswer,
    TicketText,
    TicketUrl,
)
from streams import envelope
from streams.envelope import SEALED_SEGMENT
from streams.header import seal_header
from streams.keys import parse_public_key, thumbprint
from workspaces import inbox
from workspaces.deliveries import Delivery

URL = "http://127.0.0.1:8081"
NOW = 1_800_000_000
TOKEN = "researcher-token"

Answer = Callable[[httpx.Request], httpx.Response]


class Line(httpx.SyncByteStream):
    """Sends some bytes, and then, if it breaks, goes dead."""

    def __init__(self, sent: bytes, *, breaks: bool) -> None:
        self._sent = sent
        self._breaks = breaks

    def __iter__(self) -> Iterator[bytes]:
        yield self._sent
        if self._breaks:
            raise httpx.ReadError("the line went dead")


def client_of(answer: Answer) -> httpx.Client:
    """A client of this server whose answers arrive as streams, as from a socket."""

    def streamed(request: httpx.Request) -> httpx.Response:
        whole = answer(request)
        if isinstance(whole.stream, Line):
            return whole
        line = Line(whole.content, breaks=False)
        return httpx.Response(whole.status_code, headers=whole.headers, stream=line)

    return httpx.Client(transport=httpx.MockTransport(streamed))


def sealed_challenge(reader: bytes, text: bytes) -> str:
    """Any text as a node sends its challenge."""
    sealed = io.BytesIO()
    sealed.write(seal_header([b"k" * 32], [reader]))
    envelope.seal_body(io.BytesIO(text), sealed, b"k" * 32)
    return base64.b64encode(sealed.getvalue()).decode()


def as_signed(manifest: Manifest) -> Manifest:
    return manifest


@dataclass(slots=True)
class SealingNode:
    """One node with one object `reads-1`, released to whoever sends a key header."""

    plain: bytes
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    data_key: bytes = b"k" * 32
    change: Callable[[Manifest], Manifest] = as_signed
    edit_list: tuple[int, ...] | None = None
    seal_to: bytes | None = None
    breaks: list[int] = field(default_factory=list)  # bytes sent before each break
    refuse_blocks: int = 0
    cut_headers: int = 0  # so many answers to a ticket break off
    ticket_for: str = "reads-1"
    tickets: dict[str, bytes] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)
    audience: str = URL
    nonce: bytes = b"c" * 32
    text: bytes | None = None  # sealed in the challenge's place
    parts: list[bytes] = field(init=False)
    _facts: envelope.BodyFacts = field(init=False)

    def __post_init__(self) -> None:
        body = io.BytesIO()
        self._facts = envelope.seal_body(io.BytesIO(self.plain), body, self.data_key)
        sealed = body.getvalue()
        starts = range(0, len(sealed), SEALED_SEGMENT)
        self.parts = [sealed[start : start + SEALED_SEGMENT] for start in starts]

    @property
    def manifest_key(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def client(self) -> httpx.Client:
        return client_of(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.path
        if path.endswith("/header"):
            return self._used(path.split("/")[-2])
        if path.startswith("/htsget/blocks/"):
            return self._block(request, int(path.rsplit("/", 1)[1]))
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            body = {"htsget": {"error": "InvalidAuthentication", "message": "No.\x1b[31m"}}
            return httpx.Response(401, json=body)
        if path.startswith("/htsget/"):
            context = base64.b64decode(request.headers["Htsget-Context-Public-Key"])
            return self._issued(parse_public_key(context))
        return self._register(request)

    def _issued(self, reader: bytes) -> httpx.Response:
        name = f"t{len(self.tickets)}"
        self.tickets[name] = reader
        text = TicketText(
            audience=self.audience, object_id=self.ticket_for, ticket=name, expires=NOW + 60
        )
        sealed = envelope.sealed_whole(text.sealed_bytes(), reader)
        answer = SealedTicket(ticket=base64.b64encode(sealed).decode())
        return httpx.Response(201, content=answer.model_dump_json())

    def _used(self, name: str) -> httpx.Response:
        if name not in self.tickets:
            body = {"htsget": {"error": "NotFound", "message": "Used before."}}
            return httpx.Response(404, json=body)
        content = self.ticket(self.tickets.pop(name)).model_dump_json().encode()
        if self.cut_headers:
            self.cut_headers -= 1
            return httpx.Response(200, stream=Line(content[:40], breaks=True))
        return httpx.Response(200, content=content)

    def ticket(self, reader: bytes) -> TicketAnswer:
        header = seal_header([self.data_key], [self.seal_to or reader], edit_list=self.edit_list)
        manifest = self.change(self._manifest(reader, header))
        first = TicketUrl(url="data:;base64," + base64.b64encode(header).decode())
        blocks = [TicketUrl(url=f"{URL}/htsget/blocks/{n}") for n in range(len(self.parts))]
        signature = self.key.sign(manifest.signed_bytes()).hex()
        signed = SignedManifest(manifest=manifest, signature=signature)
        return TicketAnswer(htsget=Ticket(format="BAM", urls=(first, *blocks), skerry=signed))

    def _manifest(self, reader: bytes, header: bytes) -> Manifest:
        return Manifest(
            permit_id="p-1",
            object_id="reads-1",
            dataset="island",
            format="BAM",
            recipient=thumbprint(reader),
            header_sha256=hashlib.sha256(header).hexdigest(),
            header_size=len(header),
            body_size=self._facts.body_size,
            segment_root=self._facts.root.hex(),
            plain_size=self._facts.plain_size,
            plain_sha256=self._facts.plain_sha256.hex(),
            issued=NOW,
        )

    def _block(self, request: httpx.Request, number: int) -> httpx.Response:
        assert "Authorization" not in request.headers
        if self.refuse_blocks:
            self.refuse_blocks -= 1
            body = {"htsget": {"error": "PermissionDenied", "message": "This session ended."}}
            return httpx.Response(403, json=body)
        part, status, headers = self.parts[number], 200, {}
        if asked := re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", "")):
            start = int(asked[1])
            if start >= len(part):
                return httpx.Response(416)
            headers = {"Content-Range": f"bytes {start}-{len(part) - 1}/{len(part)}"}
            part, status = part[start:], 206
        if self.breaks:
            line = Line(part[: self.breaks.pop(0)], breaks=True)
            return httpx.Response(status, headers=headers, stream=line)
        return httpx.Response(status, headers=headers, content=part)

    def _register(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/access/workspaces":
            offer = NewWorkspace.model_validate_json(request.content)
            reader = bytes.fromhex(offer.public_key)
            if self.text is None:
                self.text = ChallengeText(
                    audience=self.audience,
                    workspace_key=thumbprint(reader),
                    nonce=self.nonce.hex(),
                ).sealed_bytes()
            asked = sealed_challenge(reader, self.text)
            answer = Challenge(id="ws-1", challenge=asked, expires=NOW + 600)
            return httpx.Response(201, content=answer.model_dump_json())
        proof = Proof.model_validate_json(request.content)
        if bytes.fromhex(proof.answer) != challenge.answer(self.text or b""):
            return httpx.Response(403, json={"error": "proof_refused", "message": "Wrong answer."})
        view = WorkspaceView(
            id="ws-1",
            name="lab",
            owner="rosa",
            public_key="00" * 32,
            thumbprint="t",
            state="proven",
            expires=NOW,
        )
        return httpx.Response(200, content=view.model_dump_json())


def changed(**figures: object) -> Callable[[Manifest], Manifest]:
    """A node that signs other figures than the true ones."""
    return lambda manifest: manifest.model_copy(update=figures)


def fetched(folder: Path, http: httpx.Client, **more: Any) -> Delivery:
    """`reads-1` by whoever has the token, as `skerry fetch` pulls it."""
    given = {"object_id": "reads-1", "kind": "reads", "token": TOKEN} | more
    return inbox.fetch(folder=folder, node_url=URL, http=http, clock=lambda: float(NOW), **given)
