"""A node that names a ClickHouse server: what it needs, and that it never answers without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from beacon import manifest
from beacon.clickhouse import published, schema, serving
from beacon.clickhouse.engine import ChdbEngine, HttpEngine
from beacon.clickhouse.segment import ClickHouseSegment
from beacon.segments import SegmentCatalog
from gateway.config import NodeSettings
from gateway.errors import ConfigError, Exit
from gateway.holding import clickhouse
from gateway.home import NodeHome
from tests.support.command import skerry
from tests.support.node_folder import SETTINGS, node_folder
from tests.support.sources import write_records, write_vcf


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


# After every change of the catalog


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChdbEngine]:
    made = ChdbEngine(tmp_path / "clickhouse")
    monkeypatch.setattr(clickhouse, "engine", lambda _home, _settings: made)
    yield made
    made.close()


def _files(folder: Path) -> tuple[Path, Path]:
    folder.mkdir()
    lines = ["101 rs1 A G . 0/1 1/1", "201 rs2 C T . 0/0 0/1"]
    vcf = write_vcf(folder / "a.vcf.gz", lines, samples=("P1", "P2"))
    return vcf, write_records(folder / "people.json", [{"id": "P1"}, {"id": "P2"}])


def _load(home: NodeHome, files: tuple[Path, Path], name: str = "Isle") -> str:
    vcf, people = files
    ran = skerry(
        *("load", home.root, "--dataset", "isle", "--name", name, "--vcf", vcf),
        *("--individuals", people, "--assembly", "GRCh38"),
    )
    assert ran.code == 0, ran.err
    return ran.out


def _held(engine: ChdbEngine) -> set[str]:
    named = (name for (name,) in engine.ask("SELECT name FROM system.databases"))
    return {name for name in named if name.startswith("v") and len(name) == 33}


def test_a_load_gives_the_engine_what_it_loaded_and_takes_away_who_withdrew(
    tmp_path: Path, home: NodeHome, engine: ChdbEngine
) -> None:
    files = _files(tmp_path / "in")
    assert "published: isle" in _load(home, files)
    served = SegmentCatalog(home.catalog, form=serving.form(engine)).snapshot()["isle"]
    assert isinstance(served, ClickHouseSegment)
    assert served.variants(None, samples=None, skip=0, limit=0).total == 2
    first = _held(engine)
    assert "published: nothing new" in _load(home, files)
    assert _held(engine) == first

    assert skerry("people", "withdraw", home.root, "isle", "P2").code == 0
    _load(home, files)
    assert not first & _held(engine)
    left = SegmentCatalog(home.catalog, form=serving.form(engine)).snapshot()["isle"]
    people = left.people(())
    assert left.person_ids(people) == ["P1"]


def test_a_version_that_is_activated_is_there_and_one_that_is_removed_is_gone(
    tmp_path: Path, home: NodeHome, engine: ChdbEngine
) -> None:
    files = _files(tmp_path / "in")
    _load(home, files)
    first = manifest.read(home.catalog)["isle"].version
    _load(home, files, "Another name")
    second = manifest.read(home.catalog)["isle"].version
    engine.run(f"DROP DATABASE {schema.database('isle', first)}")
    assert "published: isle" in skerry("datasets", "activate", home.root, "isle", first).out
    assert "published: nothing new" in skerry("datasets", "rollback", home.root, "isle").out
    assert skerry("datasets", "remove", home.root, "isle", first).code == 0
    assert _held(engine) == published.read(home.catalog) == {schema.database("isle", second)}


def test_an_engine_that_is_away_does_not_undo_a_load_and_is_told(
    tmp_path: Path, home: NodeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody listens")

    http = httpx.Client(transport=httpx.MockTransport(away), base_url="http://clickhouse.example")
    monkeypatch.setattr(clickhouse, "engine", lambda _home, _settings: HttpEngine(http))
    vcf, people = _files(tmp_path / "in")
    ran = skerry(
        *("load", home.root, "--dataset", "isle", "--vcf", vcf, "--individuals", people),
        *("--assembly", "GRCh38"),
    )
    assert ran.code != 0
    assert "skerry datasets publish" in ran.err
    assert "isle" in manifest.read(home.catalog)
