"""The small process that alone holds the node's secret key and makes headers again.

Starts the slicers, which alone it gives keys to. What it does with a permit is `rewrapping`'s,
who can ask it `agent_doors`'.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import pwd
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from socket import socketpair

from access.record.client import RecordClient
from schemas.errors import SkerryError
from schemas.grants import Permit
from streams.agent_doors import AgentServer, KeyDoor, serve_keys
from streams.keyring import KeyRing
from streams.rewrapping import Agent, Note, unrecorded
from streams.vault import Vault

# glibc gives buffers of a mebibyte back at every turn: kept, a slicer passes twice as much per
# second of CPU.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "67108864"}

_log = logging.getLogger(__name__)


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
            env={**os.environ, **KEEP_MEMORY},
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
        server.close()  # what is still connected ends with the process
    for one in beside:
        one.keys.cancel()
        one.process.terminate()
        await one.process.wait()
    await asyncio.to_thread(given.socket.unlink, missing_ok=True)


def _recording(socket: Path | None) -> Note:
    """Into the node's record, where a process of its own writes that; else the web process alone
    records."""
    if socket is None:
        return unrecorded
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
