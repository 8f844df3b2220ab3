"""Slices of sealed objects: the records asked for, sealed again under a key of their own."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import crypt4gh.lib
import httpx
import pysam
import pytest

from access.requests.lifecycle import Step
from gateway.serving.share import is_listening
from schemas.htsget import SignedSlice
from streams import sealing
from streams import slicer as slicing
from streams.agent_wire import KeyAnswer, KeyRequest
from streams.envelope import SEALED_SEGMENT, open_body, open_segment
from streams.errors import AgentRefused, AgentUnavailable, NoSuchSession
from streams.header import open_header, read_header
from streams.htsget import tickets
from streams.keys import SecretKey, parse_public_key, write_pair
from streams.slicer import Slicer
from streams.slicer_client import SlicerClient
from streams.slicer_wire import PlanRequest, ReadRequest
from streams.slices.chart import Region
from streams.vault import Vault
from tests.support import slice_files
from tests.support.access_node import URL
from tests.support.release_node import ReleaseNode
from tests.support.slice_files import overlapping, read_all

pytestmark = pytest.mark.anyio
ASKED = Region("chr1", 124_478_211, 124_490_000)
QUESTION = f"referenceName={ASKED.name}&start={ASKED.start0}&end={ASKED.end0}"
FORMS = list(slice_files.ENDINGS)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    return {form: slice_files.write(folder, form, records=1500) for form in FORMS}


@pytest.fixture
def sealed(node: ReleaseNode, files: dict[str, Path]) -> ReleaseNode:
    for form, path in files.items():
        kind = "reads" if form in ("BAM", "CRAM") else "variants"
        made = node.seal(path.read_bytes(), f"made-{form}", kind=kind, form=form)
        assert made.sliceable
    return node


def path_of(form: str) -> str:
    return f"/htsget/{'reads' if form in ('BAM', 'CRAM') else 'variants'}/made-{form}"


async def ticket_of(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["htsget"])


async def joined(client: httpx.AsyncClient, ticket: dict[str, Any]) -> bytes:
    whole = base64.b64decode(ticket["urls"][0]["url"].partition(",")[2])
    for url in ticket["urls"][1:]:
        answer = await client.get(url["url"])
        assert answer.status_code == 200
        whole += answer.content
    return whole


def opened(content: bytes, key: SecretKey) -> bytes:
    stream, plain = io.BytesIO(content), io.BytesIO()
    open_body(stream, plain, open_header(read_header(stream), [key]))
    return plain.getvalue()


@pytest.mark.parametrize("form", FORMS)
async def test_a_region_is_one_crypt4gh_file_for_the_workspace_alone(
    sealed: ReleaseNode,
    workspace: SecretKey,
    files: dict[str, Path],
    tmp_path: Path,
    form: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tickets, "PART_BYTES", 70_001)
    async with sealed.agent_running(), sealed.client() as client:
        content = await joined(client, await ticket_of(client, f"{path_of(form)}?{QUESTION}"))
    slice_path = tmp_path / f"slice{slice_files.ENDINGS[form]}"
    slice_path.write_bytes(opened(content, workspace))
    whole, sent = read_all(files[form], form), read_all(slice_path, form)
    assert overlapping(whole, [ASKED])
    assert overlapping(sent, [ASKED]) == overlapping(whole, [ASKED])
    assert len(sent) < len(whole)
    by_oracle = io.BytesIO()
    crypt4gh.lib.decrypt(
        [(0, workspace._key.private_bytes_raw(), None)], io.BytesIO(content), by_oracle
    )
    assert by_oracle.getvalue() == slice_path.read_bytes()
    with pytest.raises(Exception, match="opens"):
        open_header(read_header(io.BytesIO(content)), [sealed.node_secret])


@pytest.mark.parametrize("question", [f"{QUESTION}&", ""])
async def test_fields_are_left_out_of_what_is_sealed(
    sealed: ReleaseNode, workspace: SecretKey, tmp_path: Path, question: str
) -> None:
    async with sealed.agent_running(), sealed.client() as client:
        ticket = await ticket_of(client, f"{path_of('BAM')}?{question}fields=QNAME,RNAME,POS")
        content = await joined(client, ticket)
    path = tmp_path / "few.bam"
    path.write_bytes(opened(content, workspace))
    with pysam.AlignmentFile(path) as reads:
        sent = [(read.reference_name, read.query_sequence) for read in reads]
    regions = ticket["skerry_slice"]["manifest"]["regions"]
    assert (len(regions) == 1) == bool(question)
    assert (len(sent) == 1_700) == (not question)
    assert ("chr1", None) in sent
    assert {sequence for _, sequence in sent} == {None}


async def test_the_keys_of_a_slice_open_nothing_of_the_object(
    sealed: ReleaseNode, workspace: SecretKey
) -> None:
    async with sealed.agent_running(), sealed.client() as client:
        content = await joined(client, await ticket_of(client, f"{path_of('BAM')}?{QUESTION}"))
    keys = open_header(read_header(io.BytesIO(content)), [workspace]).data_keys
    found = sealed.vault.get("made-BAM")
    assert found is not None
    body = sealed.vault.bodies.path(found.segment_root).read_bytes()
    with pytest.raises(Exception, match="does not open"):
        open_segment(keys, body[:SEALED_SEGMENT])
    assert body[100:200] not in content


async def test_any_range_of_a_slice_may_be_asked_for_again(
    sealed: ReleaseNode, tmp_path: Path
) -> None:
    large = slice_files.write(tmp_path, "VCF", records=4000)
    sealed.seal(large.read_bytes(), "made-VCF", kind="variants", form="VCF")
    async with sealed.agent_running(), sealed.client() as client:
        ticket = await ticket_of(client, f"{path_of('VCF')}?referenceName=chr1")
        address = ticket["urls"][1]["url"]
        whole = (await client.get(address)).content
        assert len(whole) > 70_000
        for first, last in ((0, 10), (65_000, 66_000), (65_564, 65_564), (70_000, len(whole) - 1)):
            answer = await client.get(address, headers={"Range": f"bytes={first}-{last}"})
            assert answer.content == whole[first : last + 1]


async def test_the_manifest_of_a_slice_is_signed_and_its_intent_on_record(
    sealed: ReleaseNode,
) -> None:
    async with sealed.agent_running(), sealed.client() as client:
        ticket = await ticket_of(client, f"{path_of('BAM')}?{QUESTION}")
        content = await joined(client, ticket)
    signed = SignedSlice.model_validate(ticket["skerry_slice"])
    public = sealed.node_key.public_key()
    public.verify(bytes.fromhex(signed.signature), signed.manifest.signed_bytes())
    assert signed.manifest.header_size + signed.manifest.body_size == len(content)
    assert signed.manifest.regions == ((ASKED.name, ASKED.start0, ASKED.end0),)
    (intent,) = sealed.recorded("release.intent")
    assert (intent["object"], intent["regions"]) == ("made-BAM", 1)


async def test_a_header_alone_and_an_empty_region_are_files(
    sealed: ReleaseNode, workspace: SecretKey, tmp_path: Path
) -> None:
    for question in ("class=header", "referenceName=chrEmpty"):
        async with sealed.agent_running(), sealed.client() as client:
            content = await joined(client, await ticket_of(client, f"{path_of('BCF')}?{question}"))
        (tmp_path / "slice.bcf").write_bytes(opened(content, workspace))
        assert read_all(tmp_path / "slice.bcf", "BCF") == []


# Refusals


async def test_what_the_regions_are_refused_with_comes_through(sealed: ReleaseNode) -> None:
    async with sealed.agent_running(), sealed.client() as client:
        answer = await client.get(f"{path_of('BAM')}?referenceName=chrZZ")
        assert (answer.status_code, answer.json()["htsget"]["error"]) == (404, "NotFound")
        answer = await client.get(f"{path_of('VCF')}?referenceName=*")
        assert (answer.status_code, answer.json()["htsget"]["error"]) == (404, "NotFound")
    assert sealed.recorded("release.intent") == []


async def test_without_a_grant_no_slice_leaves(sealed: ReleaseNode) -> None:
    async with sealed.agent_running(), sealed.client("mallory") as client:
        answer = await client.get(f"{path_of('BAM')}?{QUESTION}")
    assert answer.status_code == 404
    assert sealed.recorded("release.intent") == []


async def test_revocation_stops_a_slice(sealed: ReleaseNode) -> None:
    async with sealed.agent_running(), sealed.client() as client:
        ticket = await ticket_of(client, f"{path_of('BAM')}?{QUESTION}")
        (request,) = sealed.access.store.requests_for(["ds1"])
        sealed.access.take(request.request_id, Step.REVOKE, by="dora")
        assert (await client.get(ticket["urls"][1]["url"])).status_code == 403


async def test_without_a_slicer_nothing_leaves(sealed: ReleaseNode) -> None:
    async with sealed.client() as client:
        answer = await client.get(f"{path_of('BAM')}?{QUESTION}")
    assert (answer.status_code, answer.json()["htsget"]["error"]) == (503, "Unavailable")
    assert sealed.recorded("release.intent") == []


def plan_request(node: ReleaseNode, **changes: Any) -> PlanRequest:
    asked = node.entitled("made-BAM")
    permit = node.permits.issue(
        researcher=asked.researcher, decision=asked.decision, dataset="ds1",
        objects=("made-BAM",), workspace=asked.workspace, byte_budget=10**9, now=node.clock(),
    )  # fmt: skip
    plan = PlanRequest(
        permit=permit,
        object_id="made-BAM",
        recipient=base64.b64encode(asked.workspace.public_key).decode(),
        regions=((ASKED.name, ASKED.start0, ASKED.end0),),
    )
    return plan.model_copy(update=changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"object_id": "made-CRAM"},
        {"recipient": base64.b64encode(SecretKey.generate().public).decode()},
        {"recipient": "?"},
    ],
)
def test_a_permit_gives_keys_for_its_own_object_and_recipient_only(
    sealed: ReleaseNode, changes: dict[str, str]
) -> None:
    slicer = sealed.slicer()
    with pytest.raises(AgentRefused):
        slicer.plan(plan_request(sealed, **changes))
    assert slicer.plan(plan_request(sealed)).size > 0


def test_a_permit_that_ran_out_gives_no_keys_and_ends_its_slices(sealed: ReleaseNode) -> None:
    slicer, asked = sealed.slicer(), plan_request(sealed)
    made = slicer.plan(asked)
    assert slicer.read(ReadRequest(slice=made.slice, start0=0, end0=100))
    sealed.clock.now += 3601
    with pytest.raises(AgentRefused):
        slicer.plan(asked)
    with pytest.raises(NoSuchSession):
        slicer.read(ReadRequest(slice=made.slice, start0=0, end0=100))


def test_slices_are_kept_up_to_a_cap(sealed: ReleaseNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slicing, "MAX_SLICES", 1)
    slicer = sealed.slicer()
    first, second = (slicer.plan(plan_request(sealed)).slice for _ in range(2))
    with pytest.raises(NoSuchSession):
        slicer.read(ReadRequest(slice=first, start0=0, end0=1))
    assert slicer.read(ReadRequest(slice=second, start0=0, end0=1))


def test_no_answer_of_the_slicer_shows_a_key(sealed: ReleaseNode) -> None:
    seen: list[KeyAnswer] = []
    agent = sealed.agent()

    def ask(request: KeyRequest) -> KeyAnswer:
        seen.append(agent.unit_keys(request, now=sealed.clock()))
        return seen[-1]

    slicer = Slicer(sealed.vault, ask, clock=sealed.clock)
    answer = slicer.plan(plan_request(sealed)).model_dump_json()
    for key in seen[0].keys:
        assert key not in answer
        assert key not in repr(seen[0])
        assert key not in repr(list(slicer._slices.values()))


def test_indexes_of_sealed_objects_lie_sealed(sealed: ReleaseNode) -> None:
    charts = list((sealed.folder / "vault" / "charts").iterdir())
    assert len(charts) == len(FORMS)
    for chart in charts:
        content = chart.read_bytes()
        assert b"chrLong" not in content
        assert b"skerry-chart" not in content


@contextmanager
def processes(node: ReleaseNode, folder: Path) -> Iterator[SlicerClient]:
    """The real agent with its slicer, over real pipes; only the agent is stopped."""
    write_pair(folder / "agent.key", folder / "agent.pub")
    sealing.seal(
        Vault(folder / "own"), slice_files.write(folder, "BAM", records=300),
        object_id="made-BAM", dataset="ds1", kind="reads", format="BAM", owner_ids=(),
        node_public=parse_public_key((folder / "agent.pub").read_bytes()),
    )  # fmt: skip
    agent = subprocess.Popen(
        [sys.executable, "-m", "streams.agent", "--key", folder / "agent.key",
         "--socket", folder / "a.sock", "--audience", URL, "--vault", folder / "own",
         "--permit-key", node.node_key.public_key().public_bytes_raw().hex(),
         "--slicer", folder / "s.sock", "--until-eof"],
        cwd=Path(__file__).resolve().parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with agent:
        assert agent.stdout is not None
        assert agent.stdin is not None
        assert agent.stdout.readline() == b"key agent ready\n"
        deadline = time.monotonic() + 600
        while not is_listening(folder / "s.sock") and time.monotonic() < deadline:
            time.sleep(0.05)
        yield SlicerClient(folder / "s.sock")
        agent.stdin.close()
        agent.wait(600)


async def test_the_processes_give_a_slice_and_end_together(
    sealed: ReleaseNode, tmp_path: Path, workspace: SecretKey
) -> None:
    sealed.clock.now = int(time.time())  # the processes know no other
    plan = plan_request(sealed)
    with processes(sealed, tmp_path) as client:
        body = await client.plan(
            plan.permit, "made-BAM", base64.b64decode(plan.recipient), regions=[ASKED]
        )
        reader = client.connect(body.etag)
        content = body.header + reader.read(0, body.size)
        reader.close()
    assert opened(content, workspace).startswith(b"\x1f\x8b")
    with pytest.raises(AgentUnavailable):
        client.connect(body.etag)


async def test_noise_at_the_socket_is_answered_and_harms_nobody(sealed: ReleaseNode) -> None:
    async with sealed.agent_running():
        for noise in (b"\n", b"{}\n", os.urandom(30).replace(b"\n", b"") + b"\n", b'{"read": 1}\n'):
            async with await anyio.connect_unix(sealed.slicer_socket) as line:
                await line.send(noise)
                answer = json.loads(await line.receive())
                assert answer["refused"]
