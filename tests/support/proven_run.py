"""A federated run of two sites with real keys, records and signatures, as a crate holds it."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access import checkpoints, merkle
from access.chain import START, Facts, written_after
from access.run_rules import SIGNED_AS
from schemas.grants import Permit, SignedPermit
from schemas.record import InclusionProof
from schemas.runs import Receipt, ResultManifest, RunClause, RunTerms, SignedReceipt
from schemas.wire import canonical_json
from workspaces.crate.contents import (
    Application,
    FederatedRun,
    RecordedEntry,
    SignedManifest,
    SiteProofs,
)

NODES = {url: Ed25519PrivateKey.generate() for url in ("https://cz.example", "https://ee.example")}
SITES = {url: Ed25519PrivateKey.generate() for url in NODES}
ABSENT = Ed25519PrivateKey.generate()
KEYS = {url: key.public_key().public_bytes_raw() for url, key in NODES.items()}
BUNDLE = b"the reviewed bundle"
RESULT = canonical_json({"kind": "table", "rows": ["a"], "columns": ["n"], "cells": [[42]]})


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def hexed(key: Ed25519PrivateKey, signed: bytes) -> str:
    return key.sign(signed).hex()


def fingerprint(key: Ed25519PrivateKey) -> str:
    return sha(key.public_key().public_bytes_raw())


ROSTER = tuple(fingerprint(key) for key in (*SITES.values(), ABSENT))


class Leaves:
    """A tree over a few lines, every subtree computed anew."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines

    def subtree(self, level: int, index: int) -> bytes:
        if level == 0:
            return merkle.leaf_hash(self._lines[index])
        left, right = (self.subtree(level - 1, 2 * index + side) for side in (0, 1))
        return merkle.node_hash(left, right)


def recorded(
    url: str, run: str, *, key: Ed25519PrivateKey, released: bytes
) -> tuple[str, list[RecordedEntry]]:
    """A record of several runs; the entries of one, and a signed head."""
    told: list[tuple[str, dict[str, object]]] = [
        ("answer", {"dataset": "other"}),
        ("access.run", {"step": "permitted", "run": run, "dataset": "cohort"}),
        ("access.run", {"step": "permitted", "run": "run-other", "dataset": "cohort"}),
        ("airlock", {"run": run, "state": "released", "released": sha(released)}),
        ("access.run", {"step": "wiped", "run": run, "dataset": "cohort"}),
    ]
    head, lines = START, []
    for kind, facts in told:
        line, head = written_after(head, time=1.0, kind=kind, facts=Facts(canonical_json(facts)))
        lines.append(line.rstrip(b"\n"))
    tree, size = Leaves(lines), len(lines)
    root = merkle.root(tree, size)
    note = checkpoints.signed(checkpoints.Checkpoint(checkpoints.origin_of(url), size, root), key)
    entries = [
        RecordedEntry(line=lines[index].decode(), proof=InclusionProof(
            entry=index + 1, size=size, leaf=merkle.leaf_hash(lines[index]).hex(), root=root.hex(),
            path=tuple(step.hex() for step in merkle.inclusion_proof(tree, size, index=index)),
        ))
        for index, (_, facts) in enumerate(told) if facts.get("run") == run
    ]  # fmt: skip
    return note, entries


def proofs(
    url: str, *, application: str = sha(BUNDLE), roster: tuple[str, ...] = ROSTER
) -> SiteProofs:
    node, identity, run = NODES[url], SITES[url], f"run-{url[8:10]}"
    terms = RunTerms(applications=(application,), environment="e" * 64, roster=roster,
                     outputs=("table",))  # fmt: skip
    clause = RunClause(run=run, request="req-1", purpose=("DUO:0000042",), terms=terms)
    permit = Permit(
        permit_id=f"permit-{run}", subject="s" * 64, audience=url, dataset="cohort", objects=(),
        workspace="ws-1", recipient="c" * 64, byte_budget=1, issued=1_700_000_000,
        expires=1_800_000_000, run=clause,
    )  # fmt: skip
    receipt = Receipt(run=run, workspace="ws-1", node=url, outcome="done", started=1, ended=2,
                      files=1, plain_bytes=9, keys=())  # fmt: skip
    manifest = ResultManifest(
        node=url, candidate="out-1", run=run, dataset="cohort", kind="table", sha256=sha(RESULT),
        size=len(RESULT), recipient="d" * 64, issued=1_700_000_600,
    )  # fmt: skip
    note, entries = recorded(url, run, key=node, released=RESULT)
    return SiteProofs(
        name=f"Node {url[8:10].upper()}",
        permit=SignedPermit(
            permit=permit, signature=node.sign(SIGNED_AS + permit.signed_bytes()).hex()
        ),
        identity_key=identity.public_key().public_bytes_raw().hex(),
        checkpoint=note,
        entries=tuple(entries),
        results=(
            SignedManifest(manifest=manifest, signature=node.sign(manifest.signed_bytes()).hex()),
        ),
        receipt=SignedReceipt(
            receipt=receipt, signature=identity.sign(receipt.signed_bytes()).hex()
        ),
    )


def federated() -> FederatedRun:
    return FederatedRun(
        name="Onset of MDS", project="MDS risk", requester="Grace", organisation="University",
        application=Application("gwas", BUNDLE, "Apache-2.0"), plan=b"{}",
        started=1_700_000_100, ended=1_700_000_500, outputs={"table.json": RESULT},
        sites=tuple(map(proofs, NODES)),
    )  # fmt: skip
