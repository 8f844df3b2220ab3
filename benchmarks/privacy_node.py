"""A node of the default profile that holds simulated members, and accounts that ask it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pysam
import yaml
from numpy.typing import NDArray

from beacon.loading import panel_load
from beacon.loading.load import DatasetSource
from benchmarks.asking import free_port, get
from benchmarks.attackers import World
from benchmarks.callers import BONA_FIDE, Callers
from benchmarks.dialogue import Reply, held
from gateway import config, home
from gateway.holding import loading
from passports.tokens import PASSPORT_TYP, sign

AT_ONCE = 4
_STEP = 100  # bases between sites
_ROOT = Path(__file__).resolve().parents[1]
_SEED = 1


class Accounts(Callers):
    """A passport for each of many accounts."""

    _subject = "rosa"

    def passport_of(self, name: str, audience: str) -> str:
        self._subject = name
        kinds = ("ResearcherStatus", "AcceptedTermsAndPolicies")
        visas = [self._visa(kind, BONA_FIDE) for kind in kinds]
        claims = self._claims() | {"aud": audience, "ga4gh_passport_v1": visas}
        return sign(claims, key=self._key, typ=PASSPORT_TYP)

    def _claims(self) -> dict[str, object]:
        return super()._claims() | {"sub": self._subject}


class Node:
    """Served by its own process."""

    def __init__(
        self, folder: Path, world: World, accounts: Accounts, *, individuals: Path | None = None
    ) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._accounts = accounts
        settings = config.NodeSettings(
            id="org.example.privacy", name="Benchmark", public_url=self.url,
            organization_id="bench", organization_name="Benchmark", port=self._port,
            signin=config.SignInSettings(issuer=accounts.issuer, client_id="bench"),
            # An attacker has patience; rate limits only make a power take longer to reach.
            rate_limits=config.RateSettings(public_per_minute=0, registered_per_minute=0),
        )  # fmt: skip
        made = home.create(folder / "node", settings)
        made.trust.write_text(yaml.safe_dump(accounts.trust))
        policy = {"id": "d", "level": "public", "profile": "default"}
        made.policies.write_text(yaml.safe_dump({"version": "1", "datasets": [policy]}))
        loading.load_dataset(made, replace(_source(folder, world), individuals=individuals))
        panel_load.load(_frequencies(folder, world), made.panel, assembly="GRCh38")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", str(made.root)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
        )

    def answers(
        self, sites: Sequence[int], *, at_once: int = AT_ONCE
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """What anybody is told of each site, yes (1), no (0) or no answer (-1), and how long it
        took."""
        scripts = [[asked(site) for site in sites[first::at_once]] for first in range(at_once)]
        told = np.empty(len(sites), np.int64)
        took = np.empty(len(sites))
        for first, replies in enumerate(held(self._port, scripts, at_once=at_once)):
            told[first::at_once] = [read(reply) for reply in replies]
            took[first::at_once] = [reply.seconds for reply in replies]
        return told, took

    def accounts_told(self, wanted: Sequence[Sequence[int]]) -> list[list[int]]:
        """What each of so many accounts is told of its own sites, in its order."""
        scripts = []
        for number, sites in enumerate(wanted):
            token = self.token(f"account-{number}")
            scripts.append([asked(site, token) for site in sites])
        replies = held(self._port, scripts, at_once=AT_ONCE)
        return [[read(reply) for reply in each] for each in replies]

    def token(self, account: str) -> str:
        return self._accounts.passport_of(account, self.url)

    def told(self, scripts: Sequence[Sequence[bytes]]) -> list[list[Reply]]:
        """The replies to each script, one question at a time."""
        return held(self._port, scripts, at_once=1)

    def ready(self) -> None:
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=1):  # noqa: S310
                    return
            except (urllib.error.URLError, OSError):
                if self._process.poll() is not None:
                    break
                time.sleep(0.1)
        raise SystemExit("the node did not start")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(15)


def asked(site: int, token: str | None = None) -> bytes:
    params = {
        "referenceName": "1", "start": str((site + 1) * _STEP - 1),
        "referenceBases": "A", "alternateBases": "G", "requestedGranularity": "count",
    }  # fmt: skip
    return get("/beacon/g_variants", params, token=token)


def read(reply: Reply) -> int:
    if reply.status == 403:
        return -1
    summary = json.loads(reply.body).get("responseSummary")
    if reply.status != 200 or not isinstance(summary, dict) or summary.keys() != {"exists"}:
        raise SystemExit(f"unexpected answer {reply.status}: {reply.body[:300]!r}")
    return int(summary["exists"])


def _source(folder: Path, world: World) -> DatasetSource:
    """Written as text: half of the time would go into calls otherwise."""
    rng = np.random.default_rng(_SEED)
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
