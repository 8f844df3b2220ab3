"""Journey 2: the portal asks every node, rows arrive on their own, a stopped node is named."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from gateway.demo import servers, setup
from gateway.demo.smoke import truth
from gateway.demo.smoke.truth import AlleleAsked
from gateway.demo.smoke.walk import Walk, allele_parameters, expect, json_of, name_of, summary
from gateway.errors import DemoError

_EVENTS = re.compile(r"/search/([A-Za-z0-9_-]+)/events")


async def journey(walk: Walk) -> str:
    asked = truth.pick_allele(walk.files(), walk.chooser)
    assembly = walk.federation.plans[0][0].source.assembly
    rows = [row async for row in _live_rows(walk, name_of(asked), assembly)]
    expect("rows that arrived on their own", len(walk.urls), len(rows))
    network = await _network(walk, asked)
    if summary(network)[0] is not True:
        raise DemoError("the network says no to an allele that every node's people carry")
    expect("nodes asked by the portal's Beacon", len(walk.urls), _tally(network, "asked"))
    last, place = len(walk.urls), walk.federation.plans[-1][0].place
    if last == 1:
        return f"{len(rows)} row arrived; the portal's own Beacon agrees"
    walk.processes.stop(f"node-{last}")
    # Another question: the answers to the first are kept for a moment.
    asked = truth.pick_allele(walk.files(), walk.chooser, other_than=asked)
    try:
        without = await _network(walk, asked)
        expect("nodes failed with one stopped", 1, _tally(without, "failed"))
        page = " ".join([row async for row in _live_rows(walk, name_of(asked), assembly)])
        if place not in page or "unreachable" not in page.lower():
            raise DemoError("the stopped node is not named with its reason on the page")
    finally:
        servers.restart_node(walk.federation, walk.processes, last)
    return f"{len(rows)} rows arrived by events; with {place} stopped it is named as missing"


async def _network(walk: Walk, asked: AlleleAsked) -> Mapping[str, Any]:
    url = f"{walk.federation.addresses.portal}/beacon/g_variants"
    return await json_of(walk.http.get(url, params=allele_parameters(walk, asked, 0)))


def _tally(answer: Mapping[str, Any], name: str) -> object:
    return answer["info"]["nodes"][name]


async def _live_rows(walk: Walk, typed: str, assembly: str) -> AsyncIterator[str]:
    """The text of each `row` event of a search made as the page makes it."""
    portal = walk.federation.addresses.portal
    async with setup.client() as browser:
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
