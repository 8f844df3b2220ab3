"""Release batches: newcomers of a dataset are seen by those without a grant fifty at a time.

Who asks before and after one person came learns of that person alone; so a new version answers as
if its newcomers were not there until there are enough of them (Ayoz et al. 2021), and grants see
them at once. `batches.json` beside the manifest says who waits in which version, a file for each
dataset whom it has told of; both name individuals, as the catalog does, and forget whoever leaves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from access.privacy.ledger import MIN_BATCH
from beacon import manifest
from beacon.errors import CatalogError

MAX_BYTES = 100_000_000
_NAME = "batches.json"


@dataclass(frozen=True, slots=True)
class Batch:
    """`turnover` is how many people have come and gone in all batches of a dataset, `left` how many
    went since the last; `waiting` are those each version has not told of."""

    turnover: int
    left: int = 0
    waiting: Mapping[str, frozenset[str]] = field(default_factory=dict)


NO_BATCH = Batch(0)


def released(told: frozenset[str], people: frozenset[str], known: Batch) -> frozenset[str]:
    """Of these people of a new version, those it tells of; `told` are the version's before."""
    enough = len(people - told) >= MIN_BATCH
    return people if enough or known is NO_BATCH else people & told


def turned(told: frozenset[str], people: frozenset[str], known: Batch) -> Batch:
    if known is NO_BATCH:
        return Batch(len(people))
    came, left = len(people - told), known.left + len(told - people)
    turnover = known.turnover + (came if came >= MIN_BATCH else 0)
    return (
        replace(known, turnover=turnover + left, left=0)
        if left >= MIN_BATCH
        else replace(known, turnover=turnover, left=left)
    )


def read(folder: Path) -> Mapping[str, Batch]:
    """By dataset. Raises `CatalogError`: who waits is never read as nobody."""
    raw = _json(folder / _NAME)
    try:
        return {
            dataset: Batch(
                int(known["turnover"]),
                int(known["left"]),
                {version: frozenset(map(str, ids)) for version, ids in known["waiting"].items()},
            )
            for dataset, known in raw.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as broken:
        raise CatalogError("the release batches cannot be read", detail=str(folder)) from broken


def note(
    folder: Path,
    dataset: str,
    version: str,
    people: frozenset[str],
    *,
    served: Callable[[], Iterable[str]],
) -> Batch:
    """Before a version of these people is served. `served` are the people of the version before,
    asked for where nothing was noted of it."""
    with manifest.locked(folder):
        batches = dict(read(folder))
        known = batches.get(dataset, NO_BATCH)
        told = frozenset(map(str, _json(_told(folder, dataset)).get("people", ())))
        if known is NO_BATCH and (before := frozenset(served())):
            known, told = Batch(len(before)), before
        tells = released(told, people, known)
        kept = {each.version for each in _versions(folder, dataset)}
        waiting = {old: ids - tells for old, ids in known.waiting.items() if old in kept}
        waiting[version] = people - tells
        after = replace(turned(told, people, known), waiting=waiting)
        batches[dataset] = after
        manifest.write_json(_told(folder, dataset), {"people": sorted(tells)})
        manifest.write_json(folder / _NAME, {each: _stated(of) for each, of in batches.items()})
    return after


def _versions(folder: Path, dataset: str) -> tuple[manifest.Entry, ...]:
    known = manifest.read_versions(folder).get(dataset)
    return () if known is None else known.entries


def _stated(batch: Batch) -> dict[str, object]:
    waiting = {version: sorted(ids) for version, ids in batch.waiting.items() if ids}
    return {"turnover": batch.turnover, "left": batch.left, "waiting": waiting}


def _told(folder: Path, dataset: str) -> Path:
    return folder / f"{quote(dataset, safe='')}.told.json"


def _json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            raw = json.loads(stream.read(MAX_BYTES))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as broken:
        raise CatalogError("the release batches cannot be read", detail=str(path)) from broken
    if not isinstance(raw, dict):
        raise CatalogError("the release batches cannot be read", detail=str(path))
    return raw
