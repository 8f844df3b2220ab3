"""Threat: who holds a grant of regions gets records from beyond them.

Whatever is asked at whichever door, everything that is sent is opened with every key the recipient
can get, and every byte of it is accounted for: a header, the granted regions' records, an end.
"""

from __future__ import annotations

import base64
import gzip
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from access.policies.policy import Action
from schemas.grants import Extent, GrantedRegion
from streams.agent_wire import KeyRequest, RewrapRequest
from streams.envelope import open_body
from streams.errors import AgentRefused, OutsideGrant
from streams.header import open_header, read_header
from streams.keys import SecretKey
from streams.slicer_wire import PlanRequest
from streams.slices.chart import Region
from tests.support import slice_files
from tests.support.release_node import ReleaseNode, granted
from tests.support.slice_files import overlapping, read_all

pytestmark = pytest.mark.anyio
GRANTED = GrantedRegion(reference="chr1", start0=124_478_211, end0=124_483_000)
REGION = Region(GRANTED.reference, GRANTED.start0, GRANTED.end0)
INSIDE = f"referenceName=chr1&start={GRANTED.start0}&end={GRANTED.end0}"
FORMS = ["BAM", "VCF", "BCF"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    return {f: slice_files.write(folder, f, records=1200) for f in slice_files.ENDINGS}


@pytest.fixture
def workspace() -> SecretKey:
    return SecretKey.generate()


@pytest.fixture
def node(tmp_path: Path, files: dict[str, Path], workspace: SecretKey) -> Iterator[ReleaseNode]:
    made = ReleaseNode(tmp_path)
    for form, path in files.items():
        kind = "reads" if form in ("BAM", "CRAM") else "variants"
        made.seal(path.read_bytes(), f"made-{form}", kind=kind, form=form)
    made.seal(b"a table", "table", kind="file", form="FILE")
    made.seal(files["CRAM"].read_bytes(), "whole", form="CRAM")
    made.grant(workspace, extent=Extent(units=("whole",), regions=(GRANTED,)))
    yield made
    made.close()


def door(form: str) -> str:
    return f"/htsget/{'reads' if form in ('BAM', 'CRAM') else 'variants'}/made-{form}"


async def sent(client: httpx.AsyncClient, path: str) -> tuple[dict[str, Any], bytes]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    ticket = answer.json()["htsget"]
    first, *rest = (one["url"] for one in ticket["urls"])
    body = [(await client.get(url)).content for url in rest]
    return ticket, b"".join([base64.b64decode(first.partition(",")[2]), *body])


def opened(content: bytes, key: SecretKey) -> bytes:
    """Every byte that the key opens: there is no edit list to hide any."""
    stream, plain = io.BytesIO(content), io.BytesIO()
    header = open_header(read_header(stream), [key])
    assert header.edit_list is None
    open_body(stream, plain, header)
    return plain.getvalue()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("question", ["", f"?{INSIDE}"])
async def test_the_whole_and_the_region_are_the_granted_records(
    node: ReleaseNode,
    files: dict[str, Path],
    workspace: SecretKey,
    form: str,
    question: str,
    tmp_path: Path,
) -> None:
    async with node.agent_running(), node.client() as client:
        ticket, content = await sent(client, door(form) + question)
    plain = opened(content, workspace)
    part = tmp_path / f"part{slice_files.ENDINGS[form]}"
    part.write_bytes(plain)
    everything = read_all(files[form], form)
    expected = overlapping(everything, [REGION])
    assert [text for *_, text in read_all(part, form)] == expected
    assert 0 < len(expected) < len(everything)
    assert "skerry" not in ticket
    told = ticket["skerry_slice"]["manifest"]
    assert told["regions"] == [["chr1", GRANTED.start0, GRANTED.end0]]
    left_out = [t for *_, t in everything if t not in expected]
    assert not names_in(gzip.decompress(plain), left_out, form)


def names_in(raw: bytes, texts: list[str], form: str) -> list[str]:
    """Those of the texts whose own words are anywhere in what was sent, among their ballast: read
    names of BAM, which a zero ends, and long notes of variants."""
    if form == "BAM":
        names = [text.partition("\t")[0] for text in texts]
        return [name for name in names if len(name) > 3 and name.encode() + b"\0" in raw]
    notes = [text.split("\t")[7].strip().rpartition("NOTE=")[2] for text in texts]
    return [note for note in notes if len(note) > 40 and note.encode() in raw]


@pytest.mark.parametrize(
    "question",
    [
        f"referenceName=chr1&start={GRANTED.start0 - 1}&end={GRANTED.end0}",
        f"referenceName=chr1&start={GRANTED.start0}&end={GRANTED.end0 + 1}",
        "referenceName=chr1",
        "referenceName=chr2",
        f"referenceName=chr1&start={GRANTED.start0}",
    ],
)
async def test_a_question_beyond_the_grant_is_refused(node: ReleaseNode, question: str) -> None:
    async with node.agent_running(), node.client() as client:
        for form in FORMS:
            answer = await client.get(f"{door(form)}?{question}")
            assert answer.status_code == 403
            assert answer.json()["htsget"]["error"] == "PermissionDenied"
    assert node.recorded("release.intent") == []


async def test_what_cannot_be_cut_is_refused(node: ReleaseNode) -> None:
    async with node.agent_running(), node.client() as client:
        for path in ("/htsget/reads/made-CRAM", f"/htsget/reads/made-CRAM?{INSIDE}"):
            assert (await client.get(path)).status_code == 403
        assert (await client.get("/htsget/files/table")).status_code == 403
    assert node.recorded("release.intent") == []


async def test_a_unit_that_is_named_leaves_whole(
    node: ReleaseNode, files: dict[str, Path], workspace: SecretKey
) -> None:
    async with node.agent_running(), node.client() as client:
        ticket, content = await sent(client, "/htsget/reads/whole")
    assert opened(content, workspace) == files["CRAM"].read_bytes()
    assert ticket["skerry"]["manifest"]["object_id"] == "whole"


async def test_a_unit_that_no_grant_names_does_not_leave(
    tmp_path: Path, workspace: SecretKey
) -> None:
    made = ReleaseNode(tmp_path)
    try:
        made.seal(b"a table", "mine", kind="file", form="FILE")
        made.seal(b"another table", "other", kind="file", form="FILE")
        made.grant(workspace, extent=Extent(units=("mine",)))
        async with made.agent_running(), made.client() as client:
            assert (await client.get("/htsget/files/mine")).status_code == 200
            assert (await client.get("/htsget/files/other")).status_code == 403
            assert (await client.get("/htsget/files/neither")).status_code == 404
    finally:
        made.close()


def permit(node: ReleaseNode, object_id: str = "made-BAM") -> Any:
    asked = node.entitled(object_id)
    return asked, node.permits.issue(
        researcher=asked.researcher, decision=asked.decision, dataset="ds1", objects=(object_id,),
        regions=asked.regions, workspace=asked.workspace, byte_budget=10**9, now=node.clock(),
    )  # fmt: skip


def test_the_agent_makes_no_header_of_the_whole_for_a_permit_of_regions(node: ReleaseNode) -> None:
    asked, signed = permit(node)
    recipient = base64.b64encode(asked.workspace.public_key).decode()
    request = RewrapRequest(permit=signed, object_id="made-BAM", recipient=recipient)
    with pytest.raises(AgentRefused, match="permit_regions"):
        node.agent().rewrap(request, now=node.clock())
    stretched = signed.permit.model_copy(update={"regions": None})
    forged = request.model_copy(update={"permit": signed.model_copy(update={"permit": stretched})})
    with pytest.raises(AgentRefused, match="not signed"):
        node.agent().rewrap(forged, now=node.clock())
    with pytest.raises(AgentRefused, match="not signed"):
        node.agent().unit_keys(
            KeyRequest(permit=forged.permit, object_id="made-BAM", recipient=recipient),
            now=node.clock(),
        )


def test_the_slicer_keeps_to_the_permit_whatever_the_web_process_asks(node: ReleaseNode) -> None:
    asked, signed = permit(node)
    plan = PlanRequest(
        permit=signed,
        object_id="made-BAM",
        recipient=base64.b64encode(asked.workspace.public_key).decode(),
        regions=(("chr2", None, None),),
    )
    with pytest.raises(OutsideGrant):
        node.slicer().plan(plan)
    wider = (GRANTED.model_copy(update={"start0": 0}),)
    stretched = signed.permit.model_copy(update={"regions": wider})
    forged = signed.model_copy(update={"permit": stretched})
    with pytest.raises(AgentRefused):
        node.slicer().plan(plan.model_copy(update={"permit": forged}))


def test_visas_of_parts_open_streams_and_no_answer(node: ReleaseNode) -> None:
    person, visa = node.people["grace"], granted("grace", "ds1").visas[0]
    for member in ("region=chr1:0-9", "unit=whole"):
        held = replace(person, visas=(replace(visa, value=f"{visa.value}#{member}"),))
        for action in Action:
            decided = node.book.decide(held, "ds1", action, now=node.clock())
            assert decided.allowed == (action is Action.STREAM), action
