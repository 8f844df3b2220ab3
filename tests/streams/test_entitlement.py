"""What the policy says of where a release may go is held to before anything is released."""

from __future__ import annotations

from dataclasses import replace

import pytest

from access.policy import PolicyBook
from streams.errors import ReleaseRefused
from tests.support.release_node import ReleaseNode


def named_by_policy(node: ReleaseNode, *workspaces: str) -> None:
    ds1 = node.access.book.policy("ds1")
    assert ds1 is not None
    held = replace(ds1, workspaces=frozenset(workspaces))
    node.access.book = PolicyBook([held], version="2")


def test_a_workspace_that_the_policy_names_may_receive(node: ReleaseNode) -> None:
    workspace = node.entitled().grant.workspace
    named_by_policy(node, "ws-other", workspace)
    assert node.entitled().grant.workspace == workspace


def test_a_workspace_that_the_policy_does_not_name_receives_nothing(node: ReleaseNode) -> None:
    named_by_policy(node, "ws-other")
    with pytest.raises(ReleaseRefused) as refused:
        node.entitled()
    assert refused.value.reasons == ("workspace_not_named",)
