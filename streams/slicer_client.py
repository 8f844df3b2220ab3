"""The web process's side of the slicer: regions go in, a header and ciphertext come out.

No key and no plain byte passes here.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import BinaryIO

from schemas.errors import InvalidInput, SkerryError
from schemas.grants import SignedPermit
from schemas.htsget import ColumnsAsked, RegionAsked
from streams.bodies import Reader
from streams.errors import (
    AgentRefused,
    AgentUnavailable,
    InvalidRange,
    NoSuchReference,
    NoSuchSession,
    OutsideGrant,
)
from streams.slicer_wire import MAX_LINE, Answer, PlanRequest, ReadRequest, Request
from streams.slices.chart import Region

PLAN_SECONDS = 60.0
READ_SECONDS = 60.0

_SILENT = "The slicer does not answer; nothing was released. Try again later."
_REFUSALS: tuple[type[SkerryError], ...] = (
    NoSuchReference,
    InvalidRange,
    InvalidInput,
    AgentRefused,
    OutsideGrant,
)


@dataclass(frozen=True, slots=True)
class SliceBody:
    """The sealed body of one slice, and the header that its recipient opens it with."""

    object_id: str
    size: int
    etag: str
    plain_size: int
    regions: tuple[RegionAsked, ...]
    header: bytes = field(repr=False)
    client: SlicerClient = field(repr=False)

    @property
    def lies(self) -> Path | None:
        return None

    def open(self) -> Reader:
        return self.client.connect(self.etag)


@dataclass(frozen=True, slots=True)
class SlicerClient:
    socket: Path

    async def plan(
        self,
        signed: SignedPermit,
        object_id: str,
        recipient: bytes,
        *,
        regions: Sequence[Region] | None,
        columns: ColumnsAsked | None = None,
    ) -> SliceBody:
        """No regions is the header alone, None all that the permit allows. Raises what the regions
        are refused with, AgentRefused, and AgentUnavailable when the slicer does not answer
        soundly."""
        plan = PlanRequest(
            permit=signed,
            object_id=object_id,
            recipient=base64.b64encode(recipient).decode(),
            regions=None if regions is None else tuple((r.name, r.start0, r.end0) for r in regions),
            columns=columns,
        )
        try:
            async with asyncio.timeout(PLAN_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self.socket, limit=MAX_LINE)
                try:
                    writer.write(Request(plan=plan).model_dump_json().encode() + b"\n")
                    await writer.drain()
                    answer = Answer.model_validate_json(await reader.readline())
                finally:
                    writer.close()
            header = base64.b64decode(answer.header, validate=True)
        except (OSError, TimeoutError, ValueError) as error:
            raise AgentUnavailable(_SILENT, detail=type(error).__name__) from error
        _raise_refusal(answer)
        return SliceBody(
            object_id=object_id,
            size=answer.size,
            etag=answer.slice,
            plain_size=answer.plain_size,
            regions=answer.regions,
            header=header,
            client=self,
        )

    def connect(self, name: str) -> Reader:
        """Blocks. Raises AgentUnavailable."""
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(READ_SECONDS)
        try:
            line.connect(str(self.socket))
        except OSError as error:
            line.close()
            raise AgentUnavailable(_SILENT, detail=type(error).__name__) from error
        return _SliceReader(name, line, line.makefile("rb"))


class Slicers:
    """Several slicers, asked in turn; a slice stays with the one that made it."""

    def __init__(self, sockets: Sequence[Path]) -> None:
        self._next = cycle([SlicerClient(socket) for socket in sockets])

    async def plan(
        self,
        signed: SignedPermit,
        object_id: str,
        recipient: bytes,
        *,
        regions: Sequence[Region] | None,
        columns: ColumnsAsked | None = None,
    ) -> SliceBody:
        """As `SlicerClient.plan`."""
        slicer = next(self._next)
        return await slicer.plan(signed, object_id, recipient, regions=regions, columns=columns)


@dataclass(frozen=True, slots=True)
class _SliceReader:
    name: str
    line: socket.socket
    answers: BinaryIO

    def read(self, start0: int, end0: int) -> bytes:
        asked = Request(read=ReadRequest(slice=self.name, start0=start0, end0=end0))
        try:
            self.line.sendall(asked.model_dump_json().encode() + b"\n")
            answer = Answer.model_validate_json(self.answers.readline(MAX_LINE))
            payload = self.answers.read(answer.size)
        except (OSError, ValueError) as error:
            raise AgentUnavailable(_SILENT, detail=type(error).__name__) from error
        _raise_refusal(answer)
        if len(payload) != end0 - start0:
            raise AgentUnavailable(_SILENT, detail="short answer")
        return payload

    def close(self) -> None:
        self.answers.close()
        self.line.close()


def _raise_refusal(answer: Answer) -> None:
    if answer.refused is None:
        return
    if answer.code == NoSuchSession.code:
        raise NoSuchSession
    found = next((one for one in _REFUSALS if one.code == answer.code), None)
    if found is None:
        raise AgentUnavailable(_SILENT, detail=answer.code or "refused")
    raise found(answer.refused)
