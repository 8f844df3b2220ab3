"""Keeps a line about each delivery that was opened here: what, from whom, how large.

One JSON file per delivery beside the data; written after the data is in place.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from pydantic import ValidationError

from schemas.htsget import RegionAsked
from schemas.wire import LocalId, Wire
from workspaces.errors import FolderInvalid

MAX_LISTED = 1000
MAX_LINE_BYTES = 16384


class Delivery(Wire):
    """One opened release; `received` is epoch seconds, `path` is inside the data folder unless
    `outside`."""

    object_id: LocalId
    dataset: LocalId
    format: str
    node_url: str
    permit_id: str
    path: str
    outside: bool = False
    plain_size: int
    plain_sha256: str
    segments: int
    regions: tuple[RegionAsked, ...] | None = None
    received: int


class DeliveryList(Wire):
    deliveries: tuple[Delivery, ...]


def keep(folder: Path, delivery: Delivery) -> None:
    place = _place(folder)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = place / f"{delivery.received:012d}-{secrets.token_hex(8)}.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(delivery.model_dump_json(indent=2) + "\n", encoding="ascii")
    fresh.replace(path)


def listed(folder: Path) -> tuple[Delivery, ...]:
    """Newest first, at most MAX_LISTED; raises FolderInvalid for a line that cannot be read."""
    found = []
    for path in sorted(_place(folder).glob("*.json"), reverse=True)[:MAX_LISTED]:
        try:
            with path.open("rb") as file:
                found.append(Delivery.model_validate_json(file.read(MAX_LINE_BYTES)))
        except (OSError, ValidationError) as error:
            raise FolderInvalid(f"{path} cannot be read as a delivery.") from error
    return tuple(found)


def _place(folder: Path) -> Path:
    return folder / "deliveries"
