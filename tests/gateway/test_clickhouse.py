"""A node that names a ClickHouse server: what it needs, and that it never answers without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from beacon.segments import SegmentCatalog
from gateway import clickhouse
from gateway.config import NodeSettings
from gateway.errors import ConfigError, Exit
from gateway.home import NodeHome
from tests.support.command import skerry
from tests.support.node_folder import SETTINGS, node_folder


def _settings(url: str) -> NodeSettings:
    return NodeSettings.model_validate(SETTINGS.model_dump() | {"clickhouse_url": url})


@pytest.fixture
def home(tmp_path: Path) -> NodeHome:
    return node_folder(tmp_path / "node")


def test_without_an_address_the_segment_files_answer(home: NodeHome) -> None:
    assert clickhouse.engine(home, SETTINGS) is None
    assert isinstance(clickhouse.catalog(home, SETTINGS), SegmentCatalog)


@pytest.mark.parametrize("content", [None, b"nobody", b""])
def test_an_address_without_credentials_does_not_start(
    home: NodeHome, content: bytes | None
) -> None:
    if content is not None:
        (home.root / "keys" / "clickhouse").write_bytes(content)
    with pytest.raises(ConfigError):
        clickhouse.engine(home, _settings("http://127.0.0.1:8123"))


def test_credentials_are_headers_and_never_the_address(home: NodeHome) -> None:
    (home.root / "keys" / "clickhouse").write_bytes(b"skerry:pass:word\n")
    asked = clickhouse.engine(home, _settings("http://127.0.0.1:8123"))
    assert asked is not None
    http = asked._http  # type: ignore[attr-defined]
    assert http.headers["X-ClickHouse-Key"] == "pass:word"
    assert "pass" not in str(http.base_url)


@pytest.mark.parametrize("url", ["ftp://x", "http://user:pass@host:8123", "http://host?x=1"])
def test_an_address_with_more_than_an_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        _settings(url)


def test_publish_says_what_is_missing(home: NodeHome) -> None:
    ran = skerry("datasets", "publish", home.root)
    assert ran.code == Exit.BAD_INPUT
    assert "clickhouse_url" in ran.err
