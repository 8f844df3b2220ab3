"""Decides whether a crate proves what it says, from the node keys its reader trusts. Pure.

In this order: the bag's digests; the profile's required members; per site the permit's signature,
that it permits this very application, the same roster and the same to leave as all others, the
receipt's signature by a workspace of that roster, the checkpoint's signature and the place of every
entry in it (RFC 9162), the signature of every release; and that each output was released by a site
that may, and whose record says so. Whoever made the crate is not trusted in anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from access.errors import CheckpointRefused
from access.record import checkpoints, merkle
from access.runs.rules import SIGNED_AS, leaving
from schemas.runs import RunClause
from workspaces.crate import bag, metadata
from workspaces.crate.contents import SiteProofs
from workspaces.crate.profile import check_profile
from workspaces.errors import CrateUntrue

MAX_SITES = 64


@dataclass(frozen=True, slots=True)
class ProvenSite:
    """`wiped` where the workspace signed that its data are gone; `released` are SHA-256 of outputs;
    `entries` how many entries of its record were proven."""

    node: str
    dataset: str
    run: str
    wiped: bool
    released: frozenset[str]
    entries: int


@dataclass(frozen=True, slots=True)
class Proven:
    """`application` is the SHA-256 of the bundle, `outputs` of each released file by its name;
    `silent` are fingerprints of the roster that the crate has no proofs of."""

    application: str
    outputs: Mapping[str, str]
    sites: tuple[ProvenSite, ...]
    silent: tuple[str, ...]


def verify(archive: bytes, *, node_keys: Mapping[str, bytes]) -> Proven:
    """`node_keys` are raw Ed25519 keys by the node's public address. Raises CrateUntrue."""
    payload = bag.read(archive)
    check_profile(payload)
    application = _digest(payload[f"{metadata.APPLICATION}{metadata.BUNDLE}"])
    named = sorted(name for name in payload if name.startswith("evidence/"))
    if not 1 <= len(named) <= MAX_SITES:
        raise CrateUntrue(f"A crate has the proofs of 1 to {MAX_SITES} sites.")
    proofs = [_read(payload[name]) for name in named]
    clauses = [_permitted(one, application, node_keys) for one in proofs]
    if len({leaving(one.terms) for one in clauses}) != 1:
        raise CrateUntrue("The sites' permits differ in their roster, or in what may leave.")
    if len({one.permit.permit.audience for one in proofs}) < len(proofs):
        raise CrateUntrue("A site is in the crate twice.")
    sites = tuple(
        _proven(one, clause, node_keys[one.permit.permit.audience])
        for one, clause in zip(proofs, clauses, strict=True)
    )
    outputs = {
        name: _digest(content) for name, content in payload.items() if name.startswith("outputs/")
    }
    released = frozenset().union(*(site.released for site in sites))
    unreleased = sorted(name for name, digest in outputs.items() if digest not in released)
    if unreleased:
        raise CrateUntrue(f"{unreleased[0]} was released by no site of the crate.")
    present = {_digest(bytes.fromhex(one.identity_key)) for one in proofs}
    silent = tuple(one for one in clauses[0].terms.roster if one not in present)
    return Proven(application, outputs, sites, silent)


def _read(raw: bytes) -> SiteProofs:
    try:
        return SiteProofs.model_validate_json(raw)
    except ValidationError as error:
        raise CrateUntrue("The proofs of a site cannot be read.") from error


def _permitted(proofs: SiteProofs, application: str, node_keys: Mapping[str, bytes]) -> RunClause:
    permit = proofs.permit.permit
    if permit.audience not in node_keys:
        raise CrateUntrue("A site's node is not among those whose keys were given.")
    signed = SIGNED_AS + permit.signed_bytes()
    _check_signature(node_keys[permit.audience], proofs.permit.signature, signed, what="permit")
    if permit.run is None or application not in permit.run.terms.applications:
        raise CrateUntrue("A permit is not for the application in the crate.")
    if _digest(bytes.fromhex(proofs.identity_key)) not in permit.run.terms.roster:
        raise CrateUntrue("A site's workspace is not of the permitted roster.")
    return permit.run


