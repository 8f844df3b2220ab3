"""A node as its admin runs it: a folder, `skerry load --clear`, and a process of `skerry serve`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml
from pytest_socket import enable_socket, socket_allow_hosts

from gateway import home
from gateway.home import NodeHome
from passports.tokens import PASSPORT_TYP, SigningKey, sign
from tests.support.loopback import unused_port
from tests.support.node_folder import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
ISSUER = "https://signin.example"
DATASET = "open"
_START_SECONDS = 600


@dataclass(frozen=True, slots=True)
class OpenNode:
    """A running node whose dataset `open` leaves in the clear."""

    home: NodeHome
    url: str
    key: SigningKey
    log: Path

    def address(self, stem: str, kind: str = "reads") -> str:
        return f"{self.url}/htsget/{kind}/{DATASET}/{stem}"

    def token(self, **changes: object) -> str:
        """A passport of somebody, good for ten minutes."""
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": ISSUER,
            "sub": "rosa",
            "aud": self.url,
            "iat": now,
            "exp": now + 600,
            "ga4gh_passport_v1": [],
        }
        return sign(claims | changes, key=self.key, typ=PASSPORT_TYP)


@contextmanager
def open_node(folder: Path, files: Sequence[Path]) -> Iterator[OpenNode]:
    """Loads `files` and serves them until the block ends."""
    enable_socket()  # for fixtures wider than one test, which come before the test's own mark
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"])
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    made = home.create(
        folder / "node", SETTINGS.model_copy(update={"public_url": url, "port": port})
    )
    key = SigningKey.generate()
    write(made, key)
    run("load", made.root, "--dataset", DATASET, *(part for f in files for part in ("--clear", f)))
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command("serve", made.root), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait(server, url, log)
            yield OpenNode(made, url, key, log)
        finally:
            server.terminate()
            server.wait(600)


def write(made: NodeHome, key: SigningKey) -> None:
    policy: Mapping[str, object] = {
        "id": DATASET,
        "level": "public",
        "insecure_clear_streams": True,
        "data_use": [{"id": "DUO:0000004"}],
    }
    made.policies.write_text(yaml.safe_dump({"version": "1", "datasets": [policy]}))
    broker = {"issuer": ISSUER, "jwks_url": f"{ISSUER}/jwks", "keys": [key.public_jwk()]}
    made.trust.write_text(yaml.safe_dump({"brokers": [broker], "visa_issuers": []}))


def run(*arguments: object) -> str:
    ran = subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "gateway", *map(str, arguments)]


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            httpx.get(f"{url}/htsget/reads/service-info", timeout=600).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())
