"""What a Beacon's answers give away, asked over HTTP of a running node, and what protection costs.

`python benchmarks/privacy.py [--quick | --nightly] [--check] [--write]`: loads simulated members
into a node of the default profile, asks about every site as anybody could (1 % twice, to see that
answers are fixed), lets three attackers loose on the answers, and a sample of registered accounts
whose answers must be those reckoned for all the others in this process. Prints attack power at a
false alarm rate of 0.05 beside what an honest asker still learns; `--write` puts the tables into
docs/privacy.md; `--check` exits 1 where a gate fails: the lower 95 % bound of the worst power.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

# This file is named for the room it measures, and Python puts its folder first.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import aiohttp
import numpy as np
import pysam
import yaml
from numpy.typing import NDArray

from access.database import Database
from access.privacy.ledger import Entry, Ledger
from access.privacy.pricing import Spectrum, floors, price
from beacon.loading import panel_load
from beacon.loading.load import DatasetSource
from benchmarks import attackers
from benchmarks.asking import free_port
from benchmarks.attackers import Attack, World, worst
from benchmarks.callers import Callers
from gateway import config, home, loading
from passports.tokens import PASSPORT_TYP, sign

QUESTIONS = (1, 10, 100, 1_000)
PUBLIC_GATE, REGISTERED_GATE, COST_GOAL_MS = 0.10, 0.13, 0.15
ALLOWANCE = math.log(2)
SEED = 1
CONCURRENCY = 8
ACCOUNTS, ASKED = 12, 10
SESSION = 500
_CALLERS, _ASKED_FOR_COST = 200, 1_000
_STEP = 100  # bases between sites
_PAGE = Path(__file__).resolve().parents[1] / "docs" / "privacy.md"
_BEGIN, _END = "<!-- measured -->", "<!-- end -->"


@dataclass(frozen=True, slots=True)
class Size:
    members: int
    controls: int
    sites: int


SIZES = {
    "quick": Size(200, 400, 3_000),
    "gate": Size(500, 1_000, 20_000),
    "nightly": Size(1_000, 2_000, 20_000),
}


class Accounts(Callers):
    """A passport for each of many accounts."""

    def passport_of(self, name: str, audience: str) -> str:
        self._subject = name
        values = ("ResearcherStatus", "AcceptedTermsAndPolicies")
        visas = [self._visa(kind, self.trust_value) for kind in values]
        claims = self._claims() | {"aud": audience, "ga4gh_passport_v1": visas}
        return sign(claims, key=self._key, typ=PASSPORT_TYP)

    trust_value = "https://doi.org/10.1038/s41431-018-0219-y"
    _subject = "rosa"

    def _claims(self) -> dict[str, object]:
        return super()._claims() | {"sub": self._subject}


class Node:
    """A node of the default profile that holds the members, served by its own process."""

    def __init__(self, folder: Path, world: World, accounts: Accounts) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._accounts = accounts
        settings = config.NodeSettings(
            id="org.example.privacy", name="Benchmark", public_url=self.url,
            organization_id="bench", organization_name="Benchmark", port=port,
            signin=config.SignInSettings(issuer=accounts.issuer, client_id="bench"),
            # An attacker has patience; rate limits only make a power take longer to reach.
            rate_limits=config.RateSettings(public_per_minute=0, registered_per_minute=0),
        )  # fmt: skip
        made = home.create(folder / "node", settings)
        made.trust.write_text(yaml.safe_dump(accounts.trust))
        policy = {"id": "d", "level": "public", "profile": "default"}
        made.policies.write_text(yaml.safe_dump({"version": "1", "datasets": [policy]}))
        loading.load_dataset(made, _source(folder, world))
        panel_load.load(_frequencies(folder, world), made.panel, assembly="GRCh38")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", str(made.root)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": sys.path[0]},
        )

    async def answers(
        self, sites: Sequence[int], *, account: str | None = None, at_once: int = CONCURRENCY
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """For each site yes (1), no (0) or not answered (-1), and how long that took."""
        token = None if account is None else self._accounts.passport_of(account, self.url)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        told = np.full(len(sites), -2, dtype=np.int64)
        took = np.zeros(len(sites))
        waiting, where = iter(enumerate(sites)), f"{self.url}/beacon/g_variants"
        async with aiohttp.ClientSession(headers=headers) as http:

            async def asker() -> None:
                for place, site in waiting:
                    begun = time.perf_counter()
                    async with http.get(where, params=_asked(site)) as got:
                        body = await got.json()
                    took[place] = time.perf_counter() - begun
                    told[place] = _read(got.status, body)

            await asyncio.gather(*(asker() for _ in range(at_once)))
        return told, took

    async def ready(self) -> None:
        async with aiohttp.ClientSession() as http:
            for _ in range(600):
                try:
                    async with http.get(f"{self.url}/readyz") as got:
                        if got.status == 200:
                            return
                except aiohttp.ClientError:
                    if self._process.poll() is not None:
                        break
                await asyncio.sleep(0.1)
        raise SystemExit("the node did not start")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(15)


def _asked(site: int) -> dict[str, str]:
    return {
        "referenceName": "1", "start": str((site + 1) * _STEP - 1),
        "referenceBases": "A", "alternateBases": "G", "requestedGranularity": "count",
    }  # fmt: skip


def _read(status: int, body: Mapping[str, object]) -> int:
    if status == 403:
        return -1
    summary = body.get("responseSummary")
    if status != 200 or not isinstance(summary, dict) or summary.keys() != {"exists"}:
        raise SystemExit(f"unexpected answer {status}: {body}")
    return int(summary["exists"])


def _source(folder: Path, world: World) -> DatasetSource:
    """Written as text: half of the time would go into calls otherwise."""
    rng = np.random.default_rng(SEED)
    plain, path = folder / "members.vcf", folder / "members.vcf.gz"
    names = "\t".join(f"P{n}" for n in range(world.size))
    with plain.open("w") as out:
        out.write("##fileformat=VCFv4.3\n##contig=<ID=1,length=248956422>\n")
        out.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        out.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n")
        for site, carried in enumerate(world.members.T):
            twice = rng.random(world.size) < world.frequencies[site] / 2
            calls = np.where(carried, np.where(twice, "1/1", "0/1"), "0/0")
            where = (site + 1) * _STEP
            out.write(f"1\t{where}\t.\tA\tG\t.\t.\t.\tGT\t" + "\t".join(calls.tolist()) + "\n")
    pysam.tabix_compress(str(plain), str(path), force=True)
    plain.unlink()
    return DatasetSource(id="d", name="D", description="", assembly="GRCh38", vcfs=(path,))


def _frequencies(folder: Path, world: World) -> Path:
    path = folder / "panel.tsv"
    rows = (
        f"1\t{(n + 1) * _STEP}\tA\tG\t{f!r}\n" for n, f in enumerate(world.frequencies.tolist())
    )
    path.write_text("chrom\tpos\tref\talt\taf\n" + "".join(rows))
    return path


@dataclass(frozen=True, slots=True)
class Line:
    """One policy: what attackers reach after so many questions, and what honest askers keep."""

    policy: str
    attacks: list[Attack]
    kept: tuple[float, float, float]
    gate: float | None = None

    @property
    def failed(self) -> bool:
        return self.gate is not None and worst(self.attacks).at_least > self.gate

    def row(self) -> str:
        most = {
            q: max((a.power for a in self.attacks if a.questions == q), default=None)
            for q in QUESTIONS
        }
        powers = " / ".join("-" if p is None else f"{p:.2f}" for p in most.values())
        kept = " / ".join(f"{share:.2f}" for share in self.kept)
        gate = "" if self.gate is None else f"{self.gate:.2f}"
        return f"| {self.policy} | {powers} | {kept} | {gate} |"


def _kept(world: World, yes: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Of the sites somebody carries, by how many do: the share answered «yes»."""
    carriers = world.members.sum(0)
    classes = ((1, 2), (3, 9), (10, world.size))
    one, few, many = (
        float(yes[(carriers >= low) & (carriers <= high)].mean()) for low, high in classes
    )
    return one, few, many


