"""What a question to many nodes costs the portal, and how soon its rows arrive.

`python benchmarks/portal.py [--quick] [--check]`: simulated nodes in a process of their own
(median 50 ms, log-normal, one in twenty never answers), each on an address of its own on loopback,
asked by the portal's real fan-out. Prints each goal beside what was measured; `--check` exits 1
where one is missed. Linux only: addresses 127.x.y.z need no set-up there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import re
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

# This file is named for the room it measures, and Python puts its folder first: take it out again.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).parent]

import httpx
import uvloop

from portal.app import create_app
from portal.asking.answer import NodeAnswer, Outcome
from portal.asking.calls import Calls
from portal.asking.fanout import Fanout, Target
from portal.questions.question import parse
from portal.settings import Limits, PortalSettings

PORT = 18970
PAGE_PORTS = range(PORT + 1, PORT + 41)  # of nodes that the settings of a portal take
MEDIAN, SPREAD, DEAD = 0.050, 0.6, 0.05
LIMITS = replace(Limits(), deadline_seconds=1.5, kept_seconds=0.0, failures=10**9)
QUESTION = parse("MONDO:0005148")
BODY = json.dumps(
    {
        "meta": {"apiVersion": "v2.2.0"},
        "responseSummary": {"exists": True, "numTotalResults": 7},
        "response": {
            "resultSets": [
                {"id": "d1", "setType": "dataset", "exists": True, "resultsCount": 7,
                 "countPrecision": "exact"}
            ]
        },
    }
).encode()  # fmt: skip
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
) + BODY


def address(number: int) -> str:
    return f"127.{1 + number // 250 // 250}.{number // 250 % 250}.{1 + number % 250}"


class Node(asyncio.Protocol):
    """Answers each request after a time of its own, the same each time, so that runs with and
    without dead nodes compare; a dead node takes it and says nothing."""

    def __init__(self, dead: frozenset[str]) -> None:
        self._dead = dead
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        host, port = transport.get_extra_info("sockname")[:2]
        self._is_dead = host in self._dead
        own = random.Random(f"{host}:{port}")  # noqa: S311 - a simulation
        self._delay = MEDIAN * own.lognormvariate(0, SPREAD)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if end and len(body) >= length:
            self._seen = body[length:]
            if not self._is_dead:
                asyncio.get_running_loop().call_later(self._delay, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(ANSWER)  # type: ignore[attr-defined]  # a TCP transport


def serve(count: int, ready: multiprocessing.synchronize.Event) -> None:
    async def run() -> None:
        dead = frozenset(address(n) for n in range(count) if n % 20 == 19)
        loop = asyncio.get_running_loop()
        for first in range(0, count, 100):
            hosts = [address(n) for n in range(first, min(first + 100, count))]
            await loop.create_server(lambda: Node(dead), hosts, PORT, backlog=64)
        for port in PAGE_PORTS:
            await loop.create_server(lambda: Node(frozenset()), "127.0.0.1", port)
        ready.set()
        await asyncio.Event().wait()

    asyncio.run(run())


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: milliseconds to rows, and CPU milliseconds of the portal."""

    first: float
    most: float  # 95 % of the live nodes' rows
    last_live: float
    cpu: float
    slowest: float  # of the live nodes' own times
    rows: Sequence[NodeAnswer]


async def ask(fanout: Fanout, targets: Sequence[Target]) -> Asked:
    started, cpu = time.perf_counter(), time.process_time()
    live: list[float] = []
    rows: list[NodeAnswer] = []
    async for row in fanout.ask(targets, "/individuals", body=QUESTION.body()):
        rows.append(row)
        if row.outcome is Outcome.OK:
            live.append((time.perf_counter() - started) * 1000)
    spent = (time.process_time() - cpu) * 1000
    slowest = max(row.latency_ms for row in rows if row.outcome is Outcome.OK)
    at_most = live[min(len(live) - 1, int(len(live) * 0.95))]
    return Asked(live[0], at_most, live[-1], spent, slowest, rows)


async def many_users(fanout: Fanout, targets: Sequence[Target], users: int) -> list[float]:
    asked = await asyncio.gather(*(ask(fanout, targets) for _ in range(users)))
    return sorted(one.first for one in asked)


