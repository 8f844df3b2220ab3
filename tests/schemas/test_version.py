"""Which Skerry this is, said alike at every door."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError

import pytest

from schemas.version import skerry_version


@pytest.fixture(autouse=True)
def _looked_up_anew() -> Iterator[None]:
    skerry_version.cache_clear()
    yield
    skerry_version.cache_clear()


def test_a_checkout_that_is_not_installed_says_that_it_is_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("schemas.version.version", absent)
    assert skerry_version() == "0+source"


def test_what_is_installed_is_said_as_it_was_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.version.version", {"skerry": "4.2"}.__getitem__)
    assert skerry_version() == "4.2"
