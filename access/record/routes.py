"""The record's doors under /access/record, for the node's admins: checkpoint, entries, proofs.

RFC 9162 inclusion and consistency proofs over the record's lines; a checkpoint is C2SP's, so that a
third party can keep one and hold the node to it. What a proof proves is `merkle`'s.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
import json
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, Depends, Query
from starlette.responses import PlainTextResponse

from access.caller import Caller
from access.errors import NoSuchThing, NotYourStep, SignInNeeded
from access.record import checkpoints, merkle
from access.record.tree import RecordTree
from passports.researcher import Researcher
from schemas.record import ConsistencyProof, InclusionProof, RecordEntries

MAX_ENTRIES = 1_000

_Number = Annotated[int, Query(ge=1, le=2**53)]


def build(
    *,
    tree: RecordTree,
    signing_key: Ed25519PrivateKey,
    public_url: str,
    caller: Caller,
    admins: tuple[str, ...],
) -> APIRouter:
    router = APIRouter()
    origin = checkpoints.origin_of(public_url)

    async def admin(who: Annotated[Researcher | None, Depends(caller)]) -> None:
        if who is None:
            raise SignInNeeded("Sign in first: this needs a passport.")
        if who.identity not in admins:
            raise NotYourStep("The record is shown to the node's admins.")

    allowed = [Depends(admin)]

    @router.get("/access/record/checkpoint", dependencies=allowed)
    def checkpoint() -> PlainTextResponse:
        size = tree.follow()
        made = checkpoints.Checkpoint(origin, size, merkle.root(tree, size))
        return PlainTextResponse(
            checkpoints.signed(made, signing_key), headers={"Cache-Control": "no-store"}
        )

    @router.get("/access/record/entries", dependencies=allowed)
    def entries(
        start: _Number, count: Annotated[int, Query(ge=1, le=MAX_ENTRIES)] = 100
    ) -> RecordEntries:
        """Entries `start`, `start` + 1, ..., as written."""
        size = tree.follow()
        numbers = range(start, min(start + count, size + 1))
        return RecordEntries(
            size=size, entries=tuple(json.loads(tree.entry(number)) for number in numbers)
        )

    @router.get("/access/record/proof/inclusion", dependencies=allowed)
    def inclusion(entry: _Number, size: _Number) -> InclusionProof:
        """That entry `entry` stands in the record of the first `size` entries."""
        _within(entry, size, tree)
        return inclusion_of(tree, entry, size)

    @router.get("/access/record/proof/consistency", dependencies=allowed)
    def consistency(first: _Number, size: _Number) -> ConsistencyProof:
        """That the record of the first `first` entries still begins that of `size`."""
        _within(first, size, tree)
        path = merkle.consistency_proof(tree, size, first=first)
        return ConsistencyProof(
            first=first,
            size=size,
            first_root=merkle.root(tree, first).hex(),
            root=merkle.root(tree, size).hex(),
            path=tuple(step.hex() for step in path),
        )

    return router


def inclusion_of(tree: RecordTree, entry: int, size: int) -> InclusionProof:
    path = merkle.inclusion_proof(tree, size, index=entry - 1)
    return InclusionProof(
        entry=entry,
        size=size,
        leaf=tree.subtree(0, entry - 1).hex(),
        root=merkle.root(tree, size).hex(),
        path=tuple(step.hex() for step in path),
    )


def _within(number: int, size: int, tree: RecordTree) -> None:
    if not number <= size <= tree.follow():
        raise NoSuchThing(detail="beyond the record")
