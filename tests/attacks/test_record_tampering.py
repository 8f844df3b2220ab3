"""Threat: somebody with the file changes what the record says. `verify` names the entry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.record.audit import RecordFile, verify
from schemas.wire import canonical_json

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
Lines = list[bytes]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "record.jsonl"
    record = RecordFile(path, pseudonym_key=b"p" * 32, signing_key=KEY, checkpoint_every=5)
    for number in range(12):
        record.append("answer.sent", {"dataset": "heart", "n": number})
    record.close()
    return path


def tamper(path: Path, change: Callable[[Lines], Lines]) -> None:
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def rehashed(lines: Lines, *, start: int) -> Lines:
    """What an attacker without the signing key can do: all later hashes made to fit."""
    out = lines[:start]
    previous = json.loads(out[-1])["hash"]
    for raw in lines[start:]:
        body = json.loads(raw)
        body.pop("hash")
        body["previous"] = previous
        previous = hashlib.sha256(canonical_json(body)).hexdigest()
        out.append(canonical_json({**body, "hash": previous}) + b"\n")
    return out


def test_the_untouched_record_verifies(path: Path) -> None:
    assert verify(path, KEY.public_key()).ok


@pytest.mark.parametrize(
    ("change", "entry"),
    [
        (lambda ls: [*ls[:3], ls[3].replace(b"heart", b"lungs"), *ls[4:]], 4),
        (lambda ls: [*ls[:3], ls[3].replace(b'"n":3', b'"n":9'), *ls[4:]], 4),
        (lambda ls: [*ls[:3], *ls[4:]], 4),
        (lambda ls: ls[1:], 1),
        (lambda ls: [*ls[:3], ls[4], ls[3], *ls[5:]], 4),
        (lambda ls: [*ls[:4], ls[3], *ls[4:]], 5),
        (lambda ls: [*ls[:4], b"{}\n", *ls[4:]], 5),
        (lambda ls: [*ls[:4], b"[" * 20_000 + b"\n", *ls[4:]], 5),
        (lambda ls: [*ls[:4], b"x" * 70_000 + b"\n", *ls[4:]], 5),
        (lambda ls: [*ls, b"half a line"], 16),
        (lambda ls: [*ls[:3], ls[3].replace(b'"facts":{', b'"facts":{"n":7,'), *ls[4:]], 4),
        (lambda ls: [*ls[:3], b" " + ls[3], *ls[4:]], 4),
    ],
    ids=[
        "altered text",
        "altered number",
        "removed",
        "removed first",
        "reordered",
        "repeated",
        "empty object",
        "deep",
        "oversized",
        "torn",
        "duplicate member",
        "space",
    ],
)
def test_a_change_is_seen_and_the_entry_named(
    path: Path, change: Callable[[Lines], Lines], entry: int
) -> None:
    tamper(path, change)
    found = verify(path, KEY.public_key())
    assert not found.ok
    assert found.problem is not None
    assert found.problem.startswith(f"entry {entry} ")


def test_hashes_made_to_fit_fail_at_the_next_checkpoint(path: Path) -> None:
    def change(lines: Lines) -> Lines:
        lines[3] = lines[3].replace(b"heart", b"lungs")
        return rehashed(lines, start=3)

    tamper(path, change)
    found = verify(path, KEY.public_key())
    assert not found.ok
    assert found.problem == "entry 6 is a checkpoint whose signature does not hold"


def test_a_removed_checkpoint_is_a_removed_entry(path: Path) -> None:
    tamper(path, lambda lines: [*lines[:5], *lines[6:]])
    assert not verify(path, KEY.public_key()).ok


def test_checkpoints_signed_by_another_key_do_not_hold(path: Path) -> None:
    found = verify(path, OTHER.public_key())
    assert not found.ok
    assert found.problem is not None
    assert found.problem.startswith("entry 6 ")


def test_a_record_cut_at_its_end_fails_against_a_head_kept_elsewhere(path: Path) -> None:
    last = json.loads(path.read_bytes().splitlines()[-1])
    head = (int(last["seq"]), str(last["hash"]))
    assert verify(path, KEY.public_key(), expect=head).ok
    tamper(path, lambda lines: lines[:6])
    assert verify(path, KEY.public_key()).ok
    found = verify(path, KEY.public_key(), expect=head)
    assert not found.ok
    assert found.problem == f"entry {head[0]} is missing or was replaced"


def test_another_record_in_its_place_fails_against_a_head_kept_elsewhere(path: Path) -> None:
    last = json.loads(path.read_bytes().splitlines()[-1])
    assert not verify(path, KEY.public_key(), expect=(int(last["seq"]), "0" * 64)).ok