async def measured(size: Size, scratch: Path) -> tuple[list[Line], list[str]]:
    world = attackers.simulated(
        members=size.members, controls=size.controls, sites=size.sites, seed=SEED
    )
    truth = world.members.sum(0) > 0
    exact = truth.astype(np.int64)
    lines = [_exact(world, exact), _hidden(world)]
    accounts = Accounts()
    node = Node(scratch, world, accounts)
    try:
        await node.ready()
        begun = time.perf_counter()
        told, _ = await node.answers(range(size.sites))
        notes = [f"{size.sites:,} sites asked in {time.perf_counter() - begun:.0f} s over HTTP"]
        _expect_fixed(told, await node.answers(range(0, size.sites, 100)))
        _expect_floor(world, told, truth)
        answered = told >= 0
        rule = attackers.presence(world, answered=answered)
        attacks = attackers.attacked(world, rule, told, questions=QUESTIONS, seed=SEED)
        kept = _kept(world, told == 1)
        lines.append(Line("`default`, everybody: a floor", attacks, kept, PUBLIC_GATE))
        lines.append(_registered(world))
        notes.append(await _sample_agrees(node, world))
        notes.append(await _timing(node, told, truth))
    finally:
        node.close()
        accounts.close()
    notes.append(_session(world))
    return lines, notes


