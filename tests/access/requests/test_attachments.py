"""Documents of a request: what is taken, how it lies on disk, who reads it and as what."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.errors import AttachmentRefused, NoSuchThing, NotYourStep, StepNotPossible
from access.requests.attachments import MAX_BYTES, MAX_PER_REQUEST, Attachments, media_type
from access.requests.lifecycle import Step
from schemas.data_use import DataUseRequest
from schemas.grants import NewRequest, StepBody
from tests.support.access_node import NOW, AccessNode, at

pytestmark = pytest.mark.anyio

PDF = b"%PDF-1.7\nEthics vote of the board"
PNG = b"\x89PNG\r\n\x1a\n...."


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


@pytest.fixture
def kept(node: AccessNode) -> Attachments:
    return node.attachments()


def draft(node: AccessNode) -> str:
    form = NewRequest(
        dataset="ds1",
        project="p",
        purpose="w",
        workspace=node.workspace(),
        months=1,
        data_use=DataUseRequest.model_validate({"collaborators": [{"identity": at("rosa")}]}),
    )
    return node.desk.create(form, requester=at("grace"), now=NOW).request_id


def attach(kept: Attachments, request_id: str, name: str = "vote.pdf", body: bytes = PDF) -> str:
    return kept.attach(request_id, name, body, actor=at("grace"), now=NOW).id


@pytest.mark.parametrize(
    ("name", "body", "kind"),
    [
        ("vote.pdf", PDF, "application/pdf"),
        ("Ethics vote (2026), v1.PDF", PDF, "application/pdf"),
        ("plan.png", PNG, "image/png"),
        ("scan.jpeg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("notes.txt", "Überblick\n".encode(), "text/plain"),
    ],
)
def test_what_name_and_content_agree_on_is_taken(name: str, body: bytes, kind: str) -> None:
    assert media_type(name, body) == kind


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("vote.pdf", b"MZ\x90\x00"),
        ("vote.pdf", b"<html>%PDF-1.7"),
        ("vote.pdf", b""),
        ("plan.png", PDF),
        ("scan.jpg", PNG),
        ("page.html", b"<script>"),
        ("page.svg", b"<svg/>"),
        ("run.exe", b"MZ"),
        ("table.docx", b"PK\x03\x04"),
        ("notes.txt", b"\xff\xfe\x00"),
        ("notes.txt", b"a\x00b"),
        ("notes.txt", "a\x9bb".encode()),
        ("vote.pdf.exe", PDF),
        ("vote", PDF),
        (".pdf", PDF),
        ("../vote.pdf", PDF),
        ("a/vote.pdf", PDF),
        ("a\\vote.pdf", PDF),
        ("vote\n.pdf", PDF),
        ("vote\u202efdp.pdf", PDF),
        ('vote".pdf', PDF),
        ("x" * 97 + ".pdf", PDF),
        ("vote.pdf", PDF + b"x" * MAX_BYTES),
    ],
    ids=range(23),
)
def test_what_is_not_what_it_says_is_refused(name: str, body: bytes) -> None:
    with pytest.raises(AttachmentRefused):
        media_type(name, body)


@given(st.text(max_size=120), st.binary(max_size=64))
def test_whatever_is_sent_is_taken_or_refused(name: str, body: bytes) -> None:
    with contextlib.suppress(AttachmentRefused):
        assert media_type(name, body) == "text/plain" or body.startswith(
            (b"%PDF", b"\x89", b"\xff")
        )


def test_nothing_lies_open_on_the_disk(node: AccessNode, kept: Attachments) -> None:
    attach(kept, draft(node))
    (file,) = (node.folder / "attachments").iterdir()
    assert b"Ethics" not in file.read_bytes()
    assert b"PDF" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    assert not any("vote.pdf" in line for line in node.kinds())


def test_what_is_not_kept_leaves_no_file(
    node: AccessNode, kept: Attachments, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = draft(node)
    monkeypatch.setattr("access.requests.desk.MAX_EVENTS", 1)
    with pytest.raises(StepNotPossible):
        attach(kept, request_id)
    assert list((node.folder / "attachments").iterdir()) == []


def test_a_request_carries_so_many_and_no_more(node: AccessNode, kept: Attachments) -> None:
    request_id = draft(node)
    made = [attach(kept, request_id) for _ in range(MAX_PER_REQUEST)]
    with pytest.raises(AttachmentRefused):
        attach(kept, request_id)
    kept.detach(request_id, made[3], actor=at("grace"), now=NOW)
    attach(kept, request_id)
    seen = node.desk.see(request_id, viewer=at("grace"))
    assert len(seen.request.attachments) == MAX_PER_REQUEST
    assert len(list((node.folder / "attachments").iterdir())) == MAX_PER_REQUEST


def test_the_committee_reads_what_was_sent_and_only_then(
    node: AccessNode, kept: Attachments
) -> None:
    request_id = draft(node)
    made = attach(kept, request_id)
    with pytest.raises(NoSuchThing):
        kept.read(request_id, made, viewer=at("dora"))
    node.take(request_id, Step.SUBMIT, by="grace")
    assert kept.read(request_id, made, viewer=at("dora"))[1] == PDF
    for person in ("rosa", "emil", "adam"):  # a member, another committee, the admin
        with pytest.raises(NoSuchThing):
            kept.read(request_id, made, viewer=at(person))


def test_nothing_is_attached_or_taken_away_behind_the_committees_back(
    node: AccessNode, kept: Attachments
) -> None:
    request_id = draft(node)
    made = attach(kept, request_id)
    node.take(request_id, Step.SUBMIT, by="grace")
    with pytest.raises(StepNotPossible):
        attach(kept, request_id)
    with pytest.raises(StepNotPossible):
        kept.detach(request_id, made, actor=at("grace"), now=NOW)
    node.take(request_id, Step.RETURN, by="dora", body=StepBody(note="Add the vote."))
    with pytest.raises(NotYourStep):
        kept.attach(request_id, "x.pdf", PDF, actor=at("dora"), now=NOW)
    assert kept.read(request_id, made, viewer=at("grace"))[1] == PDF


def test_an_attachment_of_another_request_is_not_found(node: AccessNode, kept: Attachments) -> None:
    made = attach(kept, draft(node))
    other = draft(node)
    for name in (made, "../control.db", "att-unknown"):
        with pytest.raises(NoSuchThing):
            kept.read(other, name, viewer=at("grace"))


def by(name: str) -> dict[str, str]:
    return {"x-test-person": name}


async def test_over_http_it_is_a_download_and_nothing_else(node: AccessNode) -> None:
    transport = httpx.ASGITransport(node.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://node") as http:
        place = f"/access/requests/{draft(node)}/attachments"
        made = await http.put(f"{place}/vote (1).pdf", content=PDF, headers=by("grace"))
        assert made.status_code == 201
        path = f"{place}/{made.json()['id']}"
        read = await http.get(path, headers=by("grace"))
        assert read.content == PDF
        assert read.headers["content-type"] == "application/octet-stream"
        assert read.headers["content-disposition"].startswith("attachment; ")
        assert read.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in read.headers["content-security-policy"]
        assert (await http.get(path, headers=by("emil"))).status_code == 404
        assert (await http.get(path)).status_code == 401
        bad = await http.put(f"{place}/vote.pdf", content=b"MZ", headers=by("grace"))
        assert (bad.status_code, bad.json()["error"]) == (400, "attachment_refused")
        assert (await http.put(f"{place}/v.pdf", headers=by("grace"))).status_code == 400
        assert (await http.delete(path, headers=by("grace"))).status_code == 204
        assert (await http.get(path, headers=by("grace"))).status_code == 404
