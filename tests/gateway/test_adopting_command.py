"""`skerry load --adopt`: bodies and headers as an archive has them, taken in where they lie."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from gateway.errors import Exit
from gateway.home import NodeHome
from streams import envelope
from streams.header import seal_header
from streams.keys import parse_public_key, write_pair
from streams.vault import Vault
from tests.support.command import skerry
from tests.support.node_folder import node_folder, open_counts
from tests.support.release_node import bgzf

CONTENT = bgzf(os.urandom(100_000))
EGAF = "EGAF00000000001"


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    return node_folder(tmp_path / "node", policies=[open_counts("isle")])


def body(data_key: bytes) -> bytes:
    sealed = io.BytesIO()
    envelope.seal_body(io.BytesIO(CONTENT), sealed, data_key)
    return sealed.getvalue()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A Sensitive Data Archive's storage, key and export."""
    public = write_pair(tmp_path / "archive.key", tmp_path / "archive.pub", b"open sesame")
    (tmp_path / "passphrase").write_text("open sesame\n")
    folder, data_key = tmp_path / "archive", os.urandom(32)
    folder.mkdir()
    (folder / "3f2a").write_bytes(body(data_key))
    header = seal_header([data_key], [public]).hex()
    (tmp_path / "sda.csv").write_text(
        "stable_id,archive_file_path,submission_file_path,header\n"
        f"{EGAF},3f2a,inbox/a.bam.c4gh,{header}\n"
    )
    return folder


def options(tmp_path: Path, archive: Path) -> tuple[object, ...]:
    return (
        "--adopt-export", tmp_path / "sda.csv", "--archive", archive,
        "--adopt-key", tmp_path / "archive.key",
        "--adopt-passphrase-file", tmp_path / "passphrase",
    )  # fmt: skip


def test_an_archives_export_is_taken_in_under_its_own_ids(
    node: NodeHome, archive: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        ran = skerry("load", node.root, "--dataset", "isle", *options(tmp_path, archive))
        assert (ran.code, ran.err) == (Exit.OK, "")
        assert f"adopted {EGAF}" in ran.out
    found = Vault(node.vault).get(EGAF)
    assert found is not None
    assert (found.dataset, found.format, found.plain_size) == ("isle", "BAM", len(CONTENT))
    assert found.place is not None
    assert found.place.at == str(archive / "3f2a")
    assert list(Vault(node.vault).bodies.folder.iterdir()) == []


def test_a_whole_file_for_the_nodes_key_is_named_as_a_sealed_one(
    node: NodeHome, tmp_path: Path
) -> None:
    data_key, path = os.urandom(32), tmp_path / "b.bam.c4gh"
    public = parse_public_key(node.storage_public.read_bytes())
    path.write_bytes(seal_header([data_key], [public]) + body(data_key))
    ran = skerry("load", node.root, "--dataset", "isle", "--adopt", path)
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert Vault(node.vault).get("isle/b.bam") is not None


def test_what_does_not_open_is_refused_with_the_next_step(
    node: NodeHome, archive: Path, tmp_path: Path
) -> None:
    given = options(tmp_path, archive)
    ran = skerry("load", node.root, "--dataset", "isle", *given[:4])
    assert ran.code == Exit.BAD_INPUT
    assert "--adopt-key" in ran.err
    ran = skerry("load", node.root, "--dataset", "isle", *given[:2])
    assert ran.code == Exit.BAD_INPUT
    assert "--archive" in ran.err
    (tmp_path / "passphrase").write_text("wrong")
    ran = skerry("load", node.root, "--dataset", "isle", *given)
    assert ran.code == Exit.BAD_INPUT
    assert "sesame" not in ran.err + ran.out
    assert Vault(node.vault).all() == ()


def test_bodies_are_sealed_into_stores_only(node: NodeHome, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    ran = skerry(
        "load", node.root, "--dataset", "isle", "--seal", tmp_path / "a.txt", "--seal-to", tmp_path
    )
    assert ran.code == Exit.BAD_INPUT
    assert "s3://" in ran.err
