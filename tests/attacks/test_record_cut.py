"""Threat: the node itself, key in hand, cuts or rewrites its record. A checkpoint kept by somebody
else shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.errors import CheckpointRefused
from access.record.audit import RecordFile, verify
from gateway import verifying
from gateway.home import NodeHome
from tests.support.node_folder import node_folder


def fill(home: NodeHome, count: int, dataset: str = "heart") -> None:
    record = RecordFile(
        home.record, pseudonym_key=home.secret("pseudonym"), signing_key=home.signing_key()
    )
    for number in range(count):
        record.append("answer.sent", {"dataset": dataset, "n": number})
    record.close()


@pytest.fixture
def home(tmp_path: Path) -> NodeHome:
    made = node_folder(tmp_path / "node")
    fill(made, 6)
    return made


@pytest.fixture
def kept(home: NodeHome, tmp_path: Path) -> Path:
    path = tmp_path / "kept.txt"
    path.write_text(verifying.make_checkpoint(home), encoding="utf-8")
    return path


def cut(home: NodeHome) -> None:
    lines = home.record.read_bytes().splitlines(keepends=True)
    home.record.write_bytes(b"".join(lines[:3]))


def rewrite(home: NodeHome) -> None:
    home.record.unlink()
    fill(home, 9, dataset="lungs")


@pytest.mark.parametrize("change", [cut, rewrite])
def test_the_record_alone_verifies_and_the_kept_checkpoint_does_not(
    home: NodeHome, kept: Path, change: Callable[[NodeHome], None]
) -> None:
    change(home)
    assert verify(home.record, home.signing_key().public_key()).ok
    found = verifying.run_verify(home, kept)
    assert not found["ok"]
    assert "checkpoint" in str(found["problem"])


def test_a_record_that_only_grew_still_holds(home: NodeHome, kept: Path) -> None:
    fill(home, 20)
    assert verifying.run_verify(home, kept)["ok"]


def test_a_checkpoint_of_another_node_is_refused(home: NodeHome, tmp_path: Path) -> None:
    from access.record import checkpoints

    forged = tmp_path / "forged.txt"
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    made = checkpoints.Checkpoint("127.0.0.1/record", 1, b"r" * 32)
    forged.write_text(checkpoints.signed(made, other), encoding="utf-8")
    with pytest.raises(CheckpointRefused):
        verifying.run_verify(home, forged)
