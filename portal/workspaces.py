"""The person's workspaces at their nodes: what came in, what runs there, and what may come out.

Reads the doors of `access` for runs and the airlock (settled: results leave sealed to the key that
their requester registered); decides nothing and keeps nothing.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from portal.errors import NodeFailed
from portal.nodes.doors import NodeDoors
from portal.nodes.node import Node
from portal.requests.applications import Applications, read_as
from portal.visitors import Visitor
from schemas.errors import InvalidInput, NotFound, SkerryError
from schemas.grants import RequestView, WorkspaceView
from schemas.messages import Message
from schemas.runs import (
    CandidateList,
    CandidateView,
    PersonKeyView,
    RunBudget,
    RunList,
    RunView,
    SealedResult,
)

KEY_BYTES = 32
MAX_KEY_CHARS = 500
_PEM = re.compile(
    r"-----BEGIN CRYPT4GH PUBLIC KEY-----\s*([A-Za-z0-9+/=]+)\s*-----END CRYPT4GH PUBLIC KEY-----"
)


@dataclass(frozen=True, slots=True)
class Rooms:
    """The workspaces at one node, or why it could not say."""

    node: Node
    workspaces: tuple[WorkspaceView, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One start with its outputs at the airlock."""

    start: RunView
    outputs: tuple[CandidateView, ...]


@dataclass(frozen=True, slots=True)
class Spending:
    """What all runs of one request have spent, and the dataset it is for."""

    dataset: str
    budget: RunBudget


@dataclass(frozen=True, slots=True)
class Room:
    """One workspace, with the requests whose data goes there; `key` is what results are sealed to.
    `spendings` are of the requests that `runs` rest on, as far as their node tells them; `problem`
    says why runs could not be told."""

    node: Node
    workspace: WorkspaceView
    requests: tuple[RequestView, ...]
    runs: tuple[Run, ...] = ()
    spendings: tuple[Spending, ...] = ()
    key: PersonKeyView | None = None
    problem: str = ""


class Workspaces:
    def __init__(self, doors: NodeDoors, applications: Applications) -> None:
        self._doors = doors
        self._applications = applications

    async def all(self, nodes: Sequence[Node], visitor: Visitor) -> list[Rooms]:
        return list(await asyncio.gather(*(self._at(node, visitor) for node in nodes)))

    async def _at(self, node: Node, visitor: Visitor) -> Rooms:
        try:
            return Rooms(node, await self._applications.workspaces(node, visitor))
        except SkerryError as error:
            return Rooms(node, problem=error.public)

    async def one(self, node: Node, workspace_id: str, visitor: Visitor) -> Room:
        """Raises `NotFound` for one that is not this person's."""
        listed = await self._applications.workspaces(node, visitor)
        found = next((one for one in listed if one.id == workspace_id), None)
        if found is None:
            raise NotFound(Message("You have no such workspace at this node."))
        held = (await self._applications.all([node], visitor))[0]
        mine = tuple(one for one in held.requests if one.workspace == workspace_id)
        try:
            runs, spendings = await self._runs(node, workspace_id, visitor)
            key = await self._key(node, visitor)
        except SkerryError as error:
            return Room(node, found, mine, problem=error.public)
        return Room(node, found, mine, runs, spendings, key, problem=held.problem)

    async def _runs(
        self, node: Node, workspace_id: str, visitor: Visitor
    ) -> tuple[tuple[Run, ...], tuple[Spending, ...]]:
        starts, outputs = await asyncio.gather(
            self._doors.send("GET", node, "/access/runs", visitor=visitor),
            self._doors.send("GET", node, "/access/airlock", visitor=visitor),
        )
        listed = read_as(CandidateList, outputs, Message("list of outputs")).candidates
        told = read_as(RunList, starts, Message("list of runs"))
        here = [one for one in told.runs if one.workspace == workspace_id]
        runs = tuple(
            Run(start, tuple(one for one in listed if one.run == start.id)) for start in here
        )
        of = {start.request: start.dataset for start in here}
        spendings = (Spending(of[one.request], one) for one in told.budgets if one.request in of)
        return runs, tuple(spendings)

    async def _key(self, node: Node, visitor: Visitor) -> PersonKeyView | None:
        try:
            document = await self._doors.send("GET", node, "/access/keys", visitor=visitor)
        except NotFound:
            return None
        return read_as(PersonKeyView, document, Message("word on your key"))

    async def register_key(self, node: Node, written: str, visitor: Visitor) -> None:
        body = {"public_key": public_key(written)}
        await self._doors.send("POST", node, "/access/keys", visitor=visitor, body=body)

    async def contest(self, node: Node, output: str, note: str, visitor: Visitor) -> None:
        """Asks the committee to look at what the checker refused."""
        path = f"/access/airlock/{quote(output, safe='')}/contest"
        await self._doors.send("POST", node, path, visitor=visitor, body={"note": note})

    async def result(self, node: Node, output: str, visitor: Visitor) -> bytes:
        """A Crypt4GH file for the person's own key."""
        path = f"/access/airlock/{quote(output, safe='')}/result"
        document = await self._doors.send("GET", node, path, visitor=visitor)
        sealed = read_as(SealedResult, document, Message("result")).sealed
        try:
            return base64.b64decode(sealed, validate=True)
        except binascii.Error as error:
            raise NodeFailed(Message("The node’s result could not be read.")) from error


def public_key(written: str) -> str:
    """In hex, of the file that `crypt4gh-keygen` writes. Raises `InvalidInput`."""
    found = _PEM.search(written[:MAX_KEY_CHARS])
    try:
        raw = base64.b64decode(found[1], validate=True) if found else b""
    except binascii.Error:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise InvalidInput(
            Message("This is not a Crypt4GH public key as crypt4gh-keygen writes it.")
        )
    return raw.hex()