async def measure(*, quick: bool) -> list[tuple[str, float, float, str]]:
    """(what, measured, goal, unit)."""
    calls = Calls(LIMITS)
    fanout = Fanout(calls, LIMITS)
    targets = [Target(f"http://{address(n)}:{PORT}", str(n)) for n in range(1_000)]
    alive = [one for n, one in enumerate(targets) if n % 20 != 19]
    repeats = 3 if quick else 9
    try:
        await ask(fanout, targets[:40])  # connections are warm from here on
        small = [await ask(fanout, targets[:40]) for _ in range(repeats)]
        healthy = [await ask(fanout, alive[:38]) for _ in range(repeats)]
        crowd = await many_users(fanout, targets[:40], 50)
        await ask(fanout, targets)
        large = [await ask(fanout, targets) for _ in range(repeats)]
    finally:
        await calls.close()
    middle = statistics.median
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        ("40 nodes: first row", middle(one.first for one in small), 40, "ms"),
        ("40 nodes: 95 % of live rows", middle(one.most for one in small), 200, "ms"),
        (
            "40 nodes: live rows with dead nodes, over without",
            middle(o.most for o in small) / middle(o.most for o in healthy), 1.05, "x",
        ),
        ("40 nodes: portal CPU", middle(one.cpu for one in small), 16, "ms"),
        ("1,000 nodes: first row", middle(one.first for one in large), 60, "ms"),
        (
            "1,000 nodes: over the slowest live node",
            middle(max(0, o.last_live - o.slowest) for o in large), 150, "ms",
        ),
        ("1,000 nodes: portal CPU", middle(one.cpu for one in large), 250, "ms"),
        ("50 users x 40 nodes: p95 of first row", crowd[int(len(crowd) * 0.95)], 150, "ms"),
        ("memory, all of it", memory, 300, "MB"),
    ]  # fmt: skip


PAGES = ("/", "/search", "/datasets", "/network", "/requests")
FIRST_VISIT = ("htmx-2.0.11.min.js", "htmx-ext-sse-2.2.4.min.js", "terms.js", "copy.js",
               "style.css", "skerry.svg", "scene.svg")  # fmt: skip


async def measure_pages(*, quick: bool) -> list[tuple[str, float, float, str]]:
    """Server time of each page with 40 nodes listed, and what a first visit transfers."""
    nodes = tuple(f"https://node-{n}.example.org" for n in range(40))  # nobody is asked
    app = create_app(
        PortalSettings(public_url="http://127.0.0.1:1", nodes=nodes, client_secret=None)
    )
    transport = httpx.ASGITransport(app=app)
    slowest, sizes = 0.0, {}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as browser:
        for page in PAGES:
            taken = []
            for _ in range(20 if quick else 100):
                started = time.process_time()
                answer = await browser.get(page)
                taken.append((time.process_time() - started) * 1000)
            slowest = max(slowest, statistics.median(taken))
            sizes[page] = answer.num_bytes_downloaded
        for name in FIRST_VISIT:
            sizes[name] = (await browser.get(f"/static/{name}")).num_bytes_downloaded
    visit = max(sizes[page] for page in PAGES) + sum(sizes[name] for name in FIRST_VISIT)
    return [
        ("pages: server CPU of the slowest", slowest, 20, "ms"),
        ("pages: first visit", visit / 1000, 100, "kB"),
    ]


async def measure_stream() -> list[tuple[str, float, float, str]]:
    """What a browser is sent for each node that answers, totals included."""
    nodes = tuple(f"http://127.0.0.1:{port}" for port in PAGE_PORTS)
    app = create_app(
        PortalSettings(public_url="http://127.0.0.1:1", nodes=nodes, client_secret=None)
    )
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as browser,
    ):
        for _ in range(100):
            if (await browser.get("/readyz")).status_code == httpx.codes.OK:
                break
            await asyncio.sleep(0.1)
        live = await browser.post(
            "/search", data={"q": "MONDO:0005148"}, headers={"hx-request": "true"}
        )
        events = re.findall(r'sse-connect="([^"]+)"', live.text)[0]
        told = (await browser.get(events)).text.partition("event: filter\n")[0]
    rows = told.count('<tr class="is-ok">')
    return [("bytes sent for each node's answer", len(told.encode()) / rows, 600, "B")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8_192), hard))
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    nodes = spawn.Process(target=serve, args=(1_000, ready), daemon=True)
    nodes.start()
    try:
        if not ready.wait(30):
            print("the simulated nodes did not start", file=sys.stderr)
            return 2
        # The loop that uvicorn runs a portal on.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            rows = runner.run(measure(quick=options.quick))
            rows += runner.run(measure_pages(quick=options.quick))
            rows += runner.run(measure_stream())
    finally:
        nodes.terminate()
        nodes.join()
    print(f"{'work':52} {'measured':>10} {'goal':>8}")
    for work, measured, goal, unit in rows:
        missed = "" if measured <= goal else "  missed"
        shown = f"{measured:.{2 if unit == 'x' else 1}f}"
        print(f"{work:52} {shown:>7} {unit:2} {goal:>5g} {unit:2}{missed}")
    print(f"load average now {os.getloadavg()[0]:.1f}")
    return int(options.check and any(measured > goal for _, measured, goal, _ in rows))


if __name__ == "__main__":
    raise SystemExit(main())
