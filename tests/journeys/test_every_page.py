"""Every page of the portal and of a node, taken from the applications' own routes, is looked at by
axe-core light and dark, at 1280 and 320 pixels: WCAG 2.2 AA, 1.4.10 reflow, 2.4.7 focus visible.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import Page

from access.recipients import Recipients
from access.requests.lifecycle import Step
from gateway.pages import render
from schemas.grants import StepBody
from tests.gateway.admin.test_datasets import load
from tests.gateway.admin.test_onboarding import described
from tests.gateway.admin.test_policies import OPEN, activate
from tests.gateway.test_airlock_pages import OTHER, Served
from tests.portal.test_federations import ROUNDS, Place
from tests.portal.test_federations import place as federation  # noqa: F401 - a fixture
from tests.support.access_node import AccessNode, at, signed_key
from tests.support.admin_node import POLICY, AdminNode
from tests.support.admin_node import at as admin_at
from tests.support.looked_at import chromium, filled, opened, pages_of, window, wrong_with
from tests.support.loopback import served
from tests.support.run_node import NOW, RunNode
from tests.support.signed_in_portal import SmallNode, signed_in

pytestmark = [pytest.mark.live, pytest.mark.anyio, pytest.mark.program("chromium")]

# What a GET of the portal reaches and is no page: for machines, or a file, or events.
PORTAL_FILES = frozenset(
    {"/openapi.json", "/.well-known/jwks.json", "/service-info", "/services", "/services/types",
     "/services/{slug}", "/api/nodes", "/livez", "/readyz", "/metrics", "/auth/login",
     "/auth/callback", "/search/{search_id}/events", "/search/{search_id}/answers.json",
     "/search/{search_id}/answers.csv", "/federations/{name}/runs/{number}/events",
     "/workspaces/{slug}/{workspace_id}/results/{output}",
     "/requests/{slug}/{request_id}/attachments/{attachment_id}"}
)  # fmt: skip
# The same of a node.
NODE_FILES = frozenset(
    {"/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc", "/static/{name}", "/signin",
     "/signin/done", "/requests/{request_id}/export", "/airlock/{candidate_id}/result",
     "/requests/{request_id}/attachments/{attachment_id}", "/admin/record/checkpoint",
     "/admin/record/{number}/proof", "/admin/onboarding/{plan_id}/report"}
)  # fmt: skip
QUERIES = {"/requests/new": "?dataset=isle", "/basket": "?dataset={slug}/ds1"}
# Doors of a node that programs use, by the room they begin with.
MACHINES = ("/access", "/htsget", "/refget", "/seqcol", "/.well-known")


@dataclass(frozen=True, slots=True)
class World:
    """An application with something on each of its pages."""

    client: httpx.AsyncClient
    values: Mapping[str, str]  # of the variables in its paths


def _paths(app: FastAPI, *, files: frozenset[str], machines: Collection[str] = ()) -> list[str]:
    found = {path for path in pages_of(app) if not path.startswith(tuple(machines))}
    assert files <= found, f"no longer there: {files - found}"
    return sorted(found - files)


async def _looked_at(world: World, paths: Collection[str]) -> dict[str, list[str]]:
    """What is wrong with each; all of a world in one window."""
    wrong: dict[str, list[str]] = {}
    addresses = {path: filled(path + QUERIES.get(path, ""), world.values) for path in paths}
    async with chromium() as browser, window(browser, world.client) as page:
        for path, address in addresses.items():
            said = await opened(page, world.client, address)
            if not said:
                said = await wrong_with(page)
            await _kept(page, path)
            if said:
                wrong[path] = said
    return wrong


async def _kept(page: Page, path: str) -> None:
    """A picture of the page as it was looked at last, dark and narrow, where they are wanted."""
    folder = os.environ.get("SKERRY_ARTIFACTS")
    if folder:
        name = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "first"
        await page.screenshot(path=Path(folder) / "pages" / f"{name}.png", full_page=True)


@asynccontextmanager
async def portal_world(folder: Path, north: Place) -> AsyncIterator[tuple[World, FastAPI]]:
    """Grace's, who is an admin of the portal too, before one node and one coordinator."""
    north.begun("7", present=["oslo", "turku"], missing={"aarhus": "lost"}, sums=30, rounds=ROUNDS)
    runs = RunNode(folder, access=AccessNode(folder))
    runs.approved()
    started, _ = runs.started()
    runs.airlock.offer(started, json.dumps(OTHER).encode(), workspace=runs.workspace(), now=NOW)
    room = runs.access
    request = room.submitted(runs.site.workspace_id)
    room.take(request, Step.RETURN, by="dora", body=StepBody(note="Say more of the methods."))
    async with served(north.app()) as coordinator:
        more = {
            "coordinators": ({"name": "north", "url": coordinator, "token_file": north.token},),
            "searches_file": folder / "searches.db",
            "nodes_file": folder / "nodes.db",
            "admins": (at("grace"),),
        }  # fmt: skip
        node = SmallNode(room, more=runs.app)
        async with signed_in(node, "grace", more=more) as (grace,):
            for path, fields in {
                "/searches": {"q": "1:10177 A>AC", "name": "Mine"},
                "/join": {"address": "https://beacon.example/api", "kind": "beacon"},
                f"/contact/{grace.slug}/ds1": {"text": "Are ages known?"},
            }.items():
                sent = await grace.post(path, **fields)
                assert sent.status_code in (200, 303), (path, sent.text)
            asked = await grace.post("/search", q="1:10177 A>AC")
            kept = re.search(r"/search/([^/\"]+)/answers.csv", asked.text)
            assert kept is not None, asked.text
            values = {"slug": grace.slug, "dataset_id": "ds1", "request_id": request,
                      "workspace_id": runs.site.workspace_id, "name": "north", "number": "7",
                      "search_id": kept[1]}  # fmt: skip
            yield World(grace.browser, values), grace.app
    runs.close()


