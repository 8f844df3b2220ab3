"""What a workspace keeps of a run for whoever checks it later, joined to what its node recorded.

The permit is kept as the node signed it, before anything of the run is brought in; the receipt of
the wipe is `receipts`'. Neither holds a secret or a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from schemas.grants import SignedPermit
from schemas.runs import SignedReceipt
from workspaces import keys
from workspaces.crate.contents import SignedManifest, SiteProofs
from workspaces.crate.gathering import Recorded
from workspaces.errors import FolderInvalid

MAX_BYTES = 1024 * 1024


def keep_permit(workspace: Path, signed: SignedPermit, *, run: str) -> None:
    folder = workspace / "permits"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / f"{run}.json").write_text(signed.model_dump_json(), encoding="ascii")


def site_proofs(
    workspace: Path,
    *,
    run: str,
    name: str,
    recorded: Recorded,
    results: Sequence[SignedManifest] = (),
) -> SiteProofs:
    """A site's part of a crate; a run that is not over yet has no receipt in it. Raises
    FolderInvalid where this workspace has no permit for that run."""
    if not run.replace("-", "").isalnum():
        raise FolderInvalid("A run's id has letters, digits and hyphens only.")
    receipt = workspace / "receipts" / f"{run}.json"
    try:
        permit = SignedPermit.model_validate_json(_read(workspace / "permits" / f"{run}.json"))
        given = SignedReceipt.model_validate_json(_read(receipt)) if receipt.exists() else None
    except (OSError, ValidationError) as error:
        raise FolderInvalid(f"{workspace} has no readable permit and receipt of {run}.") from error
    return SiteProofs(
        name=name,
        permit=permit,
        identity_key=keys.load(workspace).identity_key.hex(),
        checkpoint=recorded.checkpoint,
        entries=recorded.entries,
        results=tuple(results),
        receipt=given,
    )


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES)
