"""Fault: the disk of the catalog is full at any step of a load. A whole version serves on, nothing
half is left, and whoever loads is told in the system's words; afterwards the same load succeeds."""

from __future__ import annotations

import errno
import itertools
import os
from dataclasses import replace
from pathlib import Path

import pytest

from beacon.errors import CatalogError
from beacon.loading.load import load
from beacon.segments import SegmentCatalog
from tests.support import beacon_node


def test_a_disk_that_is_full_at_any_step_leaves_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is to last is synced: each of these steps fails once."""
    catalog = tmp_path / "catalog"
    source = beacon_node.source(tmp_path / "files", "A")
    first = load(source, catalog)
    reader = SegmentCatalog(catalog)
    plain, told = os.fsync, list[str]()
    for step in itertools.count():
        left = [step]

        def full(descriptor: int, left: list[int] = left) -> None:
            if not left[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left[0] -= 1
            plain(descriptor)

        changed = replace(source, name=f"Step {step}")
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            try:
                load(changed, catalog)
                break
            except CatalogError as full_disk:
                told.append(full_disk.public)
        assert not list(catalog.glob("*.tmp"))
        reader.refresh()
        served = reader.snapshot()["A"]
        assert served.facts in (first, load(changed, catalog))
        first = load(source, catalog)
        reader.refresh()
        assert reader.snapshot()["A"].facts == first
    assert set(told) == {"the load could not go on: No space left on device"}
    assert len(told) >= 5  # the segment, who was told of, who waits, the manifest, their folder
    assert SegmentCatalog(catalog).snapshot()["A"].facts.name == f"Step {step}"
