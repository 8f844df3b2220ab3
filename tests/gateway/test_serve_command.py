"""The key agent lives as long as its node, and no longer."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from gateway import config, home


def _home(root: Path) -> home.NodeHome:
    signin = config.SignInSettings(issuer="https://signin.example", client_id="node")
    settings = config.NodeSettings(
        id="org.example.node",
        name="Node",
        public_url="http://127.0.0.1:8081",
        organization_id="example",
        organization_name="Example",
        port=8081,
        signin=signin,
    )
    return home.create(root, settings)


def test_the_key_agent_ends_when_the_node_that_started_it_is_gone(tmp_path: Path) -> None:
    node = _home(tmp_path / "n")
    agent = subprocess.Popen(
        [
            sys.executable,
            *("-m", "streams.agent"),
            *("--key", str(node.storage_secret)),
            *("--socket", str(node.agent_socket)),
            *("--permit-key", node.public_key_hex()),
            *("--audience", "http://127.0.0.1:8081"),
            *("--vault", str(node.vault)),
            "--until-eof",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    with agent:
        assert agent.stdin is not None
        deadline = time.monotonic() + 20
        while not node.agent_socket.is_socket():
            assert agent.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        agent.stdin.close()
        assert agent.wait(20) == 0
    assert not node.agent_socket.exists()
