"""Threat: the edges of a slice carry bytes of records that were not asked for.

Everything that is sent is opened with every key the recipient can get, and accounted for byte by
byte: a header, whole records, an end of file, and nothing else. No edit list hides anything.
"""

from __future__ import annotations

import base64
import gzip
import io
import struct
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from streams.envelope import SEALED_SEGMENT, open_segment
from streams.errors import SegmentInvalid
from streams.header import open_header, read_header
from streams.keys import SecretKey
from tests.support import slice_files
from tests.support.release_node import ReleaseNode
from tests.support.slice_files import read_all

pytestmark = pytest.mark.anyio
QUESTION = "referenceName=chr1&start=124478211&end=124490000"


@pytest.fixture
def workspace() -> SecretKey:
    return SecretKey.generate()


@pytest.fixture
def reads(tmp_path: Path) -> Path:
    return slice_files.write(tmp_path, "BAM", records=1500)


@pytest.fixture
def node(tmp_path: Path, workspace: SecretKey, reads: Path) -> Iterator[ReleaseNode]:
    (tmp_path / "node").mkdir()
    made = ReleaseNode(tmp_path / "node")
    assert made.seal(reads.read_bytes()).sliceable
    made.grant(workspace)
    yield made
    made.close()


async def sent(client: httpx.AsyncClient, query: str) -> tuple[bytes, bytes]:
    """The header and all of the body, as they went over the wire."""
    answer = await client.get(f"/htsget/reads/sample1?{query}")
    assert answer.status_code == 200, answer.text
    first, *rest = (one["url"] for one in answer.json()["htsget"]["urls"])
    body = b"".join([(await client.get(url)).content for url in rest])
    return base64.b64decode(first.partition(",")[2]), body


def record_names(plain: bytes) -> list[str]:
    """Of a BAM whose every byte belongs to its header or to a whole record."""
    raw = gzip.decompress(plain)
    assert raw[:4] == b"BAM\x01"
    place = 8 + struct.unpack_from("<i", raw, 4)[0]
    (contigs,) = struct.unpack_from("<i", raw, place)
    place += 4
    for _ in range(contigs):
        place += 8 + struct.unpack_from("<i", raw, place)[0]
    names = []
    while place < len(raw):
        size, length = struct.unpack_from("<i", raw, place)[0], raw[place + 12]
        names.append(raw[place + 36 : place + 35 + length].decode())
        place += 4 + size
    assert place == len(raw), "the last record is whole and nothing follows it"
    return names


async def test_all_that_is_sent_is_the_header_and_whole_records(
    node: ReleaseNode, workspace: SecretKey, reads: Path, tmp_path: Path
) -> None:
    async with node.agent_running(), node.client() as client:
        header, body = await sent(client, QUESTION)
    opened = open_header(header, [workspace])
    assert opened.edit_list is None
    assert len(opened.data_keys) == 1
    segments = [body[at : at + SEALED_SEGMENT] for at in range(0, len(body), SEALED_SEGMENT)]
    plain = b"".join(open_segment(opened.data_keys, segment) for segment in segments)
    (tmp_path / "sent.bam").write_bytes(plain)
    names = record_names(plain)
    arrived = [text.split("\t")[0] for *_, text in read_all(tmp_path / "sent.bam", "BAM")]
    assert names == arrived
    everyone = {text.split("\t")[0] for *_, text in read_all(reads, "BAM")}
    assert set(names) < everyone
    assert not {name for name in names if name.startswith("u")}, "unplaced reads were not asked for"


async def test_keys_of_all_slices_and_of_other_objects_open_nothing_of_the_body_at_rest(
    node: ReleaseNode, workspace: SecretKey, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    other = slice_files.write(tmp_path / "more", "BAM", records=300, seed=2)
    node.seal(other.read_bytes(), "sample2")
    keys: set[bytes] = set()
    async with node.agent_running(), node.client() as client:
        for query in (QUESTION, "referenceName=chr2", "class=header"):
            header, _ = await sent(client, query)
            keys.update(open_header(header, [workspace]).data_keys)
        answer = (await client.get("/htsget/reads/sample2")).json()["htsget"]
        whole = base64.b64decode(answer["urls"][0]["url"].partition(",")[2])
        keys.update(open_header(read_header(io.BytesIO(whole)), [workspace]).data_keys)
    assert len(keys) == 4, "every release has a key of its own"
    found = node.vault.get("sample1")
    assert found is not None
    for path in (
        node.vault.bodies.path(found.segment_root),
        *(node.folder / "vault" / "charts").iterdir(),
    ):
        if found.segment_root not in path.name:
            continue
        content = path.read_bytes()
        for at in range(0, len(content), SEALED_SEGMENT):
            with pytest.raises(SegmentInvalid):
                open_segment(tuple(keys), content[at : at + SEALED_SEGMENT])
