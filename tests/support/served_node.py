"""A node as `skerry serve` runs it, with one sealed object and a researcher who may have it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from gateway import config, home
from gateway.config import NodeSettings
from gateway.home import NodeHome
from gateway.serving.share import is_listening
from passports.tokens import PASSPORT_TYP, SigningKey, sign
from tests.support import slice_files
from tests.support.command import Ran, skerry
from tests.support.loopback import unused_port
from tests.support.node_folder import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
BROKER = "https://broker.example"
KEY = SigningKey.generate()
PATIENCE_SECONDS = 600  # for any answer: a busy machine takes its time
POLICY = {
    "id": "isle",
    "level": "registered",
    "profile": "default",
    "committee": [f"dora@{BROKER}", f"emil@{BROKER}"],
    "data_use": [{"id": "DUO:0000042"}],
}


@dataclass(frozen=True, slots=True)
class Served:
    home: NodeHome
    url: str
    folder: Path
    reads: Path
    lab: Path

    def token(self, person: str) -> str:
        """A passport with the visas that this node says the person has."""
        headers = {"Authorization": f"Bearer {self._passport(person)}"}
        found = httpx.get(
            f"{self.url}/access/visas", headers=headers, trust_env=False, timeout=PATIENCE_SECONDS
        )
        return self._passport(person, *found.json()["ga4gh_passport_v1"])

    def _passport(self, person: str, *visas: str) -> str:
        now = int(time.time())
        claims = {"iss": BROKER, "sub": person, "aud": self.url, "iat": now, "exp": now + 600}
        return sign(
            claims | {"jti": os.urandom(8).hex(), "ga4gh_passport_v1": visas},
            key=KEY,
            typ=PASSPORT_TYP,
        )

    def call(self, person: str, method: str, path: str, **given: object) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {self.token(person)}"}
        answer = httpx.request(
            method, f"{self.url}{path}", headers=headers, json=given,
            trust_env=False, timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        assert answer.is_success, answer.text
        found: Mapping[str, Any] = answer.json()
        return found

    def fetch(self, *arguments: object, person: str = "rosa") -> Ran:
        token = self.folder / "token"
        token.write_text(self.token(person))
        place = ("--workspace", self.lab, "--node", self.url, "--token-file", token)
        return skerry("fetch", "isle/made.bam", *place, *arguments)

    def recorded(self, kind: str) -> list[Mapping[str, Any]]:
        """As far as the record has whole lines: the node may be writing the next."""
        whole, _, _ = self.home.record.read_bytes().rpartition(b"\n")
        entries = [json.loads(line) for line in whole.splitlines()]
        return [entry["facts"] for entry in entries if entry["kind"] == kind]


def _settings(port: int) -> NodeSettings:
    url = f"http://127.0.0.1:{port}"
    given = {"port": port, "public_url": url, "admins": (f"adam@{BROKER}",)}
    return SETTINGS.model_copy(update=given)


def made(
    folder: Path,
    *,
    records: int = 2_000,
    in_front: str | None = None,
    accel: Mapping[str, str] | None = None,
) -> Served:
    """A node's folder, not served yet; `in_front` is the address of what stands before it."""
    settings = _settings(unused_port()).model_copy(update={"accel": dict(accel or {})})
    if in_front is not None:
        settings = settings.model_copy(update={"public_url": in_front})
    node_home = home.create(folder / "n", settings)
    node_home.policies.write_text(yaml.safe_dump({"version": "one", "datasets": [POLICY]}), "utf-8")
    broker = {"issuer": BROKER, "jwks_url": f"{BROKER}/jwks", "keys": [KEY.public_jwk()]}
    visas = {
        "issuer": settings.public_url,
        "jku": f"{settings.public_url}/.well-known/jwks.json",
        "subject_namespace": BROKER,
        "may_assert": [
            {
                "type": "ControlledAccessGrants",
                "sources": [settings.public_url],
                "values": [f"{settings.public_url}/datasets/isle"],
            }
        ],
    }
    trust = {"brokers": [broker], "visa_issuers": [visas]}
    node_home.trust.write_text(yaml.safe_dump(trust), "utf-8")
    reads = slice_files.write(folder, "BAM", records=records)
    ran = skerry("load", node_home.root, "--dataset", "isle", "--seal", reads)
    assert ran.code == 0, ran.err
    return Served(node_home, settings.public_url, folder, reads, folder / "lab")


@contextmanager
def serving(node: Served, *, workers: int = 1) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "gateway", "serve", str(node.home.root)]
    command += ["--workers", str(workers)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        until(lambda: _is_up(node, process), seconds=600)
        until(lambda: is_listening(node.home.slicer_sockets(1)[0]))
        yield process
    finally:
        process.terminate()
        assert process.wait(600) in (0, -signal.SIGTERM, -signal.SIGKILL)


def _is_up(node: Served, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None
    try:
        return httpx.get(f"{node.url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def until(holds: Callable[[], bool], *, seconds: float = 600) -> None:
    late = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < late
        time.sleep(0.05)


def granted(served: Served) -> str:
    """Rosa's workspace is confirmed and her request approved, as everybody does it: its id."""
    assert skerry("workspace", "init", served.lab, "--name", "lab").code == 0
    token = served.folder / "token"
    token.write_text(served.token("rosa"))
    ran = skerry(
        "workspace", "register", served.lab, "--node", served.url,
        "--node-key", served.home.public_key_hex(), "--token-file", token,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    workspace = ran.out.partition(":")[0]
    served.call("adam", "POST", f"/access/workspaces/{workspace}/confirm")
    asked = served.call(
        "rosa", "POST", "/access/requests",
        dataset="isle", project="Reads", purpose="To read them.", workspace=workspace, months=1,
    )  # fmt: skip
    name = str(asked["id"])
    served.call("rosa", "POST", f"/access/requests/{name}/submit")
    served.call("dora", "POST", f"/access/requests/{name}/approve")
    return name


def port_of(served: Served) -> int:
    """Where the node itself listens."""
    return config.load(served.home.settings).port
