"""A node served by two workers: whichever of them answers, the node is one.

Sessions, releases and the policy in force are the same at both; a worker or the record's writer
that is killed costs no entry of an answer that left.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from pytest_socket import enable_socket

from access.record.audit import verify
from beacon.loading.load import DatasetSource
from gateway import home
from gateway.holding import loading
from gateway.home import NodeHome
from passports.tokens import PASSPORT_TYP, SigningKey, sign
from tests.support import slice_files
from tests.support.command import skerry
from tests.support.loopback import unused_port
from tests.support.node_folder import SETTINGS
from tests.support.served_node import PATIENCE_SECONDS
from tests.support.sources import write_vcf

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]
BROKER = "https://broker.example"
KEY = SigningKey.generate()
POLICY = {
    "id": "isle",
    "level": "public",
    "profile": "open",
    "ceilings": {"public": "count"},
    "insecure_clear_streams": True,
    "data_use": [{"id": "DUO:0000004"}],
}
QUESTION = {
    "referenceName": "1", "assemblyId": "GRCh38", "start": "99", "referenceBases": "A",
    "alternateBases": "C", "requestedGranularity": "count",
}  # fmt: skip
MANY = 16  # connections; that one worker gets them all is likelier by far than a broken test


@dataclass(frozen=True, slots=True)
class Served:
    home: NodeHome
    url: str
    process: subprocess.Popen[bytes]

    def ask(self, path: str, **given: object) -> httpx.Response:
        """Over a connection of its own, which either worker may get."""
        with httpx.Client(trust_env=False, timeout=PATIENCE_SECONDS) as client:
            return client.get(f"{self.url}{path}", **given)  # type: ignore[arg-type]  # httpx's own

    def children(self, module: str) -> list[int]:
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in pids.split() if module in _words(pid)]

    def entries(self) -> list[Mapping[str, object]]:
        """As far as the record has whole lines."""
        whole, _, _ = self.home.record.read_bytes().rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()]


def _words(pid: str) -> list[str]:
    """Of a process's command line; none where it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    enable_socket()  # this comes before the fixture that does so for a marked test
    folder = tmp_path_factory.mktemp("w")
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    made = home.create(
        folder / "n", SETTINGS.model_copy(update={"port": port, "public_url": url, "workers": 2})
    )
    made.policies.write_text(yaml.safe_dump({"version": "one", "datasets": [POLICY]}), "utf-8")
    broker = {"issuer": BROKER, "jwks_url": f"{BROKER}/jwks", "keys": [KEY.public_jwk()]}
    made.trust.write_text(yaml.safe_dump({"brokers": [broker]}), "utf-8")
    vcf = write_vcf(folder / "v.vcf.gz", ["100 . A C . 0/1 1/1"], samples=("p1", "p2"))
    source = DatasetSource(id="isle", name="Isle", description="", assembly="GRCh38", vcfs=(vcf,))
    loading.load_dataset(made, source)
    reads = slice_files.write(folder, "BAM", records=2_000)
    assert skerry("load", made.root, "--dataset", "isle", "--clear", reads).code == 0
    process = subprocess.Popen([sys.executable, "-m", "gateway", "serve", str(made.root)], cwd=ROOT)
    node = Served(made, url, process)
    try:
        until(lambda: _is_up(node), seconds=600)
        until(lambda: len(node.children("gateway.serving.worker")) == 2)
        yield node
    finally:
        process.terminate()
        assert process.wait(600) == 0
    assert verify(made.record, made.signing_key().public_key()).problem is None
    left = {path.name for path in made.root.iterdir()}
    assert not any(name.startswith(("sessions.db", "worker-", "record.sock")) for name in left)


