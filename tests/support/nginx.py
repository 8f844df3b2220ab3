"""The nginx of this machine with the shipped configuration, on loopback and without TLS."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "skerry.conf"
_SECONDS = 600.0
_MAIN = """
daemon off; pid {folder}/nginx.pid; worker_processes 1; error_log {folder}/error.log; {user}
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
  fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  {shipped}
}}
"""


def installed() -> bool:
    return shutil.which("nginx") is not None


def configuration(folder: Path, *, port: int, node_port: int, bodies: Path, clear: Path) -> str:
    """The shipped one with this machine's ports and folders, and without TLS."""
    text = SHIPPED.read_text(encoding="utf-8")
    changes = (
        (r"listen 443 ssl http2;", f"listen 127.0.0.1:{port};"),
        (r"\n *ssl_[^;]*;", ""),
        (r"127\.0\.0\.1:8081", f"127.0.0.1:{node_port}"),
        (r"/var/lib/skerry/vault/bodies/", f"{bodies}/"),
        (r"/srv/open-data/", f"{clear}/"),
        (r"error_log /dev/null crit;", ""),
    )
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text)
        assert count, pattern
    user = "user root;" if os.getuid() == 0 else ""
    return _MAIN.format(folder=folder, shipped=text, user=user)


@contextmanager
def running(folder: Path, configured: str, *, url: str) -> Iterator[subprocess.Popen[bytes]]:
    path = folder / "nginx.conf"
    path.write_text(configured, encoding="utf-8")
    command = ["nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(path)]
    with subprocess.Popen(command) as server:
        try:
            deadline = time.monotonic() + _SECONDS
            while not _answers(url):
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield server
        finally:
            server.terminate()
            server.wait(600)


def _answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=600, trust_env=False)
    except httpx.TransportError:
        return False
    return True
