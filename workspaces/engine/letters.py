"""Letters between sites: the coordinator carries them and cannot read them (sealed by `post`).

A letter is named by its session, its sender, its receiver and a number, and written once. Only its
receiver gets it. It is kept for a day; what a site may have lying here, or arriving, is capped.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from schemas.errors import Conflict, InvalidInput, NotFound, TooLarge, TooMany
from workspaces.engine.federation import Federation
from workspaces.engine.site_caller import SiteCallers

MAX_LETTER = 80 * 1024 * 1024
MAX_WAITING = 64  # letters of one sender
MAX_WAITING_BYTES = 512 * 1024 * 1024
MAX_NUMBER = 15
KEPT_SECONDS = 24 * 3_600
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_HEX32, _HEX64, _NONCE = (re.compile(rf"[0-9a-f]{{{n}}}") for n in (64, 128, 32))


@dataclass(frozen=True, slots=True)
class Letter:
    """`sender` and `receiver` are fingerprints."""

    session: str
    sender: str
    receiver: str
    number: int

    @property
    def file_name(self) -> str:
        return f"{self.sender}-{self.receiver}-{self.number}"


def signed_text(method: str, path: str, *, digest: str, at: int, nonce: str) -> bytes:
    """What the identity of a site that sends or fetches signs."""
    return "\0".join(["skerry letter", method, path, digest, str(at), nonce]).encode()


def build(of: Federation) -> APIRouter:
    router = APIRouter(prefix="/letters")
    callers = SiteCallers(of.sites)
    store = _Store(of.folder / "letters")

    @router.post("/{session}/{other}/{number}")
    async def send(session: str, other: str, number: int, request: Request) -> dict[str, str]:
        me, digest = _caller(callers, request)
        letter = _letter(of, session, sender=me, receiver=other, number=number)
        await store.take(letter, request, digest=digest)
        return {"digest": digest}

    @router.get("/{session}/{other}/{number}")
    async def fetch(session: str, other: str, number: int, request: Request) -> Response:
        me, _ = _caller(callers, request)
        letter = _letter(of, session, sender=other, receiver=me, number=number)
        return FileResponse(store.find(letter), media_type="application/octet-stream")

    return router


def _caller(callers: SiteCallers, request: Request) -> tuple[str, str]:
    """The site, and the digest of the body it announces."""
    told = {name: request.headers.get(f"x-skerry-{name}", "")
            for name in ("identity", "signature", "digest", "at", "nonce")}  # fmt: skip
    forms = {"identity": _HEX32, "signature": _HEX64, "digest": _HEX32, "nonce": _NONCE}
    sound = all(form.fullmatch(told[name]) for name, form in forms.items())
    if not sound or not re.fullmatch(r"[0-9]{1,12}", told["at"]):
        raise InvalidInput("A letter's request names identity, digest, time, nonce and signature.")
    at = int(told["at"])
    text = signed_text(
        request.method, request.url.path, digest=told["digest"], at=at, nonce=told["nonce"]
    )
    me = callers.prove(identity=told["identity"], signature=told["signature"], text=text, at=at)
    return me, told["digest"]


def _letter(of: Federation, session: str, *, sender: str, receiver: str, number: int) -> Letter:
    known = {sender, receiver} <= of.sites.keys() and sender != receiver
    if not known or not NAME.fullmatch(session) or not 0 <= number <= MAX_NUMBER:
        raise NotFound("There is no such letter.")
    return Letter(session, sender, receiver, number)


class _Store:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, letter: Letter) -> Path:
        place = self._folder / letter.session / letter.file_name
        if not place.is_file():
            raise NotFound("There is no such letter.")
        return place

    async def take(self, letter: Letter, request: Request, *, digest: str) -> None:
        """Whole and as announced, or not at all."""
        self._sweep()
        self._refuse_too_many(letter.sender)
        place = self._folder / letter.session / letter.file_name
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Named after its sender, so that what is still arriving counts as well.
        fresh = place.with_name(f"{letter.file_name}.{secrets.token_hex(8)}")
        try:
            found, size = hashlib.sha256(), 0
            with fresh.open("xb") as file:
                async for part in request.stream():
                    size += len(part)
                    if size > MAX_LETTER:
                        raise TooLarge(f"A letter may have {MAX_LETTER} bytes.")
                    found.update(part)
                    file.write(part)
            if found.hexdigest() != digest:
                raise InvalidInput("The letter is not the one that was announced.")
            self._refuse_too_many(letter.sender, arrived=1)
            self._keep(fresh, place, digest)
        finally:
            fresh.unlink(missing_ok=True)

    def _refuse_too_many(self, sender: str, *, arrived: int = 0) -> None:
        """`arrived` of the letters that lie here are the one that is asked about."""
        waiting = [one.stat().st_size for one in self._folder.glob(f"*/{sender}-*")]
        if len(waiting) - arrived >= MAX_WAITING or sum(waiting) > MAX_WAITING_BYTES:
            raise TooMany("This site has too many letters waiting; they are kept for a day.")

    def _keep(self, fresh: Path, place: Path, digest: str) -> None:
        try:
            os.link(fresh, place)
        except FileExistsError as error:
            with place.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    raise Conflict("That letter was written before; another session.") from error

    def _sweep(self) -> None:
        oldest = time.time() - KEPT_SECONDS
        for place in self._folder.glob("*/*"):
            with suppress(FileNotFoundError):
                if place.stat().st_mtime < oldest:
                    place.unlink()
        for session in self._folder.glob("*"):
            with suppress(OSError):  # where letters lie
                session.rmdir()
