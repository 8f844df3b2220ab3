"""Checked import of one dataset: variant files and metadata become one segment, or nothing does.

Nothing half-loaded is served: the version is built beside the one that is, and only then named in
the manifest. Content that is a version already is only activated. Checking is left to
`beacon.loading.checking` and `dry_run`, the files of a version to `beacon.loading.building`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from beacon import batches, manifest, withdrawals
from beacon.catalog import DatasetFacts
from beacon.errors import CatalogError, Problem, SourceRefused
from beacon.loading.building import Build, build
from beacon.loading.checking import Checked, Report, checked, told
from beacon.loading.checking import Progress as Progress
from beacon.loading.dry_run import look_through
from beacon.loading.members import Members, members
from beacon.loading.parts import parts
from beacon.loading.source import DatasetSource as DatasetSource
from beacon.loading.source import digest, version_of
from beacon.loading.staging import Staging
from beacon.segments import SqliteSegment


def check(
    source: DatasetSource, *, report: Report | None = None, progress: Progress | None = None
) -> list[Problem]:
    """The first problems that would stop `load`, having read every line as it does; `report` is
    given every one."""
    tell = progress or _silent
    try:
        with Staging() as staging:
            found = checked(source, staging, report=report, tell=tell)
            with told(report):
                people = _members(source, found, frozenset())
                look_through(found, people, tell, report)
    except SourceRefused as refused:
        return list(refused.problems)
    return []


def load(
    source: DatasetSource,
    catalog_dir: Path,
    *,
    progress: Progress | None = None,
    report: Report | None = None,
) -> DatasetFacts:
    """Builds the version and makes it the one served; content that is a version already is only
    activated. Raises `SourceRefused`, changing nothing."""
    tell = progress or _silent
    withdrawn = withdrawals.read(catalog_dir).get(source.id, frozenset())
    try:
        version = version_of(source, withdrawn)
    except (OSError, TypeError, ValueError):
        version = ""  # the checks below say what it is, as far as they read
    with _told_what_failed(catalog_dir), manifest.loading(catalog_dir, source.id):
        manifest.sweep(catalog_dir, source.id)
        if (facts := _loaded_before(source.id, version, catalog_dir)) is not None:
            return facts
        with Staging(catalog_dir) as staging, parts(catalog_dir, source.id, version) as kept:
            found = checked(source, staging, report=report, tell=tell)
            with told(report):
                _refuse_unnamed(version)
                people = _members(source, found, withdrawn)
                made = Build(source, found, people, version, kept, tell, report)
                facts, entry = build(made, catalog_dir)
            manifest.sync_folder(catalog_dir)
            batches.note(
                *(catalog_dir, source.id, version, frozenset(people.numbers)),
                served=partial(_served_people, catalog_dir, source.id),
            )
            manifest.switch(catalog_dir, source.id, entry, purge=bool(people.withdrawn))
    return facts


def _refuse_unnamed(version: str) -> None:
    """A version is named by all of its content."""
    if not version:
        expected = "files that can be read, those beside the records too"
        raise SourceRefused([Problem("source", "", "", expected, "check their rights")])


def _members(source: DatasetSource, found: Checked, withdrawn: frozenset[str]) -> Members:
    samples = [file.samples for file in found.files]
    return members(found.staging, samples, kept=source.keep_people, withdrawn=withdrawn)


def _served_people(catalog_dir: Path, dataset: str) -> Sequence[str]:
    """Of the version that is served, none where there is none yet."""
    entry = manifest.read(catalog_dir).get(dataset)
    if entry is None:
        return ()
    try:
        segment = SqliteSegment(catalog_dir / entry.file)
    except CatalogError:
        return ()  # a damaged file is being built again, and says nothing of anybody
    try:
        return segment.person_ids(segment.people(()))
    finally:
        segment.close()


def _loaded_before(dataset: str, version: str, catalog_dir: Path) -> DatasetFacts | None:
    known = manifest.read_versions(catalog_dir).get(dataset)
    entry = known.entry(version) if known else None
    if entry is None:
        return None
    path = catalog_dir / entry.file
    try:
        if digest(path) != entry.sha256:
            return None
        segment = SqliteSegment(path)
    except (OSError, CatalogError):
        return None  # a version whose file is damaged is built again
    segment.close()
    manifest.activate(catalog_dir, dataset, version)
    return segment.facts


@contextmanager
def _told_what_failed(catalog_dir: Path) -> Generator[None]:
    """A disk that is full or fails, in the system's words."""
    try:
        yield
    except (sqlite3.Error, OSError) as failed:
        words = getattr(failed, "strerror", None) or failed
        raise CatalogError(
            f"the load could not go on: {words}", detail=str(catalog_dir)
        ) from failed


def _silent(_what: str, _count: int) -> None:
    pass
