"""A node's sockets fit their folder; the key agent lives as long as its node, and no longer."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway import config, home
from gateway.errors import ConfigError
from gateway.serving import serve
from gateway.serving.share import MAX_SOCKET_BYTES, refuse_too_deep


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
        deadline = time.monotonic() + 600
        while not node.agent_socket.is_socket():
            assert agent.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        agent.stdin.close()
        assert agent.wait(600) == 0
    assert not node.agent_socket.exists()


def test_a_folder_too_deep_for_sockets_is_refused_in_words(tmp_path: Path) -> None:
    """Not by a stack of the library that binds the first of them."""
    node = _home(tmp_path / ("deep" * 20) / "n")
    with pytest.raises(ConfigError, match="bytes too long for the node's sockets"):
        serve.run(node)
    with pytest.raises(ConfigError, match="too long"):
        serve.run(node, workers=2)


def test_the_deepest_folder_that_fits_is_not_refused(tmp_path: Path) -> None:
    name = tmp_path / ("a" * (MAX_SOCKET_BYTES - len(str(tmp_path)) - 1))
    refuse_too_deep(tmp_path, [name])
    with pytest.raises(ConfigError, match="1 bytes too long"):
        refuse_too_deep(tmp_path, [name.with_name(f"{name.name}a")])
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(name))
