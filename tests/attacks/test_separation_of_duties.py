"""One person must not open a dataset to a key alone: committees decide, admins confirm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from access.errors import NoSuchThing, SeparationOfDuties, StepNotPossible
from access.requests.lifecycle import Step
from tests.support.access_node import NOW, AccessNode, at
from tests.support.grants import active_grant


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


def test_a_committee_member_does_not_approve_their_own_request(node: AccessNode) -> None:
    request_id = node.submitted(node.workspace("dora"), requester="dora")
    for step in (Step.APPROVE, Step.REJECT, Step.RETURN):
        with pytest.raises(SeparationOfDuties):
            node.take(request_id, step, by="dora")
    assert active_grant(node.store, at("dora"), "ds1", now=NOW) is None


def test_the_refused_approval_is_on_record(node: AccessNode) -> None:
    request_id = node.submitted(node.workspace("dora"), requester="dora")
    with pytest.raises(SeparationOfDuties):
        node.take(request_id, Step.APPROVE, by="dora")
    assert any("refused approve" in line for line in node.kinds())


def test_an_admin_who_is_on_no_committee_sees_no_request(node: AccessNode) -> None:
    request_id = node.submitted(node.workspace())
    with pytest.raises(NoSuchThing):
        node.take(request_id, Step.APPROVE, by="adam")


def test_the_committee_of_another_dataset_sees_no_request(node: AccessNode) -> None:
    request_id = node.submitted(node.workspace())
    with pytest.raises(NoSuchThing):
        node.take(request_id, Step.APPROVE, by="emil")
    assert node.desk.for_committee(at("emil")) == ()


def test_who_approved_does_not_confirm_that_workspaces_key(node: AccessNode) -> None:
    workspace = node.workspace(confirmed_by=None)
    node.take(node.submitted(workspace), Step.APPROVE, by="dora")
    with pytest.raises(SeparationOfDuties):
        node.recipients.confirm(workspace, admin=at("dora"), now=NOW)
    assert node.recipients.approved(workspace, now=NOW) is None
    node.recipients.confirm(workspace, admin=at("adam"), now=NOW)


def test_who_confirmed_the_key_does_not_approve_a_request_for_it(node: AccessNode) -> None:
    workspace = node.workspace(confirmed_by="dora")
    request_id = node.submitted(workspace)
    with pytest.raises(SeparationOfDuties):
        node.take(request_id, Step.APPROVE, by="dora")
    assert active_grant(node.store, at("grace"), "ds1", now=NOW) is None


def test_revoking_an_approval_does_not_wash_it_off(node: AccessNode) -> None:
    workspace = node.workspace(confirmed_by=None)
    request_id = node.submitted(workspace)
    node.take(request_id, Step.APPROVE, by="dora")
    node.take(request_id, Step.REVOKE, by="dora")
    with pytest.raises(SeparationOfDuties):
        node.recipients.confirm(workspace, admin=at("dora"), now=NOW)


def test_who_registered_a_key_neither_confirms_it_nor_approves_for_it(node: AccessNode) -> None:
    workspace = node.workspace("dora", confirmed_by=None)
    with pytest.raises(SeparationOfDuties):
        node.recipients.confirm(workspace, admin=at("dora"), now=NOW)
    with pytest.raises(SeparationOfDuties):
        node.take(node.submitted(workspace, requester="dora"), Step.APPROVE, by="dora")


def test_an_approval_is_given_once(node: AccessNode) -> None:
    request_id = node.submitted(node.workspace())
    node.take(request_id, Step.APPROVE, by="dora")
    with pytest.raises(StepNotPossible):
        node.take(request_id, Step.APPROVE, by="dora")


def test_approving_and_confirming_at_the_same_moment_does_not_slip_through(
    node: AccessNode,
) -> None:
    def refused(act: Callable[[], object]) -> bool:
        try:
            act()
        except SeparationOfDuties:
            return True
        return False

    for _ in range(10):
        workspace = node.workspace(confirmed_by=None)
        request_id = node.submitted(workspace)
        acts: tuple[Callable[[], object], ...] = (
            partial(node.take, request_id, Step.APPROVE, by="dora"),
            partial(node.recipients.confirm, workspace, admin=at("dora"), now=NOW),
        )
        with ThreadPoolExecutor(2) as both:
            assert sorted(both.map(refused, acts)) == [False, True]
