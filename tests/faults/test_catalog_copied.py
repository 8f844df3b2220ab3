"""Fault: a backup of the catalog is taken while versions are loaded, and put back elsewhere. What
the manifest that was copied first names is there, whole, and answers."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

from beacon import manifest
from beacon.catalog import Span
from beacon.loading.load import load
from beacon.segments import SegmentCatalog
from gateway.holding.holdings import verified
from gateway.home import NodeHome
from tests.support import beacon_node

EVERYWHERE = Span("1", 0, 2**28)


def _copied(catalog: Path, to: Path) -> None:
    to.mkdir(parents=True)
    shutil.copy2(catalog / "manifest.json", to)
    for path in sorted(catalog.iterdir()):
        if path.is_file() and path.name != "manifest.json" and not path.name.endswith(".tmp"):
            shutil.copy2(path, to)


def test_a_copy_taken_while_versions_are_loaded_answers_elsewhere(tmp_path: Path) -> None:
    catalog = tmp_path / "node" / "catalog"
    source = beacon_node.source(tmp_path / "files", "A")
    load(source, catalog)
    enough = threading.Event()

    def loads() -> None:
        number = 0
        while not enough.is_set() or number < 3:
            number += 1
            load(replace(source, name=f"Try {number}"), catalog)

    loading = threading.Thread(target=loads)
    loading.start()
    copies = [tmp_path / f"copy {number}" for number in range(6)]
    try:
        for copy in copies:
            _copied(catalog, copy / "catalog")
    finally:
        enough.set()
        loading.join()
    for copy in copies:
        found = list(verified(NodeHome(copy)))
        assert found
        assert [problem for _, _, problem in found if problem] == []
        segment = SegmentCatalog(copy / "catalog").snapshot()["A"]
        assert segment.facts.version == manifest.read(copy / "catalog")["A"].version
        page = segment.variants(EVERYWHERE, samples=None, skip=0, limit=100)
        assert page.total == len(page.rows) > 0
