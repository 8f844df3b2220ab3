"""The small process that alone holds the node's secret key and makes headers again.

Speaks over a Unix socket, one JSON line each way. Believes nobody: it checks signature, node, time
and recipient of the permit itself, and takes the named object's header from the vault itself.
Crypt4GH v1.0 section 3; header-only re-wrapping. Decisions and the record stay with its callers.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import logging
import os
import pwd
import resource
import signal
import struct
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from socket import SO_PEERCRED, SOL_SOCKET, socketpair
from socket import socket as Socket  # noqa: N812 - a type here

from pydantic import Field, ValidationError

from access.errors import PermitRefused
from access.permits import check
from access.record_client import RecordClient
from schemas.errors import SkerryError
from schemas.grants import Permit, SignedPermit
from schemas.wire import LocalId, Wire
from streams.errors import AgentRefused, AgentUnavailable, EnvelopeInvalid, KeyInvalid
from streams.header import MAX_HEADER, open_header, seal_header
from streams.keyring import KeyRing, Secrets
from streams.keys import check_public_bytes, thumbprint
from streams.permit import Use, cover
from streams.vault import SealedObject, Vault

MAX_LINE = MAX_HEADER * 2
MAX_CONNECTIONS = 64
TIMEOUT_SECONDS = 10.0

# glibc gives buffers of a mebibyte back at every turn: kept, a slicer passes twice as much per
# second of CPU.
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "67108864"}

_log = logging.getLogger(__name__)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RewrapRequest(Wire):
    permit: SignedPermit
    object_id: LocalId
    recipient: str = Field(max_length=64)  # base64 of the raw key


class RewrapAnswer(Wire):
    header: str | None = None
    refused: str | None = None


class KeyRequest(Wire):
    """The slicer's question, for one ticket."""

    permit: SignedPermit
    object_id: LocalId
    recipient: str = Field(max_length=64)  # base64 of the raw key


class KeyAnswer(Wire):
    """Data keys in hex, of an object's body and chart."""

    keys: tuple[str, ...] = Field(default=(), repr=False)
    refused: str | None = None


# Puts on record which permit was followed; raises where that cannot be.
Note = Callable[[str, Permit], None]


def _nothing(_kind: str, _permit: Permit) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Agent:
    """The rules of the process, apart from its socket."""

    secrets: Secrets
    permit_key: bytes
    audience: str
    vault: Vault
    note: Note = _nothing

    def rewrap(self, request: RewrapRequest, *, now: int) -> bytes:
        """The object's header for the permit's recipient alone. Raises AgentRefused, and
        RecordUnavailable where what was given cannot be recorded: then it is not given."""
        recipient, sealed = self._permitted(request, whole=True, now=now)
        made = seal_header(self._data_keys(sealed), [recipient])
        self.note("agent.header", request.permit.permit)
        return made

    def unit_keys(self, request: KeyRequest, *, now: int) -> KeyAnswer:
        """The keys of one object, for the slicer alone. Raises as `rewrap`, and VaultBroken."""
        _, sealed = self._permitted(request, whole=False, now=now)
        if not sealed.sliceable:
            raise AgentRefused("There is no such object to slice.")
        self.note("agent.keys", request.permit.permit)
        return KeyAnswer(keys=tuple(key.hex() for key in self._data_keys(sealed)))

    def _permitted(
        self, request: RewrapRequest | KeyRequest, *, whole: bool, now: int
    ) -> tuple[bytes, SealedObject]:
        try:
            permit = check(request.permit, self.permit_key, audience=self.audience, now=now)
            recipient = check_public_bytes(base64.b64decode(request.recipient, validate=True))
        except (PermitRefused, KeyInvalid) as error:
            raise AgentRefused(error.public) from error
        except binascii.Error as error:
            raise AgentRefused("The recipient is not base64.") from error
        use = Use(request.object_id, permit.dataset, thumbprint(recipient), 0, whole=whole)
        if not (coverage := cover(permit, use, now=now)).covered:
            raise AgentRefused(f"The permit does not cover this: {coverage.reasons[0]}.")
        # From the vault, never from the caller: or a permit for one object would open any other.
        sealed = self.vault.get(request.object_id)
        if sealed is None or sealed.dataset != permit.dataset:
            raise AgentRefused("There is no such object in this dataset.")
        return recipient, sealed

    def _data_keys(self, sealed: SealedObject) -> tuple[bytes, ...]:
        try:
            opened = open_header(sealed.header_bytes, self.secrets())
        except (EnvelopeInvalid, KeyInvalid) as error:
            raise AgentRefused(error.public) from error
        if opened.edit_list is not None:
            raise AgentRefused("Headers with an edit list are not released.")
        return opened.data_keys


