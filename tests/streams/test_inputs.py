"""Submitters' Crypt4GH files: opened in memory, sealed anew, and refused with the reason."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

import crypt4gh.lib
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from streams import sealing
from streams.envelope import open_body, seal_body
from streams.errors import SourceRefused
from streams.header import _packets, open_header, seal_header
from streams.keys import SecretKey
from streams.vault import SealedObject, Vault
from tests.support import slice_files
from tests.support.release_node import bgzf

NODE = SecretKey.generate()
CONTENT = bgzf(os.urandom(200_000))
KEY = b"k" * 32


def submitted(
    plain: bytes = CONTENT,
    *,
    key: bytes = KEY,
    reader: SecretKey = NODE,
    edits: Sequence[int] | None = None,
) -> bytes:
    body = io.BytesIO()
    seal_body(io.BytesIO(plain), body, key)
    return seal_header([key], [reader.public], edit_list=edits) + body.getvalue()


def load(folder: Path, *, form: str = "BAM", name: str = "a.bam.c4gh") -> SealedObject:
    kind = "reads" if form in ("BAM", "CRAM") else "variants"
    return sealing.seal(
        Vault(folder / "vault"),
        folder / name,
        object_id="o1",
        dataset="ds1",
        kind=kind,
        format=form,
        owner_ids=(),
        node_public=NODE.public,
        secrets=lambda: (NODE,),
    )


def plain_of(folder: Path, sealed: SealedObject) -> bytes:
    plain = io.BytesIO()
    with Vault(folder / "vault").bodies.path(sealed.segment_root).open("rb") as body:
        open_body(body, plain, open_header(sealed.header_bytes, [NODE]))
    return plain.getvalue()


def refused(folder: Path, says: str) -> None:
    with pytest.raises(SourceRefused, match=says):
        load(folder)
    assert Vault(folder / "vault").all() == ()
    assert list((folder / "vault" / "bodies").iterdir()) == []


def test_a_submitters_file_is_sealed_anew_under_a_key_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.bam.c4gh").write_bytes(submitted())
    sealed = load(tmp_path)
    assert plain_of(tmp_path, sealed) == CONTENT
    assert sealed.plain_sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert KEY not in open_header(sealed.header_bytes, [NODE]).data_keys
    assert load(tmp_path) == sealed


def test_a_file_that_the_reference_sealed_is_taken(tmp_path: Path) -> None:
    with (tmp_path / "a.bam.c4gh").open("wb") as file:
        crypt4gh.lib.encrypt([(0, b"\x07" * 32, NODE.public)], io.BytesIO(CONTENT), file)
    assert plain_of(tmp_path, load(tmp_path)) == CONTENT


@pytest.mark.parametrize("form", list(slice_files.ENDINGS))
def test_a_sealed_file_without_an_index_is_sliceable_all_the_same(
    tmp_path: Path, form: str
) -> None:
    plain = slice_files.write(tmp_path, form, records=300)
    sealed_path = tmp_path / f"{plain.name}.c4gh"
    sealed_path.write_bytes(submitted(plain.read_bytes()))
    for path in tmp_path.glob(f"{plain.name}*"):
        if path != sealed_path:
            path.unlink()
    assert load(tmp_path, form=form, name=sealed_path.name).sliceable


def test_an_edit_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bam.c4gh").write_bytes(submitted(edits=[0, 100]))
    refused(tmp_path, "edit list")


def test_two_submitters_in_one_header_are_refused(tmp_path: Path) -> None:
    whole = submitted()
    first, second = (seal_header([key], [NODE.public]) for key in (KEY, b"l" * 32))
    header = (
        first[:12] + (2).to_bytes(4, "little") + b"".join([*_packets(first), *_packets(second)])
    )
    (tmp_path / "a.bam.c4gh").write_bytes(header + whole[len(first) :])
    refused(tmp_path, "one submitter")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda raw: raw[:100], "cannot be opened here"),
        (lambda raw: raw[: 124 + 20], "cannot be opened here"),
        (lambda raw: raw[:-1], "truncated|does not open"),
        (lambda raw: raw[:-65564], "truncated|does not open"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, change: object, says: str) -> None:
    assert callable(change)
    (tmp_path / "a.bam.c4gh").write_bytes(change(submitted()))
    with pytest.raises(Exception, match=says):
        load(tmp_path)
    assert Vault(tmp_path / "vault").all() == ()


def test_a_file_for_another_node_is_refused(tmp_path: Path) -> None:
    other = SecretKey(X25519PrivateKey.generate())
    (tmp_path / "a.bam.c4gh").write_bytes(submitted(reader=other))
    refused(tmp_path, "sealed to this node's storage key")


@pytest.mark.parametrize("beside", ["a.bam.sha256", "a.bam.c4gh.sha256"])
def test_a_file_that_is_not_the_one_announced_is_refused(tmp_path: Path, beside: str) -> None:
    (tmp_path / "a.bam.c4gh").write_bytes(submitted())
    (tmp_path / beside).write_text(f"{'0' * 64}  {beside.removesuffix('.sha256')}\n")
    refused(tmp_path, "is not the file of")
    (tmp_path / beside).write_text("no digest\n")
    refused(tmp_path, "expected a SHA-256")


def test_the_files_that_were_announced_are_taken(tmp_path: Path) -> None:
    raw = submitted()
    (tmp_path / "a.bam.c4gh").write_bytes(raw)
    for name, content in (("a.bam", CONTENT), ("a.bam.c4gh", raw)):
        told = f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        (tmp_path / f"{name}.sha256").write_text(told)
    assert plain_of(tmp_path, load(tmp_path)) == CONTENT
