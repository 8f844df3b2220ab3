"""docs/release.md follows one release by file and log entry: a real one has just these."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from pytest_socket import enable_socket

from gateway.errors import Exit
from streams.keys import parse_public_key, thumbprint
from tests.support import served_node
from tests.support.command import skerry
from tests.support.served_node import Served

pytestmark = pytest.mark.live

PAGE = Path(__file__).resolve().parents[2] / "docs" / "release.md"
_ROW = re.compile(r"^ +\d+ [\d-]{10} [\d:]{8} (?P<kind>[a-z.]+) (?P<facts>.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    enable_socket()  # this comes before the fixture that does so for a marked test
    node = served_node.made(tmp_path_factory.mktemp("f"))
    with served_node.serving(node):
        request = served_node.granted(node)
        assert node.fetch("--out", "whole.bam").code == 0
        node.call("dora", "POST", f"/access/requests/{request}/revoke")
        assert node.fetch("--out", "late.bam").code == Exit.REFUSED
    return node


def permit_of(node: Served) -> str:
    (delivery,) = (node.lab / "deliveries").iterdir()
    return str(json.loads(delivery.read_text())["permit_id"])


def followed(node: Served) -> dict[str, Any]:
    ran = skerry("follow", node.home.root, permit_of(node), "--json")
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def test_the_page_shows_the_entries_of_a_real_release_in_their_order(served: Served) -> None:
    shown = [
        (found["kind"], {one.partition("=")[0] for one in found["facts"].split()})
        for found in _ROW.finditer(PAGE.read_text())
    ]
    real = [(one["kind"], set(one["facts"])) for one in followed(served)["entries"]]
    assert shown == real


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", PAGE.read_text()))
    assert len(named) > 10
    assert {name for name in named if not (PAGE.parents[1] / name).is_file()} == set()


def test_from_decision_to_last_byte_everything_hangs_together(served: Served) -> None:
    found, vault = followed(served), served.home.vault
    facts = {one["kind"]: one["facts"] for one in found["entries"]}
    intent = facts["release.intent"]
    body = vault / "bodies" / f"{intent['segment_root']}.body"
    arrived = served.lab / "data" / "whole.bam"
    assert facts["access.permit"]["permit"] == facts["agent.header"]["permit"] == intent["permit"]
    for kind in ("release.block", "release.close"):
        assert facts[kind]["release"] == permit_of(served)
    assert found["sent"] == found["promised"] == body.stat().st_size
    assert facts["release.block"]["sent"] == facts["release.close"]["sent"] == found["sent"]
    assert len((vault / "segments" / f"{intent['segment_root']}.leaves").read_bytes()) % 32 == 0
    (sealed,) = json.loads((vault / "index.json").read_text())["objects"]
    assert sealed["segment_root"] == intent["segment_root"]
    assert sealed["plain_sha256"] == hashlib.sha256(arrived.read_bytes()).hexdigest()
    key = parse_public_key((served.lab / "workspace.pub").read_bytes())
    assert intent["recipient"] == thumbprint(key)
    assert skerry("verify-audit", served.home.root).code == 0


def test_without_json_it_is_one_line_an_entry_and_a_sum(served: Served) -> None:
    ran = skerry("follow", served.home.root, permit_of(served))
    lines = ran.out.splitlines()
    assert len(lines) == len(followed(served)["entries"]) + 1
    assert re.fullmatch(r"([\d,]+) bytes sent of a body of \1; ended: \w+", lines[-1])


@pytest.mark.parametrize("permit", ["0" * 32, "", "isle", '"', "p-"])
def test_what_the_record_does_not_name_is_refused(served: Served, permit: str) -> None:
    ran = skerry("follow", served.home.root, permit)
    assert ran.code != 0
    assert "no such permit" in ran.err


def test_a_node_that_never_served_has_no_record_to_follow(tmp_path: Path) -> None:
    ran = skerry("follow", tmp_path, "0" * 32)
    assert ran.code != 0
    assert "Traceback" not in ran.err
