"""Fault: a load is killed (kill -9) in the middle of a file. The next one goes on behind what is
durable, under a data key of its own, and believes nothing but what the node itself wrote."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from streams import sealing, unfinished
from streams.envelope import BATCH, SEALED_SEGMENT, SEGMENT, open_body, seal_body
from streams.errors import SegmentInvalid, SourceRefused
from streams.header import open_header, seal_header
from streams.keys import SecretKey, read_secret_key, write_pair
from streams.unfinished import HALF
from streams.vault import SealedObject, Vault
from tests.support.release_node import bgzf

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
_LOAD = """
import sys
from pathlib import Path
from streams import sealing, unfinished
from streams.keyring import KeyRing
from streams.keys import parse_public_key
from streams.vault import Vault
unfinished.CHECKPOINT = 1024 * 1024
root = Path(sys.argv[1])
def told(done):
    print(done, flush=True)
    if done >= int(sys.argv[2]):
        sys.stdin.read()  # until the kill
sealing.seal(
    Vault(root / "vault"), root / "a.bam", object_id="o1", dataset="ds1", kind="reads",
    format="BAM", owner_ids=(), node_public=parse_public_key((root / "k.pub").read_bytes()),
    secrets=KeyRing(root / "k.sec"), progress=told,
)
"""


class Load:
    """One file on its way into one vault."""

    def __init__(self, folder: Path, content: bytes) -> None:
        self.folder = folder
        self.content = content
        (folder / "a.bam").write_bytes(self.content)
        write_pair(folder / "k.sec", folder / "k.pub")
        self.secret = read_secret_key(folder / "k.sec")
        self.bodies = folder / "vault" / "bodies"

    def killed(self, at: int) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", _LOAD, self.folder, str(at)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as load:  # fmt: skip
            assert load.stdout is not None
            for line in load.stdout:
                if int(line) >= at:
                    break
            load.kill()
        assert load.returncode == -9

    def again(self, **changed: object) -> tuple[SealedObject, list[int]]:
        """The load to its end; what it told of its progress."""
        told: list[int] = []
        named = {
            "object_id": "o1", "dataset": "ds1", "kind": "reads", "format": "BAM", "owner_ids": (),
            "node_public": self.secret.public, "secrets": lambda: (self.secret,),
        }  # fmt: skip
        sealed = sealing.seal(
            Vault(self.folder / "vault"),
            self.folder / "a.bam",
            progress=told.append,
            **(named | changed),  # type: ignore[arg-type]  # as the test says
        )
        return sealed, told

    def half(self, ending: str) -> Path:
        (path,) = self.bodies.glob(f"{HALF}*.{ending}")
        return path

    def keys_of(self, sealed: SealedObject) -> tuple[bytes, ...]:
        return open_header(sealed.header_bytes, [self.secret]).data_keys

    def opened(self, sealed: SealedObject) -> bytes:
        plain, vault = io.BytesIO(), Vault(self.folder / "vault")
        leaves = vault.segment_digests(sealed)
        with vault.bodies.path(sealed.segment_root).open("rb") as body:
            open_body(body, plain, open_header(sealed.header_bytes, [self.secret]), leaves=leaves)
        assert hashlib.sha256(plain.getvalue()).hexdigest() == sealed.plain_sha256
        return plain.getvalue()


@pytest.fixture(scope="module")
def content() -> bytes:
    return bgzf(os.urandom(8 * MIB))


@pytest.fixture
def load(tmp_path: Path, content: bytes) -> Load:
    return Load(tmp_path, content)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished, "CHECKPOINT", MIB)


def test_a_killed_load_goes_on_behind_what_is_durable(load: Load) -> None:
    load.killed(5 * MIB)
    before = load.half("body").read_bytes()
    sealed, told = load.again()
    assert load.opened(sealed) == load.content
    assert told[0] > 3 * MIB, "what lay there was not sealed again"
    whole = load.bodies.joinpath(f"{sealed.segment_root}.body").read_bytes()
    durable = (told[0] // SEGMENT - BATCH) * SEALED_SEGMENT  # told after its first batch
    assert whole[:durable] == before[:durable]
    assert [path.name for path in load.bodies.iterdir()] == [f"{sealed.segment_root}.body"]


def test_each_load_seals_under_a_data_key_of_its_own_and_no_nonce_comes_twice(load: Load) -> None:
    load.killed(3 * MIB)
    load.killed(6 * MIB)
    sealed, _ = load.again()
    keys = load.keys_of(sealed)
    assert len(set(keys)) == len(keys) == 3
    body = load.bodies.joinpath(f"{sealed.segment_root}.body").read_bytes()
    segments = [body[at : at + SEALED_SEGMENT] for at in range(0, len(body), SEALED_SEGMENT)]
    assert len({one[:12] for one in segments}) == len(segments)
    opens = [which for one in segments for which, key in enumerate(keys) if _opens(key, one)]
    assert opens == sorted(opens), "the keys follow each other"
    assert set(opens) == {0, 1, 2}


def _opens(key: bytes, segment: bytes) -> bool:
    header = seal_header([key], [(reader := SecretKey.generate()).public])
    try:
        open_body(io.BytesIO(segment), io.BytesIO(), open_header(header, [reader]))
    except SegmentInvalid:
        return False
    return True


def _another_byte_of_the_body(load: Load) -> None:
    with load.half("body").open("r+b") as body:
        body.seek(1000)
        byte = body.read(1)
        body.seek(1000)
        body.write(bytes([byte[0] ^ 1]))


def _a_body_that_is_cut(load: Load) -> None:
    with load.half("body").open("r+b") as body:
        body.truncate(100_000)


def _another_input_of_the_same_size(load: Load) -> None:
    changed = bytearray(load.content)
    changed[MIB] ^= 1
    load.content = bytes(changed)
    (load.folder / "a.bam").write_bytes(load.content)


def _a_journal_of_another_writer(load: Load) -> None:
    """All it says is true, but the key is the forger's: sealed to the node as anyone can."""
    journal = load.half("journal")
    told = unfinished._read(journal, load.secret)
    assert told is not None
    forged = told.model_copy(update={"data_keys": ("ab" * 32,)})
    key, body = os.urandom(32), io.BytesIO()
    seal_body(io.BytesIO(forged.model_dump_json().encode()), body, key)
    journal.write_bytes(seal_header([key], [load.secret.public]) + body.getvalue())


