"""A permit is for this node, workspace, run, dataset, key and time, as its workspace sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.runs.rules import SIGNED_AS, Intent
from schemas.grants import Permit, SignedPermit
from schemas.runs import RunClause, RunTerms
from streams.keys import thumbprint
from workspaces.errors import PermitUnfit
from workspaces.permit import Wanted, verify

NODE = Ed25519PrivateKey.generate()
NOW, A, B, C, E = 1_800_000_000, *(letter * 64 for letter in "abce")
TERMS = RunTerms(applications=(A,), environment=E, roster=(A, B, C), outputs=("table",))
KEY = b"k" * 32
WANTED = Wanted(
    node="https://node.example.org",
    node_key=NODE.public_key().public_bytes_raw(),
    workspace="ws-1",
    run="run-1",
    dataset="ds1",
    public_key=KEY,
    intent=Intent(application=A, environment=E, roster=frozenset((A, B, C)), site=A),
)
CLAUSE = RunClause(run="run-1", request="req-1", purpose=("disease",), terms=TERMS)
PERMIT = Permit(
    permit_id="p",
    subject="s",
    audience=WANTED.node,
    dataset="ds1",
    objects=(),
    workspace="ws-1",
    recipient=thumbprint(KEY),
    byte_budget=1,
    issued=NOW,
    expires=NOW + 10,
    run=CLAUSE,
)


def signed(permit: Permit = PERMIT, *, prefix: bytes = SIGNED_AS, **more: Any) -> SignedPermit:
    changed = permit.model_copy(update=more)
    return SignedPermit(permit=changed, signature=NODE.sign(prefix + changed.signed_bytes()).hex())


def test_the_permit_that_was_asked_for_is_taken() -> None:
    assert verify(signed(), WANTED, now=NOW).clause == CLAUSE


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"audience": "https://other.example.org"}, "permit_of_another_node"),
        ({"workspace": "ws-2"}, "permit_of_another_workspace"),
        ({"dataset": "ds2"}, "permit_of_another_dataset"),
        ({"recipient": thumbprint(b"o" * 32)}, "permit_of_another_key"),
        ({"expires": NOW}, "permit_expired"),
        ({"run": CLAUSE.model_copy(update={"run": "run-2"})}, "permit_of_another_run"),
        ({"run": None}, "permit_not_for_a_run"),
    ],
)
def test_a_permit_for_something_else_is_refused(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(PermitUnfit, match=reason):
        verify(signed(**more), WANTED, now=NOW)


def test_a_permit_that_opens_objects_is_none_for_a_run() -> None:
    with pytest.raises(PermitUnfit, match="permit_not_signed"):
        verify(signed(prefix=b""), WANTED, now=NOW)


@pytest.mark.parametrize("signature", ["", "zz", "00" * 64])
def test_a_permit_without_the_nodes_signature_is_refused(signature: str) -> None:
    forged = signed().model_copy(update={"signature": signature})
    with pytest.raises(PermitUnfit, match="permit_not_signed"):
        verify(forged, WANTED, now=NOW)


def test_what_was_changed_after_signing_is_refused() -> None:
    stretched = PERMIT.model_copy(update={"expires": NOW + 10**6})
    with pytest.raises(PermitUnfit, match="permit_not_signed"):
        verify(signed().model_copy(update={"permit": stretched}), WANTED, now=NOW)


@pytest.mark.parametrize(
    ("intent", "reason"),
    [
        ({"application": B}, "application_other"),
        ({"environment": A}, "environment_other"),
        ({"roster": frozenset((A, B))}, "roster_other"),
        ({"site": E}, "site_not_in_roster"),
    ],
)
def test_a_node_that_permits_another_run_than_asked_for_is_not_believed(
    intent: dict[str, Any], reason: str
) -> None:
    wanted = replace(WANTED, intent=replace(WANTED.intent, **intent))
    with pytest.raises(PermitUnfit, match=reason):
        verify(signed(), wanted, now=NOW)


def test_every_reason_is_named() -> None:
    with pytest.raises(PermitUnfit) as refused:
        verify(signed(workspace="ws-2", dataset="ds2"), WANTED, now=NOW)
    assert refused.value.reasons == (
        "permit_of_another_workspace", "permit_of_another_dataset",
    )  # fmt: skip