def _proven(proofs: SiteProofs, clause: RunClause, node_key: bytes) -> ProvenSite:
    permit = proofs.permit.permit
    recorded = _recorded(proofs, clause, node_key)
    releasing = clause.terms.released_at
    if proofs.results and releasing and permit.audience not in releasing:
        raise CrateUntrue("A result was released by a node that the permits do not let release.")
    for result in proofs.results:
        manifest = result.manifest
        _check_signature(node_key, result.signature, manifest.signed_bytes(), what="release")
        if (manifest.node, manifest.run) != (permit.audience, clause.run):
            raise CrateUntrue("A release is of another node or run.")
        if manifest.sha256 not in recorded:
            raise CrateUntrue("A release is not in the node's record.")
    if proofs.receipt is not None:
        _check_receipt(proofs, clause)
    return ProvenSite(
        node=permit.audience,
        dataset=permit.dataset,
        run=clause.run,
        wiped=proofs.receipt is not None,
        released=frozenset(result.manifest.sha256 for result in proofs.results),
        entries=len(proofs.entries),
    )


def _check_receipt(proofs: SiteProofs, clause: RunClause) -> None:
    if proofs.receipt is None:
        return
    receipt, permit = proofs.receipt.receipt, proofs.permit.permit
    said = receipt.run, receipt.workspace, receipt.node
    if said != (clause.run, permit.workspace, permit.audience):
        raise CrateUntrue("A receipt is of another run, workspace or node.")
    identity = bytes.fromhex(proofs.identity_key)
    _check_signature(identity, proofs.receipt.signature, receipt.signed_bytes(), what="receipt")


def _recorded(proofs: SiteProofs, clause: RunClause, node_key: bytes) -> frozenset[str]:
    """SHA-256 of what the node's record says it released of this run; each entry is proven to
    stand in the record whose head the node signed."""
    try:
        head = checkpoints.read(proofs.checkpoint, Ed25519PublicKey.from_public_bytes(node_key))
    except CheckpointRefused as error:
        raise CrateUntrue(f"A record's head does not hold: {error.public}") from error
    if head.origin != checkpoints.origin_of(proofs.permit.permit.audience):
        raise CrateUntrue("A record's head is of another node.")
    permitted, released = False, set()
    for entry in proofs.entries:
        kind, facts = _entry(entry.line)
        path = _hashes(entry.proof.path)
        leaf = merkle.leaf_hash(entry.line.encode())
        index = entry.proof.entry - 1
        if not merkle.includes(head.root, head.size, index=index, leaf=leaf, path=path):
            raise CrateUntrue("An entry is not in the record whose head was signed.")
        if facts.get("run") != clause.run:
            raise CrateUntrue("An entry speaks of another run.")
        permitted |= kind == "access.run" and facts.get("step") == "permitted"
        if kind == "airlock" and facts.get("state") == "released":
            released.add(str(facts.get("released")))
    if not permitted:
        raise CrateUntrue("The record's entries do not say that the run was permitted.")
    return frozenset(released)


def _entry(line: str) -> tuple[object, Mapping[str, object]]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CrateUntrue("An entry of a record cannot be read.") from error
    if not isinstance(entry, dict) or not isinstance(entry.get("facts"), dict):
        raise CrateUntrue("An entry of a record cannot be read.")
    return entry.get("kind"), entry["facts"]


def _hashes(path: tuple[str, ...]) -> list[bytes]:
    try:
        return [bytes.fromhex(step) for step in path]
    except ValueError as error:
        raise CrateUntrue("A proof of an entry cannot be read.") from error


def _check_signature(key: bytes, signature: str, signed: bytes, *, what: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(bytes.fromhex(signature), signed)
    except (InvalidSignature, ValueError) as error:
        raise CrateUntrue(f"A {what}'s signature does not hold.") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