@asynccontextmanager
async def node_world(folder: Path) -> AsyncIterator[tuple[World, FastAPI]]:
    """Adam's, who is its admin, on the committee and a requester too: all rooms are his."""
    incoming = folder / "incoming"
    (incoming / "isle").mkdir(parents=True)
    (incoming / "isle" / "individuals.json").write_text('[{"id": "P1"}]', encoding="utf-8")
    node = AdminNode(folder, changed={"import_folder": str(incoming)})
    load(node, "P1")
    load(node, "P1", "P2")
    adam = node.browser("adam")
    plan = (await described(adam)).rpartition("/")[2]
    await activate(adam, POLICY, reason="The first.")
    await activate(adam, {**OPEN, "second_person": ["policies"]})
    change = (await activate(adam, POLICY)).rpartition("/")[2]
    recipients = Recipients(node.node.store, record=node.node.record)
    registered = recipients.register(
        signed_key(bytes([7]) * 32),
        owner=admin_at("adam"),
        audience=node.settings.public_url,
        seal=lambda _key, _text: b"sealed",
        now=node.now,
    )
    fields = {"dataset": "isle", "project": "Hearts", "purpose": "To learn.", "months": "6",
              "workspace": registered.workspace_id}  # fmt: skip
    made = await adam.send("/requests/new", **fields)
    assert made.status_code == 303, made.text
    values = {"plan_id": plan, "change_id": change, "dataset": "isle", "number": "1",
              "request_id": made.headers["location"].rpartition("/")[2]}  # fmt: skip
    yield World(adam.http, values), node.app
    await node.close()


async def test_every_page_of_the_portal(tmp_path: Path, federation: Place) -> None:  # noqa: F811
    async with portal_world(tmp_path, federation) as (world, app):
        paths = _paths(app, files=PORTAL_FILES, machines=("/beacon",))
        assert await _looked_at(world, paths) == {}


async def test_every_page_of_a_node(tmp_path: Path) -> None:
    elsewhere = {"/airlock/{candidate_id}"}  # below, where something waits there
    async with node_world(tmp_path) as (world, app):
        paths = set(_paths(app, files=NODE_FILES, machines=MACHINES)) - elsewhere
        assert await _looked_at(world, sorted(paths)) == {}


async def test_the_airlock_with_something_in_it(tmp_path: Path) -> None:
    office = Served(tmp_path)
    office.app.add_api_route("/static/{name}", render.asset)
    values = {"candidate_id": office.offered(OTHER)}
    async with office.browser("dora") as dora:
        wrong = await _looked_at(World(dora, values), ["/airlock", "/airlock/{candidate_id}"])
    office.node.close()
    assert wrong == {}
