"""`skerry keys rotate`: the vault opens with the new key, and the record says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from access.audit import RecordFile
from gateway import loading
from gateway.home import NodeHome
from streams.header import open_header
from streams.keyring import KeyRing
from streams.rotation import record_pending
from streams.vault import Vault
from tests.support.command import skerry
from tests.support.node_folder import node_folder
from tests.support.release_node import bgzf


@pytest.fixture
def home(tmp_path: Path) -> NodeHome:
    made = node_folder(tmp_path / "node")
    (tmp_path / "a.bam").write_bytes(bgzf(b"reads"))
    loading.seal_file(
        made, tmp_path / "a.bam", object_id="ds1/a.bam", dataset="ds1", kind="reads", owners=()
    )
    return made


def rotations(home: NodeHome) -> list[dict[str, object]]:
    entries = [json.loads(line) for line in home.record.read_text().splitlines()]
    return [entry["facts"] for entry in entries if entry.get("kind") == "keys.rotated"]


def test_the_vault_opens_with_the_new_key_and_the_record_names_both(home: NodeHome) -> None:
    before = KeyRing(home.storage_secret)()[0]
    ran = skerry("keys", "rotate", home.root)
    assert ran.code == 0, ran.err
    assert "1 headers made again and proven" in ran.out
    sealed = Vault(home.vault).get("ds1/a.bam")
    assert sealed is not None
    assert open_header(sealed.header_bytes, KeyRing(home.storage_secret)())
    (facts,) = rotations(home)
    assert facts["retired"] != facts["current"] == sealed.node_key
    assert before.public.hex() not in ran.out


def test_a_running_node_records_what_it_finds(home: NodeHome) -> None:
    held = RecordFile(
        home.record, pseudonym_key=home.secret("pseudonym"), signing_key=home.signing_key()
    )
    assert skerry("keys", "rotate", home.root).code == 0
    assert rotations(home) == []
    for _ in range(2):
        record_pending(Vault(home.vault), lambda facts: held.append("keys.rotated", facts))
    held.close()
    assert len(rotations(home)) == 1
