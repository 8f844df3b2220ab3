"""Where a release may go, and what several grants of one person come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from access.policies.policy import PolicyBook
from access.requests.lifecycle import Step
from schemas.grants import Extent, GrantedRegion
from streams.errors import ReleaseRefused, SourceRefused
from streams.keys import SecretKey
from tests.support.release_node import ReleaseNode, bgzf


def named_by_policy(node: ReleaseNode, *workspaces: str) -> None:
    ds1 = node.access.book.policy("ds1")
    assert ds1 is not None
    held = replace(ds1, workspaces=frozenset(workspaces))
    node.access.book = PolicyBook([held], version="2")


def test_a_workspace_that_the_policy_names_may_receive(node: ReleaseNode) -> None:
    workspace = node.entitled().workspace.id
    named_by_policy(node, "ws-other", workspace)
    assert node.entitled().workspace.id == workspace


def test_a_workspace_that_the_policy_does_not_name_receives_nothing(node: ReleaseNode) -> None:
    named_by_policy(node, "ws-other")
    with pytest.raises(ReleaseRefused) as refused:
        node.entitled()
    assert refused.value.reasons == ("workspace_not_named",)


def granted_twice(
    node: ReleaseNode, first: Extent | None, second: Extent | None
) -> list[SecretKey]:
    """Two requests of grace for one object, each at a workspace of its own."""
    node.seal(bgzf(b"reads"))
    keys = [SecretKey.generate(), SecretKey.generate()]
    for key, extent in zip(keys, (first, second), strict=True):
        node.grant(key, extent=extent)
    return keys


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[ReleaseNode]:
    """A node on which nobody was granted anything."""
    made = ReleaseNode(tmp_path)
    yield made
    made.close()


LEFT = GrantedRegion(reference="chr1", start0=5, end0=9)
RIGHT = GrantedRegion(reference="chr2", start0=0, end0=7)


@pytest.mark.parametrize("which", [0, 1])
def test_of_two_workspaces_the_one_whose_key_was_sent_receives(
    bare: ReleaseNode, which: int
) -> None:
    keys = granted_twice(bare, None, None)
    found = bare.entitled(client_key=keys[which].public)
    assert found.workspace.public_key == keys[which].public
    assert [grant.workspace for grant in found.grants] == [found.workspace.id]


def test_a_key_of_neither_workspace_receives_nothing(bare: ReleaseNode) -> None:
    granted_twice(bare, None, None)
    with pytest.raises(ReleaseRefused) as refused:
        bare.entitled(client_key=SecretKey.generate().public)
    assert refused.value.reasons == ("foreign_key",)


def test_what_one_workspace_was_granted_is_not_given_to_another(bare: ReleaseNode) -> None:
    left, right = granted_twice(bare, Extent(regions=(LEFT,)), Extent(regions=(RIGHT,)))
    assert bare.entitled(client_key=left.public).regions == (LEFT,)
    assert bare.entitled(client_key=right.public).regions == (RIGHT,)
    whole = SecretKey.generate()
    bare.grant(whole)
    assert bare.entitled(client_key=left.public).regions == (LEFT,)
    assert bare.entitled(client_key=whole.public).regions is None
    assert bare.entitled().workspace.public_key == whole.public


def test_grants_of_one_workspace_add_up_and_end_together(bare: ReleaseNode) -> None:
    bare.seal(bgzf(b"reads"))
    bare.grant(SecretKey.generate(), extent=Extent(regions=(LEFT,)))
    workspace = bare.entitled().workspace.id
    more = bare.approve(workspace, extent=Extent(regions=(RIGHT, LEFT)))
    found, now = bare.entitled(), bare.clock()
    assert found.regions is not None
    assert set(found.regions) == {LEFT, RIGHT}
    assert bare.entitlements().still_holds(found, now)
    bare.access.take(more, Step.REVOKE, by="dora")
    assert not bare.entitlements().still_holds(found, now)
    assert bare.entitled().regions == (LEFT,)


def test_one_grant_of_the_whole_is_the_whole(bare: ReleaseNode) -> None:
    bare.seal(bgzf(b"reads"))
    bare.grant(SecretKey.generate(), extent=Extent(regions=(LEFT,)))
    bare.approve(bare.entitled().workspace.id, extent=Extent(units=("sample1",)))
    assert bare.entitled().regions is None


def test_after_a_withdrawal_nothing_sealed_before_is_released(node: ReleaseNode) -> None:
    held = node.entitlements()
    given = node.entitled()
    node.gone["ds1"] = 1
    with pytest.raises(ReleaseRefused, match="Somebody withdrew") as refused:
        node.entitled()
    assert refused.value.reasons == ("person_withdrew",)
    assert not held.still_holds(given, node.clock())


def test_what_is_known_to_hold_nobody_who_withdrew_is_released(node: ReleaseNode) -> None:
    node.gone["ds1"] = 2
    sealed = node.vault.get("sample1")
    assert sealed is not None
    for cleared, expected in ((1, False), (2, True)):
        sealed = node.vault.mark(sealed, cleared=cleared)
        try:
            found = node.entitled()
        except ReleaseRefused:
            assert not expected
        else:
            assert expected
            assert node.entitlements().still_holds(found, node.clock())


def test_a_withdrawal_from_another_dataset_closes_nothing(node: ReleaseNode) -> None:
    node.gone["hidden"] = 1
    assert node.entitled().sealed.object_id == "sample1"


def test_sealed_anew_an_object_is_free_of_nobody_until_it_was_looked_through(
    node: ReleaseNode,
) -> None:
    before = node.vault.get("sample1")
    assert before is not None
    node.vault.mark(before, cleared=1)
    assert node.seal(bgzf(b"other reads")).cleared == 0
    with pytest.raises(SourceRefused, match="sealed anew"):
        node.vault.mark(before, cleared=1)


def test_a_release_under_way_ends_though_its_object_was_sealed_anew_meanwhile(
    node: ReleaseNode,
) -> None:
    held, given, now = node.entitlements(), node.entitled(), node.clock()
    node.gone["ds1"] = 1
    anew = node.vault.mark(node.seal(bgzf(b"without the one who withdrew")), cleared=1)
    assert not held.still_holds(given, now)
    after = node.entitled()
    assert after.sealed == anew
    assert held.still_holds(after, now)
    assert not held.still_holds(given, now)


def test_a_release_under_way_outlasts_a_new_seal_where_nobody_withdrew(node: ReleaseNode) -> None:
    held, given = node.entitlements(), node.entitled()
    node.seal(bgzf(b"other reads"))
    assert held.still_holds(given, node.clock())


def test_one_object_that_may_go_on_does_not_let_another_of_its_grant(node: ReleaseNode) -> None:
    node.seal(bgzf(b"reads of nobody who withdrew"), "sample2")
    held, now = node.entitlements(), node.clock()
    given, other = node.entitled("sample1"), node.entitled("sample2")
    node.gone["ds1"] = 1
    node.vault.mark(other.sealed, cleared=1)
    assert held.still_holds(other, now)
    assert not held.known_to_hold(given, now)
    assert not held.still_holds(given, now)
