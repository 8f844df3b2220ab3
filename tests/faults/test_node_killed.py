"""Fault: a node is killed (kill -9) while it sends. The record holds, keys die with it, and a fetch
goes on from what had arrived."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from access.record.audit import verify
from tests.support import served_node
from tests.support.served_node import until

pytestmark = pytest.mark.live


def test_a_node_killed_while_it_sends_leaves_a_sound_record_and_no_agent(tmp_path: Path) -> None:
    node = served_node.made(tmp_path)
    with served_node.serving(node) as process:
        served_node.granted(node)
        headers = {"Authorization": f"Bearer {node.token('rosa')}"}
        place = f"{node.url}/htsget/reads/isle/made.bam"
        ticket = httpx.get(place, headers=headers, trust_env=False, timeout=600).json()["htsget"]
        address = ticket["urls"][1]["url"]
        with httpx.stream("GET", address, trust_env=False, timeout=600) as answer:
            assert answer.status_code == 200
            process.send_signal(signal.SIGKILL)
            process.wait(600)
        until(lambda: not node.home.agent_socket.is_socket())
    public = node.home.signing_key().public_key()
    assert verify(node.home.record, public).problem is None
    assert len(node.recorded("release.intent")) == 1
    with served_node.serving(node):
        gone = httpx.get(address, trust_env=False, timeout=600)
        assert gone.status_code == 404, "a release ends with its process"
        assert node.fetch("--out", "again.bam").code == 0
    assert (node.lab / "data" / "again.bam").read_bytes() == node.reads.read_bytes()
    assert verify(node.home.record, public).problem is None
