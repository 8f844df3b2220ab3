"""What runs of a workspace have in memory: which are under way, and what killed ones left.

Each run's private folder holds a note for whoever has to wipe it without its process; who does so
signs the receipt with the workspace's identity, and says that the run was killed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from schemas.runs import Receipt
from schemas.wire import Wire
from streams.keys import thumbprint
from workspaces import keys, private, receipts
from workspaces.job import Outcome
from workspaces.keys import WorkspaceKeys

_log = logging.getLogger(__name__)


class Note(Wire):
    """Lies in the private folder, for whoever has to wipe it without its process."""

    run: str
    workspace: str
    node: str
    started: int
    keys: tuple[str, ...]
    process: int


def sweep(
    folder: Path, *, place: Path = private.PLACE, clock: Callable[[], float] = time.time
) -> int:
    """Wipes what killed runs of this workspace left, keeps their receipts; how many there were."""
    return wipe(keys.load(folder), place, int(clock()))


def under_way(folder: Path, *, place: Path = private.PLACE) -> tuple[tuple[Note, bool], ...]:
    """The runs of this workspace that have a private folder, and whether their process lives."""
    found = []
    for raw, held in private.listed(owner(keys.load(folder)), place=place):
        with suppress(ValidationError):  # killed, or not yet permitted
            found.append((Note.model_validate_json(raw), held))
    return tuple(found)


def wipe(held: WorkspaceKeys, place: Path, now: int) -> int:
    found = 0
    for raw, wiped in private.leftovers(owner(held), place=place):
        found += 1
        try:
            note = Note.model_validate_json(raw)
        except ValidationError:
            continue  # it was killed before it was permitted: there is nothing to say
        said = note.model_dump(exclude={"process"})
        receipts.keep(
            held,
            Receipt(
                **said,
                outcome=Outcome.KILLED,
                ended=now,
                files=wiped.files,
                plain_bytes=wiped.bytes,
            ),
        )
    if found:
        _log.warning("wiped what %d killed runs had left", found)
    return found


def owner(held: WorkspaceKeys) -> str:
    return thumbprint(held.identity_key)[:16]
