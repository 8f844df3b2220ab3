"""A right that ended must not work: not by visa, not by store, not by an old copy of a decision."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from access.errors import StepNotPossible
from access.grants import mint
from access.requests.lifecycle import SECONDS_PER_MONTH, Step
from schemas.grants import StepBody
from tests.support.access_node import NOW, URL, AccessNode, at
from tests.support.grants import active_grant


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


def visas(node: AccessNode, name: str = "grace") -> int:
    now = node.clock()
    grants = node.store.active_grants(at(name), now=now)
    minted = mint(grants, subject=name, book=node.book, public_url=URL, key=node.visa_key, now=now)
    return len(minted)


def approved(node: AccessNode) -> str:
    request_id = node.submitted(node.workspace())
    node.take(request_id, Step.APPROVE, by="dora", body=StepBody(months=1))
    assert visas(node) == 1
    return request_id


def test_revocation_works_at_once_on_every_connection(node: AccessNode) -> None:
    request_id = approved(node)
    node.take(request_id, Step.REVOKE, by="dora")
    assert visas(node) == 0
    assert active_grant(node.store, at("grace"), "ds1", now=NOW) is None


def test_closing_ends_the_grant_too(node: AccessNode) -> None:
    node.take(approved(node), Step.CLOSE, by="grace")
    assert visas(node) == 0


def test_a_revoked_request_cannot_be_revived(node: AccessNode) -> None:
    request_id = approved(node)
    node.take(request_id, Step.REVOKE, by="dora")
    for step, person in ((Step.APPROVE, "dora"), (Step.SUBMIT, "grace")):
        with pytest.raises(StepNotPossible):
            node.take(request_id, step, by=person)
    assert visas(node) == 0


def test_an_expired_grant_has_no_visa_although_nobody_revoked_it(node: AccessNode) -> None:
    approved(node)
    node.clock.now = NOW + SECONDS_PER_MONTH
    assert visas(node) == 0
    assert active_grant(node.store, at("grace"), "ds1", now=node.clock()) is None


def test_the_same_subject_of_another_issuer_holds_nothing(node: AccessNode) -> None:
    approved(node)
    assert node.store.active_grants("grace@https://other.example", now=NOW) == ()


def test_a_revoked_workspace_is_no_recipient_although_the_grant_lives(node: AccessNode) -> None:
    approved(node)
    grant = active_grant(node.store, at("grace"), "ds1", now=NOW)
    assert grant is not None
    node.recipients.revoke(grant.workspace, by=at("adam"), is_admin=True)
    assert node.recipients.approved(grant.workspace, now=NOW) is None
