"""A granted person fetches from `skerry serve`: real processes and HTTP, slices and whole objects.

The records that arrive are those a plain reading of the file finds; the record names the release;
after revocation nothing more leaves; the storage key is changed while the node serves.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pytest_socket import enable_socket

from gateway import home
from gateway.config import NodeSettings
from gateway.errors import Exit
from gateway.home import NodeHome
from passports.tokens import PASSPORT_TYP, SigningKey, sign
from streams.slices.chart import Region
from tests.support import slice_files
from tests.support.command import Ran, skerry
from tests.support.node_folder import SETTINGS
from tests.support.slice_files import overlapping, read_all

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]
BROKER = "https://broker.example"
KEY = SigningKey.generate()
POLICY = {
    "id": "isle",
    "level": "registered",
    "profile": "default",
    "committee": [f"dora@{BROKER}"],
    "data_use": [{"id": "DUO:0000042"}],
}
ASKED = Region("chr1", 124_478_211, 124_490_000)
REGION = f"chr1:{ASKED.start0 + 1 if ASKED.start0 is not None else 1}-{ASKED.end0}"  # as people say


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
        found = httpx.get(f"{self.url}/access/visas", headers=headers, trust_env=False)
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
            method, f"{self.url}{path}", headers=headers, trust_env=False, timeout=20, json=given
        )
        assert answer.is_success, answer.text
        found: Mapping[str, Any] = answer.json()
        return found

    def fetch(self, *arguments: object, person: str = "rosa") -> Ran:
        token = self.folder / "token"
        token.write_text(self.token(person))
        place = ("--workspace", self.lab, "--node", self.url, "--token-file", token)
        return skerry("fetch", "isle/made.bam", *place, *arguments)

    def recorded(self, kind: str) -> list[Mapping[str, Any]]:
        entries = [json.loads(line) for line in self.home.record.read_bytes().splitlines()]
        return [entry["facts"] for entry in entries if entry["kind"] == kind]


def _settings(port: int) -> NodeSettings:
    url = f"http://127.0.0.1:{port}"
    given = {"port": port, "public_url": url, "admins": (f"adam@{BROKER}",)}
    return SETTINGS.model_copy(update=given)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    enable_socket()  # this comes before the fixture that does so for a marked test
    folder = tmp_path_factory.mktemp("s")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = _settings(port)
    made = home.create(folder / "n", settings)
    made.policies.write_text(yaml.safe_dump({"version": "one", "datasets": [POLICY]}), "utf-8")
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
    made.trust.write_text(yaml.safe_dump(trust), "utf-8")
    reads = slice_files.write(folder, "BAM", records=2_000)
    ran = skerry("load", made.root, "--dataset", "isle", "--seal", reads)
    assert ran.code == 0, ran.err
    node = Served(made, settings.public_url, folder, reads, folder / "lab")
    process = subprocess.Popen([sys.executable, "-m", "gateway", "serve", str(made.root)], cwd=ROOT)
    try:
        until(lambda: _is_up(node, process), seconds=60)
        until(made.slicer_socket.is_socket)
        yield node
    finally:
        process.terminate()
        assert process.wait(30) in (0, -signal.SIGTERM)


def _is_up(node: Served, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None
    try:
        return httpx.get(f"{node.url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def until(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    late = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < late
        time.sleep(0.05)


@pytest.fixture(scope="module")
def request_id(served: Served) -> str:
    """Rosa's workspace is confirmed and her request approved, as everybody does it."""
    assert skerry("workspace", "init", served.lab, "--name", "lab").code == 0
    token = served.folder / "token"
    token.write_text(served.token("rosa"))
    ran = skerry(
        "workspace", "register", served.lab, "--node", served.url,
        "--node-key", served.home.public_key_hex(), "--token-file", token,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    workspace = ran.out.partition(":")[0]
    refused = served.fetch()
    assert refused.code == Exit.REFUSED, "no grant yet"
    served.call("adam", "POST", f"/access/workspaces/{workspace}/confirm")
    asked = served.call(
        "rosa", "POST", "/access/requests",
        dataset="isle", project="Reads", purpose="To read them.", workspace=workspace, months=1,
    )  # fmt: skip
    name = str(asked["id"])
    served.call("rosa", "POST", f"/access/requests/{name}/submit")
    served.call("dora", "POST", f"/access/requests/{name}/approve")
    return name


def test_a_slice_arrives_with_exactly_the_records_asked_for(
    served: Served, request_id: str
) -> None:
    ran = served.fetch("--region", REGION, "--out", "slice.bam", "--json")
    assert ran.code == 0, ran.err
    arrived = served.lab / "data" / json.loads(ran.out)["path"]
    sent, whole = read_all(arrived, "BAM"), read_all(served.reads, "BAM")
    assert overlapping(whole, [ASKED])
    assert overlapping(sent, [ASKED]) == overlapping(whole, [ASKED])
    assert len(sent) < len(whole)
    (intent,) = [facts for facts in served.recorded("release.intent") if "regions" in facts]
    assert intent["regions"] == 1
    assert intent["object"] == "isle/made.bam"
    assert not list((served.lab / "incoming").iterdir())


def test_the_whole_object_arrives_as_it_was_loaded(served: Served, request_id: str) -> None:
    ran = served.fetch("--out", "whole.bam")
    assert ran.code == 0, ran.err
    assert (served.lab / "data" / "whole.bam").read_bytes() == served.reads.read_bytes()


def test_a_reference_that_is_not_there_and_a_person_without_a_grant_get_nothing(
    served: Served, request_id: str
) -> None:
    assert served.fetch("--region", "chrNone", "--out", "none.bam").code == Exit.REFUSED
    assert served.fetch("--out", "mallory.bam", person="mallory").code == Exit.REFUSED
    names = {path.name for path in (served.lab / "data").iterdir()}
    assert not names & {"none.bam", "mallory.bam"}


def test_the_storage_key_is_changed_while_the_node_serves(served: Served, request_id: str) -> None:
    ran = skerry("keys", "rotate", served.home.root)
    assert ran.code == 0, ran.err
    assert served.fetch("--out", "after.bam").code == 0
    assert served.fetch("--region", REGION, "--out", "after-slice.bam").code == 0


def test_after_revocation_nothing_more_leaves(served: Served, request_id: str) -> None:
    """The last of them: a part that was authorised before is refused too."""
    headers = {"Authorization": f"Bearer {served.token('rosa')}"}
    place = f"{served.url}/htsget/reads/isle/made.bam?referenceName=chr1"
    ticket = httpx.get(place, headers=headers, trust_env=False).json()["htsget"]
    part = ticket["urls"][1]["url"]
    assert httpx.get(part, trust_env=False).status_code == 200
    served.call("dora", "POST", f"/access/requests/{request_id}/revoke")
    assert httpx.get(part, trust_env=False).status_code == 403
    assert served.fetch("--out", "late.bam").code == Exit.REFUSED
    closed = [facts["end"] for facts in served.recorded("release.close")]
    assert "withdrawn" in closed