def _exact(world: World, answers: NDArray[np.int64]) -> Line:
    rule = attackers.presence(world)
    attacks = attackers.attacked(world, rule, answers, questions=QUESTIONS, seed=SEED)
    return Line("exact presence (`open`, `rare-disease`, a grant)", attacks, (1.0, 1.0, 1.0))


def _hidden(world: World) -> Line:
    def shown(count: NDArray[np.int64]) -> NDArray[np.int64]:
        floored: NDArray[np.int64] = np.where(count < 10, 0, count - count % 10)
        return floored

    carriers = world.members.sum(0)
    told = np.unique(shown(np.arange(world.size + 1)))
    answers = np.searchsorted(told, shown(carriers))
    rule = attackers.counts(world, shown=shown)
    attacks = attackers.attacked(world, rule, answers, questions=QUESTIONS, seed=SEED)
    return Line("for comparison: < 10 hidden, floor to 10", attacks, _kept(world, answers > 0))


def _registered(world: World) -> Line:
    questions = [q for q in QUESTIONS if q <= 100]
    attacks = attackers.charged_attacks(world, allowance=ALLOWANCE, questions=questions, seed=SEED)
    payable = np.array([price(f, world.size) <= ALLOWANCE for f in world.frequencies])
    kept = _kept(world, payable & (world.members.sum(0) > 0))
    return Line("`default`, one registered account: ln 2", attacks, kept, REGISTERED_GATE)


def _expect_fixed(
    told: NDArray[np.int64], again: tuple[NDArray[np.int64], NDArray[np.float64]]
) -> None:
    if not np.array_equal(told[::100], again[0]):
        raise SystemExit("an answer changed when it was asked again")


def _expect_floor(world: World, told: NDArray[np.int64], truth: NDArray[np.bool_]) -> None:
    floor = floors(Spectrum.of(world.frequencies), world.size).allele
    expected = world.frequencies >= (2.0 if floor is None else floor)
    if not np.array_equal(told >= 0, expected):
        raise SystemExit("what is answered does not follow from public frequencies alone")
    if not np.array_equal(told[expected] == 1, truth[expected]):
        raise SystemExit("an answer for everybody is not the truth")


async def _sample_agrees(node: Node, world: World) -> str:
    """Some accounts really ask; the evidence must be what was reckoned for all the others."""
    order = np.argsort(world.frequencies, kind="stable")
    payable = np.array([price(f, world.size) <= ALLOWANCE for f in world.frequencies])
    for person in range(ACCOUNTS):
        row = (world.members if person % 2 else world.controls)[person]
        sites = order[payable[order] & row[order]][:ASKED].tolist()
        told, _ = await node.answers(sites, account=f"account-{person}", at_once=1)
        score, spent, scores = 0.0, 0.0, []
        for site, answer in zip(sites, told.tolist(), strict=True):
            nats = price(float(world.frequencies[site]), world.size)
            if spent + nats <= ALLOWANCE:
                spent, score = spent + answer * nats, score + (nats if answer else math.log(1e-6))
            scores.append(score)
        reckoned = attackers.charged(
            world, row, order[payable[order]], allowance=ALLOWANCE, questions=ASKED
        )
        if not np.allclose(scores, reckoned, atol=0.05):
            raise SystemExit("an account was told otherwise than reckoned")
    return f"{ACCOUNTS} accounts asked {ASKED} questions each over HTTP: as reckoned"


async def _timing(node: Node, told: NDArray[np.int64], truth: NDArray[np.bool_]) -> str:
    """Of what is refused: whether the dataset holds it must not show in the time."""
    refused = told < 0
    medians = []
    for held in (truth, ~truth):
        sites = np.flatnonzero(refused & held)[:300].tolist()
        _, took = await node.answers(sites, at_once=1)
        medians.append(1000 * float(np.median(took)))
    return (
        f"median of a refusal: {medians[0]:.2f} ms where it is held, {medians[1]:.2f} ms where not"
    )


