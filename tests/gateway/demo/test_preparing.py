"""Where the parts of a demo listen, and that none starts where somebody else does."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gateway.demo import preparing
from gateway.demo.preparing import Addresses
from gateway.errors import DemoError, PortTaken
from gateway.serving.processes import Processes, port_is_free


def test_no_two_parts_share_an_address() -> None:
    for nodes in (1, 3, 64):
        where = Addresses(8080, nodes)
        every = (where.portal, *where.node_urls, where.signin, where.workspace)
        assert len(set(every)) == nodes + 3


@pytest.mark.live
def test_taken_ports_are_refused_by_name() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert not port_is_free(port)
        with pytest.raises(PortTaken, match=rf"{port}.* is already taken; .*--port"):
            preparing.check_ports(Addresses(port - 1, 1))


@pytest.mark.live
def test_a_server_that_ends_early_is_reported_with_its_last_lines(tmp_path: Path) -> None:
    processes = Processes(logs=tmp_path)
    server = processes.start(
        "broken", ["fly"], ready_url="http://127.0.0.1:9/livez", environment={"PATH": ""}
    )
    try:
        with pytest.raises(DemoError, match=r"(?s)broken did not start:.*fly"):
            processes.wait_until_ready()
    finally:
        processes.stop_all()
    assert server.process.poll() is not None
    assert processes.servers == []


@pytest.mark.live
def test_a_process_is_stopped_by_name_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "gateway"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import time; time.sleep(36_000)")
    processes = Processes(logs=tmp_path)
    environment = {"PYTHONPATH": str(tmp_path), "PATH": ""}
    monkeypatch.chdir(tmp_path)
    one, two = (
        processes.start(name, [], ready_url="", environment=environment) for name in ("one", "two")
    )
    try:
        processes.stop("one")
        assert one.process.poll() is not None
        assert two.process.poll() is None
        assert processes.servers == [two]
    finally:
        processes.stop_all()
    assert two.process.poll() is not None
