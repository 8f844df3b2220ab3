"""Bodies adopted where they lie: read once, never copied, released from there or refused."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from pytest_socket import socket_allow_hosts

from streams import envelope, sealing
from streams.adopting import Adoptee, adopt
from streams.archive_export import read_export
from streams.envelope import SEALED_SEGMENT, SEGMENT, open_body
from streams.errors import SourceRefused
from streams.header import open_header, read_header, seal_header
from streams.keys import SecretKey
from streams.slices.chart import Region
from streams.sources import Kind
from streams.vault import SealedObject
from tests.support import s3, slice_files
from tests.support.release_node import ReleaseNode, bgzf
from tests.support.slice_files import overlapping, read_all

CONTENT = bgzf(os.urandom(2 * SEGMENT))
EGAF = "EGAF00000000001"
SUBMITTER = SecretKey.generate()


def body_of(content: bytes, data_key: bytes) -> bytes:
    sealed = io.BytesIO()
    envelope.seal_body(io.BytesIO(content), sealed, data_key)
    return sealed.getvalue()


def written(node: ReleaseNode, content: bytes = CONTENT, *, name: str = "a.bam.c4gh") -> Adoptee:
    """A submitter's file for the node's own key, as it lies."""
    data_key, path = os.urandom(32), node.folder / name
    header = seal_header([data_key], [node.node_secret.public], writer=SUBMITTER)
    path.write_bytes(header + body_of(content, data_key))
    return Adoptee(str(path), "adopted1", "ds1", Kind.READS, "BAM")


def adopted(node: ReleaseNode, wanted: Adoptee, *others: SecretKey) -> SealedObject:
    return adopt(
        node.vault,
        wanted,
        secrets=lambda: (node.node_secret, *others),
        node_public=node.node_secret.public,
    )


def lying(wanted: Adoptee) -> bytes:
    return Path(wanted.at).read_bytes()


def spoil(path: Path, *, wholly: bool = False) -> None:
    if wholly:
        path.unlink()
        return
    whole, later = path.read_bytes(), path.stat().st_mtime_ns + 1_000_000_000
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    os.utime(path, ns=(later, later))  # a system's clock of files may stand for a moment


async def fetched(client: httpx.AsyncClient, path: str) -> bytes:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    first, *rest = (one["url"] for one in answer.json()["htsget"]["urls"])
    body = [(await client.get(url)).content for url in rest]
    return b"".join([base64.b64decode(first.partition(",")[2]), *body])


def opened(content: bytes, key: SecretKey) -> bytes:
    stream, plain = io.BytesIO(content), io.BytesIO()
    open_body(stream, plain, open_header(read_header(stream), [key]))
    return plain.getvalue()


# Released from where it lies


@pytest.mark.anyio
async def test_the_body_that_leaves_is_the_one_that_lies_there(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    wanted = written(node)
    made = adopted(node, wanted)
    assert len(list(node.vault.bodies.folder.iterdir())) == 1  # of another object
    async with node.agent_running(), node.client() as client:
        content = await fetched(client, "/htsget/reads/adopted1")
    assert opened(content, workspace) == CONTENT
    assert content.endswith(lying(wanted)[-made.body_size :])
    assert node.vault.segment_digests(made)


@pytest.mark.anyio
async def test_an_archive_keeps_headers_apart_and_its_ids_are_the_public_ones(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    archive, data_key = SecretKey.generate(), os.urandom(32)
    (node.folder / "3f2a").write_bytes(body_of(CONTENT, data_key))
    wanted = Adoptee(
        str(node.folder / "3f2a"), EGAF, "ds1", Kind.READS, "BAM",
        header=seal_header([data_key], [archive.public], writer=SUBMITTER),
    )  # fmt: skip
    with pytest.raises(SourceRefused, match="--adopt-key"):
        adopted(node, wanted)
    assert node.vault.get(EGAF) is None
    made = adopted(node, wanted, archive)
    assert open_header(made.header_bytes, [node.node_secret]).data_keys == (data_key,)
    async with node.agent_running(), node.client() as client:
        content = await fetched(client, f"/htsget/reads/{EGAF}")
    assert opened(content, workspace) == CONTENT


@pytest.mark.anyio
async def test_slices_are_cut_of_an_adopted_body(
    node: ReleaseNode, workspace: SecretKey, tmp_path: Path
) -> None:
    reads = slice_files.write(tmp_path, "BAM", records=600)
    assert adopted(node, written(node, reads.read_bytes())).sliceable
    asked = Region("chr1", 124_478_211, 124_490_000)
    question = f"referenceName={asked.name}&start={asked.start0}&end={asked.end0}"
    async with node.agent_running(), node.client() as client:
        content = await fetched(client, f"/htsget/reads/adopted1?{question}")
    (tmp_path / "slice.bam").write_bytes(opened(content, workspace))
    sent = {text for *_, text in read_all(tmp_path / "slice.bam", "BAM")}
    assert sent >= set(overlapping(read_all(reads, "BAM"), [asked]))


@pytest.mark.anyio
async def test_a_file_that_is_another_by_now_is_not_released(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    wanted = written(node)
    adopted(node, wanted)
    async with node.agent_running(), node.client() as client:
        answer = await client.get("/htsget/reads/adopted1")
        url = answer.json()["htsget"]["urls"][1]["url"]
        spoil(Path(wanted.at))
        refused = await client.get(url)
        spoil(Path(wanted.at), wholly=True)
        gone = await client.get(url)
    assert (refused.status_code, gone.status_code) == (503, 503)


def test_what_was_taken_in_is_left_alone_and_a_new_file_replaces_it(node: ReleaseNode) -> None:
    wanted = written(node)
    first = adopted(node, wanted)
    assert adopted(node, wanted) == first
    second = adopted(node, written(node, bgzf(b"other")))
    assert second.segment_root != first.segment_root
    assert node.vault.get("adopted1") == second
    assert len(node.vault.segment_digests(second)) == 1


def test_two_names_for_one_body_do_not_take_from_one_another(node: ReleaseNode) -> None:
    wanted = written(node)
    first = adopted(node, wanted)
    adopted(node, replace(wanted, object_id="adopted2"))
    adopted(node, replace(written(node, bgzf(b"x"), name="b.bam.c4gh"), object_id="adopted2"))
    assert node.vault.segment_digests(first)


def test_a_digest_that_is_known_is_compared(node: ReleaseNode) -> None:
    wanted = written(node)
    (node.folder / "a.bam.sha256").write_text("0" * 64)
    with pytest.raises(SourceRefused, match="sha256"):
        adopted(node, wanted)
    with pytest.raises(SourceRefused, match="sha256"):
        adopted(node, replace(wanted, sha256="1" * 64))
    assert node.vault.get("adopted1") is None


# Refused


def changed(content: bytes, header_size: int, how: str) -> bytes:
    header, body = content[:header_size], content[header_size:]
    first, second = body[:SEALED_SEGMENT], body[SEALED_SEGMENT : 2 * SEALED_SEGMENT]
    rest = body[2 * SEALED_SEGMENT :]
    match how:
        case "flipped":
            body = body[:200] + bytes([body[200] ^ 1]) + body[201:]
        case "cut":
            body = body[:-3]
        case "without its end":
            body = first + second
        case "swapped":
            body = second + first + rest
        case _:
            return b"x" * 300
    return header + body


@pytest.mark.parametrize("how", ["flipped", "cut", "without its end", "swapped", "no header"])
def test_a_damaged_body_is_refused_and_nothing_is_taken_in(node: ReleaseNode, how: str) -> None:
    wanted = written(node)
    path = Path(wanted.at)
    content = path.read_bytes()
    size = len(read_header(io.BytesIO(content)))
    path.write_bytes(changed(content, size, how))
    (node.folder / "a.bam.sha256").write_text(hashlib.sha256(CONTENT).hexdigest())
    with pytest.raises(SourceRefused, match=r"a\.bam"):
        adopted(node, wanted)
    assert node.vault.get("adopted1") is None


def test_edit_lists_and_mixed_submitters_are_refused_with_the_reason(node: ReleaseNode) -> None:
    data_key, public = os.urandom(32), node.node_secret.public
    body = node.folder / "body"
    body.write_bytes(body_of(CONTENT, data_key))
    wanted = Adoptee(str(body), "adopted1", "ds1", Kind.READS, "BAM")
    listed = seal_header([data_key], [public], edit_list=(0, 100))
    with pytest.raises(SourceRefused, match="edit list"):
        adopted(node, replace(wanted, header=listed))
    two = [seal_header([key], [public]) for key in (data_key, os.urandom(32))]
    mixed = two[0][:12] + (2).to_bytes(4, "little") + two[0][16:] + two[1][16:]
    with pytest.raises(SourceRefused, match="2 keys"):
        adopted(node, replace(wanted, header=mixed))
    with pytest.raises(SourceRefused, match="no such file"):
        adopted(node, replace(wanted, at=str(node.folder / "absent")))
    assert node.vault.get("adopted1") is None


# An archive's export


def test_an_export_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "sda.csv"
    path.write_text(
        "id,stable_id,archive_file_path,submission_file_path,header,decrypted_sha256\n"
        f"7,{EGAF},ab/3f2a,in/a.bam.c4gh,63727970,{'AB' * 32}\n"
        f"8,{EGAF[:-1]}2,3f2b,x.vcf.gz.c4gh,00,\n"
    )
    first, second = read_export(path)
    assert (first.stable_id, first.path, first.name) == (EGAF, "ab/3f2a", "a.bam.c4gh")
    assert (first.header, first.sha256) == (b"cryp", "ab" * 32)
    assert second.sha256 is None


@pytest.mark.parametrize(
    "line",
    [
        "EGAF 1,a,b.bam,00", "EGAF1,../a,b.bam,00", "EGAF1,/etc/a,b.bam,00", "EGAF1,,b.bam,00",
        "EGAF1,a,b.bam,", "EGAF1,a,b.bam,zz", ",a,b.bam,00", "EGAF1,a/../../b,b.bam,00", "EGAF1",
    ],
)  # fmt: skip
def test_a_line_that_says_nothing_sound_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "sda.csv"
    path.write_text(f"stable_id,archive_file_path,submission_file_path,header\n{line}\n")
    with pytest.raises(SourceRefused, match="line 2"):
        list(read_export(path))


@pytest.mark.parametrize("content", [b"", b"stable_id,header\n", b"\xff\xfe\x00", b'a,b\n"x'])
def test_what_is_no_export_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sda.csv"
    path.write_bytes(content)
    with pytest.raises(SourceRefused):
        list(read_export(path))
    with pytest.raises(SourceRefused):
        list(read_export(tmp_path / "absent"))


# In an object store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.S3]:
    with s3.running(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def in_store(store: s3.S3, monkeypatch: pytest.MonkeyPatch) -> s3.S3:
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    # the agent's socket too
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
    return store


@pytest.mark.live
@pytest.mark.anyio
async def test_a_body_in_a_store_is_released_by_ranges_and_not_once_it_has_changed(
    node: ReleaseNode, workspace: SecretKey, in_store: s3.S3, tmp_path: Path
) -> None:
    reads = slice_files.write(tmp_path, "BAM", records=600)
    here = Path(written(node, reads.read_bytes()).at)
    url = in_store.put(here, key="archive/a.bam.c4gh")
    made = adopted(node, Adoptee(url, "adopted1", "ds1", Kind.READS, "BAM"))
    assert made.sliceable
    assert len(list(node.vault.bodies.folder.iterdir())) == 1  # of another object
    async with node.agent_running(), node.client() as client:
        content = await fetched(client, "/htsget/reads/adopted1")
        assert opened(content, workspace) == reads.read_bytes()
        part = await fetched(client, "/htsget/reads/adopted1?referenceName=chr2")
        assert opened(part, workspace)
        ticket = (await client.get("/htsget/reads/adopted1")).json()["htsget"]
        url = ticket["urls"][1]["url"]
        again = await client.get(url, headers={"Range": "bytes=1000-1099"})
        assert again.content == content[-made.body_size :][1000:1100]
        spoil(here)
        in_store.put(here, key="archive/a.bam.c4gh")
        assert (await client.get(url)).status_code == 503
    assert set(in_store.gets()) <= {"206", "412"}


@pytest.mark.live
@pytest.mark.anyio
async def test_a_body_may_be_sealed_into_a_store(
    node: ReleaseNode, workspace: SecretKey, in_store: s3.S3
) -> None:
    source = node.folder / "a.bam"
    source.write_bytes(CONTENT)
    for _ in range(2):
        made = sealing.seal(
            node.vault, source, object_id="adopted1", dataset="ds1", kind="reads",
            format="BAM", owner_ids=(), node_public=node.node_secret.public, store=f"s3://{s3.BUCKET}/sealed",
        )  # fmt: skip
        assert made.place is not None
        assert made.place.at == f"s3://{s3.BUCKET}/sealed/{made.segment_root}.body"
    assert len(list(node.vault.bodies.folder.iterdir())) == 1  # of another object
    async with node.agent_running(), node.client() as client:
        content = await fetched(client, "/htsget/reads/adopted1")
    assert opened(content, workspace) == CONTENT
