"""Documents that go with a request: checked by what they hold, sealed before they touch the disk.

PDF (ISO 32000), PNG, JPEG and plain text; a name says nothing that the content does not say too.
What was attached and taken away is in the request's events; here lie the sealed bytes alone. For
the requester, while they have the request, and for the committee to read; opened for nobody else.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Callable
from pathlib import Path

from access.errors import AttachmentRefused, NoSuchThing
from access.requests.desk import RequestDesk
from access.requests.lifecycle import Part, Step
from access.requests.seen import Seen
from schemas.grants import AttachmentView, EventFacts
from schemas.messages import Message

MAX_BYTES = 4 * 1024 * 1024
MAX_PER_REQUEST = 10
MAX_NAME_CHARS = 100

_KINDS = {
    ".pdf": ("application/pdf", b"%PDF-"),
    ".png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    ".jpg": ("image/jpeg", b"\xff\xd8\xff"),
    ".jpeg": ("image/jpeg", b"\xff\xd8\xff"),
    ".txt": ("text/plain", b""),
}
# One plain file name: no folder, no control or direction mark, nothing hidden.
_NAME = re.compile(r"[\w(][\w .,()+-]*\.[A-Za-z]{3,4}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

Seal = Callable[[bytes], bytes]


class Attachments:
    """`seal` and `unseal` turn a whole document into a sealed file and back. Methods block."""

    def __init__(self, folder: Path, *, desk: RequestDesk, seal: Seal, unseal: Seal) -> None:
        self._folder = folder
        self._desk = desk
        self._seal = seal
        self._unseal = unseal

    def attach(
        self, request_id: str, name: str, body: bytes, *, actor: str, now: int
    ) -> AttachmentView:
        """Raises AttachmentRefused, and what the desk says to a step out of turn."""
        seen = self._desk.see(request_id, viewer=actor)
        if len(seen.request.attachments) >= MAX_PER_REQUEST:
            raise AttachmentRefused(
                Message(
                    "A request carries at most %(most)s attachments.",
                    most=MAX_PER_REQUEST,
                )
            )
        plain_name = unicodedata.normalize("NFC", name).strip()
        made = AttachmentView(
            id=f"att-{secrets.token_hex(16)}",
            name=plain_name,
            media_type=media_type(plain_name, body),
            size=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
        )
        path = self._path(made.id)
        _write(path, self._seal(body))
        try:
            facts = EventFacts(attachment=made)
            self._desk.happened(request_id, Step.ATTACH, facts, actor=actor, now=now)
        except BaseException:
            path.unlink()
            raise
        return made

    def detach(self, request_id: str, attachment_id: str, *, actor: str, now: int) -> None:
        found = _found(self._desk.see(request_id, viewer=actor), attachment_id)
        facts = EventFacts(attachment=found)
        self._desk.happened(request_id, Step.DETACH, facts, actor=actor, now=now)
        self._path(found.id).unlink(missing_ok=True)

    def read(self, request_id: str, attachment_id: str, *, viewer: str) -> (
        tuple[AttachmentView, bytes]
    ):  # fmt: skip
        """Raises NoSuchThing for who may not read it as for what is not there."""
        found = _found(self._desk.see(request_id, viewer=viewer), attachment_id)
        try:
            return found, self._unseal(self._path(found.id).read_bytes())
        except FileNotFoundError as error:
            raise NoSuchThing(detail="the sealed file of an attachment is gone") from error

    def _path(self, attachment_id: str) -> Path:
        # The id was made here; what a caller sends is only ever compared with it.
        return self._folder / f"{attachment_id}.c4gh"


def media_type(name: str, body: bytes) -> str:
    """What name and content both say. Raises AttachmentRefused where they do not agree."""
    if len(name) > MAX_NAME_CHARS or _NAME.fullmatch(name) is None:
        raise AttachmentRefused(Message("Give the file a plain name, such as ethics-vote.pdf."))
    if not 0 < len(body) <= MAX_BYTES:
        raise AttachmentRefused(Message("A file holds 1 to %(most)s bytes.", most=MAX_BYTES))
    kind, begins = _KINDS.get("." + name.rpartition(".")[2].lower(), ("", b""))
    if not kind:
        raise AttachmentRefused(Message("Attach PDF, PNG, JPEG or plain text (.txt)."))
    if not body.startswith(begins) or (kind == "text/plain" and not _is_text(body)):
        raise AttachmentRefused(Message("The file is not what its name says: %(kind)s.", kind=kind))
    return kind


def _is_text(body: bytes) -> bool:
    try:
        return _CONTROLS.search(body.decode("utf-8")) is None
    except UnicodeDecodeError:
        return False


def _found(seen: Seen, attachment_id: str) -> AttachmentView:
    if seen.part not in {Part.REQUESTER, Part.COMMITTEE}:
        raise NoSuchThing(detail="attachment of others")
    for one in seen.request.attachments:
        if one.id == attachment_id:
            return one
    raise NoSuchThing(detail="unknown attachment")


def _write(path: Path, sealed: bytes) -> None:
    """On the disk before the event says so."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(sealed)
        file.flush()
        os.fsync(file.fileno())
