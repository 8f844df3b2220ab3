"""A workspace's page: what may come in, what runs, what came out, over a node's real doors."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

    def offered(self, *documents: object, **terms: Any) -> list[str]:
        """Outputs of one run, by id."""
        self.runs.approved(self.runs.terms(**terms))
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


async def test_it_says_what_the_runs_of_a_request_have_spent(place: Place) -> None:
    # Far above the floor: no noise that can be drawn reaches it.
    place.offered(
        TABLE | {"cells": [[90_000, 90_000], [90_000, 90_000]]},
        TABLE | {"cells": [[90_001, 90_000], [90_000, 90_000]]},
        releases=1_200,
        privacy={"epsilon": 1.0, "per_table": 0.25, "delta": 1e-9},
    )
    async with signed_in(place.node, "grace") as (grace,):
        path = place.path(grace)
        page = " ".join((await grace.browser.get(path)).text.split())
        german = await grace.browser.get(path, headers={"Accept-Language": "de"})
    assert "0.500 of 1.000, at delta 1e-09, for 2 noisy tables</td>" in page
    assert ">2 of 1,200</td>" in page
    assert " of 64.0 MiB</td>" in page
    assert "0,500 von 1,000, bei Delta 1e-09, für 2 verrauschte Tabellen</td>" in german.text
    assert ">2 von 1.200</td>" in german.text


async def test_of_a_permit_without_a_privacy_budget_it_says_so(place: Place) -> None:
    place.offered(TABLE)
    async with signed_in(place.node, "grace") as (grace,):
        page = (await grace.browser.get(place.path(grace))).text
    assert ">1 of 100</td>" in page
    assert "The permit sets no privacy budget." in page
    assert "noisy" not in page


async def test_where_nothing_ran_or_a_node_tells_no_budgets_no_figure_is_shown(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with signed_in(place.node, "grace") as (grace,):
        nothing = (await grace.browser.get(place.path(grace))).text
        place.offered(TABLE)
        monkeypatch.setattr(place.runs.airlock, "budgets", lambda _starts: ())
        untold = (await grace.browser.get(place.path(grace))).text
    assert "Outputs released" not in nothing
    assert "Outputs released" not in untold
    assert "released</span>" in untold


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
