"""Checks the record of a node, and makes the checkpoint a third party keeps.

Both read the record itself and trust no file made from it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from access.errors import CheckpointRefused, RecordUnavailable
from access.record import checkpoints, merkle
from access.record.audit import verify
from access.record.tree import RecordTree
from gateway import config
from gateway.home import NodeHome
from schemas.messages import Message

_KEPT_FAILS = Message("the record does not begin with the entries the checkpoint was made of")


def run_verify(home: NodeHome, kept: Path | None) -> dict[str, object]:
    """`verified` with the checkpoint in the file `kept`."""
    _begun(home)
    return verified(home, None if kept is None else _text(kept))


def verified(home: NodeHome, note: str | None) -> dict[str, object]:
    """Every entry, every signature and, with the `note` of a checkpoint kept elsewhere, that
    nothing before it was cut off or rewritten. Raises `CheckpointRefused` where the note is not
    this node's."""
    key = home.signing_key().public_key()
    checkpoint = None if note is None else checkpoints.read(note, key)
    found = verify(home.record, key)
    problem = found.problem
    if checkpoint is not None and problem is None and not _begins_with(home.record, checkpoint):
        problem = _KEPT_FAILS
    return {
        "ok": problem is None,
        "entries": found.entries,
        "signed": found.signed,
        "checkpoint": None if checkpoint is None else checkpoint.size,
        "problem": problem,
    }


def make_checkpoint(home: NodeHome) -> str:
    _begun(home)
    with tempfile.TemporaryDirectory() as folder:
        tree = RecordTree(home.record, Path(folder))
        size = tree.follow()
        root = merkle.root(tree, size)
    origin = checkpoints.origin_of(config.load(home.settings).public_url)
    return checkpoints.signed(checkpoints.Checkpoint(origin, size, root), home.signing_key())


def _begun(home: NodeHome) -> None:
    if not home.record.exists():
        raise RecordUnavailable(
            Message(
                "There is no %(record)s: it begins when the node first serves.",
                record=str(home.record),
            )
        )


def _begins_with(record: Path, checkpoint: checkpoints.Checkpoint) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        tree = RecordTree(record, Path(folder))
        if tree.follow() < checkpoint.size:
            return False
        return merkle.root(tree, checkpoint.size) == checkpoint.root


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(checkpoints.MAX_CHECKPOINT + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointRefused(
            Message("The checkpoint file can't be read."), detail=str(error)
        ) from error
