"""Objects in an S3-compatible store are loaded and sliced there, by ranges, like local ones."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pysam
import pytest

from gateway.errors import Exit
from streams.errors import IndexRefused, ObjectChanged, SourceRefused, StoreUnavailable
from streams.remote import PAGE, RemoteFile, RemoteSource
from streams.slices.chart import Region
from streams.sources import Kind
from tests.support import s3, slice_files
from tests.support.command import skerry
from tests.support.node_folder import node_folder
from tests.support.release_node import ReleaseNode
from tests.support.slice_files import overlapping, read_all

pytestmark = pytest.mark.live
REGION = Region("chr1", 124_478_211, 124_490_000)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.S3]:
    with s3.running(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(autouse=True)
def environment(store: s3.S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)


def indexed(folder: Path, form: str) -> tuple[Path, Path]:
    path = slice_files.write(folder, form, records=600)
    index = path.with_name(f"{path.name}{'.crai' if form == 'CRAM' else '.csi'}")
    if form in ("BAM", "CRAM"):
        pysam.samtools.index(*(["-c"] if form == "BAM" else []), "-o", str(index), str(path))
    else:
        pysam.bcftools.index("-c", "-f", "-o", str(index), str(path))
    return path, index


@pytest.mark.anyio
@pytest.mark.parametrize("form", list(slice_files.ENDINGS))
async def test_a_region_and_the_whole_are_those_of_the_file(
    node: ReleaseNode, store: s3.S3, tmp_path: Path, form: str
) -> None:
    path, index = indexed(tmp_path, form)
    url = store.put(path, key=f"{form}/{path.name}")
    store.put(index, key=f"{form}/{index.name}")
    kind = Kind.READS if form in ("BAM", "CRAM") else Kind.VARIANTS
    node.shelf.register(
        RemoteFile(url), object_id="open1/far", dataset="open1", kind=kind, form=form
    )
    asked = {"format": form, "referenceName": REGION.name}
    asked |= {"start": str(REGION.start0), "end": str(REGION.end0)}
    async with node.client(None) as client:
        for question in (asked, {"format": form}):
            ticket = (await client.get(f"/htsget/{kind}/open1/far", params=question)).json()
            content = b""
            for part in ticket["htsget"]["urls"]:
                content += (await client.get(part["url"])).content
            (tmp_path / f"slice{slice_files.ENDINGS[form]}").write_bytes(content)
            if question is asked:
                sent = read_all(tmp_path / f"slice{slice_files.ENDINGS[form]}", form)
                whole = read_all(path, form)
                assert overlapping(sent, [REGION]) == overlapping(whole, [REGION])
                assert len(sent) < len(whole)
    assert content == path.read_bytes()
    assert "md5" not in ticket["htsget"]
    assert set(store.gets()) == {"206"}


def test_skerry_load_takes_an_address(store: s3.S3, tmp_path: Path) -> None:
    policy = {"id": "isle", "level": "public", "insecure_clear_streams": True}
    clear = policy | {"data_use": [{"id": "DUO:0000004"}]}
    node = node_folder(tmp_path / "node", policies=[clear])
    path, index = indexed(tmp_path, "BAM")
    url = store.put(path, key="far/one.bam")
    store.put(index, key="far/one.bam.csi")
    ran = skerry("load", node.root, "--dataset", "isle", "--clear", url)
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert "isle/one" in ran.out
    kept = [one.read_bytes() for one in node.root.rglob("*") if one.is_file()]
    assert not any(s3.SECRET.encode() in content for content in kept)


@pytest.mark.parametrize("form", list(slice_files.ENDINGS))
def test_a_missing_index_is_made_of_ranges(
    node: ReleaseNode, store: s3.S3, tmp_path: Path, form: str
) -> None:
    path = slice_files.write(tmp_path, form, records=3000)
    kind = Kind.READS if form in ("BAM", "CRAM") else Kind.VARIANTS
    far, near = (
        node.shelf.register(source, object_id="open1/bare", dataset="open1", kind=kind, form=form)
        for source in (RemoteFile(store.put(path, key=f"bare/{path.name}")), path)
    )
    assert far.chart == near.chart
    assert far.md5 == near.md5 == md5_of(path).hex()
    assert set(store.gets()) == {"206"}


@pytest.mark.parametrize(
    ("stated", "kept"),
    [(b"%b", True), (b"", False), (b"=%b", False), (b"%b%b", False), (b"no base64!", False)],
)
def test_an_md5_that_the_uploader_stated_is_kept(
    node: ReleaseNode, store: s3.S3, tmp_path: Path, stated: bytes, *, kept: bool
) -> None:
    path = tmp_path / "table.bin"
    path.write_bytes(os.urandom(1000))
    digest = md5_of(path)
    said = stated.replace(b"%b", base64.b64encode(digest)).decode()
    url = store.put(path, key="stated/table.bin", **({"md5chksum": said} if said else {}))
    found = node.shelf.register(
        RemoteFile(url), object_id="open1/table", dataset="open1", kind=Kind.FILE, form="FILE"
    )
    assert found.md5 == (digest.hex() if kept else None)
    assert set(store.gets()) == {"206"}


def md5_of(path: Path) -> bytes:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).digest()


# Refusals


def test_an_object_that_cannot_be_indexed_is_refused(
    node: ReleaseNode, store: s3.S3, tmp_path: Path
) -> None:
    path = slice_files.write(tmp_path, "BAM", records=300)
    unsorted = tmp_path / "unsorted.bam"
    pysam.samtools.cat("-o", str(unsorted), str(path), str(path))
    url = store.put(unsorted, key="bare/unsorted.bam")
    with pytest.raises(IndexRefused, match=r"s3://.*none can be made"):
        node.shelf.register(
            RemoteFile(url), object_id="open1/un", dataset="open1", kind=Kind.READS, form="BAM"
        )
    assert not node.shelf.forms(Kind.READS, "open1/un")


def test_an_object_that_was_replaced_is_not_read(store: s3.S3, tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(os.urandom(1000))
    file = RemoteFile(store.put(path))
    facts = file.facts()
    assert facts is not None
    assert file.read(facts, 10, 20) == path.read_bytes()[10:20]
    path.write_bytes(os.urandom(1000))
    store.put(path)
    with pytest.raises(ObjectChanged):
        file.read(facts, 10, 20)


def test_an_object_that_is_gone_is_not_read(store: s3.S3, tmp_path: Path) -> None:
    path = tmp_path / "going"
    path.write_bytes(b"content")
    file = RemoteFile(store.put(path))
    facts = file.facts()
    store.delete("going")
    assert facts is not None
    assert file.facts() is None
    with pytest.raises(ObjectChanged):
        file.read(facts, 0, 1)


@pytest.mark.parametrize(
    "url", ["s3://archive", "s3:///key", "s3://UPPER/key", "s3://a/k", "s3://archive/k\n", "s3://"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(SourceRefused, match="BUCKET/KEY"):
        RemoteFile(url).facts()


def test_a_store_that_is_away_is_said_without_its_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with caplog.at_level("DEBUG"), pytest.raises(StoreUnavailable) as refused:
        RemoteFile("s3://archive/key").facts()
    said = refused.value.public + refused.value.detail + caplog.text
    assert "127.0.0.1" not in said
    assert s3.SECRET not in said


def test_http_is_used_only_where_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    with pytest.raises(StoreUnavailable):
        RemoteFile("s3://archive/key").facts()


def test_small_reads_across_pages_are_those_of_the_file(store: s3.S3, tmp_path: Path) -> None:
    path = tmp_path / "pages"
    content = os.urandom(2 * PAGE + 100)
    path.write_bytes(content)
    file = RemoteFile(store.put(path))
    facts = file.facts()
    assert facts is not None
    source, before = RemoteSource(file, facts), len(store.gets())
    for start0, length in (
        (0, 10),
        (PAGE - 5, 10),
        (2 * PAGE + 90, 50),
        (2 * PAGE + 100, 5),
        (7, PAGE),
    ):
        assert source(length, start0) == content[start0 : start0 + length]
    assert len(store.gets()) == before + 4
