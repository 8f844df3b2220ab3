from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from access.errors import (
    NoSuchThing,
    ProofRefused,
    StepNotPossible,
    TooManyOpen,
    WorkspaceKeyInvalid,
)
from access.recipients import (
    CHALLENGE_SECONDS,
    KEY_LIFE_SECONDS,
    MAX_WORKSPACES_PER_PERSON,
    check_key,
)
from tests.support.access_node import NOW, AccessNode, at, signed_key

KEY = bytes([7]) * 32


@pytest.fixture(params=["sqlite", "postgresql"])
def node(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AccessNode]:
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    made = AccessNode(tmp_path, control_url=url)
    yield made
    made.close()


def test_a_confirmed_workspace_is_approved_with_its_raw_keys(node: AccessNode) -> None:
    workspace = node.recipients.approved(node.workspace(), now=NOW)
    assert workspace is not None
    assert (workspace.public_key, len(workspace.identity_key)) == (KEY, 32)
    assert workspace.expires == NOW + KEY_LIFE_SECONDS


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(WorkspaceKeyInvalid):
        check_key(signed_key(b"k" * size))


def test_a_key_that_its_identity_did_not_sign_is_refused() -> None:
    other = signed_key(bytes([8]) * 32)
    with pytest.raises(WorkspaceKeyInvalid):
        check_key(replace(signed_key(KEY), signature=other.signature))
    with pytest.raises(WorkspaceKeyInvalid):
        check_key(replace(signed_key(KEY), identity_key=other.identity_key))
    with pytest.raises(WorkspaceKeyInvalid):
        check_key(replace(signed_key(KEY), signature=b""))


def test_registered_or_proven_is_not_approved(node: AccessNode) -> None:
    made = node.register()
    assert node.recipients.approved(made.workspace_id, now=NOW) is None
    assert node.recipients.approved(node.workspace(confirmed_by=None), now=NOW) is None
    assert node.recipients.approved("ws-unknown", now=NOW) is None


def test_a_wrong_answer_proves_nothing(node: AccessNode) -> None:
    made = node.register()
    with pytest.raises(ProofRefused):
        node.recipients.prove(made.workspace_id, b"x" * 32, owner=at("grace"), now=NOW)


def test_a_right_answer_too_late_proves_nothing(node: AccessNode) -> None:
    made = node.register()
    late = NOW + CHALLENGE_SECONDS
    with pytest.raises(ProofRefused):
        node.recipients.prove(made.workspace_id, node.secrets[KEY], owner=at("grace"), now=late)


def test_nobody_proves_another_persons_workspace(node: AccessNode) -> None:
    made = node.register()
    with pytest.raises(NoSuchThing):
        node.recipients.prove(made.workspace_id, node.secrets[KEY], owner=at("rosa"), now=NOW)


def test_a_proof_is_taken_once(node: AccessNode) -> None:
    workspace = node.workspace(confirmed_by=None)
    with pytest.raises(StepNotPossible):
        node.recipients.prove(workspace, node.secrets[KEY], owner=at("grace"), now=NOW)


def test_an_unproven_key_is_never_confirmed(node: AccessNode) -> None:
    made = node.register()
    with pytest.raises(StepNotPossible):
        node.recipients.confirm(made.workspace_id, admin=at("adam"), now=NOW)
    with pytest.raises(NoSuchThing):
        node.recipients.confirm("ws-unknown", admin=at("adam"), now=NOW)


def test_a_key_expires(node: AccessNode) -> None:
    workspace = node.workspace()
    last = NOW + KEY_LIFE_SECONDS
    assert node.recipients.approved(workspace, now=last - 1) is not None
    assert node.recipients.approved(workspace, now=last) is None


def test_a_revoked_key_is_gone_at_once_and_for_good(node: AccessNode) -> None:
    workspace = node.workspace()
    node.recipients.revoke(workspace, by=at("adam"), is_admin=True)
    assert node.recipients.approved(workspace, now=NOW) is None
    with pytest.raises(StepNotPossible):
        node.recipients.confirm(workspace, admin=at("adam"), now=NOW)
    with pytest.raises(StepNotPossible):
        node.recipients.revoke(workspace, by=at("adam"), is_admin=True)


def test_only_owner_or_admin_revokes(node: AccessNode) -> None:
    workspace = node.workspace()
    with pytest.raises(NoSuchThing):
        node.recipients.revoke(workspace, by=at("rosa"), is_admin=False)
    node.recipients.revoke(workspace, by=at("grace"), is_admin=False)


def test_workspaces_are_capped_per_person_and_lapsed_ones_do_not_count(node: AccessNode) -> None:
    for _ in range(MAX_WORKSPACES_PER_PERSON):
        node.register()
    with pytest.raises(TooManyOpen):
        node.register()
    node.register("rosa")
    node.clock.now += CHALLENGE_SECONDS
    node.register()


def test_each_step_is_on_record_without_names(node: AccessNode) -> None:
    workspace = node.workspace()
    node.recipients.revoke(workspace, by=at("grace"), is_admin=False)
    lines = [line for line in node.kinds() if "access.workspace" in line]
    assert len(lines) == 4
    assert not any("grace" in line or "adam" in line for line in lines)
