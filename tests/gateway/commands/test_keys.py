"""`skerry keys`: the vault opens with the new storage key, the old identity key leads to the new
one, and the record says so."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from access.record.audit import RecordFile
from gateway.errors import ConfigError, Exit
from gateway.holding import loading
from gateway.home import NodeHome
from passports.errors import BadToken
from passports.rotation import announce, follow
from passports.tokens import SigningKey
from streams.header import open_header
from streams.keyring import KeyRing
from streams.rotation import record_pending
from streams.vault import Vault
from tests.support.command import skerry
from tests.support.node_folder import SETTINGS, URL, node_folder
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


def identity_entries(home: NodeHome) -> list[dict[str, object]]:
    entries = [json.loads(line) for line in home.record.read_text().splitlines()]
    return [entry["facts"] for entry in entries if entry.get("kind") == "keys.identity"]


def led(home: NodeHome, held: str) -> list[str]:
    """Along which keys one who held the node to `held` comes to the one it has."""
    way = follow(
        home.rotations(), held=held, shown=SigningKey.load(home.visa_key).kid, left=(),
        address=URL, node=SETTINGS.id, now=int(time.time()),
    )  # fmt: skip
    return [one.new for one in way]


def test_each_new_identity_key_is_announced_by_the_one_before(home: NodeHome) -> None:
    kids = [SigningKey.load(home.visa_key).kid]
    for _ in range(2):
        ran = skerry("keys", "identity", home.root)
        assert ran.code == 0, ran.err
        kids.append(SigningKey.load(home.visa_key).kid)
    assert led(home, kids[0]) == kids[1:]
    assert led(home, kids[1]) == kids[2:]
    assert not home.next_visa_key.exists()
    facts = [(one["retired"], one["current"]) for one in identity_entries(home)]
    assert facts == [(kids[0], kids[1]), (kids[1], kids[2])]
    modes = {path.stat().st_mode & 0o077 for path in (home.visa_key, home.rotations_file)}
    assert modes == {0}


def test_nobody_follows_a_stolen_key_nor_the_way_to_it(home: NodeHome) -> None:
    first = SigningKey.load(home.visa_key).kid
    skerry("keys", "identity", home.root)
    stolen = SigningKey.load(home.visa_key).kid
    ran = skerry("keys", "identity", home.root, "--stolen")
    assert (ran.code, "not announced" in ran.out) == (0, True)
    assert home.rotations() == ()
    for held in (first, stolen):
        with pytest.raises(BadToken):
            led(home, held)


def test_a_change_that_was_cut_off_goes_on_with_the_key_it_had_made(home: NodeHome) -> None:
    held = SigningKey.load(home.visa_key).kid
    made = SigningKey.generate()
    made.save(home.next_visa_key)
    home.rotations_file.write_text(
        announce(made, old=SigningKey.load(home.visa_key), public_url=URL, node="x", now=1) + "\n"
    )
    assert skerry("keys", "identity", home.root).code == 0
    assert SigningKey.load(home.visa_key).kid == made.kid
    assert led(home, held) == [made.kid]


def test_a_running_node_s_key_is_not_changed(home: NodeHome) -> None:
    before = home.visa_key.read_bytes()
    held = RecordFile(
        home.record, pseudonym_key=home.secret("pseudonym"), signing_key=home.signing_key()
    )
    try:
        ran = skerry("keys", "identity", home.root)
    finally:
        held.close()
    assert (ran.code, "stop the node first" in ran.err) == (Exit.CONFIG, True)
    assert (home.visa_key.read_bytes(), home.rotations()) == (before, ())


def test_a_portal_s_operator_is_told_the_key_by_the_node_s_admin(home: NodeHome) -> None:
    assert skerry("keys", "show", home.root).out == f"{SigningKey.load(home.visa_key).kid}\n"
    home.visa_key.write_text("no key")
    ran = skerry("keys", "show", home.root)
    assert (ran.code, "visa.pem" in ran.err, ran.out) == (Exit.CONFIG, True, "")


def test_half_a_next_key_is_named_and_nothing_is_changed(home: NodeHome) -> None:
    before = home.visa_key.read_bytes()
    home.next_visa_key.write_text("-----BEGIN")
    ran = skerry("keys", "identity", home.root)
    assert (ran.code, "visa.next.pem" in ran.err) == (Exit.CONFIG, True)
    assert (home.visa_key.read_bytes(), home.rotations()) == (before, ())


@pytest.mark.parametrize("cannot_be", ["read", "written"])
def test_a_next_key_that_cannot_be_kept_is_named_and_nothing_is_changed(
    home: NodeHome, cannot_be: str
) -> None:
    before = home.visa_key.read_bytes()
    if cannot_be == "read":
        home.next_visa_key.mkdir()
    else:
        home.next_visa_key.symlink_to(home.root / "no-such-folder" / "key")
    ran = skerry("keys", "identity", home.root)
    assert (ran.code, "visa.next.pem" in ran.err) == (Exit.CONFIG, True)
    assert (home.visa_key.read_bytes(), home.rotations()) == (before, ())
    assert identity_entries(home) == []


def test_a_spoiled_list_of_rotations_is_named_at_the_start(home: NodeHome) -> None:
    home.rotations_file.write_text("no statement\n")
    with pytest.raises(ConfigError, match=r"visa\.rotations"):
        home.rotations()
