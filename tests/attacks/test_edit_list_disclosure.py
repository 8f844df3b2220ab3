"""Attack: bytes that an edit list hides are sent all the same, and whoever has the data key opens
them. So nothing with an edit list comes in, and nothing with one goes out."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from anyio.to_thread import run_sync

from streams import sealing
from streams.adopting import Adoptee, adopt
from streams.agent_client import AgentClient
from streams.envelope import SEGMENT, open_body, seal_body
from streams.errors import AgentRefused, SourceRefused
from streams.header import OpenedHeader, open_header, read_header, seal_header
from streams.keys import SecretKey
from streams.sources import Kind
from streams.vault import Vault
from tests.streams.test_agent import permit
from tests.support.release_node import ReleaseNode, bgzf

pytestmark = pytest.mark.anyio

WORKSPACE = SecretKey.generate()
HIDDEN = os.urandom(SEGMENT)
CONTENT = bgzf(HIDDEN + b"shown" * 1000)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ReleaseNode]:
    made = ReleaseNode(tmp_path)
    made.seal(CONTENT)
    made.grant(WORKSPACE)
    yield made
    made.close()


def edited(reader: bytes, *, lengths: tuple[int, ...] = (SEGMENT, 100)) -> bytes:
    """A submitter's file of which a reader is meant to see a hundred bytes."""
    key, body = os.urandom(32), io.BytesIO()
    seal_body(io.BytesIO(CONTENT), body, key)
    return seal_header([key], [reader], edit_list=lengths) + body.getvalue()


def test_what_an_edit_list_hides_every_reader_opens() -> None:
    """The attack itself, with nothing but the key that the reader is given."""
    reader = SecretKey.generate()
    file = io.BytesIO(edited(reader.public))
    opened = open_header(read_header(file), [reader])
    meant, seen, start = io.BytesIO(), io.BytesIO(), file.tell()
    open_body(file, meant, opened)
    file.seek(start)
    open_body(file, seen, OpenedHeader(opened.data_keys, None))
    assert len(meant.getvalue()) == 100
    assert seen.getvalue() == CONTENT


@pytest.mark.parametrize("lengths", [(SEGMENT, 100), (0, 5), (0,), ()], ids=str)
def test_a_file_with_one_is_not_loaded(tmp_path: Path, lengths: tuple[int, ...]) -> None:
    storage, vault = SecretKey.generate(), Vault(tmp_path / "vault")
    (tmp_path / "a.bam.c4gh").write_bytes(edited(storage.public, lengths=lengths))
    with pytest.raises(SourceRefused, match="edit list"):
        sealing.seal(
            vault, tmp_path / "a.bam.c4gh", object_id="o1", dataset="ds1", kind="reads",
            format="BAM", owner_ids=(), node_public=storage.public, secrets=lambda: (storage,),
        )  # fmt: skip
    assert vault.all() == ()
    assert list(vault.bodies.folder.iterdir()) == []


@pytest.mark.parametrize("lengths", [(SEGMENT, 100), ()], ids=str)
def test_a_file_with_one_is_not_adopted(node: ReleaseNode, lengths: tuple[int, ...]) -> None:
    path = node.folder / "b.bam.c4gh"
    path.write_bytes(edited(node.node_secret.public, lengths=lengths))
    with pytest.raises(SourceRefused, match="edit list"):
        adopt(
            node.vault,
            Adoptee(str(path), "adopted1", "ds1", Kind.READS, "BAM"),
            secrets=lambda: (node.node_secret,),
            node_public=node.node_secret.public,
        )
    assert node.vault.get("adopted1") is None


@pytest.mark.parametrize("lengths", [(0, 5), ()], ids=str)
async def test_the_agent_gives_no_header_of_one_that_came_into_the_vault_otherwise(
    node: ReleaseNode, lengths: tuple[int, ...]
) -> None:
    public = node.node_secret.public
    header = seal_header([os.urandom(32)], [public], edit_list=lengths)
    node.vault.replace_headers(lambda sealed: sealed.model_copy(update={"header": header.hex()}))
    recipient = node.entitled().workspace.public_key
    async with node.agent_running():
        with closing(AgentClient(node.socket)) as client, pytest.raises(AgentRefused):
            await run_sync(client.rewrap, permit(node), "sample1", recipient)
    async with node.agent_running(), node.client() as client:
        answer = await client.get("/htsget/reads/sample1")
    assert answer.status_code >= 400
    assert node.recorded("release.intent") == []


async def test_no_header_that_leaves_has_one(node: ReleaseNode) -> None:
    """Of a whole object; of regions `test_slice_slack` looks at every byte."""
    async with node.agent_running(), node.client() as client:
        ticket = (await client.get("/htsget/reads/sample1")).json()
    inline = ticket["htsget"]["urls"][0]["url"]
    header = base64.b64decode(inline.partition("base64,")[2])
    assert open_header(header, [WORKSPACE]).edit_list is None
