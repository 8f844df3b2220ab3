"""One site whole: a node that releases and has an airlock, a workspace, an engine of one process.

The engine is no federation's: it runs one program in the real sandbox, which reads what was staged
and prints an output. What it may see, and when it ends, is the supervisor's doing.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import httpx

from streams.vault import SealedObject
from tests.support.access_node import URL
from tests.support.release_node import ReleaseNode
from tests.support.run_node import APPLICATION, ENVIRONMENT, RunNode, Site
from tests.support.sealing_node import client_of
from workspaces import keys, private, settings
from workspaces.engine.federation import SiteBundle
from workspaces.engine.port import Node, Outcome, SiteNode
from workspaces.keys import WorkspaceKeys
from workspaces.order import Order, Staged
from workspaces.sandbox import Ended as Finished
from workspaces.sandbox import Profile, Sandbox
from workspaces.settings import PinnedNode
from workspaces.supervisor import Ended, Outputs, supervise

MARK = b"plaintext of person 4711 "
CALLS = MARK * 4_000
COUNT = """
import json, pathlib, sys
calls = next(pathlib.Path(sys.argv[1]).iterdir()).read_bytes()
print(json.dumps({"kind": "table", "rows": ["calls"], "columns": ["lines"],
                  "cells": [[calls.count(b"4711")]]}))
"""


@dataclass
class OneNode:
    """A program that runs, as the engine's port has it."""

    site: SiteNode
    sandbox: Sandbox
    public_key: str = field(default_factory=lambda: os.urandom(16).hex())
    finished: Finished | None = None
    stopped: bool = False

    @property
    def running(self) -> bool:
        return not self.stopped

    @property
    def outcome(self) -> Outcome | None:
        return Outcome.STOPPED if self.stopped else None

    @property
    def traffic(self) -> tuple[int, int]:
        return 0, 0

    @property
    def log(self) -> str:
        return ""


@dataclass
class OneProgram:
    """Runs `script` with Python inside; the data folder is its first argument."""

    script: str
    nodes: list[OneNode] = field(default_factory=list)
    keep: Path | None = None  # takes what a real engine's key file would be

    async def start_node(self, site: SiteNode) -> OneNode:
        (site.run_folder / "engine.key").write_bytes(MARK)
        profile = Profile(
            data_bytes=site.data_bytes,
            memory_bytes=2 << 30,
            seconds=site.seconds,
            readable=(site.data_folder,),
            trial=None if site.confined else site.run_folder,
        )
        program = ["python3", "-c", self.script, str(site.data_folder)]
        node = OneNode(site, await Sandbox.start(profile, program))
        self.nodes.append(node)
        return node

    async def stop_node(self, node: Node) -> None:
        assert isinstance(node, OneNode)
        await node.sandbox.stop()
        node.stopped = True


async def printed(node: Node) -> Sequence[bytes]:
    """What the program printed, when it has ended."""
    assert isinstance(node, OneNode)
    node.finished = await node.sandbox.ended()
    return [node.finished.output] if node.finished.code == 0 else []


@dataclass
class Trial:
    """`silent` answers nothing while it is set, as a network does that is cut `cut` times."""

    folder: Path
    silent: bool = False
    cut: int = 0

    def __post_init__(self) -> None:
        (self.folder / "node").mkdir()
        self.release = ReleaseNode(self.folder / "node")
        self.run_node = RunNode(self.folder / "node", access=self.release.access)
        self.held = self._workspace()
        self.sealed: SealedObject = self.release.seal(CALLS, "ds1/calls", kind="file", form="FILE")
        self.private = private.PLACE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release.close()
        assert self.left() == []

    def _workspace(self) -> WorkspaceKeys:
        held = keys.init(self.folder / "lab", "lab")
        site = Site(identity=held.identity, secret=held.secret)
        access = self.run_node.access
        made = access.recipients.register(
            _offer(held), owner="grace@http://127.0.0.1:8179", audience=URL,
            seal=access.seal, now=access.clock(),
        )  # fmt: skip
        answer = access.secrets[held.public_key]
        owner = "grace@http://127.0.0.1:8179"
        access.recipients.prove(made.workspace_id, answer, owner=owner, now=access.clock())
        admin = "adam@http://127.0.0.1:8179"
        access.recipients.confirm(made.workspace_id, admin=admin, now=access.clock())
        site.workspace_id = made.workspace_id
        self.run_node.site = site
        manifest_key = self.release.node_key.public_key().public_bytes_raw().hex()
        self.run_node.node_key = self.release.node_key
        self.run_node.runs._key = self.release.node_key  # one node has one key
        pinned = PinnedNode(url=URL, manifest_key=manifest_key, workspace_id=made.workspace_id)
        settings.save(held.folder, settings.pin(held.settings, pinned))
        return keys.load(held.folder)

    def order(self, **more: Any) -> Order:
        bundle = SiteBundle(
            federation="f", site="one", coordinator="127.0.0.1:1", registrar="https://127.0.0.1:1",
            authority="-", roster={"one": self.run_node.site.fingerprint}, least_sites=3,
        )  # fmt: skip
        given: dict[str, Any] = {
            "node_url": URL,
            "dataset": "ds1",
            "objects": (Staged("ds1/calls", "file"),),
            "application": APPLICATION,
            "environment": ENVIRONMENT,
            "site": bundle,
            "poll_seconds": 0.2,
            "place": self.private,
        }
        return Order(**(given | more))

    @asynccontextmanager
    async def line(self) -> AsyncIterator[httpx.Client]:
        """The workspace's client; its requests are answered by the node's application."""
        loop = asyncio.get_running_loop()
        app = self.run_node.app(self.release.app())
        transport = httpx.ASGITransport(app)
        async with (
            self.release.agent_running(),
            httpx.AsyncClient(transport=transport, base_url=URL) as served,
        ):

            async def ask(request: httpx.Request) -> httpx.Response:
                if self.silent:
                    self.cut += 1
                    raise httpx.ConnectError("cut", request=request)
                headers = {**request.headers, "x-test-person": "grace"}
                answer = await served.request(
                    request.method, str(request.url), headers=headers, content=request.content
                )
                return httpx.Response(
                    answer.status_code, headers=answer.headers, content=answer.content
                )

            def answered(request: httpx.Request) -> httpx.Response:
                return asyncio.run_coroutine_threadsafe(ask(request), loop).result(600)

            with client_of(answered) as http:
                yield http

    async def run(self, engine: OneProgram, *, outputs: Outputs = printed, **more: Any) -> Ended:
        async with self.line() as http:
            return await supervise(
                self.held.folder,
                self.order(**more),
                engine=engine,
                token="who asks is told by x-test-person",
                outputs=outputs,
                http=http,
                clock=lambda: float(self.release.clock()),
            )

    def left(self) -> list[Path]:
        """Private folders of this workspace that are there."""
        owner = self.run_node.site.fingerprint[:16]
        return list(self.private.glob(f"skerry-{owner}-*"))


def _offer(held: WorkspaceKeys) -> Any:
    from access.recipients import NewKey

    signature = held.identity.sign(held.public_key)
    return NewKey("lab", held.public_key, held.identity_key, signature)


__all__ = ["CALLS", "COUNT", "MARK", "OneProgram", "Trial", "json", "printed", "replace"]
