"""`skerry portal check | nodes | admit | dismiss`, over a Beacon on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gateway.errors import Exit
from tests.support.command import skerry
from tests.support.loopback import unused_address

pytestmark = pytest.mark.live


class _Beacon(BaseHTTPRequestHandler):
    def _say(self, status: int, said: object) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/info":
            said = {"id": "org.far", "name": "Far", "apiVersion": "v2.0.0"}
            self._say(200, {"response": said})
        else:
            self._say(404, {})

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["content-length"]))
        if asked.endswith(b"5"):
            self._say(400, {"error": {"errorCode": 400}})
        else:
            self._say(200, {"responseSummary": {"exists": False}})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        pass


@pytest.fixture
def beacon() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Beacon)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "portal.toml"
    text = f'public_url = "http://127.0.0.1:8080"\nnodes = []\nnodes_file = "{tmp_path}/nodes.db"\n'
    file.write_text(text)
    return file


def test_a_beacon_that_may_join_passes_the_check(beacon: str) -> None:
    ran = skerry("portal", "check", beacon)
    assert (ran.code, "It may join." in ran.out) == (Exit.OK, True)
    found = json.loads(skerry("portal", "check", beacon, "--json").out)
    assert (found["may_join"], found["beacon_id"]) == (True, "org.far")


def test_one_that_does_not_answer_fails_it() -> None:
    ran = skerry("portal", "check", unused_address())
    assert (ran.code, "FAIL  answers" in ran.out) == (Exit.FAILED, True)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "http://example.org", "x"])
def test_what_is_no_address_is_not_contacted(address: str) -> None:
    ran = skerry("portal", "check", address)
    assert ran.code == Exit.BAD_INPUT
    assert "The address must be https" in ran.err


def test_a_node_is_admitted_listed_and_sent_away(beacon: str, settings: Path) -> None:
    admitted = skerry("portal", "admit", settings, beacon)
    listed = skerry("portal", "nodes", settings)
    gone = skerry("portal", "dismiss", settings, beacon)
    again = skerry("portal", "dismiss", settings, beacon)
    assert (admitted.code, "It may join." in admitted.out) == (Exit.OK, True)
    assert listed.out.startswith(f"{beacon}: admitted by ")
    assert listed.out.rstrip().endswith(" as org.far")
    assert gone.code == Exit.OK
    assert again.code != Exit.OK
    assert skerry("portal", "nodes", settings).out == ""


def test_one_that_does_not_answer_is_not_admitted(settings: Path) -> None:
    down = unused_address()
    ran = skerry("portal", "admit", settings, down)
    assert ran.code == Exit.BAD_INPUT
    assert "admitted" not in skerry("portal", "nodes", settings).out


def test_settings_without_the_file_say_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "portal.toml"
    file.write_text('public_url = "http://127.0.0.1:8080"\nnodes = []\n')
    ran = skerry("portal", "nodes", file)
    assert (ran.code, "nodes_file" in ran.err) == (Exit.CONFIG, True)


def test_the_help_names_every_step() -> None:
    ran = skerry("portal", "--help")
    assert ran.code == Exit.OK
    assert all(name in ran.out for name in ("run", "check", "nodes", "admit", "dismiss"))


NODE, KEY = "https://isle.example.org", "K" * 43


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """Settings that name a node."""
    file = tmp_path / "portal.toml"
    file.write_text(
        'public_url = "http://127.0.0.1:8080"\n'
        f'nodes = ["{NODE}"]\nnodes_file = "{tmp_path}/nodes.db"\n'
    )
    return file


def test_another_key_of_a_node_of_the_settings_is_accepted_by_its_thumbprint(named: Path) -> None:
    assert "it has proved no key yet" in skerry("portal", "keys", named).out
    for key in ("F" * 43, KEY):
        ran = skerry("portal", "accept", named, NODE, key)
        assert (ran.code, ran.out) == (Exit.OK, f"{NODE}: held to {key}\n")
    first, second = skerry("portal", "keys", named).out.splitlines()[1:]
    assert first.startswith(f"  {'F' * 43}  Held to it since ")
    assert second.startswith(f"  {KEY}  ")
    assert "An admin of this portal accepted it." in second


@pytest.mark.parametrize(
    ("address", "key", "words"),
    [
        (NODE, "short", "43 letters"),
        (NODE, "K" * 44, "43 letters"),
        (NODE, "K" * 42 + "\n", "43 letters"),
        ("https://other.example.org", KEY, "none of the nodes"),
    ],
)
def test_what_is_no_key_or_no_node_is_accepted_by_nobody(
    named: Path, address: str, key: str, words: str
) -> None:
    ran = skerry("portal", "accept", named, address, key)
    assert ran.code != Exit.OK
    assert words in ran.err
    assert "proved no key yet" in skerry("portal", "keys", named).out


def test_a_key_that_the_settings_name_is_changed_there_and_nowhere_else(named: Path) -> None:
    with named.open("a") as file:
        file.write(f'[node_keys]\n"{NODE}" = "{KEY}"\n')
    ran = skerry("portal", "accept", named, NODE, "F" * 43)
    assert (ran.code, "node_keys" in ran.err) == (Exit.CONFIG, True)


@pytest.mark.parametrize(
    "line", [f'"https://other.example.org" = "{KEY}"', f'"{NODE}" = "short"', f'"{NODE}" = ""']
)
def test_a_key_of_no_node_or_that_is_none_refuses_to_start(named: Path, line: str) -> None:
    with named.open("a") as file:
        file.write(f"[node_keys]\n{line}\n")
    ran = skerry("portal", "keys", named)
    assert (ran.code, "node_keys" in ran.err) == (Exit.CONFIG, True)