class AgentServer:
    """Answers on the socket until it is told to stop."""

    def __init__(self, agent: Agent, *, clock: Callable[[], float] = time.time) -> None:
        self._agent = agent
        self._clock = clock
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)

    async def start(self, socket: Path, *, for_group: bool = False) -> asyncio.Server:
        """Listens; only the owner of the process can connect, or its group too."""
        return await listen(self._serve, socket, for_group=for_group)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with self._places, asyncio.timeout(TIMEOUT_SECONDS):
                answer = self._answer(await reader.readline())
                writer.write(answer.model_dump_json().encode() + b"\n")
                await writer.drain()
        except (OSError, TimeoutError, ValueError) as error:
            _log.warning("a caller was dropped: %s", type(error).__name__)
        finally:
            writer.close()

    def _answer(self, line: bytes) -> RewrapAnswer:
        try:
            request = RewrapRequest.model_validate_json(line)
        except ValidationError:
            _log.warning("refused: not a request")
            return RewrapAnswer(refused="The request cannot be read.")
        permit_id = request.permit.permit.permit_id
        try:
            header = self._agent.rewrap(request, now=int(self._clock()))
        except SkerryError as error:
            _log.warning("refused: permit %.64r: %s", permit_id, error.public)
            return RewrapAnswer(refused=error.public)
        # The record says which object; its name may hold a person's, which no log does.
        _log.info("re-wrapped: permit %.64r", permit_id)
        return RewrapAnswer(header=base64.b64encode(header).decode())


@dataclass(frozen=True, slots=True)
class AgentClient:
    """The web process's side: it sees headers go in and come out, and no key."""

    socket: Path

    async def rewrap(self, signed: SignedPermit, object_id: str, recipient: bytes) -> bytes:
        """Raises AgentRefused, and AgentUnavailable when the agent does not answer soundly."""
        request = RewrapRequest(
            permit=signed,
            object_id=object_id,
            recipient=base64.b64encode(recipient).decode(),
        )
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                line = await self._ask(request.model_dump_json().encode() + b"\n")
            answer = RewrapAnswer.model_validate_json(line)
            made = base64.b64decode(answer.header or "", validate=True)
        except (OSError, TimeoutError, ValueError) as error:
            sentence = "The key agent does not answer; nothing was released. Try again later."
            raise AgentUnavailable(sentence, detail=type(error).__name__) from error
        if answer.refused is not None or not made:
            sentence = "The key agent refused this release."
            raise AgentRefused(sentence, detail=answer.refused or "no header")
        return made

    async def _ask(self, line: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self.socket, limit=MAX_LINE)
        try:
            writer.write(line)
            await writer.drain()
            return await reader.readline()
        finally:
            writer.close()


async def listen(serve: Serve, path: Path, *, for_group: bool) -> asyncio.Server:
    """On a new Unix socket that its owner alone can open, or its owner's group."""
    await asyncio.to_thread(path.unlink, missing_ok=True)
    before = os.umask(0o117 if for_group else 0o177)
    try:
        return await asyncio.start_unix_server(serve, path, limit=MAX_LINE)
    finally:
        os.umask(before)


async def serve_keys(
    agent: Agent, channel: Socket, *, clock: Callable[[], float] = time.time
) -> None:
    """Answers the slicer at the other end of `channel` until that end is closed."""
    await _give_keys(agent, *await asyncio.open_connection(sock=channel, limit=MAX_LINE), clock)


async def _give_keys(
    agent: Agent,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    clock: Callable[[], float],
) -> None:
    while line := await reader.readline():
        try:
            answer = agent.unit_keys(KeyRequest.model_validate_json(line), now=int(clock()))
        except (SkerryError, ValidationError) as error:
            _log.warning("refused to the slicer: %s", type(error).__name__)
            answer = KeyAnswer(refused=error.public if isinstance(error, SkerryError) else "unread")
        writer.write(answer.model_dump_json().encode() + b"\n")
        await writer.drain()


