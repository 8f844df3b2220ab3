from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.errors import PermitNotIssued, PermitRefused, RecordUnavailable
from access.permits import CLOCK_LEEWAY_SECONDS, MAX_PERMIT_SECONDS, PermitOffice, check
from access.policies.policy import Action, Decision, Level, Outcome, Profile
from access.recipients import Workspace
from schemas.grants import SignedPermit
from tests.support.access_node import NOW, URL, AccessNode, researcher

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()
WORKSPACE = Workspace("ws-1", "Lab", bytes([7]) * 32, bytes([8]) * 32, NOW + 10**6)
DECISION = Decision(
    dataset="ds1",
    action=Action.STREAM,
    outcome=Outcome.PERMIT,
    level=Level.CONTROLLED,
    ceiling=None,
    profile=Profile.CONTROLLED,
    reasons=(),
    expires=NOW + 600,
    policy_version="1",
)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


def issue(node: AccessNode, **changed: Any) -> SignedPermit:
    office = PermitOffice(KEY, audience=URL, record=node.record)
    asked: dict[str, Any] = {
        "researcher": researcher("grace"),
        "decision": DECISION,
        "dataset": "ds1",
        "objects": ("reads-1",),
        "workspace": WORKSPACE,
        "byte_budget": 1000,
        "now": NOW,
    }
    return office.issue(**(asked | changed))


def test_a_permit_names_one_key_and_ends_with_the_visa(node: AccessNode) -> None:
    permit = check(issue(node), PUBLIC, audience=URL, now=NOW)
    assert len(permit.recipient) == 64
    assert permit.expires == NOW + 600
    assert "grace" not in permit.subject


def test_a_permit_never_outlives_an_hour_or_the_key(node: AccessNode) -> None:
    long = replace(DECISION, expires=NOW + 10**8)
    assert issue(node, decision=long).permit.expires == NOW + MAX_PERMIT_SECONDS
    short = replace(WORKSPACE, expires=NOW + 5)
    assert issue(node, workspace=short).permit.expires == NOW + 5


@pytest.mark.parametrize(
    "changed",
    [
        {"decision": replace(DECISION, outcome=Outcome.DENY)},
        {"decision": replace(DECISION, outcome=Outcome.REVIEW)},
        {"decision": replace(DECISION, action=Action.DISCOVER)},
        {"decision": replace(DECISION, dataset="ds2")},
        {"decision": replace(DECISION, expires=NOW)},
        {"researcher": replace(researcher("grace"), expires=NOW)},
        {"workspace": replace(WORKSPACE, expires=NOW)},
        {"objects": ()},
        {"objects": tuple(f"o{n}" for n in range(1001))},
        {"byte_budget": 0},
        {"byte_budget": 1 << 60},
    ],
)
def test_without_every_part_no_permit(node: AccessNode, changed: dict[str, Any]) -> None:
    with pytest.raises(PermitNotIssued):
        issue(node, **changed)


def test_what_cannot_be_recorded_is_not_issued(node: AccessNode) -> None:
    node.record.close()
    with pytest.raises(RecordUnavailable):
        issue(node)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("recipient", "0" * 64),
        ("objects", ("reads-2",)),
        ("byte_budget", 10**9),
        ("expires", NOW + 3000),
        ("audience", "http://127.0.0.1:8082"),
        ("dataset", "ds2"),
    ],
)
def test_a_changed_permit_is_refused(node: AccessNode, name: str, value: object) -> None:
    signed = issue(node)
    forged = signed.permit.model_copy(update={name: value})
    with pytest.raises(PermitRefused):
        check(signed.model_copy(update={"permit": forged}), PUBLIC, audience=URL, now=NOW)


def test_another_nodes_permit_is_refused(node: AccessNode) -> None:
    with pytest.raises(PermitRefused):
        check(issue(node), PUBLIC, audience="http://127.0.0.1:8082", now=NOW)
    stranger = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(PermitRefused):
        check(issue(node), stranger, audience=URL, now=NOW)


@pytest.mark.parametrize("now", [NOW + 600, NOW - CLOCK_LEEWAY_SECONDS - 1])
def test_a_permit_out_of_its_time_is_refused(node: AccessNode, now: int) -> None:
    with pytest.raises(PermitRefused):
        check(issue(node), PUBLIC, audience=URL, now=now)


@pytest.mark.parametrize("signature", ["", "zz", "00" * 64])
def test_a_signature_that_is_none_is_refused(node: AccessNode, signature: str) -> None:
    unsigned = issue(node).model_copy(update={"signature": signature})
    with pytest.raises(PermitRefused):
        check(unsigned, PUBLIC, audience=URL, now=NOW)


@pytest.mark.parametrize("broken", [{"objects": ()}, {"byte_budget": 0}])
def test_a_signed_permit_that_names_nothing_is_refused(
    node: AccessNode, broken: dict[str, object]
) -> None:
    permit = issue(node).permit.model_copy(update=broken)
    signature = KEY.sign(permit.signed_bytes()).hex()
    with pytest.raises(PermitRefused):
        check(SignedPermit(permit=permit, signature=signature), PUBLIC, audience=URL, now=NOW)
