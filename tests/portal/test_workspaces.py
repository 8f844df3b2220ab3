"""A workspace's page: what may come in, what runs, what came out, over a node's real doors."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from portal.workspaces import public_key
from schemas.errors import InvalidInput
from streams.keys import SecretKey, public_pem
from tests.support.access_node import NOW, AccessNode
from tests.support.run_node import RunNode, opened
from tests.support.signed_in_portal import Signed, SmallNode, signed_in

pytestmark = [pytest.mark.live, pytest.mark.anyio]

TABLE = {"kind": "table", "rows": ["f", "m"], "columns": ["a", "b"], "cells": [[12, 40], [33, 18]]}
SMALL = TABLE | {"cells": [[1, 2], [3, 4]]}


@dataclass
class Place:
    node: SmallNode
    runs: RunNode

    def path(self, person: Signed) -> str:
        return f"/workspaces/{person.slug}/{self.runs.site.workspace_id}"

    def offered(self, *documents: object) -> list[str]:
        """Outputs of one run, by id."""
        self.runs.approved()
        run, _ = self.runs.started()
        workspace = self.runs.workspace()
        return [
            self.runs.airlock.offer(
                run, json.dumps(one).encode(), workspace=workspace, now=NOW
            ).candidate_id
            for one in documents
        ]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    runs = RunNode(tmp_path, access=AccessNode(tmp_path))
    yield Place(SmallNode(runs.access, more=runs.app), runs)
    runs.close()


async def test_a_result_is_taken_sealed_to_the_key_that_was_registered(place: Place) -> None:
    released, _ = place.offered(TABLE, SMALL)
    secret = SecretKey.generate()
    async with signed_in(place.node, "grace") as (grace,):
        path = place.path(grace)
        listed = (await grace.browser.get("/workspaces")).text
        before = (await grace.browser.get(path)).text
        early = await grace.browser.get(f"{path}/results/{released}")
        pem = public_pem(secret.public).decode()
        kept = await grace.post(path, do="key", text=pem)
        page = (await grace.browser.get(path)).text
        taken = await grace.browser.get(f"{path}/results/{released}")
    assert f'href="{path}"' in listed
    assert "Register a key below first" in before
    assert early.status_code == 400
    assert kept.status_code == 303
    assert f"{path}/results/{released}" in page
    assert taken.headers["content-disposition"] == 'attachment; filename="result.c4gh"'
    assert json.loads(opened(taken.content, secret)) == TABLE


async def test_it_shows_what_may_come_in_and_what_runs(place: Place) -> None:
    place.offered()
    async with signed_in(place.node, "grace") as (grace,):
        page = (await grace.browser.get(place.path(grace))).text
    assert "Sight" in page
    assert "confirmed" in page
    assert "Nothing was offered to leave." in page


async def test_what_the_checker_refused_can_be_contested_once(place: Place) -> None:
    (refused,) = place.offered(SMALL)
    async with signed_in(place.node, "grace") as (grace,):
        path = place.path(grace)
        page = (await grace.browser.get(path)).text
        sent = await grace.post(path, do="contest", output=refused, text="Both groups are public.")
        after = (await grace.browser.get(path)).text
        again = await grace.post(path, do="contest", output=refused, text="Please.")
    assert "Ask for a review" in page
    assert sent.status_code == 303
    assert "contested" in after
    assert "Ask for a review" not in after
    assert again.status_code == 400
    assert "Not done." in again.text


async def test_it_is_its_owners_alone(place: Place) -> None:
    (released,) = place.offered(TABLE)
    async with signed_in(place.node, "grace", "mallory", "dora") as (grace, mallory, dora):
        path = place.path(grace)
        codes = [
            (await one.browser.get(there)).status_code
            for one in (mallory, dora)
            for there in (path, f"{path}/results/{released}")
        ]
        theirs = (await mallory.browser.get("/workspaces")).text
        wrong = [
            (await grace.browser.get(f"{path}/results/out-0")).status_code,
            (await grace.browser.get(f"/workspaces/{grace.slug}/ws-0")).status_code,
            (await grace.post(path, do="approve", output=released)).status_code,
            (await grace.browser.post(path, data={"do": "key"})).status_code,
            (await mallory.post(path, do="contest", output=released, text="x")).status_code,
        ]
        grace.browser.cookies.clear()
        nobody = (await grace.browser.get(path)).status_code
    assert codes == [404, 404, 404, 404]
    assert "You have registered none." in theirs
    assert wrong == [404, 404, 400, 403, 404]
    assert nobody == 401


async def test_a_node_without_such_doors_leaves_a_sentence(place: Place) -> None:
    place.node.more = None
    async with signed_in(place.node, "grace") as (grace,):
        page = await grace.browser.get(place.path(grace))
    assert page.status_code == 200
    assert "Missing:" in page.text
    assert "confirmed" in page.text


@pytest.mark.parametrize(
    "written",
    ["", "ssh-ed25519 AAAA", base64.b64encode(b"x" * 32).decode(), "x" * 10_000,
     "-----BEGIN CRYPT4GH PUBLIC KEY-----\nAAAA\n-----END CRYPT4GH PUBLIC KEY-----",
     "-----BEGIN CRYPT4GH PUBLIC KEY-----\nA\n-----END CRYPT4GH PUBLIC KEY-----",
     "-----BEGIN CRYPT4GH PRIVATE KEY-----\nAAAA\n-----END CRYPT4GH PRIVATE KEY-----"],
)  # fmt: skip
def test_what_is_no_public_key_is_not_sent(written: str) -> None:
    with pytest.raises(InvalidInput):
        public_key(written)
