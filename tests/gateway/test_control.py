"""Which control database a node opens, and what is said where its client is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from access.errors import StoreUnavailable
from gateway import control
from gateway.errors import MissingExtra
from tests.support.node_folder import SETTINGS, node_folder


def test_without_a_setting_it_is_the_file_in_the_folder(tmp_path: Path) -> None:
    home = node_folder(tmp_path / "node")
    control.opened(home, SETTINGS).close()
    assert (home.root / "control.db").is_file()


def test_postgresql_without_its_client_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    home = node_folder(tmp_path / "node")
    settings = SETTINGS.model_copy(update={"control_database": "postgresql://node@/control"})
    with pytest.raises(MissingExtra, match=r"pip install 'skerry\[postgresql\]'"):
        control.opened(home, settings)
    assert not (home.root / "control.db").exists()


def test_an_address_of_another_kind_is_refused(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"control_database": "mysql://node@/control"})
    with pytest.raises(StoreUnavailable):
        control.opened(node_folder(tmp_path / "node"), settings)
