"""Serves a folder's dataset versions with their variants in ClickHouse.

A version is served once the engine holds it to its last row. One that was activated before it was
published is not: the version before stays, as with a file that is not whole.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from beacon import manifest
from beacon.catalog import Segment
from beacon.clickhouse import published, schema
from beacon.clickhouse.engine import Engine
from beacon.clickhouse.loading import is_loaded, load
from beacon.clickhouse.segment import ClickHouseSegment
from beacon.errors import CatalogError
from beacon.segments import SqliteSegment


def form(engine: Engine) -> Callable[[Segment], Segment]:
    """How `beacon.segments.SegmentCatalog` turns an opened version into the one that answers."""

    def in_clickhouse(segment: Segment) -> Segment:
        facts = segment.facts
        if not is_loaded(engine, facts):
            raise CatalogError(
                "a dataset version is not published", detail=f"{facts.id} {facts.version}"
            )
        return ClickHouseSegment(segment, engine, schema.database(facts.id, facts.version))

    return in_clickhouse


def publish(
    engine: Engine, catalog: Path, *, tell: Callable[[str, int], None] = lambda *_: None
) -> tuple[str, ...]:
    """Loads the active version of every dataset; the ids of those that were not there yet. What it
    loaded before and no version stands for any more is dropped: people who withdrew leave the
    engine as they left the files."""
    with published.publishing(catalog):
        return _published(engine, catalog, tell)


def _published(engine: Engine, catalog: Path, tell: Callable[[str, int], None]) -> tuple[str, ...]:
    published.write(catalog, published.read(catalog) | _databases(catalog, active_only=True))
    done = []
    for dataset, entry in sorted(manifest.read(catalog).items()):
        segment = SqliteSegment(catalog / entry.file)
        try:
            if is_loaded(engine, segment.facts):
                continue
            load(
                engine,
                segment.facts,
                segment=catalog / entry.file,
                variants=catalog / manifest.parquet_name(entry.file),
                tell=lambda rows, dataset=dataset: tell(dataset, rows),  # type: ignore[misc]
            )
        finally:
            segment.close()
        done.append(dataset)
    kept = _databases(catalog)
    for name in sorted(published.read(catalog) - kept):
        engine.run(f"DROP DATABASE IF EXISTS {name}")
    published.write(catalog, published.read(catalog) & kept)
    return tuple(done)


def _databases(catalog: Path, *, active_only: bool = False) -> frozenset[str]:
    """Of the versions there are."""
    return frozenset(
        schema.database(dataset, entry.version)
        for dataset, versions in manifest.read_versions(catalog).items()
        for entry in versions.entries
        if not active_only or entry.version == versions.active
    )
