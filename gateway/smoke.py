"""Walks the three journeys of a running demo over real HTTP, a line each with what was seen.

Truth comes from `smoke_truth`, which shares no code with the servers. A journey that does not hold
says what was expected and what came.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx

from gateway import demo, demo_setup, smoke_truth
from gateway.demo import Federation
from gateway.demo_people import People
from gateway.errors import DemoError
from gateway.processes import Processes
from gateway.smoke_truth import AlleleAsked, Files
from streams.keys import SecretKey
from workspaces import inbox, keys, settings

Say = Callable[[str], None]
_EVENTS = re.compile(r"/search/([A-Za-z0-9_-]+)/events")
_FEMALE = "NCIT:C16576"


@dataclass(frozen=True, slots=True)
class Walk:
    """What every journey needs."""

    federation: Federation
    processes: Processes
    http: httpx.AsyncClient
    people: People
    chooser: random.Random

    @property
    def urls(self) -> tuple[str, ...]:
        return self.federation.addresses.node_urls

    def files(self) -> list[Files]:
        return [_files(self.federation, node) for node in range(len(self.urls))]


async def walk(
    federation: Federation, processes: Processes, chooser: random.Random, *, say: Say
) -> bool:
    """Whether every journey held; each is tried even when one before it did not hold."""
    journeys: tuple[tuple[str, Callable[[Walk], Awaitable[str]]], ...] = (
        ("1 Beacon query", _beacon),
        ("2 Portal", _portal),
        ("3 Request to sealed stream", _release),
    )
    held = True
    async with demo_setup.client() as http:
        people = People(federation.addresses.signin, federation.client_secret, http)
        walking = Walk(federation, processes, http, people, chooser)
        for name, journey in journeys:
            started = time.monotonic()
            try:
                saw = await journey(walking)
            except (DemoError, httpx.HTTPError) as error:
                held = False
                say(f"journey {name}: FAILED: {str(error) or type(error).__name__}")
            else:
                say(f"journey {name}: held in {time.monotonic() - started:.1f} s: {saw}")
    return held


def first_allele(federation: Federation) -> AlleleAsked:
    """An allele that every node's people carry."""
    every = [_files(federation, node) for node in range(len(federation.plans))]
    return smoke_truth.pick_allele(every, random.Random(1))  # noqa: S311 - an example


def common_disease(federation: Federation) -> str:
    """The disease most people of the first node have."""
    counts = smoke_truth.diseases(_files(federation, 0))
    return max(sorted(counts), key=lambda code: counts[code])


def _files(federation: Federation, node: int) -> Files:
    source = federation.plans[node][0].source
    if source.individuals is None:
        raise DemoError("the first dataset of a node has no people")
    return Files(source.individuals, source.vcfs[0], source.keep_people)


def _expect(what: str, expected: object, got: object) -> None:
    if expected != got:
        raise DemoError(f"{what}: expected {expected!r}, got {got!r}")


# Journey 1 ---------------------------------------------------------------------------------------


async def _beacon(walk: Walk) -> str:
    every, federation = walk.files(), walk.federation
    asked = smoke_truth.pick_allele(every, walk.chooser)
    term = walk.chooser.choice(sorted(smoke_truth.diseases(every[0])))
    at_open = [await _ask_allele(walk, 0, asked, method=method) for method in ("GET", "POST")]
    for answer in at_open:
        _expect("anonymous at the open node", (True, 1), _summary(answer))
    await _expect_range(walk, asked)
    truth = len(smoke_truth.with_disease(every[0], frozenset({term})))
    found = await _individuals(walk, 0, [term], token=None)
    _expect(f"people with {term} at the open node", truth, found)
    if walk.federation.plans[0][0].source.hierarchies:
        await _expect_descendants(walk, every[0])
    seen = [f"{_name(asked)} found by GET and POST; {truth} people with {term}"]
    if len(every) > 1:
        answer = await _ask_allele(walk, 1, asked)
        _expect("anonymous at the default node", (True, None), _summary(answer))
        seen.append("default node gave a stranger presence only")
    if len(every) > 2:
        refused = await walk.http.get(
            f"{walk.urls[2]}/beacon/g_variants", params=_allele(walk, asked, 2)
        )
        _expect("anonymous at the controlled node", 403, refused.status_code)
        seen.append("controlled node refused a stranger")
    granted = [
        await _individuals(
            walk, node, [_FEMALE], token=await walk.people.passport("grace", url), carrying=asked
        )
        for node, url in enumerate(walk.urls)
    ]
    truths = [
        len(smoke_truth.female(files) & carriers)
        for files, carriers in zip(every, asked.carriers, strict=True)
    ]
    _expect("female carriers, counted with a grant", truths, granted)
    seen.append(f"with a grant, female carriers {' + '.join(map(str, granted))}")
    bad = await walk.http.get(f"{walk.urls[0]}/beacon/individuals", params={"filters": "NOPE:1"})
    _expect("an unknown filter", 400, bad.status_code)
    _expect("nodes asked", len(federation.plans), len(granted))
    return "; ".join(seen)


async def _expect_descendants(walk: Walk, files: Files) -> None:
    """A parent term counts the people with any disease below it."""
    below = frozenset({"MONDO:0005147", "MONDO:0005148"})
    truth = len(smoke_truth.with_disease(files, below))
    found = await _individuals(walk, 0, ["MONDO:0005015"], token=None)
    _expect("people with diabetes, descendants included", truth, found)


