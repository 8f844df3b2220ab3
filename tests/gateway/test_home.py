from __future__ import annotations

import stat
from pathlib import Path

import pytest

from access.policies.file import load_policies
from gateway import home
from gateway.errors import ConfigError, LoadRefused
from passports import trust
from tests.support.node_folder import SETTINGS, URL, node_folder


def test_a_secret_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    home.write_secret(tmp_path / "k", b"secret")
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600


def test_a_secret_is_never_replaced(tmp_path: Path) -> None:
    home.write_secret(tmp_path / "k", b"first")
    with pytest.raises(FileExistsError):
        home.write_secret(tmp_path / "k", b"second")
    assert (tmp_path / "k").read_bytes() == b"first"


def test_every_secret_of_a_new_node_is_closed_to_others(tmp_path: Path) -> None:
    made = node_folder(tmp_path / "n")
    keys = [path for path in (made.root / "keys").iterdir() if path != made.storage_public]
    assert len(keys) >= 7
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    assert stat.S_IMODE(made.root.stat().st_mode) == 0o700


def test_two_nodes_share_no_secret(tmp_path: Path) -> None:
    one, two = (home.create(tmp_path / name, SETTINGS) for name in ("1", "2"))
    for path in (one.root / "keys").iterdir():
        assert path.read_bytes() != (two.root / "keys" / path.name).read_bytes()


def test_a_node_is_not_written_over_another(tmp_path: Path) -> None:
    made = node_folder(tmp_path / "n")
    before = made.secret("broker")
    with pytest.raises(ConfigError, match="exists already"):
        home.create(made.root, SETTINGS)
    assert made.secret("broker") == before


def test_a_new_node_serves_nothing_and_trusts_nobody(tmp_path: Path) -> None:
    made = node_folder(tmp_path / "n")
    assert load_policies(made.policies, public_url=URL).datasets() == ()
    assert trust.load(made.trust).broker(SETTINGS.signin.issuer) is None


def test_a_missing_key_is_named_with_the_next_step(tmp_path: Path) -> None:
    made = node_folder(tmp_path / "n")
    made.node_key.unlink()
    with pytest.raises(ConfigError, match=r"node\.ed25519: cannot be read; `skerry init`"):
        made.signing_key()


def test_a_folder_older_than_the_noise_gets_its_key_once(tmp_path: Path) -> None:
    home = node_folder(tmp_path / "node")
    (home.root / "keys" / "disclosure").unlink()
    key = home.noise_key()
    assert len(key) == 32
    assert home.noise_key() == key


def test_a_folder_that_is_no_nodes_is_refused_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(LoadRefused, match="`skerry init`"):
        home.existing(tmp_path)
    made = node_folder(tmp_path / "n")
    assert home.existing(made.root) == made
