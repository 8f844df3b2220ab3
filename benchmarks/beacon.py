"""What a Beacon answer costs, beside a bare FastAPI JSON route asked in turn with it.

`python benchmarks/beacon.py [--quick] [--variants N] [--sites N ...] [--check]` loads a cohort and,
per `--sites`, a dataset of that many sites into nodes with their normal settings (policy and record
on), asks them from this process, and prints processor milliseconds of the server per request,
waits at concurrency 1 and 16, and ratios to the bare route. Every request asks for something else.
The rounds of all rows are interleaved, each time in another order. A row's ratio is the median of
its rounds, each held against the bare route in the same second, directly before or after it by
chance: what other programs do to the processor's clock and caches meanwhile, they do to both. One
median over the other says the same on a quiet machine, and on a busy one also how busy the minutes
were in which each had its rounds. `--check` exits 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

# This file is named for a room, and Python puts its folder first: put the checkout there instead.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import httpx
import yaml

from beacon.loading.load import DatasetSource
from benchmarks import cohort, sites
from benchmarks.asking import Taken, ask, free_port, get, resident_mb
from benchmarks.callers import Callers
from gateway import config, home
from gateway.demo import population, synthetic_gene
from gateway.holding import loading

BARE = """
import sys, uvicorn
from fastapi import FastAPI
app = FastAPI()
body = {"meta": {"beaconId": "bare", "apiVersion": "v2.2.0", "returnedSchemas": []},
        "responseSummary": {"exists": True, "numTotalResults": 1, "countPrecision": "exact"},
        "response": {"resultSets": [{"id": "d", "setType": "dataset", "exists": True}]}}
@app.get("/bare")
async def bare() -> dict: return body
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="error")
"""
ROUNDS = 20
RATE = 1_000_000  # counted, and reached by nobody
_START_SECONDS = 120  # on a machine that others use
TWO_WORKERS = "exact allele, two workers"
ASKED = 500  # different questions per row


@dataclass(slots=True)
class Row:
    """One kind of work at one server; `goal` is times the processor time of the row `than` (the
    bare route where none is named), and `above` milliseconds above the row of that name."""

    work: str
    server: Server
    requests: list[bytes]
    goal: float | None = None
    above: tuple[str, float] | None = None
    than: str | None = None
    alone: list[Taken] = field(default_factory=list)
    beside: list[Taken] = field(default_factory=list)  # the bare route, in the second of each
    together: list[Taken] = field(default_factory=list)

    @property
    def cpu_ms(self) -> float:
        """The median round: a neighbour's burst in one of them is not ours."""
        return statistics.median(1000 * t.cpu_each for t in self.alone)

    @property
    def cpu_ms_together(self) -> float:
        return statistics.median(1000 * t.cpu_each for t in self.together)

    @property
    def times_bare(self) -> float:
        pairs = zip(self.alone, self.beside, strict=True)
        return statistics.median(own.cpu_each / bare.cpu_each for own, bare in pairs)

    def asked(self, number: int, *, count: int, at_once: int) -> Taken:
        """A round, which begins where the one before it ended."""
        begin = max(number, 0) * count % len(self.requests)
        requests = self.requests[begin:] + self.requests[:begin]
        pids, port = self.server.pids(), self.server.port
        return ask(pids, port, requests, count=count, concurrency=at_once)


