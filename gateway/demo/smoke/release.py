"""Journey 3: access is asked for in the portal, approved, and the sealed release opened in a
workspace; then everything that must be refused, and its place in the record.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from pathlib import Path
from typing import cast

from gateway.demo import setup
from gateway.demo.data import SealedFile
from gateway.demo.smoke import browser
from gateway.demo.smoke.walk import Walk, expect
from gateway.errors import DemoError
from passports.tokens import PASSPORT_TYP, VISA_TYP, SigningKey, sign
from streams.keys import SecretKey
from workspaces import inbox, settings

_REFUSALS = 4


async def journey(walk: Walk) -> str:
    """Rosa asks, the committee approves, the workspace fetches; the rest is refused."""
    plan, url = walk.federation.plans[0][0], walk.urls[0]
    sealed = next(item for item in plan.objects if item.kind in {"reads", "variants"})
    folder = walk.federation.workspace_of("rosa")
    before = await walk.people.passport("rosa", url)
    await _refused(walk, sealed, before, why="without a grant")
    dataset = plan.source.id
    request = await browser.ask_in_portal(walk, dataset, folder)
    committee = await walk.people.passport("dora", url)
    place = f"{url}/access/requests/{request}/approve"
    await setup.call(walk.http, "POST", place, token=committee, body={})
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
    await _refused(walk, sealed, before, why="without the visa, now that there is a grant")
    expired = _expired_passport(walk, dataset)
    await _refused(walk, sealed, expired, why="with an expired visa")
    other = SecretKey.generate().public
    await _refused(walk, sealed, token, why="for another workspace's key", key=other)
    refusals = _recorded(walk.federation.homes[0].record, "release.refused")
    if refusals < _REFUSALS:
        raise DemoError(f"refusals on record: expected at least {_REFUSALS}, got {refusals}")
    return (
        f"{sealed.object_id}: asked for in the portal, approved, {delivery.plain_size} bytes "
        f"opened in the workspace equal what was loaded; refused without the visa, with an "
        f"expired one, for another key; {refusals} refusals on record"
    )


def _expired_passport(walk: Walk, dataset: str) -> str:
    """A true Passport around a true visa of this node, whose hour is over."""
    url, issuer = walk.urls[0], walk.federation.addresses.signin
    now = int(time.time())
    visa = sign(
        {
            "iss": url,
            "sub": "rosa",
            "iat": now - 7200,
            "exp": now - 3600,
            "ga4gh_visa_v1": {
                "type": "ControlledAccessGrants",
                "asserted": now - 7200,
                "value": f"{url}/datasets/{dataset}",
                "source": url,
                "by": "dac",
            },
        },
        key=SigningKey.load(walk.federation.homes[0].visa_key),
        typ=VISA_TYP,
        jku=f"{url}/.well-known/jwks.json",
    )
    claims = {"iss": issuer, "sub": "rosa", "aud": url, "iat": now, "exp": now + 300}
    return sign(
        {**claims, "ga4gh_passport_v1": [visa]},
        key=SigningKey.load(walk.federation.signin_key),
        typ=PASSPORT_TYP,
        jku=None,
    )


async def _refused(
    walk: Walk, sealed: SealedFile, token: str, *, why: str, key: bytes | None = None
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    if key is not None:
        headers["X-C4GH-Public-Key"] = _pem(key)
    url = f"{walk.urls[0]}/htsget/{sealed.kind}/{sealed.object_id}"
    answer = await walk.http.get(url, headers=headers)
    expect(f"a ticket {why}", 403, answer.status_code)


def _pem(public: bytes) -> str:

    body = base64.b64encode(public).decode()
    text = f"-----BEGIN CRYPT4GH PUBLIC KEY-----\n{body}\n-----END CRYPT4GH PUBLIC KEY-----\n"
    return base64.b64encode(text.encode()).decode()


def _recorded(record: Path, kind: str) -> int:
    whole, _, _ = record.read_bytes().rpartition(b"\n")  # the node may be writing the next line
    return sum(1 for line in whole.splitlines() if json.loads(line).get("kind") == kind)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
