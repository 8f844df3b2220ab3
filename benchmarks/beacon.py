"""What a Beacon answer costs, beside a bare FastAPI JSON route measured in the same run.

`python benchmarks/beacon.py [--quick] [--check]`: loads a simulated population (2,500 people) into
a node with its normal settings (policy and record on), asks it from this process, and prints CPU
milliseconds of the server per request, p50 and p99 at concurrency 1, and the ratio to the bare
route. `--check` exits 1 where a goal is missed. Linux only: CPU is read from /proc.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# This file is named for the room it measures, and Python puts its folder first: take it out again.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).parent]

import httpx
import yaml

from beacon.load import DatasetSource
from gateway import config, home, loading, population

TICKS = os.sysconf("SC_CLK_TCK")
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


@dataclass(frozen=True, slots=True)
class Row:
    """One measured kind of work; milliseconds."""

    work: str
    cpu_ms: float
    p50_ms: float
    p99_ms: float
    goal: float | None  # times the bare route's CPU


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    people, requests = (300, 1500) if given.quick else (2500, 10_000)
    with tempfile.TemporaryDirectory(prefix="skerry-bench-") as scratch:
        rows = _measure(Path(scratch), people=people, requests=requests)
    return _report(rows, people=people, check=given.check)


def _measure(scratch: Path, *, people: int, requests: int) -> list[Row]:
    made = population.simulate(people=people, seed=1)
    site = made.sites[len(made.sites) // 2]
    node_port, bare_port = _free_port(), _free_port()
    started = time.process_time()
    folder = _node(scratch, made, node_port)
    print(f"loaded {len(made.sites)} variants of {people} people, made and loaded in "
          f"{time.process_time() - started:.1f} CPU s")  # fmt: skip
    node, bare = f"http://127.0.0.1:{node_port}", f"http://127.0.0.1:{bare_port}"
    commands = {
        "node": [sys.executable, "-m", "gateway", "serve", str(folder)],
        "bare": [sys.executable, "-c", BARE, str(bare_port)],
    }
    servers = {
        name: subprocess.Popen(command, stderr=subprocess.DEVNULL)
        for name, command in commands.items()
    }
    allele = {
        "referenceName": population.CHROM, "assemblyId": "GRCh38", "start": str(site.start0),
        "referenceBases": site.ref, "alternateBases": site.alt, "requestedGranularity": "count",
    }  # fmt: skip
    region = {
        "referenceName": population.CHROM, "assemblyId": "GRCh38", "start": "90000",
        "end": "100000", "requestedGranularity": "count",
    }  # fmt: skip
    carriers = allele | {"filters": "MONDO:0005015"}
    questions: list[tuple[str, str, str, dict[str, str], float | None]] = [
        ("bare FastAPI route", "bare", f"{bare}/bare", {}, None),
        ("exact allele, count", "node", f"{node}/beacon/g_variants", allele, 1.3),
        ("10 kb range, count", "node", f"{node}/beacon/g_variants", region, 1.6),
        ("people: allele AND term", "node", f"{node}/beacon/individuals", carriers, 1.6),
    ]
    try:
        _wait(f"{node}/readyz")
        _wait(f"{bare}/bare")
        return [
            _time(work, servers[name].pid, url, params, requests=requests, goal=goal)
            for work, name, url, params, goal in questions
        ]
    finally:
        for server in servers.values():
            server.terminate()
            server.wait(10)


def _node(scratch: Path, made: population.Population, port: int) -> Path:
    population.write(made, scratch / "input", people=range(len(made.people)))
    url = f"http://127.0.0.1:{port}"
    signin = config.SignInSettings(issuer="https://signin.example", client_id="bench")
    settings = config.NodeSettings(
        id="org.example.bench", name="Benchmark", public_url=url, organization_id="bench",
        organization_name="Benchmark", port=port, signin=signin,
    )  # fmt: skip
    node = home.create(scratch / "node", settings)
    policy = {"id": "bench", "level": "public", "profile": "open"}
    node.policies.write_text(yaml.safe_dump({"version": "1", "datasets": [policy]}))
    source = DatasetSource(
        id="bench", name="Benchmark", description="", assembly="GRCh38",
        vcfs=(scratch / "input" / "variants.vcf.gz",),
        individuals=scratch / "input" / "individuals.json",
        hierarchies=(scratch / "input" / "hierarchy.tsv",),
    )  # fmt: skip
    loading.load_dataset(node, source)
    return node.root


def _time(
    work: str, pid: int, url: str, params: dict[str, str], *, requests: int, goal: float | None
) -> Row:
    taken = []
    with httpx.Client(trust_env=False) as client:
        for _ in range(100):
            client.get(url, params=params).raise_for_status()
        before = _cpu_seconds(pid)
        for _ in range(requests):
            began = time.perf_counter()
            client.get(url, params=params).raise_for_status()
            taken.append((time.perf_counter() - began) * 1000)
        cpu = (_cpu_seconds(pid) - before) / requests * 1000
    cuts = statistics.quantiles(taken, n=100)
    return Row(work, cpu, cuts[49], cuts[98], goal)


def _report(rows: list[Row], *, people: int, check: bool) -> int:
    bare = rows[0].cpu_ms
    print(f"{people} people, concurrency 1, one worker; record and policy on")
    print(f"{'work':26}{'CPU ms':>8}{'p50 ms':>8}{'p99 ms':>8}{'x bare':>8}{'goal':>7}")
    missed = 0
    for row in rows:
        ratio = row.cpu_ms / bare
        missed += row.goal is not None and ratio > row.goal
        goal = "" if row.goal is None else f"{row.goal:.1f}x"
        print(f"{row.work:26}{row.cpu_ms:8.2f}{row.p50_ms:8.2f}{row.p99_ms:8.2f}"
              f"{ratio:8.2f}{goal:>7}")  # fmt: skip
    print(f"{missed} goals missed" if missed else "every goal met")
    return 1 if check and missed else 0


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _wait(url: str) -> None:
    _until(lambda: httpx.get(url, trust_env=False).status_code == httpx.codes.OK)


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(300):
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("a server did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    raise SystemExit(main())
