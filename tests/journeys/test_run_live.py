"""A run at a node as `skerry serve` runs it: asked for, approved, run, killed, run again, released.

The engine is one program in the real sandbox (`tests.support.run_site`); all else is what an
operator has: passports, commands, HTTP, the record.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from streams.keys import parse_public_key, write_pair
from tests.support.command import skerry
from tests.support.run_node import APPLICATION, ENVIRONMENT
from tests.support.run_site import OneProgram, printed
from tests.support.served_node import ROOT, Served, made, serving, until
from workspaces import keys, private
from workspaces.engine.federation import SiteBundle
from workspaces.engine.port import fingerprint
from workspaces.job import Outcome
from workspaces.leftovers import under_way
from workspaces.order import Order, Staged
from workspaces.supervisor import supervise

pytestmark = [pytest.mark.live, pytest.mark.sandbox]

COUNT = """
import json, pathlib, sys
size = next(pathlib.Path(sys.argv[1]).iterdir()).stat().st_size
print(json.dumps({"kind": "table", "rows": ["all"], "columns": ["count"], "cells": [[size]]}))
"""
KILLED = """
import asyncio, pathlib, sys
from tests.journeys.test_run_live import order
from tests.support.run_site import OneProgram, printed
from workspaces.supervisor import supervise
lab, url, token = sys.argv[1:]
asyncio.run(supervise(pathlib.Path(lab), order(pathlib.Path(lab), url),
                      engine=OneProgram("import time; time.sleep(36_000)"),
                      token=pathlib.Path(token).read_text(), outputs=printed))
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    node = made(tmp_path, records=200)
    with serving(node):
        yield node


def order(lab: Path, url: str) -> Order:
    site = SiteBundle(
        federation="f", site="one", coordinator="127.0.0.1:1", registrar="https://127.0.0.1:1",
        authority="-", roster={"one": fingerprint(keys.load(lab).identity_key)}, least_sites=3,
    )  # fmt: skip
    return Order(
        node_url=url, dataset="isle", objects=(Staged("isle/made.bam", "reads"),),
        application=APPLICATION, environment=ENVIRONMENT, site=site, poll_seconds=1,
    )  # fmt: skip


def approved(served: Served) -> None:
    """Rosa's workspace is confirmed and dora approves what is to run there."""
    assert skerry("workspace", "init", served.lab, "--name", "lab").code == 0
    token = served.folder / "token"
    token.write_text(served.token("rosa"))
    ran = skerry(
        "workspace", "register", served.lab, "--node", served.url,
        "--node-key", served.home.public_key_hex(), "--token-file", token,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    name, _, told = ran.out.partition(":")
    token.write_text(served.token("adam"))
    confirmed = (
        "workspace", "approve", name, "--node", served.url, "--token-file", token, "--thumbprint",
    )  # fmt: skip
    assert skerry(*confirmed, "0" * 64).code != 0
    ran = skerry(*confirmed, told.split()[-1])
    assert (ran.code, "confirmed" in ran.out) == (0, True), ran.err
    run = {
        "applications": [APPLICATION], "environment": ENVIRONMENT, "least_sites": 1,
        "roster": [fingerprint(keys.load(served.lab).identity_key)], "outputs": ["table"],
    }  # fmt: skip
    asked = served.call(
        "rosa", "POST", "/access/requests", dataset="isle", project="Reads",
        purpose="To count them.", workspace=name, months=1, run=run,
    )  # fmt: skip
    served.call("rosa", "POST", f"/access/requests/{asked['id']}/submit")
    for member in ("dora", "emil"):
        served.call(member, "POST", f"/access/requests/{asked['id']}/approve")


def killed_in_the_middle(served: Served) -> None:
    token = served.folder / "token"
    token.write_text(served.token("rosa"))
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(served.lab), served.url, str(token)], cwd=ROOT
    )
    until(lambda: any("running" in str(one["phase"]) for one in runs(served)), seconds=600)
    assert [alive for _, alive in under_way(served.lab)] == [True]
    os.kill(process.pid, signal.SIGKILL)
    process.wait(600)
    assert [alive for _, alive in under_way(served.lab)] == [False]  # plaintext, in memory still


def runs(served: Served) -> list[dict[str, Any]]:
    return list(served.call("rosa", "GET", "/access/runs")["runs"])


def test_a_run_is_killed_swept_run_again_and_its_result_is_the_requesters(served: Served) -> None:
    approved(served)
    killed_in_the_middle(served)
    ended = asyncio.run(
        supervise(
            served.lab, order(served.lab, served.url), engine=OneProgram(COUNT),
            token=served.token("rosa"), outputs=printed,
        )
    )  # fmt: skip
    assert (ended.outcome, ended.problem) == (Outcome.DONE, "")
    assert under_way(served.lab) == ()
    owner = fingerprint(keys.load(served.lab).identity_key)[:16]
    assert list(private.PLACE.glob(f"skerry-{owner}-*")) == []
    receipts = {one["id"]: one["receipt"]["receipt"]["outcome"] for one in runs(served)}
    assert sorted(receipts.values()) == ["done", "killed"]

    write_pair(served.folder / "rosa.sec", served.folder / "rosa.pub")
    public = parse_public_key((served.folder / "rosa.pub").read_bytes())
    served.call("rosa", "POST", "/access/keys", public_key=public.hex())
    (output,) = ended.outputs
    assert output.state == "released"
    (served.folder / "token").write_text(served.token("rosa"))
    taking = (
        "results", "take", output.id, "--node", served.url, "--node-key",
        served.home.public_key_hex(), "--token-file", served.folder / "token",
        "--key", served.folder / "rosa.sec", "--out", served.folder / "result.json",
    )  # fmt: skip
    ran = skerry(*taking)
    assert ran.code == 0, ran.err
    content = json.loads((served.folder / "result.json").read_bytes())
    assert content["cells"] == [[served.reads.stat().st_size]]
    assert (served.folder / "result.json.proof.json").is_file()
    assert skerry(*taking).code != 0  # nothing is overwritten
    refused = httpx.get(
        f"{served.url}/access/airlock/{output.id}/result",
        headers={"Authorization": f"Bearer {served.token('mallory')}"}, trust_env=False,
        timeout=600,
    )  # fmt: skip
    assert refused.status_code == 404
    assert skerry("verify-audit", served.home.root).code == 0
    steps = [one["step"] for one in served.recorded("access.run")]
    assert steps.count("wiped") == 2
