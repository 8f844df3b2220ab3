"""Journey 3: access is asked for in the portal, approved, and the sealed release opened in a
workspace; then everything that must be refused, and its place in the record.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import cast

from gateway import demo_setup
from gateway.errors import DemoError
from gateway.smoke_walk import Walk, expect
from streams.keys import SecretKey
from workspaces import inbox, keys, settings


async def journey(walk: Walk) -> str:
    """Rosa asks, the committee approves, the workspace fetches; then everything that must fail."""
    plan, url = walk.federation.plans[0][0], walk.urls[0]
    sealed = next(item for item in plan.objects if item.kind in {"reads", "variants"})
    folder = walk.federation.folder / "rosa-workspace"
    keys.init(folder, "rosa-workspace")
    before = await walk.people.passport("rosa", url)
    await _refused(walk, sealed.object_id, sealed.kind, before, why="without a grant")
    theirs = await walk.people.passport("rosa", url)
    done = await asyncio.to_thread(
        keys.register,
        url,
        theirs,
        folder=folder,
        manifest_key=bytes.fromhex(walk.federation.homes[0].public_key_hex()),
    )
    await demo_setup.call(
        walk.http,
        "POST",
        f"{url}/access/workspaces/{done.workspace_id}/confirm",
        token=await walk.people.passport("adam", url),
    )
    await demo_setup.approve_request(
        walk.http, walk.people, url, datasets=[plan.source.id], account="rosa",
        workspace=done.workspace_id,
    )  # fmt: skip
    token = await walk.people.passport("rosa", url)
    delivery = await asyncio.to_thread(
        inbox.fetch,
        folder=folder,
        node_url=url,
        object_id=sealed.object_id,
        kind=cast("inbox.Kind", sealed.kind),
        token=token,
    )
    arrived = settings.data_folder(folder) / delivery.path
    expect("the plaintext that arrived", _sha256(sealed.path), _sha256(arrived))
    await _refused(walk, sealed.object_id, sealed.kind, before, why="with the earlier passport")
    other = SecretKey.generate().public
    await _refused(walk, sealed.object_id, sealed.kind, token, why="for another key", key=other)
    refusals = _recorded(walk.federation.homes[0].record, "release.refused")
    if refusals < 3:
        raise DemoError(f"refusals on record: expected at least 3, got {refusals}")
    return (
        f"{sealed.object_id} fetched, {delivery.plain_size} bytes equal to what was "
        f"loaded; refused without a grant, with an old passport, for another key; "
        f"{refusals} refusals on record"
    )


async def _refused(
    walk: Walk, object_id: str, kind: str, token: str, *, why: str, key: bytes | None = None
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    if key is not None:
        headers["X-C4GH-Public-Key"] = _pem(key)
    answer = await walk.http.get(f"{walk.urls[0]}/htsget/{kind}/{object_id}", headers=headers)
    expect(f"a ticket {why}", 403, answer.status_code)


def _pem(public: bytes) -> str:
    import base64

    body = base64.b64encode(public).decode()
    text = f"-----BEGIN CRYPT4GH PUBLIC KEY-----\n{body}\n-----END CRYPT4GH PUBLIC KEY-----\n"
    return base64.b64encode(text.encode()).decode()


def _recorded(record: Path, kind: str) -> int:
    lines = record.read_text(encoding="utf-8").splitlines()
    return sum(1 for line in lines if json.loads(line).get("kind") == kind)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
