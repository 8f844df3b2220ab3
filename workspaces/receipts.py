"""Signs that all of a run is gone, and gives the receipt to the node, sooner or later.

A receipt is kept in the workspace's folder before it is sent; what a node did not take (it was
silent, the machine went down) is sent again by the next start.
"""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import ValidationError

from schemas.errors import SkerryError
from schemas.runs import Receipt, SignedReceipt
from workspaces.errors import NodeRefused
from workspaces.keys import WorkspaceKeys
from workspaces.node_line import NodeLine

MAX_RECEIPT_BYTES = 64 * 1024
_WAITING = ".waiting"

_log = logging.getLogger(__name__)


def keep(held: WorkspaceKeys, receipt: Receipt) -> SignedReceipt:
    """Signed, and on this machine's disk."""
    signature = held.identity.sign(receipt.signed_bytes()).hex()
    signed = SignedReceipt(receipt=receipt, signature=signature)
    folder = _folder(held.folder)
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / f"{receipt.run}{_WAITING}").write_text(signed.model_dump_json(), encoding="ascii")
    return signed


def give_waiting(held: WorkspaceKeys, node_url: str, line: NodeLine) -> int:
    """Sends this node's receipts that it has not taken yet; returns how many still wait."""
    waiting = 0
    for path in sorted(_folder(held.folder).glob(f"*{_WAITING}")):
        signed = _read(path)
        if signed is None or signed.receipt.node != node_url:
            continue
        try:
            line.give(signed)
        except NodeRefused as error:  # it has it, or will never want it
            _log.info("a receipt was not wanted: %s", error.public)
        except SkerryError:
            waiting += 1
            continue
        path.rename(path.with_suffix(".json"))
    return waiting


def listed(workspace: Path) -> tuple[tuple[Receipt, bool], ...]:
    """Every receipt kept here, and whether its node has it; the one that ended last comes first."""
    found = []
    for path in _folder(workspace).glob("*"):
        signed = _read(path) if path.suffix in {_WAITING, ".json"} else None
        if signed is not None:
            found.append((signed.receipt, path.suffix == ".json"))
    return tuple(sorted(found, key=lambda one: one[0].ended, reverse=True))


def _read(path: Path) -> SignedReceipt | None:
    try:
        with path.open("rb") as file:
            return SignedReceipt.model_validate_json(file.read(MAX_RECEIPT_BYTES))
    except (OSError, ValidationError):
        _log.warning("%s is not a receipt; left where it is", path.name)
        return None


def _folder(workspace: Path) -> Path:
    return workspace / "receipts"
