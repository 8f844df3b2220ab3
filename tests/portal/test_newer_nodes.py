"""A portal whose nodes are of a later version: what they tell besides is read past, but nowhere
where a right or a signature lies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from tests.support.access_node import NOW, AccessNode, at
from tests.support.run_node import RunNode
from tests.support.signed_in_portal import Signed, SmallNode, signed_in

pytestmark = [pytest.mark.live, pytest.mark.anyio]

TABLE = {"kind": "table", "rows": ["f", "m"], "columns": ["a", "b"], "cells": [[12, 40], [33, 18]]}
# What is sent back with an edit, carries a right or is signed.
EXACT = {"run", "data_use", "extent", "form", "evidence", "receipt"}
LATER = {"of_a_later_version": {"so": ["it", "goes"]}}


def grown(told: object) -> object:
    """With a member more in every object, but in those that are exact."""
    if isinstance(told, list):
        return [grown(one) for one in told]
    if isinstance(told, dict):
        return {k: v if k in EXACT else grown(v) for k, v in told.items()} | LATER
    return told


@dataclass
class Place:
    runs: RunNode
    request: str

    def node(self, told: Callable[[Any], object]) -> SmallNode:
        def more(app: FastAPI) -> None:
            self.runs.app(app)

            @app.middleware("http")
            async def _told(request: Request, answer: RequestResponseEndpoint) -> Response:
                given = await answer(request)
                body = b"".join([part async for part in given.body_iterator])  # type: ignore[attr-defined]  # Starlette gives a streaming response
                if request.url.path.startswith("/access/") and given.status_code == 200:
                    body = json.dumps(told(json.loads(body))).encode()
                return Response(body, given.status_code, media_type="application/json")

        return SmallNode(self.runs.access, more=more)

    def workspace(self, person: Signed) -> str:
        return f"/workspaces/{person.slug}/{self.runs.site.workspace_id}"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Grace has a request that was approved, a run under it, an output of that, an enquiry."""
    runs = RunNode(tmp_path, access=AccessNode(tmp_path))
    request = runs.approved()
    run, _ = runs.started()
    runs.airlock.offer(run, json.dumps(TABLE).encode(), workspace=runs.workspace(), now=NOW)
    runs.access.enquiries.ask("ds1", "Is it broad?", asker=at("grace"), now=NOW)
    yield Place(runs, request)
    runs.close()


async def test_what_newer_nodes_tell_besides_is_read_past(place: Place) -> None:
    async with signed_in(place.node(grown), "grace") as (grace,):
        workspace = (await grace.browser.get(place.workspace(grace))).text
        listed = (await grace.browser.get("/requests")).text
        enquiries = (await grace.browser.get("/enquiries")).text
        me = (await grace.browser.get("/me")).text
        one = (await grace.browser.get(f"/requests/{grace.slug}/{place.request}")).text
    for page in (workspace, listed, enquiries, me, one):
        assert "could not be read" not in page
    assert "released</span>" in workspace
    assert ">1 of 100</td>" in workspace
    assert "Sight" in listed
    assert "Eyes." in one
    assert "Is it broad?" in enquiries


def _with_another_bound(told: Any) -> object:
    for one in told.get("requests", ()):
        one["run"] |= LATER
    return told


async def test_a_bound_that_is_not_understood_is_not_left_out_of_a_request(place: Place) -> None:
    async with signed_in(place.node(_with_another_bound), "grace") as (grace,):
        page = (await grace.browser.get("/requests")).text
    assert "could not be read: list of requests" in page
    assert "Sight" not in page


def _with_more_of_a_site(told: Any) -> object:
    for one in told.get("runs", ()):
        one["evidence"] |= LATER
    return told


async def test_more_than_we_know_of_a_site_s_word_is_not_shown_as_the_whole(place: Place) -> None:
    async with signed_in(place.node(_with_more_of_a_site), "grace") as (grace,):
        page = (await grace.browser.get(place.workspace(grace))).text
    assert "could not be read: list of runs" in page