@dataclass(frozen=True, slots=True)
class KeyDoor:
    """Where slicers that somebody else starts, under a user of their own, ask for keys: only that
    user is answered, whoever can open the socket."""

    path: Path
    user: int

    async def open(self, agent: Agent, *, clock: Callable[[], float] = time.time) -> asyncio.Server:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                if self._is_for(writer):
                    await _give_keys(agent, reader, writer, clock)
                else:
                    _log.warning("a caller of another user was dropped")
            except (OSError, ValueError) as error:
                _log.warning("a slicer was dropped: %s", type(error).__name__)
            finally:
                writer.close()

        return await listen(serve, self.path, for_group=True)

    def _is_for(self, writer: asyncio.StreamWriter) -> bool:
        line: Socket = writer.get_extra_info("socket")
        _pid, user, _group = struct.unpack(
            "3i", line.getsockopt(SOL_SOCKET, SO_PEERCRED, struct.calcsize("3i"))
        )
        return bool(user == self.user)


@dataclass(frozen=True, slots=True)
class _Slicer:
    """Held while it runs: letting go of the process would close its standard input."""

    process: asyncio.subprocess.Process
    keys: asyncio.Task[None]


async def _start_slicer(agent: Agent, socket: Path, vault: Path) -> _Slicer:
    """A process that only this one can give keys to; it ends when its standard input closes."""
    ours, theirs = socketpair()
    with theirs:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "streams.slicer",
            "--socket", str(socket), "--vault", str(vault), "--channel", str(theirs.fileno()),
            stdin=asyncio.subprocess.PIPE, pass_fds=(theirs.fileno(),),
            env={**os.environ, **_KEEP_MEMORY},
        )  # fmt: skip
    return _Slicer(process, asyncio.create_task(serve_keys(agent, ours)))


async def _run(agent: Agent, given: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if given.until_eof:
        # The pipe closes however the node ends, kill -9 included: no key outlives its node.
        loop.add_reader(sys.stdin.fileno(), stop.set)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    servers = [await AgentServer(agent).start(given.socket, for_group=given.group)]
    if given.keys_socket is not None:
        door = KeyDoor(given.keys_socket, pwd.getpwnam(given.keys_user).pw_uid)
        servers.append(await door.open(agent))
    beside = [await _start_slicer(agent, path, agent.vault.root) for path in given.slicer]
    sys.stdout.write("key agent ready\n")
    sys.stdout.flush()
    await stop.wait()
    for server in servers:
        server.close()
        await server.wait_closed()
    for one in beside:
        one.keys.cancel()
        one.process.terminate()
        await one.process.wait()
    await asyncio.to_thread(given.socket.unlink, missing_ok=True)


def _recording(socket: Path | None) -> Note:
    """Into the node's record, where a process of its own writes that; else the web process alone
    records."""
    if socket is None:
        return _nothing
    record = RecordClient(socket, pseudonym_key=os.urandom(32))  # the permit names nobody else

    def note(kind: str, permit: Permit) -> None:
        record.append(kind, {"permit": permit.permit_id, "by": permit.subject})

    return note


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after a stop by signal, 2 for a key or setting that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m streams.agent", description=__doc__)
    parser.add_argument(
        "--key", type=Path, required=True,
        help="the node's Crypt4GH secret key; its next and old ones beside it are used too",
    )  # fmt: skip
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--permit-key", required=True, help="hex of the node's Ed25519 public key")
    parser.add_argument("--audience", required=True, help="the node's public URL")
    parser.add_argument("--vault", type=Path, required=True)
    parser.add_argument(
        "--slicer", type=Path, action="append", default=[],
        help="start a slicer that listens on this socket; repeatable",
    )  # fmt: skip
    parser.add_argument("--group", action="store_true", help="open the socket to the own group")
    parser.add_argument("--keys-socket", type=Path, help="where slicers of --keys-user ask")
    parser.add_argument("--keys-user", help="the user that slicers run as")
    parser.add_argument("--record", type=Path, help="the record writer's socket")
    parser.add_argument("--until-eof", action="store_true", help="stop when stdin closes")
    given = parser.parse_args(arguments)
    if (given.keys_socket is None) != (given.keys_user is None):
        parser.error("--keys-socket and --keys-user go together")
    logging.basicConfig(level=logging.INFO, format="key agent: %(message)s")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the key
    try:
        secrets = KeyRing(given.key)
        secrets()
        agent = Agent(
            secrets=secrets,
            permit_key=bytes.fromhex(given.permit_key),
            audience=given.audience,
            vault=Vault(given.vault),
            note=_recording(given.record),
        )
    except (SkerryError, OSError, ValueError) as error:
        _log.error("cannot start: %s", error)
        return 2
    asyncio.run(_run(agent, given))
    return 0


if __name__ == "__main__":
    sys.exit(main())
