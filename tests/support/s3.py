"""An S3 server on loopback (moto's), and an environment that names it."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from obstore.store import S3Store
from pytest_socket import enable_socket, socket_allow_hosts

from tests.support.loopback import unused_address

BUCKET = "archive"
SECRET = "a-secret-that-appears-nowhere"
_START_SECONDS = 600


@dataclass(frozen=True, slots=True)
class S3:
    url: str
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
        }

    def put(self, path: Path, *, key: str | None = None, **metadata: str) -> str:
        """The address of what was put."""
        key = key or path.name
        self._owner.put(key, path.read_bytes(), attributes={**metadata})
        return f"s3://{BUCKET}/{key}"

    def delete(self, key: str) -> None:
        self._owner.delete(key)

    @property
    def _owner(self) -> S3Store:
        return S3Store(
            BUCKET,
            endpoint=self.url,
            access_key_id="somebody",
            secret_access_key=SECRET,
            region="us-east-1",
            client_options={"allow_http": True},
        )

    def gets(self) -> list[str]:
        """The status of each object read so far; 206 is a part."""
        return re.findall(rf'GET /{BUCKET}/\S+ HTTP[^"]*" (\d+)', self.log.read_text())


@contextmanager
def running(folder: Path) -> Iterator[S3]:
    enable_socket()  # for fixtures wider than one test, which come before the test's own mark
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"])
    url, log = unused_address(), folder / "s3.log"
    port = url.rpartition(":")[2]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-p", port], stdout=output, stderr=output
        )
        try:
            _wait(server, url)
            httpx.put(f"{url}/{BUCKET}", trust_env=False, timeout=600).raise_for_status()
            yield S3(url, log)
        finally:
            server.terminate()
            server.wait(600)


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None
        try:
            httpx.get(url, timeout=600, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the S3 server did not start")
