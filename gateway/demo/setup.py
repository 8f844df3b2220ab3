"""Makes a running demo lived-in: the workspace confirmed at every node, Grace granted everywhere.

By the same doors a hospital would use: Grace registers the workspace and asks, Dora's committee
approves, Adam confirms the key. Rosa has asked for nothing yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from gateway.demo.people import People
from gateway.demo.preparing import COMMITTEE, RESEARCHERS, Federation
from gateway.errors import DemoError
from workspaces import keys

_SECONDS = 60.0


def client() -> httpx.AsyncClient:
    """For calls between parts of one demo: loopback, so no proxy from the environment."""
    return httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False, trust_env=False)


async def call(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    token: str | None = None,
    body: Mapping[str, object] | None = None,
) -> Mapping[str, object]:
    """The JSON object a node answers; raises `DemoError` with its own words otherwise."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = await http.request(method, url, headers=headers, json=body)
    if not answer.is_success:
        raise DemoError(f"{method} {url} answered {answer.status_code}: {answer.text[:300]}")
    found = answer.json()
    if not isinstance(found, dict):
        raise DemoError(f"{method} {url} did not answer a JSON object")
    return found


async def confirm_and_grant(federation: Federation) -> None:
    """Registers and confirms each researcher's workspace, and gives Grace a grant, everywhere."""
    async with client() as http:
        people = People(federation.addresses.signin, federation.client_secret, http)
        for node, url in enumerate(federation.addresses.node_urls):
            held = {
                account: await register_workspace(
                    federation, people, node, account=account,
                    folder=federation.workspace_of(account),
                )
                for account in RESEARCHERS
            }  # fmt: skip
            await approve_request(
                http,
                people,
                url,
                datasets=[plan.source.id for plan in federation.plans[node]],
                account="grace",
                workspace=held["grace"],
            )


async def register_workspace(
    federation: Federation, people: People, node: int, *, account: str, folder: Path
) -> str:
    """The id by which node number `node` (from 0) knows the workspace in `folder`, confirmed by its
    admin."""
    url = federation.addresses.node_urls[node]
    token = await people.passport(account, url)
    done = await asyncio.to_thread(
        keys.register,
        url,
        token,
        folder=folder,
        manifest_key=bytes.fromhex(federation.homes[node].public_key_hex()),
    )
    admin = await people.passport("adam", url)
    await call(
        people.http,
        "POST",
        f"{url}/access/workspaces/{done.workspace_id}/confirm",
        token=admin,
    )
    return done.workspace_id


async def approve_request(
    http: httpx.AsyncClient,
    people: People,
    url: str,
    *,
    datasets: Sequence[str],
    account: str,
    workspace: str,
    more: Mapping[str, object] | None = None,
) -> None:
    """Asks as `account`, approves as the committee, dataset by dataset; `more` is said besides."""
    for dataset in datasets:
        token = await people.passport(account, url)
        asked = await call(
            http,
            "POST",
            f"{url}/access/requests",
            token=token,
            body={
                "dataset": dataset,
                "purpose": "Trying the demo.",
                "project": "Skerry demo",
                "workspace": workspace,
                "months": 1,
                **(more or {}),
            },
        )
        place = f"{url}/access/requests/{asked['id']}"
        await call(http, "POST", f"{place}/submit", token=token, body={})
        for member in COMMITTEE:
            token = await people.passport(member, url)
            said = await call(http, "POST", f"{place}/approve", token=token, body={})
            if said["state"] != "submitted":  # enough have approved
                break
