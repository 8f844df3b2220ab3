"""A site's end of the letters that a coordinator carries: sealed to one peer, opened by it alone.

    async with Post.joined(membership, session="s1", sites=("praha", "tartu")) as post:
        await post.send("tartu", 1, b"...")
        answer = await post.receive("tartu", 1)

Keys are made for the session and signed by the sites' identities, which the roster names; what the
coordinator could put in their place is refused. A letter opens under its session, its set of sites,
its sender, receiver and number only.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from workspaces.engine.federated import masks
from workspaces.engine.letters import MAX_LETTER, signed_text
from workspaces.engine.port import fingerprint
from workspaces.engine.registering import words
from workspaces.errors import EngineRefused, LinkageRefused, NodeSilent

_HELLO = 0
_MAX_HELLO = 4 * 1024
_EVERY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Membership:
    """A site in its federation: the fingerprints of all by name, and who this one is. `line` is
    connected to the coordinator."""

    name: str
    roster: Mapping[str, str]
    identity: bytes
    sign: Callable[[bytes], bytes] = field(repr=False)
    line: httpx.AsyncClient = field(repr=False)


class Post:
    def __init__(
        self, membership: Membership, *, session: str, sites: tuple[str, ...], seconds: float
    ) -> None:
        unknown = [name for name in sites if name not in membership.roster]
        if unknown or membership.name not in sites or len(set(sites)) < max(2, len(sites)):
            raise LinkageRefused("Linkage is between two sites of the roster or more, this one in.")
        self.sites = tuple(sorted(sites))
        self.name = membership.name
        self._of = membership
        self._session = session
        self._secret = X25519PrivateKey.generate()
        self._peers: dict[str, bytes] = {}
        self._end = time.monotonic() + seconds

    @classmethod
    @asynccontextmanager
    async def joined(
        cls, membership: Membership, *, session: str, sites: tuple[str, ...], seconds: float = 900
    ) -> AsyncIterator[Post]:
        """When every site's key is there and is its own. Raises `LinkageRefused`."""
        post = cls(membership, session=session, sites=sites, seconds=seconds)
        for peer in post.others:
            await post._put(peer, _HELLO, post._hello())
        for peer in post.others:
            post._peers[peer] = post._key_of(peer, await post._take(peer, _HELLO))
        yield post

    @property
    def others(self) -> tuple[str, ...]:
        return tuple(name for name in self.sites if name != self.name)

    async def send(self, peer: str, number: int, content: bytes) -> None:
        about = self._about(self.name, peer, number)
        await self._put(peer, number, masks.seal(self._common(peer), content, about=about))

    async def receive(self, peer: str, number: int) -> bytes:
        box = await self._take(peer, number)
        try:
            return masks.unseal(self._common(peer), box, about=self._about(peer, self.name, number))
        except (InvalidTag, ValueError) as error:
            raise LinkageRefused(f"A letter of {peer} was not sealed to this site.") from error

    def _common(self, peer: str) -> bytes:
        return masks.shared(self._secret.private_bytes_raw(), self._peers[peer])

    def _about(self, sender: str, receiver: str, number: int) -> str:
        return " ".join(["letter", self._session, *self.sites, sender, receiver, str(number)])

    def _hello(self) -> bytes:
        public = self._secret.public_key().public_bytes_raw().hex()
        signature = self._of.sign(self._hello_text(self.name, public)).hex()
        told = {"identity": self._of.identity.hex(), "public": public, "signature": signature}
        return json.dumps(told).encode()

    def _hello_text(self, sender: str, public: str) -> bytes:
        members = ["skerry session", self._session, *self.sites, sender, public]
        return "\0".join(members).encode()

    def _key_of(self, peer: str, raw: bytes) -> bytes:
        try:
            told = json.loads(raw[:_MAX_HELLO])
            identity, public = bytes.fromhex(told["identity"]), bytes.fromhex(told["public"])
            text = self._hello_text(peer, public.hex())
            Ed25519PublicKey.from_public_bytes(identity).verify(
                bytes.fromhex(told["signature"]), text
            )
        except (InvalidSignature, ValueError, KeyError, TypeError) as error:
            raise LinkageRefused(
                f"The key of {peer} is not signed for this session and these sites."
            ) from error
        if fingerprint(identity) != self._of.roster[peer] or len(public) != 32:
            raise LinkageRefused(f"The key of {peer} is not of the roster's identity.")
        return public

    async def _put(self, peer: str, number: int, content: bytes) -> None:
        if len(content) > MAX_LETTER:
            raise LinkageRefused(f"A letter may have {MAX_LETTER} bytes: link fewer people.")
        answer = await self._ask("POST", peer, number, content)
        if answer.status_code != httpx.codes.OK:
            raise EngineRefused(f"The coordinator said: {words(answer)}")

    async def _take(self, peer: str, number: int) -> bytes:
        """Waits until the letter is there; raises `LinkageRefused` where it does not come."""
        while time.monotonic() < self._end:
            answer = await self._ask("GET", peer, number, b"")
            if answer.status_code == httpx.codes.OK:
                return answer.content
            if answer.status_code != httpx.codes.NOT_FOUND:
                raise EngineRefused(f"The coordinator said: {words(answer)}")
            await asyncio.sleep(_EVERY_SECONDS)
        raise LinkageRefused(f"{peer} did not answer in time: does it run the same session?")

    async def _ask(self, method: str, peer: str, number: int, content: bytes) -> httpx.Response:
        path = f"/letters/{self._session}/{self._of.roster[peer]}/{number}"
        digest, at = hashlib.sha256(content).hexdigest(), int(time.time())
        nonce = secrets.token_hex(16)
        text = signed_text(method, path, digest=digest, at=at, nonce=nonce)
        headers = {
            "x-skerry-identity": self._of.identity.hex(),
            "x-skerry-digest": digest,
            "x-skerry-at": str(at),
            "x-skerry-nonce": nonce,
            "x-skerry-signature": self._of.sign(text).hex(),
        }
        try:
            async with self._of.line.stream(method, path, content=content, headers=headers) as came:
                body = bytearray()
                async for part in came.aiter_bytes():
                    body += part
                    if len(body) > MAX_LETTER:
                        raise LinkageRefused(f"A letter of more than {MAX_LETTER} bytes came.")
                return httpx.Response(came.status_code, content=bytes(body))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NodeSilent("The coordinator does not answer.", detail=str(error)) from error