async def _expect_range(walk: Walk, asked: AlleleAsked) -> None:
    params = _allele(walk, asked, 0)
    for name in ("referenceBases", "alternateBases"):
        del params[name]
    params["end"] = str(asked.start0 + 1)
    answer = await _json(walk.http.get(f"{walk.urls[0]}/beacon/g_variants", params=params))
    exists, count = _summary(answer)
    if not exists or not isinstance(count, int) or count < 1:
        raise DemoError(f"range over {_name(asked)}: expected at least 1, got {count!r}")


async def _ask_allele(
    walk: Walk, node: int, asked: AlleleAsked, *, method: str = "GET"
) -> Mapping[str, Any]:
    url, params = f"{walk.urls[node]}/beacon/g_variants", _allele(walk, asked, node)
    if method == "GET":
        return await _json(walk.http.get(url, params=params))
    variant: dict[str, object] = {**params, "start": [asked.start0]}
    granularity = variant.pop("requestedGranularity")
    query = {"requestParameters": {"g_variant": variant}, "requestedGranularity": granularity}
    return await _json(walk.http.post(url, json={"meta": {"apiVersion": "v2.2.0"}, "query": query}))


async def _individuals(
    walk: Walk,
    node: int,
    filters: list[str],
    *,
    token: str | None,
    carrying: AlleleAsked | None = None,
) -> object:
    """The number a node tells of people with all `filters`, None when it tells presence only."""
    query: dict[str, object] = {
        "filters": [{"id": term} for term in filters],
        "requestedGranularity": "count",
    }
    if carrying is not None:
        variant: dict[str, object] = {**_allele(walk, carrying, node), "start": [carrying.start0]}
        del variant["requestedGranularity"]
        query["requestParameters"] = {"g_variant": variant}
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = await _json(
        walk.http.post(
            f"{walk.urls[node]}/beacon/individuals",
            json={"meta": {"apiVersion": "v2.2.0"}, "query": query},
            headers=headers,
        )
    )
    return _summary(answer)[1]


def _allele(walk: Walk, asked: AlleleAsked, node: int) -> dict[str, str]:
    return {
        "referenceName": asked.chrom,
        "assemblyId": walk.federation.plans[node][0].source.assembly,
        "start": str(asked.start0),
        "referenceBases": asked.ref,
        "alternateBases": asked.alt,
        "requestedGranularity": "count",
    }


def _summary(answer: Mapping[str, Any]) -> tuple[object, object]:
    summary = answer["responseSummary"]
    return summary["exists"], summary.get("numTotalResults")


def _name(asked: AlleleAsked) -> str:
    return f"{asked.chrom}-{asked.start0 + 1}-{asked.ref}-{asked.alt}"


async def _json(asking: Awaitable[httpx.Response]) -> Mapping[str, Any]:
    answer = await asking
    if not answer.is_success:
        raise DemoError(f"{answer.url.path} answered {answer.status_code}: {answer.text[:300]}")
    found: Mapping[str, Any] = answer.json()
    return found


# Journey 2 ---------------------------------------------------------------------------------------


async def _portal(walk: Walk) -> str:
    asked = smoke_truth.pick_allele(walk.files(), walk.chooser)
    assembly = walk.federation.plans[0][0].source.assembly
    rows = [row async for row in _live_rows(walk, _name(asked), assembly)]
    _expect("rows that arrived on their own", len(walk.urls), len(rows))
    network = await _network(walk, asked)
    if _summary(network)[0] is not True:
        raise DemoError("the network says no to an allele that every node's people carry")
    _expect("nodes asked by the portal's Beacon", len(walk.urls), _tally(network, "asked"))
    last = len(walk.urls)
    if last == 1:
        return f"{len(rows)} row arrived; the portal's own Beacon agrees"
    walk.processes.stop(f"node-{last}")
    try:
        without = await _network(walk, asked)
        _expect("nodes failed with one stopped", 1, _tally(without, "failed"))
        page = " ".join([row async for row in _live_rows(walk, _name(asked), assembly)])
        if f"Isle {last}" not in page or "unreachable" not in page.lower():
            raise DemoError("the stopped node is not named with its reason on the page")
    finally:
        demo.restart_node(walk.federation, walk.processes, last)
    return f"{len(rows)} rows arrived by events; with Isle {last} stopped it is named as missing"


async def _network(walk: Walk, asked: AlleleAsked) -> Mapping[str, Any]:
    url = f"{walk.federation.addresses.portal}/beacon/g_variants"
    return await _json(walk.http.get(url, params=_allele(walk, asked, 0)))


def _tally(answer: Mapping[str, Any], name: str) -> object:
    return answer["info"]["nodes"][name]


async def _live_rows(walk: Walk, typed: str, assembly: str) -> AsyncIterator[str]:
    """The text of each `row` event of a search made as the page makes it."""
    portal = walk.federation.addresses.portal
    async with demo_setup.client() as browser:
        await browser.get(f"{portal}/")
        begun = await browser.post(
            f"{portal}/search",
            data={"q": typed, "assembly": assembly},
            headers={"HX-Request": "true", "Origin": portal},
        )
        found = _EVENTS.search(begun.text)
        if found is None:
            raise DemoError(f"the portal's search answered {begun.status_code} without events")
        event = ""
        async with browser.stream("GET", f"{portal}/search/{found.group(1)}/events") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                    text = ""
                elif line.startswith("data: "):
                    text += line.removeprefix("data: ")
                elif not line and event == "row":
                    yield text
                    event = ""


# Journey 3 ---------------------------------------------------------------------------------------


async def _release(walk: Walk) -> str:
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
    _expect("the plaintext that arrived", _sha256(sealed.path), _sha256(arrived))
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
    _expect(f"a ticket {why}", 403, answer.status_code)


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
