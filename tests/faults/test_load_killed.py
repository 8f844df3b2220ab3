"""Fault: a load is killed (kill -9) at any moment, or its disk is full. Nothing half is there."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from streams import sealing
from streams.envelope import BodyFacts, open_body, seal_body
from streams.errors import VaultFull
from streams.header import open_header
from streams.keys import SecretKey, read_secret_key, write_pair
from streams.vault import SealedObject, Vault
from tests.support.release_node import bgzf

ROOT = Path(__file__).resolve().parents[2]
_LOAD = """
import sys
from pathlib import Path
from streams import sealing
from streams.keys import parse_public_key
from streams.vault import Vault
root = Path(sys.argv[1])
def told(done):
    print(done, flush=True)
for number in range(100):
    source = root / "a.bam" if number % 2 else root / "b.bam"
    sealing.seal(
        Vault(root / "vault"), source, object_id="o1", dataset="ds1", kind="reads", format="BAM",
        owner_ids=(), node_public=parse_public_key((root / "k.pub").read_bytes()), progress=told,
    )
"""


def opened(vault: Vault, sealed: SealedObject, secret: SecretKey) -> bytes:
    plain = io.BytesIO()
    with vault.bodies.path(sealed.segment_root).open("rb") as body:
        leaves = vault.segment_digests(sealed)
        open_body(body, plain, open_header(sealed.header_bytes, [secret]), leaves=leaves)
    return plain.getvalue()


@pytest.fixture
def contents(tmp_path: Path) -> list[bytes]:
    write_pair(tmp_path / "k.sec", tmp_path / "k.pub")
    made = [bgzf(os.urandom(4_000_000)) for _ in range(2)]
    for name, content in zip(("a.bam", "b.bam"), made, strict=True):
        (tmp_path / name).write_bytes(content)
    return made


def test_a_load_killed_at_any_moment_leaves_the_object_before_or_after(
    tmp_path: Path, contents: list[bytes]
) -> None:
    secret = read_secret_key(tmp_path / "k.sec")
    for lines in (1, 5, 9):
        with subprocess.Popen(
            [sys.executable, "-c", _LOAD, tmp_path], cwd=ROOT, stdout=subprocess.PIPE
        ) as load:
            assert load.stdout is not None
            for _ in range(lines):
                assert load.stdout.readline()
            load.kill()
        vault = Vault(tmp_path / "vault")
        found = vault.get("o1")
        if found is not None:
            assert opened(vault, found, secret) in contents
    again = sealing.seal(
        vault, tmp_path / "b.bam", object_id="o1", dataset="ds1", kind="reads", format="BAM",
        owner_ids=(), node_public=secret.public,
    )  # fmt: skip
    assert opened(vault, again, secret) == contents[1]
    names = {path.name for path in (tmp_path / "vault" / "bodies").iterdir()}
    assert names == {f"{again.segment_root}.body"}, "what the kill left is swept"


def test_no_plain_byte_is_on_any_disk_at_any_time_of_a_load(
    tmp_path: Path, contents: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at after every batch, and all the while from a thread of its own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    marks = [contents[0][at : at + 48] for at in range(1000, len(contents[0]), 65536)]
    done, looks, found = threading.Event(), [0], []

    def look() -> None:
        looks[0] += 1
        for place in (tmp_path / "vault", tmp_path / "tmp"):
            for folder, _, names in os.walk(place):  # passes over a folder that goes meanwhile
                for path in (Path(folder, name) for name in names):
                    try:
                        content = path.read_bytes()
                    except FileNotFoundError:
                        continue
                    if any(mark in content for mark in marks):
                        found.append(path.name)

    def watch() -> None:
        while not done.wait(0.02):
            look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    secret = read_secret_key(tmp_path / "k.sec")
    sealing.seal(
        Vault(tmp_path / "vault"), tmp_path / "a.bam", object_id="o1", dataset="ds1",
        kind="reads", format="BAM", owner_ids=(), node_public=secret.public,
        progress=lambda size: look(),
    )  # fmt: skip
    done.set()
    watcher.join()
    assert looks[0] >= len(contents[0]) // (15 * 65536)
    assert found == []
    assert marks[3] in (tmp_path / "a.bam").read_bytes(), "the marks are what would be found"


def test_a_full_disk_leaves_the_object_that_was_there(
    tmp_path: Path, contents: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = read_secret_key(tmp_path / "k.sec")
    vault = Vault(tmp_path / "vault")

    def seal(name: str) -> SealedObject:
        return sealing.seal(
            vault, tmp_path / name, object_id="o1", dataset="ds1", kind="reads", format="BAM",
            owner_ids=(), node_public=secret.public,
        )  # fmt: skip

    before, real = seal("a.bam"), seal_body

    class Full(io.RawIOBase):
        def write(self, content: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    def into_a_full_disk(source: BinaryIO, sink: BinaryIO, key: bytes, **more: Any) -> BodyFacts:
        return real(source, Full(), key, **more)  # type: ignore[arg-type]  # all it does is write

    monkeypatch.setattr("streams.sealing.seal_body", into_a_full_disk)
    with pytest.raises(VaultFull, match="No space"):
        seal("b.bam")
    monkeypatch.undo()
    assert opened(vault, before, secret) == contents[0]
    assert [path.name for path in vault.bodies.folder.iterdir()] == [f"{before.segment_root}.body"]
