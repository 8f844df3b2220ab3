"""A result is opened only where the node signed it: this output, for this key, whole."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio.from_thread
import anyio.to_thread
import httpx
import pytest

from streams.keys import SecretKey
from streams.small import seal_to
from tests.support.access_node import NOW, URL, at
from tests.support.run_node import RunNode
from tests.support.sealing_node import client_of
from workspaces import results
from workspaces.errors import AddressInvalid, NodeRefused, ReleaseUntrue
from workspaces.results import Result

pytestmark = pytest.mark.anyio

TABLE = {"kind": "table", "rows": ["f", "m"], "columns": ["a", "b"], "cells": [[12, 40], [33, 18]]}
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunNode]:
    made = RunNode(tmp_path)
    yield made
    made.close()


def released(node: RunNode, secret: SecretKey) -> str:
    node.approved()
    run, _ = node.started()
    raw = json.dumps(TABLE).encode()
    found = node.airlock.offer(run, raw, workspace=node.workspace(), now=NOW)
    node.keys.register(at("grace"), secret.public, now=NOW)
    return found.candidate_id


async def take(
    node: RunNode,
    output: str,
    secret: SecretKey,
    *,
    change: Change = lambda _: None,
    node_key: bytes | None = None,
) -> Result:
    """`change` does what somebody between could do to the answer."""
    async with node.client() as served:

        async def ask(request: httpx.Request) -> httpx.Response:
            headers = {"x-test-person": "grace"}
            answer = await served.request(request.method, str(request.url), headers=headers)
            body = answer.json()
            change(body)
            return httpx.Response(answer.status_code, content=json.dumps(body).encode())

        def run() -> Result:
            with client_of(lambda request: anyio.from_thread.run(ask, request)) as http:
                return results.take(
                    URL, output, secret=secret, token="t", http=http,
                    node_key=node_key or node.node_key.public_key().public_bytes_raw(),
                )  # fmt: skip

        return await anyio.to_thread.run_sync(run)


async def test_a_released_result_is_opened(node: RunNode) -> None:
    secret = SecretKey.generate()
    found = await take(node, released(node, secret), secret)
    assert json.loads(found.content) == TABLE
    assert found.manifest.dataset == "ds1"


async def test_what_another_key_signed_is_not_believed(node: RunNode) -> None:
    secret = SecretKey.generate()
    other = RunNode.__name__.encode().ljust(32, b"x")
    with pytest.raises(ReleaseUntrue, match="did not sign"):
        await take(node, released(node, secret), secret, node_key=other)


@pytest.mark.parametrize("member", ["sha256", "size", "candidate", "dataset", "issued"])
async def test_a_manifest_that_was_changed_is_not_believed(node: RunNode, member: str) -> None:
    secret = SecretKey.generate()

    def change(body: dict[str, Any]) -> None:
        value = body["manifest"][member]
        body["manifest"][member] = value + 1 if isinstance(value, int) else value[::-1]

    with pytest.raises(ReleaseUntrue):
        await take(node, released(node, secret), secret, change=change)


async def test_another_content_under_the_same_manifest_is_not_believed(node: RunNode) -> None:
    secret = SecretKey.generate()

    def change(body: dict[str, Any]) -> None:
        sealed = seal_to(secret.public, b'{"kind":"table"}')
        body["sealed"] = base64.b64encode(sealed).decode()

    with pytest.raises(ReleaseUntrue, match="not the result"):
        await take(node, released(node, secret), secret, change=change)


@pytest.mark.parametrize("sealed", ["", "!!", "AAAA"])
async def test_what_does_not_open_is_refused(node: RunNode, sealed: str) -> None:
    secret = SecretKey.generate()

    def change(body: dict[str, Any]) -> None:
        body["sealed"] = sealed

    with pytest.raises(ReleaseUntrue):
        await take(node, released(node, secret), secret, change=change)


async def test_a_result_for_another_key_is_said_to_be_so(node: RunNode) -> None:
    output = released(node, SecretKey.generate())
    with pytest.raises(ReleaseUntrue, match="another key"):
        await take(node, output, SecretKey.generate())


async def test_another_output_of_the_same_node_is_refused(node: RunNode) -> None:
    secret = SecretKey.generate()
    output = released(node, secret)
    with pytest.raises(NodeRefused):
        await take(node, "out-unknown", secret)
    with pytest.raises(AddressInvalid):
        await take(node, f"../{output}", secret)
