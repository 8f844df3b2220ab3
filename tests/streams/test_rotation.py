"""A new storage key: every object opens all the while, and a cut at any step loses nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from streams import rotation, sealing
from streams.errors import NotForUs, SourceRefused, VaultBroken
from streams.header import open_header, seal_header
from streams.keyring import KeyRing, public_path
from streams.keys import SecretKey, parse_public_key, read_secret_key, thumbprint, write_pair
from streams.vault import SealedObject, Vault
from tests.support.release_node import bgzf

OBJECTS = 5


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    write_pair(tmp_path / "storage.sec", tmp_path / "storage.pub")
    return KeyRing(tmp_path / "storage.sec")


@pytest.fixture
def vault(tmp_path: Path, ring: KeyRing) -> Vault:
    made = Vault(tmp_path / "vault")
    (tmp_path / "a.bam").write_bytes(bgzf(os.urandom(100)))
    for number in range(OBJECTS):
        seal(made, ring, f"o{number}")
    return made


def public_of(ring: KeyRing) -> bytes:
    return parse_public_key(public_path(ring.current).read_bytes())


def seal(vault: Vault, ring: KeyRing, name: str, *, public: bytes | None = None) -> SealedObject:
    return sealing.seal(
        vault,
        vault.root.parent / "a.bam",
        object_id=name,
        dataset="ds1",
        kind="reads",
        format="BAM",
        owner_ids=(),
        node_public=public or public_of(ring),
    )


def data_keys(vault: Vault, ring: KeyRing) -> list[tuple[bytes, ...]]:
    return [open_header(one.header_bytes, ring()).data_keys for one in vault.all()]


def test_every_header_is_made_again_and_only_the_new_key_is_left(
    vault: Vault, ring: KeyRing, tmp_path: Path
) -> None:
    before, keys, seen = ring()[0], data_keys(vault, ring), ring()
    done = rotation.rotate(vault, ring)
    assert (done.headers, done.retired) == (OBJECTS, thumbprint(before.public))
    assert data_keys(Vault(tmp_path / "vault"), ring) == keys
    assert [key.public for key in ring()] == [public_of(ring)]
    assert ring() != seen
    for sealed in vault.all():
        assert sealed.node_key == done.current
        with pytest.raises(NotForUs):
            open_header(sealed.header_bytes, [before])
    assert sorted(path.name for path in tmp_path.glob("storage*")) == ["storage.pub", "storage.sec"]


def test_it_may_be_done_again_and_again(vault: Vault, ring: KeyRing) -> None:
    keys = data_keys(vault, ring)
    for _ in range(3):
        rotation.rotate(vault, ring)
    assert data_keys(vault, ring) == keys


STEPS = ("_make_next", "_exchange", "_rewrap", "_prove", "_sync")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("late", [False, True])
def test_a_cut_before_or_after_any_step_leaves_every_object_open_and_is_gone_on_from(
    vault: Vault, ring: KeyRing, monkeypatch: pytest.MonkeyPatch, step: str, late: bool
) -> None:
    keys = data_keys(vault, ring)
    whole: Callable[..., object] = getattr(rotation, step)

    def cut(*given: object) -> None:
        if late:
            whole(*given)
        raise InterruptedError

    monkeypatch.setattr(rotation, step, cut)
    with pytest.raises(InterruptedError):
        rotation.rotate(vault, ring)
    monkeypatch.undo()
    assert data_keys(vault, ring) == keys
    rotation.rotate(vault, ring)
    assert data_keys(vault, ring) == keys
    assert len(ring()) == 1
    seal(vault, ring, "new")


def test_a_cut_between_the_two_files_of_a_pair_is_gone_on_from(vault: Vault, ring: KeyRing) -> None:
    keys = data_keys(vault, ring)
    rotation._make_next(ring)
    os.link(ring.current, ring.old)
    ring.next.replace(ring.current)
    rotation.rotate(vault, ring)
    assert data_keys(vault, ring) == keys
    assert read_secret_key(ring.current).public == public_of(ring)


def test_a_key_read_before_is_not_sealed_to_after(vault: Vault, ring: KeyRing) -> None:
    """A load that began before the rotation would seal to a key that is gone."""
    old = public_of(ring)
    rotation.rotate(vault, ring)
    with pytest.raises(SourceRefused, match="load again"):
        seal(vault, ring, "late", public=old)


def test_nothing_changes_where_a_header_does_not_open(vault: Vault, ring: KeyRing) -> None:
    foreign = KeyRing(vault.root.parent / "other.sec")
    write_pair(foreign.current, public_path(foreign.current))
    before = vault.all()
    with pytest.raises(NotForUs):
        rotation.rotate(vault, foreign)
    assert vault.all() == before
    assert foreign.old.exists()


def test_a_header_that_came_out_wrong_is_not_published(
    vault: Vault, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_keys: object, readers: list[bytes], *, writer: SecretKey) -> bytes:
        return seal_header([b"x" * 32], readers, writer=writer)

    monkeypatch.setattr(rotation, "seal_header", wrong)
    keys = data_keys(vault, ring)
    with pytest.raises(VaultBroken):
        rotation.rotate(vault, ring)
    assert data_keys(vault, ring) == keys
