"""A federated run of two sites with real keys, records and signatures, as a crate holds it."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.record.audit import RecordFile
from access.runs.rules import SIGNED_AS
from schemas.grants import Permit, SignedPermit
from schemas.runs import (
    FloorTerms,
    Receipt,
    ResultManifest,
    RunClause,
    RunTerms,
    SignedReceipt,
)
from schemas.wire import canonical_json
from workspaces.crate import gathering
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


def recorded(
    url: str, run: str, *, key: Ed25519PrivateKey, released: bytes
) -> tuple[str, tuple[RecordedEntry, ...]]:
    """Of a real record of several runs: the entries of one, and a signed head."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record"
        record = RecordFile(path, pseudonym_key=b"p" * 32, signing_key=key)
        record.append("answer", {"dataset": "other"})
        record.append("access.run", {"step": "permitted", "run": run, "dataset": "cohort"})
        record.append("access.run", {"step": "permitted", "run": "run-other", "dataset": "cohort"})
        record.append("airlock", {"run": run, "state": "released", "released": sha(released)})
        record.append(
            "access.run", {"step": "wiped", "run": run, "dataset": "cohort"}, durable=True
        )
        record.close()
        found = gathering.recorded(path, run=run, public_url=url, key=key)
    return found.checkpoint, found.entries


def proofs(
    url: str,
    *,
    application: str = sha(BUNDLE),
    roster: tuple[str, ...] = ROSTER,
    released_at: tuple[str, ...] = (),
    cell: int = 10,
) -> SiteProofs:
    node, identity, run = NODES[url], SITES[url], f"run-{url[8:10]}"
    terms = RunTerms(applications=(application,), environment="e" * 64, roster=roster,
                     outputs=("table",), released_at=released_at,
                     floors=FloorTerms(cell=cell))  # fmt: skip
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
        entries=entries,
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