def _a_journal_with_a_packet_more(load: Load) -> None:
    content = load.half("journal").read_bytes()
    packet = seal_header([os.urandom(32)], [load.secret.public])[16:]
    count = int.from_bytes(content[12:16], "little")
    load.half("journal").write_bytes(
        content[:12] + (count + 1).to_bytes(4, "little") + packet + content[16:]
    )


def _a_journal_that_is_noise(load: Load) -> None:
    load.half("journal").write_bytes(os.urandom(500))


@pytest.mark.parametrize(
    "change",
    [
        _another_byte_of_the_body,
        _a_body_that_is_cut,
        _another_input_of_the_same_size,
        _a_journal_of_another_writer,
        _a_journal_with_a_packet_more,
        _a_journal_that_is_noise,
    ],
)
def test_what_is_not_what_the_node_left_is_begun_anew(
    load: Load, change: Callable[[Load], None]
) -> None:
    load.killed(5 * MIB)
    change(load)
    sealed, told = load.again()
    assert told[0] < MIB
    assert len(load.keys_of(sealed)) == 1
    assert load.opened(sealed) == load.content


@pytest.mark.parametrize(
    "changed", [{"owner_ids": ("p1",)}, {"dataset": "ds2"}, {"secrets": None}], ids=str
)
def test_under_other_names_or_without_the_nodes_key_it_is_begun_anew(
    load: Load, changed: dict[str, object]
) -> None:
    load.killed(5 * MIB)
    sealed, told = load.again(**changed)
    assert told[0] < MIB
    assert len(load.keys_of(sealed)) == 1


def test_after_a_rotation_of_the_storage_key_it_is_begun_anew(load: Load) -> None:
    load.killed(5 * MIB)
    load.secret = SecretKey.generate()
    sealed, told = load.again()
    assert told[0] < MIB
    assert load.opened(sealed) == load.content


def test_the_journal_holds_neither_plain_bytes_nor_a_key_in_the_clear(load: Load) -> None:
    load.killed(5 * MIB)
    journal = load.half("journal")
    told = unfinished._read(journal, load.secret)
    assert told is not None
    assert told.data_keys[0] not in repr(told)
    for key in told.data_keys:
        assert bytes.fromhex(key) not in journal.read_bytes()
        assert key.encode() not in journal.read_bytes()
    assert journal.stat().st_mode & 0o777 == 0o600
    assert unfinished._read(journal, SecretKey.generate()) is None


def test_an_error_that_can_be_told_leaves_nothing_half(load: Load) -> None:
    load.killed(5 * MIB)
    (load.folder / "a.bam.sha256").write_text(f"{'0' * 64}  a.bam\n")
    with pytest.raises(SourceRefused, match="sha256"):
        load.again()
    assert list(load.bodies.iterdir()) == []


def test_what_nobody_goes_on_with_is_swept_after_a_week(load: Load) -> None:
    load.killed(5 * MIB)
    (load.folder / "b.txt").write_bytes(b"another")

    def seal_other() -> None:
        sealing.seal(
            Vault(load.folder / "vault"), load.folder / "b.txt", object_id="o2", dataset="ds1",
            kind="file", format="FILE", owner_ids=(), node_public=load.secret.public,
        )  # fmt: skip

    seal_other()
    assert load.half("body").exists()
    old = load.half("journal").stat().st_mtime - unfinished.KEPT_SECONDS - 3600
    os.utime(load.half("journal"), (old, old))
    seal_other()
    assert list(load.bodies.glob(f"{HALF}*")) == []


def test_after_too_many_loads_it_is_begun_anew(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished, "MAX_LOADS", 1)
    load.killed(5 * MIB)
    sealed, told = load.again()
    assert told[0] < MIB
    assert len(load.keys_of(sealed)) == 1
