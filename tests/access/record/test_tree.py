"""The tree beside the record follows it, survives crashes, and can be thrown away."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.errors import NoSuchThing, RecordUnavailable
from access.record import merkle
from access.record.audit import RecordFile
from access.record.tree import RecordTree

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def lines_of(count: int) -> list[bytes]:
    return [json.dumps({"seq": n, "pad": "x" * (n % 50)}).encode() for n in range(1, count + 1)]


def expected_root(lines: list[bytes], folder: Path) -> bytes:
    path = folder / "fresh.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    shutil.rmtree(folder / "fresh", ignore_errors=True)
    tree = RecordTree(path, folder / "fresh")
    return merkle.root(tree, tree.follow())


def test_it_gives_every_entry_of_a_real_record_and_proves_it(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    record = RecordFile(path, pseudonym_key=b"p" * 32, signing_key=KEY, checkpoint_every=7)
    for number in range(20):
        record.append("answer.sent", {"n": number})
    record.close()
    lines = path.read_bytes().splitlines()
    tree = RecordTree(path, tmp_path / "tree")
    size = tree.follow()
    assert size == len(lines)
    root = merkle.root(tree, size)
    for number in range(1, size + 1):
        assert tree.entry(number) == lines[number - 1]
        path_up = merkle.inclusion_proof(tree, size, index=number - 1)
        leaf = merkle.leaf_hash(lines[number - 1])
        assert merkle.includes(root, size, index=number - 1, leaf=leaf, path=path_up)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 40), max_size=6))
def test_in_whatever_steps_it_follows_the_root_is_the_same(
    tmp_path: Path, steps: list[int]
) -> None:
    shutil.rmtree(tmp_path / "tree", ignore_errors=True)
    record, lines = tmp_path / "r.jsonl", lines_of(sum(steps))
    record.write_bytes(b"")
    tree = RecordTree(record, tmp_path / "tree")
    written = 0
    for step in steps:
        with record.open("ab") as stream:
            stream.writelines(line + b"\n" for line in lines[written : written + step])
        written += step
        assert tree.follow() == written
    assert merkle.root(tree, written) == expected_root(lines, tmp_path)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_after_a_crash_at_any_byte_of_its_files_it_ends_right(
    tmp_path: Path, data: st.DataObject
) -> None:
    shutil.rmtree(tmp_path / "tree", ignore_errors=True)
    record, lines = tmp_path / "r.jsonl", lines_of(37)
    record.write_bytes(b"".join(line + b"\n" for line in lines))
    RecordTree(record, tmp_path / "tree").follow()
    for file in sorted((tmp_path / "tree").iterdir()):
        os.truncate(file, data.draw(st.integers(0, file.stat().st_size)))
    tree = RecordTree(record, tmp_path / "tree")
    assert tree.follow() == 37
    assert merkle.root(tree, 37) == expected_root(lines, tmp_path)
    assert tree.entry(37) == lines[36]


def test_an_entry_in_mid_write_is_not_in_the_tree_yet(tmp_path: Path) -> None:
    record = tmp_path / "r.jsonl"
    record.write_bytes(b'{"seq":1}\n{"se')
    tree = RecordTree(record, tmp_path / "tree")
    assert tree.follow() == 1
    with record.open("ab") as stream:
        stream.write(b'q":2}\n')
    assert tree.follow() == 2
    assert tree.entry(2) == b'{"seq":2}'


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    record = tmp_path / "r.jsonl"
    record.write_bytes(b'{"seq":1}\n')
    tree = RecordTree(record, tmp_path / "tree")
    tree.follow()
    with pytest.raises(NoSuchThing):
        tree.entry(2)
    with pytest.raises(RecordUnavailable):
        RecordTree(tmp_path / "none.jsonl", tmp_path / "tree").follow()