def _session(world: World) -> str:
    """An honest account that asks about rare variants, whoever carries them."""
    rng = np.random.default_rng(SEED)
    carriers = world.members.sum(0)
    rare = np.flatnonzero((world.frequencies < 0.01) & (carriers > 0))
    asked = rng.permutation(rare)[:SESSION]
    spent, kept, refused = np.zeros(world.size), 0, 0
    for site in asked:
        nats = price(float(world.frequencies[site]), world.size)
        people = np.flatnonzero(world.members[:, site])
        payers = people[spent[people] + nats <= ALLOWANCE]
        spent[payers] += nats
        kept += bool(len(payers))
        refused += nats > ALLOWANCE
    return (
        f"an honest session of {len(asked)} carried variants of AF < 1 %: "
        f"{kept / len(asked):.0%} answered «yes», {refused / len(asked):.0%} refused beforehand"
    )


def cost(scratch: Path, *, lines: int) -> tuple[str, bool]:
    """Processor time of the ledger's part of an answer, at so many lines of 200 callers."""
    database = Database(f"sqlite:///{scratch / 'cost.db'}")
    with database.writing() as session:
        connection = session.connection()
        for account in range(_CALLERS):
            connection.exec_driver_sql(
                "INSERT INTO privacy_account "
                "(account, subject, dataset, stamp, singles, near, alarm, packed) "
                "VALUES (?, ?, 'd', 0, 0, 0, 0, x'')",
                (account, f"p-{account}"),
            )
        for begin in range(0, lines, 50_000):
            rows = [
                (n % _CALLERS, os.urandom(20), False, 1000, 0)
                for n in range(begin, min(begin + 50_000, lines))
            ]
            connection.exec_driver_sql(
                "INSERT INTO privacy_answer (account, question, answer, turnover, at) "
                "VALUES (?, ?, ?, ?, ?)",
                rows,
            )
    ledger, entry = Ledger(database), Entry("", "d", b"", "1", 1000, 1000)

    def asked(carriers: Callable[[], Sequence[int]]) -> float:
        begun = time.process_time()
        for number in range(_ASKED_FOR_COST):
            ledger.presence(
                replace(entry, subject=f"p-{number % _CALLERS}", question=b"%d" % number),
                frequency=0.001,
                allowance=ALLOWANCE,
                carriers=carriers,
                now=1,
            )
        return 1000 * (time.process_time() - begun) / _ASKED_FOR_COST

    charged, again = asked(lambda: [7, 11]), asked(lambda: [7, 11])
    entry = replace(entry, dataset="e")
    asked(list)  # opens the accounts
    entry = replace(entry, turnover=2_000)
    absent = asked(list)
    database.close()
    size = (scratch / "cost.db").stat().st_size
    missed = (charged + absent) / 2 > COST_GOAL_MS
    told = (
        f"ledger at {lines:,} lines: {charged:.2f} ms CPU for a «yes» that is charged, "
        f"{absent:.2f} ms for a «no», {again:.2f} ms for a question asked before "
        f"(goal {COST_GOAL_MS} ms in the mean){'; missed' if missed else ''}; "
        f"{size / lines:.0f} bytes a line"
    )
    return told, missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 members, 3,000 sites")
    parser.add_argument("--nightly", action="store_true", help="1,000 members, 2,000 controls")
    parser.add_argument("--check", action="store_true", help="exit 1 where a gate fails")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/privacy.md")
    given = parser.parse_args()
    size = SIZES["quick" if given.quick else "nightly" if given.nightly else "gate"]
    with tempfile.TemporaryDirectory(prefix="skerry-privacy-") as scratch:
        lines, notes = asyncio.run(measured(size, Path(scratch)))
        told, missed = cost(Path(scratch), lines=50_000 if given.quick else 1_000_000)
    text = "\n".join(_table(size, lines, [*notes, told]))
    print(text)
    if given.write:
        _write(text)
    leaks = [line.policy for line in lines if line.failed]
    print(f"leaks: {'; '.join(leaks)}" if leaks else "no gate failed")
    return 1 if given.check and (leaks or missed) else 0


def _table(size: Size, lines: Sequence[Line], notes: Sequence[str]) -> list[str]:
    people = f"{size.members:,} members, {size.controls:,} controls, {size.sites:,} sites"
    return [
        f"{people}, seed {SEED}; the worst of three attackers at a false alarm rate of 0.05.",
        "",
        "| what is told | power at 1 / 10 / 100 / 1,000 | «yes» kept at 1-2 / 3-9 / 10+ | gate |",
        "|---|---|---|---|",
        *(line.row() for line in lines),
        "",
        *(f"- {note}" for note in notes),
    ]


def _write(text: str) -> None:
    page = _PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    _PAGE.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
