"""A granted person fetches from `skerry serve`: real processes and HTTP, slices and whole objects.

The records that arrive are those a plain reading of the file finds; the record names the release;
after revocation nothing more leaves; the storage key is changed while the node serves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from pytest_socket import enable_socket

from gateway.errors import Exit
from streams.slices.chart import Region
from tests.support import served_node
from tests.support.command import skerry
from tests.support.served_node import Served
from tests.support.slice_files import overlapping, read_all

pytestmark = pytest.mark.live

ASKED = Region("chr1", 124_478_211, 124_490_000)
REGION = f"chr1:{ASKED.start0 + 1 if ASKED.start0 is not None else 1}-{ASKED.end0}"  # as people say


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    enable_socket()  # this comes before the fixture that does so for a marked test
    node = served_node.made(tmp_path_factory.mktemp("s"))
    with served_node.serving(node):
        yield node


@pytest.fixture(scope="module")
def request_id(served: Served) -> str:
    return served_node.granted(served)


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


def test_the_agent_records_each_header_and_key_itself(served: Served, request_id: str) -> None:
    """This server has one worker: the agent's entries come to its record from beside."""
    permits = {facts["permit"] for facts in served.recorded("release.intent")}
    given = {facts["permit"] for facts in served.recorded("agent.header")}
    keys = {facts["permit"] for facts in served.recorded("agent.keys")}
    assert given
    assert keys
    assert not given & keys
    assert permits <= given | keys


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
    ticket = httpx.get(place, headers=headers, trust_env=False, timeout=600).json()["htsget"]
    part = ticket["urls"][1]["url"]
    assert httpx.get(part, trust_env=False, timeout=600).status_code == 200
    served.call("dora", "POST", f"/access/requests/{request_id}/revoke")
    assert httpx.get(part, trust_env=False, timeout=600).status_code == 403
    assert served.fetch("--out", "late.bam").code == Exit.REFUSED
    closed = [facts["end"] for facts in served.recorded("release.close")]
    assert "withdrawn" in closed
