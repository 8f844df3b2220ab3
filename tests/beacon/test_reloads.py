"""Many reloads in a row cost nothing that stays: no file, no memory of a version nobody asks."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from beacon import manifest
from beacon.segments import SegmentCatalog, SqliteSegment
from tests.support.beacon_node import FEMALE, PEOPLE, BeaconNode, loaded, policy, source

pytestmark = pytest.mark.anyio

QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/g_variants", {"referenceName": "1", "start": "90", "end": "700"}),
    ("/individuals", {"filters": "NCIT:C16576", "requestedGranularity": "record"}),
    ("/filtering_terms", {}),
    ("/datasets", {}),
)


def _open_below(folder: Path) -> int:
    """Files below it that this process holds, also those whose name is gone."""
    held = Path("/proc/self/fd").iterdir()
    return sum(str(folder.resolve()) in str(one.resolve()) for one in held)


async def test_a_version_that_nobody_asks_any_more_is_let_go_at_once(tmp_path: Path) -> None:
    """Not when the collector comes: until then its blocks would stay on the disk, whoever's they
    are, and a node that is reloaded often would run out of files."""
    folder = tmp_path / "catalog"
    versions = []
    for name in ("one", "two"):
        files = source(tmp_path / name, "open", people=None if name == "one" else _less())
        versions.append(loaded(folder, files).snapshot()["open"].facts.version)
    catalog = SegmentCatalog(folder)
    node = BeaconNode(tmp_path, catalog=catalog, policies=[policy("open")])
    gc.collect()
    gc.disable()
    try:
        begun = []
        for turn in range(50):
            manifest.activate(folder, "open", versions[turn % 2])
            catalog.refresh()
            for path, params in QUESTIONS:
                assert (await node.get(path, **params)).status_code == 200
            segment = catalog.snapshot()["open"]
            assert isinstance(segment, SqliteSegment)
            begun.append(weakref.ref(segment))
            del segment
            assert sum(one() is not None for one in begun) == 1
            assert _open_below(folder) == 2  # the pages of its database and its columns
    finally:
        gc.enable()


async def test_a_request_keeps_its_version_and_lets_it_go(tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    first = loaded(folder, source(tmp_path / "one", "open")).snapshot()["open"].facts.version
    catalog = SegmentCatalog(folder)
    during = catalog.snapshot()
    loaded(folder, source(tmp_path / "two", "open", people=_less()))
    catalog.refresh()
    manifest.remove(folder, "open", first)
    assert during["open"].facts.version == first
    assert during["open"].variants(None, samples=None, skip=0, limit=9).total == 6
    del during
    gc.collect()  # of readers that made both versions
    assert _open_below(folder) == 2


def _less() -> list[dict[str, object]]:
    """They say less of themselves."""
    return [{"id": one["id"], "sex": FEMALE} for one in PEOPLE]
