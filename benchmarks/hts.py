"""What htsget and refget cost, beside bare servers asked in turn with the node.

`python benchmarks/hts.py [--quick] [--check]` makes a genome's BAM with an index of 9 MB, a file to
stream and a chromosome, loads them into a node as its admin would, and asks it over loopback with
policy and record on. Figures are the server's processor time and ratios within the run, whose
rounds are interleaved. `--check` exits 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parents[1])

import httpx
import yaml

from benchmarks import hts_files
from benchmarks.asking import ask, free_port, get, resident_mb
from benchmarks.hts_servers import FILE_SERVER, ROUTE, Server, Servers
from benchmarks.streaming import Streamed, one_by_one, stream
from gateway import config, home
from tests.support import nginx

MIB = 1024 * 1024
ROUNDS = 9
CLIENTS = 64
GENOME = 3_100_000_000


@dataclass(slots=True)
class Table:
    """Lines of work, what was measured, its goal, and whether that was met (None: no goal)."""

    missed: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, work: str, measured: str, goal: str = "", *, met: bool | None = None) -> None:
        self.missed += met is False
        said = {True: "met", False: "**missed**", None: ""}[met]
        self.lines.append(f"| {work} | {measured} | {goal} | {said} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a file of 64 MiB, a chromosome of 25")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    given = parser.parse_args()
    size, letters = (64 * MIB, 25_000_000) if given.quick else (512 * MIB, 250_000_000)
    with tempfile.TemporaryDirectory(prefix="skerry-bench-") as scratch:
        bench = Bench(Path(scratch))
        try:
            bench.prepare(size=size, letters=letters)
            for measure in (
                bench.tickets,
                bench.bodies,
                bench.in_front,
                bench.crowd,
                bench.letters,
            ):
                measure()
        finally:
            bench.servers.close()
    print("| work | measured | goal | |\n|---|---|---|---|", *bench.table.lines, sep="\n")
    return 1 if given.check and bench.table.missed else 0


class Bench:
    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self.servers = Servers()
        self.table = Table()

    def prepare(self, *, size: int, letters: int) -> None:
        genome = hts_files.write_genome(self._scratch / "genome.bam")
        noise = hts_files.write_noise(self._scratch / "noise.bin", size)
        chromosome = hts_files.write_chromosome(self._scratch / "chr1.fa", letters)
        front = self._scratch / "front"
        front.mkdir()
        (front / "front.bin").hardlink_to(noise)
        folder, port = self._scratch / "node", free_port()
        self._home(folder, port, front=front)
        clear = [f"--clear={path}" for path in (genome, noise, front / "front.bin")]
        self._loaded("load", folder, "--dataset", "open", *clear)
        self._register(folder, chromosome, letters=letters)
        self._node = self.servers.node(folder, port)
        self._plain = self.servers.bare(FILE_SERVER, str(noise))
        self._sendfile = self.servers.bare(FILE_SERVER, str(noise), "sendfile")
        self._route = self.servers.bare(ROUTE)
        self._front = None
        if nginx.installed():
            self._front = self.servers.in_front(self._node, self._scratch / "nginx", clear=front)
        self._size = size
        self._index_size = genome.with_suffix(".bam.bai").stat().st_size

    def tickets(self) -> None:
        name, first, last = hts_files.DENSE
        places = range(first, last - 20_000, 20_000)
        requests = [
            get(
                "/htsget/reads/open/genome",
                {"referenceName": name, "start": str(at), "end": str(at + 10_000)},
            )
            for at in places
        ]
        rounds = [
            ask(self._node.pids, self._node.port, requests, count=200, concurrency=1)
            for _ in range(ROUNDS)
        ][1:]
        cpu = statistics.median(1000 * taken.cpu / len(taken.waits) for taken in rounds)
        wait = statistics.median(1000 * w for taken in rounds for w in taken.waits)
        work = f"ticket for 10 kb of a 30x BAM ({self._index_size / 1e6:.1f} MB BAI)"
        measured = f"{cpu:.2f} ms CPU, p50 {wait:.2f} ms"
        self.table.add(work, measured, "2 ms, 2 ms", met=cpu <= 2 and wait <= 2)

    def bodies(self) -> None:
        """The whole file, and 1 MiB of it at a time, in turn from each server."""
        servers = (self._node, self._plain, self._sendfile)
        wholes: tuple[list[Streamed], ...] = ([], [], [])
        blocks: tuple[list[Streamed], ...] = ([], [], [])
        for number in range(ROUNDS):
            for server, whole, block in zip(servers, wholes, blocks, strict=True):
                path = self._address() if server is self._node else "/noise"
                taken = stream(server.pids, server.port, [get(path)])
                parts = [_ranged(path, at, at + MIB) for at in range(0, 32 * MIB, MIB)]
                part = one_by_one(server.pids, server.port, parts)
                if number:  # the first warms up
                    whole.append(taken)
                    block.append(part)
        node, plain, sendfile = (_middle(rounds, lambda one: one.rate) for rounds in wholes)
        costs = [1e9 * _middle(rounds, lambda one: one.cpu_per_byte) for rounds in wholes]
        size = f"whole file of {self._size // MIB} MiB"
        for name, rate, cost in zip(
            (size, f"{size}, bare asyncio server", f"{size}, the same by sendfile"),
            (node, plain, sendfile),
            costs,
            strict=True,
        ):
            is_node = name == size
            self.table.add(
                name,
                f"{rate / 1e9:.2f} GB/s ({rate / plain:.0%}), {cost:.2f} CPU s/GB",
                "70 % of the bare server" if is_node else "",
                met=rate >= 0.7 * plain if is_node else None,
            )
        each = [1000 * MIB * _middle(rounds, lambda one: one.cpu_per_byte) for rounds in blocks]
        self.table.add("1 MiB block, bare asyncio server", f"{each[1]:.2f} ms CPU")
        self.table.add("1 MiB block, the same by sendfile", f"{each[2]:.2f} ms CPU")
        ratio = each[0] / each[1]
        measured = f"{each[0]:.2f} ms CPU, {ratio:.2f} times the bare server"
        self.table.add("1 MiB block", measured, "1.3 times", met=ratio <= 1.3)

    def in_front(self) -> None:
        """nginx with the node's word, and nginx alone with the same ranges of the same file."""
        if self._front is None:
            self.table.add("behind nginx", "not run: nginx is not installed")
            return
        alone = Server(self._front.pids[:-1], self._front.port)
        for size in sorted({self._size, 64 * MIB, 16 * MIB, MIB}, reverse=True):
            is_whole = size == self._size
            count = min(32, self._size // size)
            rates, costs = [], []
            for number in range(ROUNDS):
                pair = []
                for server, path in (
                    (self._front, self._address("front.bin")),
                    (alone, "/alone/front.bin"),
                ):
                    parts = [_ranged(path, n * size, (n + 1) * size) for n in range(count)]
                    pair.append(one_by_one(server.pids, server.port, parts))
                if number:
                    ours, theirs = pair
                    rates.append(ours.rate / theirs.rate)
                    costs.append(theirs.cpu_per_byte / ours.cpu_per_byte)
            rate, cost = statistics.median(rates), statistics.median(costs)
            what = "the whole file" if is_whole else f"{size // MIB} MiB"
            self.table.add(
                f"{what} at a time, behind nginx",
                f"{rate:.0%} of the rate of nginx alone; per CPU s, node included, {cost:.0%}",
                "90 % of nginx alone" if is_whole else "",
                met=rate >= 0.9 if is_whole else None,
            )

    def crowd(self) -> None:
        share = self._size // CLIENTS
        shares = []
        for _ in range(5):
            path = self._address()
            parts = [_ranged(path, n * share, (n + 1) * share) for n in range(CLIENTS)]
            rates = sorted(stream(self._node.pids, self._node.port, parts).rates)
            shares.append(rates[0] / statistics.median(rates))
        work, worst = f"{CLIENTS} clients at once, the slowest, 5 times", min(shares)
        measured = ", ".join(f"{one:.0%}" for one in sorted(shares)) + " of the median"
        self.table.add(work, measured, "each half the median", met=worst >= 0.5)
        resident = resident_mb(self._node.pids[0])
        self.table.add(
            "memory of the node then", f"{resident:.0f} MB", "250 MB", met=resident <= 250
        )

    def letters(self) -> None:
        (sequence,) = self._asked(f"/seqcol/collection/{self._collection}")["sequences"]
        params = [{"start": str(at), "end": str(at + 1000)} for at in range(0, 20_000_000, 40_000)]
        asked = [get(f"/refget/sequence/{sequence}", one) for one in params]
        bare = [get("/letters", one) for one in params]
        costs: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            pairs = zip(costs, (self._node, self._route), (asked, bare), strict=True)
            for cost, server, requests in pairs:
                taken = ask(server.pids, server.port, requests, count=500, concurrency=1)
                cost.append(1000 * taken.cpu / len(taken.waits))
        node, route = (statistics.median(cost[1:]) for cost in costs)
        self.table.add("bare FastAPI route, 1 kb", f"{route:.2f} ms CPU")
        measured = f"{node:.2f} ms CPU, {node / route:.2f} times the bare route"
        work = f"1 kb of a chromosome of {self._letters / 1e6:.0f} Mb"
        self.table.add(work, measured, "1.5 times", met=node <= 1.5 * route)

    # Set-up

    def _home(self, folder: Path, port: int, *, front: Path) -> None:
        settings = config.NodeSettings(
            id="org.example.bench", name="Benchmark", public_url=f"http://127.0.0.1:{port}",
            organization_id="bench", organization_name="Benchmark", port=port,
            signin=config.SignInSettings(issuer="https://signin.example", client_id="bench"),
            accel={str(front): "/skerry-clear"},
            rate_limits=config.RateSettings(public_per_minute=0),
        )  # fmt: skip
        policy = {
            "id": "open", "level": "public", "insecure_clear_streams": True,
            "data_use": [{"id": "DUO:0000004"}],
        }  # fmt: skip
        made = home.create(folder, settings)
        made.policies.write_text(yaml.safe_dump({"version": "1", "datasets": [policy]}))

    def _register(self, folder: Path, fasta: Path, *, letters: int) -> None:
        """In a process of its own, starting included."""
        command = [sys.executable, "-m", "gateway", "reference", "add", str(folder), str(fasta)]
        with (self._scratch / "registered").open("w+") as said:
            adding = subprocess.Popen([*command, "--json"], cwd=sys.path[0], stdout=said)
            _, status, used = os.wait4(adding.pid, 0)
            adding.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            answer = said.read()
        if adding.returncode:
            raise SystemExit("the chromosome was not registered")
        self._collection, self._letters = json.loads(answer)["collection"], letters
        rate = letters / (used.ru_utime + used.ru_stime)
        measured = f"{rate / 1e6:.0f} MB per CPU s: {GENOME / rate:.0f} s for 3.1 Gb"
        self.table.add(f"registering {letters / 1e6:.0f} Mb", measured)
        peak = used.ru_maxrss / 1024
        self.table.add("memory of registering", f"{peak:.0f} MB", "300 MB", met=peak <= 300)

    def _loaded(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "gateway", *map(str, arguments)]
        subprocess.run(command, cwd=sys.path[0], stdout=subprocess.DEVNULL, check=True)

    def _asked(self, path: str) -> Any:
        return httpx.get(f"http://127.0.0.1:{self._node.port}{path}", trust_env=False).json()

    def _address(self, name: str = "noise.bin") -> str:
        """Of a new release of the whole file."""
        (only,) = self._asked(f"/htsget/files/open/{name}")["htsget"]["urls"]
        return str(only["url"].partition(str(self._node.port))[2])


def _ranged(path: str, start0: int, end0: int) -> bytes:
    return get(path)[:-2] + b"Range: bytes=%d-%d\r\n\r\n" % (start0, end0 - 1)


def _middle(rounds: Sequence[Streamed], figure: Callable[[Streamed], float]) -> float:
    return statistics.median(map(figure, rounds))


if __name__ == "__main__":
    raise SystemExit(main())
