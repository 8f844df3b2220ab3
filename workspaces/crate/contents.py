"""What a crate of a federated run is made of: who asked for what, and each node's own proofs.

A node's proofs are what it signed or recorded itself: the permit, the releases, a checkpoint of its
record with the entries that speak of the run; and the workspace's receipt that all is gone. Nothing
in them is of a person but the requester, who is named as they wish.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from schemas.grants import SignedPermit
from schemas.record import InclusionProof
from schemas.runs import Digest, ResultManifest, SignedReceipt
from schemas.wire import Wire

MAX_ENTRIES = 10_000
MAX_RESULTS = 1_000

Line = Annotated[str, StringConstraints(max_length=32 * 1024)]


class RecordedEntry(Wire):
    """An entry of the node's record as it was written, without its line end."""

    line: Line
    proof: InclusionProof


class SignedManifest(Wire):
    """What a node said of a result that it released, and its Ed25519 signature in hex."""

    manifest: ResultManifest
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


class SiteProofs(Wire):
    """Of one node. `identity_key` is the raw Ed25519 key of its workspace, in hex; `checkpoint` a
    signed note; without a `receipt` nobody has said yet that the data are gone."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    permit: SignedPermit
    identity_key: Digest
    checkpoint: Annotated[str, StringConstraints(max_length=4_096)]
    entries: Annotated[tuple[RecordedEntry, ...], Field(min_length=1, max_length=MAX_ENTRIES)]
    results: Annotated[tuple[SignedManifest, ...], Field(max_length=MAX_RESULTS)] = ()
    receipt: SignedReceipt | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """The reviewed bundle; its SHA-256 is what permits name. `license` is an SPDX identifier."""

    name: str
    bundle: bytes
    license: str


@dataclass(frozen=True, slots=True)
class FederatedRun:
    """`outputs` are released documents by file name; times are epoch seconds. `plan` is the
    configuration the application was given, as JSON."""

    name: str
    project: str
    requester: str
    organisation: str
    application: Application
    plan: bytes
    started: int
    ended: int
    outputs: dict[str, bytes]
    sites: tuple[SiteProofs, ...]
    license: str = "conditions of the permits in evidence/"
