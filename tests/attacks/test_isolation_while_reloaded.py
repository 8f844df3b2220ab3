"""Threat: an answer of another caller's or of two versions, over real connections, where answers
are begun without a task (`gateway.serving.at_once`) and two datasets change under them.

Callers of different rights take turns on one connection, also sent together, while versions are
switched as fast as they can be. Whatever comes back must be, byte for byte, what its own caller
gets when they ask alone of one version of each dataset.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
from prometheus_client import CollectorRegistry

from access.policies.policy import Level, Profile
from beacon import manifest, routes
from beacon.segment.over import OverSegment
from beacon.segments import SegmentCatalog
from beacon.waiting import WaitingRoom
from gateway.http_errors import ErrorTable
from gateway.serving.at_once import AtOnce
from gateway.serving.doorway import Application
from gateway.serving.tally import Tally
from tests.support.beacon_node import (
    ISSUER,
    LINES,
    MALE,
    PEOPLE,
    BeaconNode,
    loaded,
    policy,
    presence_only,
    source,
)
from tests.support.loopback import served_apart

pytestmark = [pytest.mark.live, pytest.mark.anyio]

DATASETS = ("open", "closed")
CALLERS = (None, "rosa", "grace")  # anyone, somebody signed in, somebody with a grant
ALLELE = {"referenceName": "1", "start": "100", "referenceBases": "A", "alternateBases": "G"}
GONE = {"referenceName": "1", "start": "300", "end": "301"}  # in one version of each
QUESTIONS = (
    *(
        f"/beacon/{path}?{urlencode({'includeResultsetResponses': 'ALL', **params})}"
        for path, params in (
            ("g_variants", {**ALLELE, "requestedGranularity": "count"}),
            ("g_variants", {**ALLELE, "requestedGranularity": "record"}),
            ("g_variants", {**GONE, "requestedGranularity": "boolean"}),
            ("g_variants", {**GONE, "requestedGranularity": "record"}),
            ("g_variants", {"referenceName": "1", "start": "90", "end": "700"}),
            ("g_variants", {"referenceName": "1", "start": "9000", "end": "9001"}),
            ("g_variants", {"filters": "NCIT:C16576", "requestedGranularity": "record"}),
            ("g_variants", {"geneId": "ISLE1"}),
            ("individuals", {"filters": "NCIT:C16576", "requestedGranularity": "record"}),
            ("individuals", {**ALLELE, "filters": "ICD10:G35", "requestedGranularity": "record"}),
            ("individuals/P4", {"requestedGranularity": "record"}),
            ("individuals/P1/g_variants", {"requestedGranularity": "record"}),
            ("datasets/closed/individuals", {"requestedGranularity": "count"}),
            ("g_variants/1-301-G-T/individuals", {"requestedGranularity": "record"}),
            ("cohorts/C1/individuals", {"requestedGranularity": "record"}),
        )
    ),
    *("/beacon/filtering_terms?limit=0", "/beacon/datasets", "/beacon/info"),
)
Key = tuple[str | None, str]


class InThreads(OverSegment):
    """As a segment behind a network: asked in a thread, where an answer first waits."""

    @property
    def waits(self) -> bool:
        return True


class Archive:
    """A node of two datasets that have two versions each."""

    def __init__(self, folder: Path, *, waits: bool) -> None:
        self._folder = folder / "catalog"
        others = ["101 rs1 A G . 0|1 0|0 0|0 0|0", *LINES[1:2], *LINES[3:]]
        people = [*PEOPLE[:3], {"id": "P4", "sex": MALE}]
        self.versions: dict[str, list[str]] = {}
        for dataset in DATASETS:
            second = source(folder / f"{dataset} 2", dataset, lines=others, people=people)
            for each in (source(folder / f"{dataset} 1", dataset), second):
                made = loaded(self._folder, each)
                self.versions.setdefault(dataset, []).append(made.snapshot()[dataset].facts.version)
        presence = source(folder / "presence", "presence")
        loaded(self._folder, presence)
        self.catalog = SegmentCatalog(self._folder, form=InThreads if waits else lambda one: one)
        closed = policy("closed", profile=Profile.CONTROLLED, level=Level.CONTROLLED, listed=False)
        self.node = BeaconNode(
            folder,
            catalog=self.catalog,
            policies=[policy("open"), closed, presence_only("presence", level=Level.REGISTERED)],
            grants={"grace": ["closed"]},
        )
        self.node.doors._waiting = WaitingRoom(seconds=600)  # a busy machine is no isolation

    def serve(self, *numbers: int) -> None:
        for dataset, number in zip(DATASETS, numbers, strict=True):
            manifest.activate(self._folder, dataset, self.versions[dataset][number])
        self.catalog.refresh()

    @contextmanager
    def switched(self) -> Iterator[None]:
        """While versions change, and a thread takes them up as a node's does."""
        done = threading.Event()

        def switch() -> None:
            for numbers in itertools.cycle(itertools.product((0, 1), repeat=2)):
                self.serve(*numbers)
                if done.is_set():
                    return

        switching = threading.Thread(target=switch)
        switching.start()
        try:
            yield
        finally:
            done.set()
            switching.join()

    def app(self) -> Application:
        app = Application()
        errors = ErrorTable(bodies={}, realm="org.example")
        errors.install(app)
        routes.install(app, self.node.doors)
        met = routes.shortcuts(self.node.doors)
        app.shortcuts(met, tally=Tally(CollectorRegistry()), refusal=errors.answer)
        return app


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, *keys: Key) -> list[bytes]:
        """Sent together, answered one after the other."""
        self._writer.write(b"".join(map(_request, keys)))
        return [await self._answer() for _ in keys]

    async def _answer(self) -> bytes:
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        (size,) = (int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        return head.split(b"\r\n", 1)[0] + await self._reader.readexactly(size)

    def close(self) -> None:
        self._writer.close()


def _request(key: Key) -> bytes:
    name, question = key
    signed = f"Authorization: Bearer {name}\r\n" if name is not None else ""
    return f"GET {question} HTTP/1.1\r\nHost: x\r\n{signed}\r\n".encode()


async def _connected(port: int) -> Connection:
    return Connection(*await asyncio.open_connection("127.0.0.1", port))


@pytest.mark.parametrize("waits", [False, True], ids=["in the loop", "in threads"])
async def test_every_answer_is_the_callers_own_and_of_one_version_of_each_dataset(
    tmp_path: Path, *, waits: bool
) -> None:
    archive = Archive(tmp_path, waits=waits)
    keys = list(itertools.product(CALLERS, QUESTIONS))
    alone: dict[Key, list[bytes]] = {key: [] for key in keys}
    told: Counter[str | None] = Counter()
    draw = random.Random(5)  # noqa: S311 (order, not secrecy)
    with served_apart(archive.app(), AtOnce) as port:
        quiet = await _connected(port)
        for numbers in itertools.product((0, 1), repeat=2):
            archive.serve(*numbers)
            for key in keys:
                alone[key] += await quiet.ask(key)
        quiet.close()
        by_caller = [{tuple(alone[name, each]) for name in CALLERS} for each in QUESTIONS]
        assert sum(len(answers) > 1 for answers in by_caller) > len(QUESTIONS) // 2
        assert sum(len(set(answers)) > 1 for answers in alone.values()) > len(keys) // 3

        for concurrency in (1, 4, 16, 64):
            seen: dict[Key, set[bytes]] = {key: set() for key in keys}
            asked = [tuple(draw.choices(keys, k=draw.choice((1, 1, 2, 5)))) for _ in range(100)]
            late = time.monotonic() + 600

            async def caller(
                asked: list[tuple[Key, ...]] = asked, seen: dict[Key, set[bytes]] = seen
            ) -> None:
                connection = await _connected(port)
                while asked:
                    together = asked.pop()
                    answers = await connection.ask(*together)
                    for key, answer in zip(together, answers, strict=True):
                        assert answer in alone[key], key
                        seen[key].add(answer)
                        told[key[0]] += 1
                connection.close()

            with archive.switched():
                while True:
                    await asyncio.gather(*(caller() for _ in range(concurrency)))
                    if sum(len(answers) > 1 for answers in seen.values()) >= 10:
                        break
                    assert time.monotonic() < late, "nothing was reloaded meanwhile"
                    asked += [(key,) for key in draw.sample(keys, 50)]
    recorded = Counter(entry["facts"]["caller"] for entry in archive.node.entries())
    assert set(recorded) == {
        None if name is None else archive.node.record.pseudonym(f"{name}@{ISSUER}")
        for name in CALLERS
    }
    assert told.keys() == set(CALLERS)