@dataclass(frozen=True, slots=True)
class Server:
    process: subprocess.Popen[bytes]
    port: int

    def pids(self) -> list[int]:
        """With all that it has started: workers, the record's writer, the key agent."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]


class Loaded(NamedTuple):
    """A node, and alleles that it has."""

    server: Server
    asked: list[tuple[str, int, str, str]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="300 people, few variants and sites")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    parser.add_argument("--people", type=int, default=2500)
    parser.add_argument("--variants", type=int, default=500_000, help="of the people")
    parser.add_argument("--sites", type=int, nargs="*", default=[10**6, 10**7, 5 * 10**7])
    parser.add_argument("--datasets", type=int, default=10, help="the smallest size in so many")
    parser.add_argument("--requests", type=int, default=10_000, help="per row")
    parser.add_argument("--keep", type=Path, help="where nodes of sites stay, or are found loaded")
    given = parser.parse_args()
    if given.quick:
        given.people, given.variants = 300, 20_000
        given.sites, given.requests = [100_000], 2_000
    with tempfile.TemporaryDirectory(prefix="skerry-bench-") as scratch:
        bench = Bench(Path(scratch), kept=given.keep or Path(scratch))
        try:
            people = bench.people(given.people, variants=given.variants)
            bench.prepare(people, sizes=given.sites, many=given.datasets)
            bench.measure(given.requests)
            return bench.report(check=given.check)
        finally:
            bench.close()


class Bench:
    """The servers, their rows, and the callers who sign in."""

    def __init__(self, scratch: Path, *, kept: Path) -> None:
        self._scratch, self._kept = scratch, kept
        self._servers: list[Server] = []
        self._callers = Callers()
        self._rows: list[Row] = []
        self._notes: list[str] = []
        self._bare = self._started([sys.executable, "-c", BARE])

    def people(self, count: int, *, variants: int) -> Loaded:
        """A cohort: a gene's annotated variants, and `variants` of another chromosome."""
        made, files = population.simulate(people=count, seed=1), self._scratch / "cohort"
        population.write(made, files, people=range(count))
        called = files / "called.bcf"
        asked = cohort.write(
            called, people=made.ids, annotated=synthetic_gene.DESCRIPTION, count=variants,
            ask_for=ASKED,
        )  # fmt: skip
        source = DatasetSource(
            id="bench", name="bench", description="", assembly="GRCh38",
            vcfs=(files / "variants.vcf.gz", called), individuals=files / "individuals.json",
            hierarchies=(files / "hierarchy.tsv",),
        )  # fmt: skip
        started = time.process_time()
        node = self._node(self._scratch / "node", [source])
        taken = time.process_time() - started
        many = variants + len(made.sites)
        self._notes.append(
            f"{count} people with {many} variants loaded in {taken:.0f} CPU s, "
            f"{many / taken:.0f} a second; {_bytes(self._scratch / 'node') / many:.0f} bytes each"
        )
        called.unlink()
        return Loaded(node, asked)

    def prepare(self, people: Loaded, *, sizes: Sequence[int], many: int) -> None:
        random.seed(1)
        alleles = [_allele(*one) for one in people.asked]
        self._add("bare FastAPI route", self._bare, "/bare", [{}])
        self._people(people.server, alleles, span=people.asked[-1][1])
        two = self._again(self._scratch / "node", workers=2)
        self._add(TWO_WORKERS, two, "/beacon/g_variants", alleles)
        for count in sizes:
            self._sites(count, datasets=1)
        if sizes and many > 1:
            self._sites(min(sizes), datasets=many)

    def _people(self, node: Server, alleles: list[dict[str, str]], *, span: int) -> None:
        begins = random.choices(range(span - 10_000), k=ASKED)  # noqa: S311 (no secret)
        ranges = [_region(cohort.CHROM, b, b + 10_000) for b in begins]
        brackets = [
            _region(cohort.CHROM, b, b + 10_000) | {"start": f"{b},{b + 5000}",
            "end": f"{b},{b + 10_000}"} for b in begins
        ]  # fmt: skip
        genes = [
            {
                "geneId": synthetic_gene.SYMBOL,
                "alternateBases": base,
                "requestedGranularity": "count",
            }
            for base in "ACGT"
        ]
        diseased = [a | {"filters": "MONDO:0005015"} for a in alleles]
        self._add("exact allele, count", node, "/beacon/g_variants", alleles, goal=1.3)
        self._add("10 kb range, count", node, "/beacon/g_variants", ranges, goal=1.6)
        self._add("bracket, count", node, "/beacon/g_variants", brackets, goal=1.6)
        self._add("gene and base, count", node, "/beacon/g_variants", genes, goal=1.6)
        self._add("people: allele AND term", node, "/beacon/individuals", diseased, goal=1.6)
        self._add(
            "exact allele, 10-visa caller", node, "/beacon/g_variants",
            alleles, token=self._callers.passport, above=("exact allele, count", 0.7),
        )  # fmt: skip

    def _sites(self, count: int, *, datasets: int) -> None:
        work = _named(count, datasets)
        folder = self._kept / f"sites-{count}-{datasets}"
        asked = folder / "asked.json"
        try:
            if asked.exists():
                node = self._served(folder / "node")
            else:
                vcf = folder / "sites.vcf.gz"
                chosen = sites.write(vcf, count=count // datasets, ask_for=ASKED)
                started = time.process_time()
                sources = [_source(f"d{number}", vcf) for number in range(datasets)]
                node = self._node(folder / "node", sources)
                self._notes.append(f"{work}: loaded in {time.process_time() - started:.0f} CPU s")
                vcf.unlink()
                asked.write_text(json.dumps(chosen))
        except Exception as refused:  # noqa: BLE001 (a row that cannot be had is said, not hidden)
            self._notes.append(f"{work}: not measured: {refused}")
            return
        size = _bytes(folder / "node") / count
        self._notes.append(f"{work}: {size:.1f} bytes a site on disk, indexes included")
        alleles = [_allele(*one) for one in json.loads(asked.read_text())]
        if datasets == 1:
            self._add(work, node, "/beacon/g_variants", alleles, goal=1.3)
        else:
            self._add(work, node, "/beacon/g_variants", alleles, goal=2.0, than=_named(count, 1))

    def _again(self, folder: Path, *, workers: int) -> Server:
        """The node of `folder` once more, beside it."""
        own = shutil.ignore_patterns("*.sock", "record*", "control.db*")
        copied = home.NodeHome(shutil.copytree(folder, folder.with_name("again"), ignore=own))
        port = free_port()
        settings = config.load(copied.settings).model_copy(
            update={"port": port, "public_url": f"http://127.0.0.1:{port}", "workers": workers}
        )
        copied.settings.write_text(config.dump(settings))
        command = [sys.executable, "-m", "gateway", "serve", str(copied.root)]
        server = self._started(command, port=port)
        while len(server.pids()) < workers + 2 or not (copied.root / "worker-1.sock").is_socket():
            time.sleep(0.1)
        return server

    def _served(self, folder: Path) -> Server:
        """A node loaded before, at a port of its own."""
        port = free_port()
        kept = home.NodeHome(folder)
        settings = config.load(kept.settings).model_copy(
            update={"port": port, "public_url": f"http://127.0.0.1:{port}"}
        )
        kept.settings.write_text(config.dump(settings))
        return self._started([sys.executable, "-m", "gateway", "serve", str(folder)], port=port)

    def _node(self, folder: Path, sources: Sequence[DatasetSource]) -> Server:
        """Every dataset is `open`: a person's allowance elsewhere ends before a measurement."""
        port = free_port()
        settings = config.NodeSettings(
            id="org.example.bench", name="Benchmark", public_url=f"http://127.0.0.1:{port}",
            organization_id="bench", organization_name="Benchmark", port=port,
            signin=config.SignInSettings(issuer=self._callers.issuer, client_id="bench"),
            rate_limits=config.RateSettings(
                public_per_minute=RATE, registered_per_minute=RATE, registered_per_day=0
            ),
        )  # fmt: skip
        node = home.create(folder, settings)
        node.trust.write_text(yaml.safe_dump(self._callers.trust))
        self._callers.address(settings.public_url)
        policies = [{"id": s.id, "level": "public", "profile": "open"} for s in sources]
        node.policies.write_text(yaml.safe_dump({"version": "1", "datasets": policies}))
        for source in sources:
            loading.load_dataset(node, source)
        command = [sys.executable, "-m", "gateway", "serve", str(folder)]
        return self._started(command, port=port)

    def _started(self, command: list[str], *, port: int | None = None) -> Server:
        path = "/bare" if port is None else "/readyz"
        if port is None:
            port = free_port()
            command = [*command, str(port)]
        environment = {**os.environ, "PYTHONPATH": sys.path[0]}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
        server = Server(process, port)
        self._servers.append(server)
        for _ in range(_START_SECONDS * 10):
            try:
                if httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).is_success:
                    return server
            except httpx.TransportError:
                if process.poll() is not None:
                    break
                time.sleep(0.1)
        raise SystemExit("a server did not start")

    def _add(
        self, work: str, server: Server, path: str, asked: list[dict[str, str]], *,
        goal: float | None = None, above: tuple[str, float] | None = None,
        than: str | None = None, token: str | None = None,
    ) -> None:  # fmt: skip
        requests = [get(path, params, token=token) for params in asked]
        self._rows.append(Row(work, server, requests, goal, above, than))

    def measure(self, requests: int) -> None:
        bare, count = self._rows[0], requests // ROUNDS
        for number in range(-1, ROUNDS):  # the first warms up
            for row in random.sample(self._rows, len(self._rows)):
                order = random.sample([bare, row], 2)
                taken = [each.asked(number, count=count, at_once=1) for each in order]
                together = row.asked(number, count=count, at_once=16)
                if number >= 0:
                    beside, alone = taken if order[0] is bare else taken[::-1]
                    row.beside.append(beside)
                    row.alone.append(alone)
                    row.together.append(together)
        nodes = {row.server.port: row for row in self._rows[1:]}
        for row in nodes.values():
            resident = resident_mb(row.server.process.pid)
            self._notes.append(f"node of «{row.work}»: {resident:.0f} MB of its own")

    def report(self, *, check: bool) -> int:
        print(f"policy, record and rate limits on ({RATE} a minute); rounds of all rows in turn")
        for note in self._notes:
            print(note)
        print(f"{'':42}{'--- one at a time ---':>32}{'--- 16 at once ---':>26}")
        print(f"{'work':42}{'CPU ms':>8}{'p50 ms':>8}{'p99 ms':>8}{'x bare':>8}{'goal':>9}"
              f"{'CPU ms':>9}{'p99 ms':>8}{'req/s':>8}")  # fmt: skip
        missed = sum([self._line(row) for row in self._rows])
        missed += self._growth() + self._scaling()
        print(f"{missed} goals missed" if missed else "every goal met")
        return 1 if check and missed else 0

    def _growth(self) -> bool:
        rows = [row for row in self._rows if row.work.endswith(" 1 dataset")]
        if len(rows) < 2:
            return False
        grown = rows[-1].cpu_ms / rows[0].cpu_ms
        print(f"{rows[-1].work}: {grown:.2f} times the fewest (goal 1.3)"
              f"{'  missed' if grown > 1.3 else ''}")  # fmt: skip
        return grown > 1.3

    def _scaling(self) -> bool:
        (row,) = (row for row in self._rows if row.work == TWO_WORKERS)
        alone, together = (
            sum(len(t.waits) for t in taken) / sum(t.wall for t in taken)
            for taken in (row.alone, row.together)
        )
        waits = sorted(wait for taken in row.together for wait in taken.waits)
        spread = _at(waits, 99) / _at(waits, 50)
        missed = together < 1.6 * alone or spread > 10
        print(f"two workers, 16 at once: {together / alone:.2f} times the requests (goal 1.6), p99 "
              f"{spread:.1f} times p50 (goal 10){'  missed' if missed else ''}")  # fmt: skip
        return missed

    def _line(self, row: Row) -> bool:
        ratio, goal, missed = row.times_bare, "", False
        if row.goal is not None and row.than is not None:
            (base,) = (other for other in self._rows if other.work == row.than)
            goal, missed = f"{row.goal:.1f}x one", row.cpu_ms > row.goal * base.cpu_ms
        elif row.goal is not None:
            goal, missed = f"{row.goal:.1f}x", ratio > row.goal
        if row.above is not None:
            (base,) = (other for other in self._rows if other.work == row.above[0])
            goal = f"+{row.above[1]:.1f} ms"
            missed = row.cpu_ms - base.cpu_ms > row.above[1]
        alone = sorted(wait * 1000 for taken in row.alone for wait in taken.waits)
        together = sorted(wait * 1000 for taken in row.together for wait in taken.waits)
        rate = sum(len(t.waits) for t in row.together) / sum(t.wall for t in row.together)
        print(f"{row.work:42}{row.cpu_ms:8.2f}{_at(alone, 50):8.2f}{_at(alone, 99):8.2f}"
              f"{ratio:8.2f}{goal:>9}{row.cpu_ms_together:9.2f}{_at(together, 99):8.2f}{rate:8.0f}"
              f"{'  missed' if missed else ''}")  # fmt: skip
        return missed

    def close(self) -> None:
        self._callers.close()
        for server in self._servers:
            server.process.terminate()
        for server in self._servers:
            server.process.wait(60)


def _named(count: int, datasets: int) -> str:
    return f"exact allele, {count / 1e6:g} M sites, {datasets} dataset{'s' * (datasets > 1)}"


def _at(waits: Sequence[float], percent: int) -> float:
    return waits[min(len(waits) - 1, len(waits) * percent // 100)]


def _bytes(node: Path) -> int:
    return sum(segment.stat().st_size for segment in node.rglob("*.segment"))


def _source(name: str, vcf: Path) -> DatasetSource:
    return DatasetSource(id=name, name=name, description="", assembly="GRCh38", vcfs=(vcf,))


def _allele(chrom: str, start0: int, ref: str, alt: str) -> dict[str, str]:
    return {
        "referenceName": chrom, "assemblyId": "GRCh38", "start": str(start0),
        "referenceBases": ref, "alternateBases": alt, "requestedGranularity": "count",
    }  # fmt: skip


def _region(chrom: str, start0: int, end0: int) -> dict[str, str]:
    return {
        "referenceName": chrom, "assemblyId": "GRCh38", "start": str(start0), "end": str(end0),
        "requestedGranularity": "count",
    }  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