def _is_up(node: Served) -> bool:
    assert node.process.poll() is None
    try:
        return node.ask("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def until(holds: Callable[[], bool], *, seconds: float = 120) -> None:
    late = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < late
        time.sleep(0.05)


def passport(url: str) -> str:
    now = int(time.time())
    claims = {"iss": BROKER, "sub": "rosa", "aud": url, "iat": now, "exp": now + 600, "jti": "p"}
    return sign(claims | {"ga4gh_passport_v1": []}, key=KEY, typ=PASSPORT_TYP)


def test_both_answer_the_same_and_both_are_on_record(served: Served) -> None:
    before = len(served.entries())
    answers = [served.ask("/beacon/g_variants", params=QUESTION) for _ in range(MANY)]
    assert {a.json()["responseSummary"]["numTotalResults"] for a in answers} == {1}
    kinds = [entry["kind"] for entry in served.entries()[before:]]
    assert kinds.count("beacon.answer") == MANY


def test_a_bearer_opened_at_one_is_good_at_both_and_ends_at_both(served: Served) -> None:
    opened = httpx.post(
        f"{served.url}/access/session", json={"passports": [passport(served.url)]},
        trust_env=False, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {opened.json()['access_token']}"}
    codes = [served.ask("/access/whoami", headers=headers).status_code for _ in range(MANY)]
    assert set(codes) == {200}
    ended = httpx.delete(
        f"{served.url}/access/session", headers=headers, trust_env=False, timeout=PATIENCE_SECONDS
    )
    assert ended.status_code == 204
    codes = [served.ask("/access/whoami", headers=headers).status_code for _ in range(MANY)]
    assert set(codes) == {401}


def test_a_release_opened_at_one_is_sent_by_both(served: Served) -> None:
    ticket = served.ask("/htsget/reads/isle/made").json()["htsget"]
    address = ticket["urls"][0]["url"].removeprefix(served.url)
    answers = [served.ask(address) for _ in range(MANY)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    parts = [served.ask(address, headers={"Range": "bytes=3-12"}) for _ in range(MANY)]
    assert {(part.status_code, part.content) for part in parts} == {(206, answers[0].content[3:13])}
    forged = [served.ask(address[:-1] + "x").status_code for _ in range(MANY)]
    assert set(forged) <= {403, 404}
    unknown = [served.ask(address.replace("blocks/", "blocks/9")).status_code for _ in range(MANY)]
    assert set(unknown) == {404}


def test_what_one_release_may_send_is_counted_once(served: Served) -> None:
    """Four bodies and a bit is what an address gives in all, however its requests are spread."""
    ticket = served.ask("/htsget/reads/isle/made").json()["htsget"]
    address = ticket["urls"][0]["url"].removeprefix(served.url)
    size = len(served.ask(address).content)
    given, refused = size, 0
    while not refused:
        answer = served.ask(address)
        refused = answer.status_code != 200
        given += 0 if refused else len(answer.content)
    assert 4 * size <= given <= 4 * size + 4 * 1024 * 1024


def test_a_policy_put_in_force_holds_at_both(served: Served, tmp_path: Path) -> None:
    closed = POLICY | {"ceilings": {"public": "boolean"}}
    served.home.policies.write_text(yaml.safe_dump({"version": "two", "datasets": [closed]}))
    why = ("--author", "dora", "--reason", "fewer")
    assert skerry("policy", "activate", served.home.root, *why).code == 0

    def holds() -> bool:
        answers = [served.ask("/beacon/g_variants", params=QUESTION).json() for _ in range(MANY)]
        return all("numTotalResults" not in answer["responseSummary"] for answer in answers)

    until(holds, seconds=120)


@pytest.mark.parametrize("victim", ["gateway.serving.worker", "access.record.writer"])
def test_killing_one_process_loses_no_entry_of_an_answer(served: Served, victim: str) -> None:
    before = len(served.entries())
    answered, stop = [0, 0], threading.Event()

    def ask(which: int) -> None:
        while not stop.is_set():
            try:
                answer = served.ask("/beacon/g_variants", params=QUESTION)
            except httpx.TransportError:
                continue  # the worker that had it is gone
            assert answer.status_code in (200, 503)
            answered[which] += answer.status_code == 200

    askers = [threading.Thread(target=ask, args=(which,)) for which in range(2)]
    for asker in askers:
        asker.start()
    until(lambda: min(answered) > 5)
    killed = served.children(victim)[0]
    count = len(served.children(victim))
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(served.children(victim)) == count and killed not in served.children(victim))
    reached = min(answered)
    until(lambda: min(answered) > reached + 5)
    stop.set()
    for asker in askers:
        asker.join()
    kinds = [entry["kind"] for entry in served.entries()[before:]]
    assert kinds.count("beacon.answer") >= sum(answered)
