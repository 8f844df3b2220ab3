"""Grants of parts of a dataset: from the request to the grant, and what they never come to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from access.requests.lifecycle import Step
from access.requests.views import request_view
from schemas.grants import MAX_GRANTED, Extent, GrantedRegion
from tests.support.access_node import NOW, AccessNode, at
from tests.support.grants import active_grant

REGION = GrantedRegion(reference="chr1", start0=5, end0=9)
EXTENT = Extent(units=("ds1/a.bam",), regions=(REGION,))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


def approved(node: AccessNode, extent: Extent | None) -> str:
    request = node.submitted(node.workspace(), extent=extent)
    node.take(request, Step.APPROVE, by="dora")
    return request


def test_what_is_asked_for_is_what_the_committee_sees_and_the_grant_says(node: AccessNode) -> None:
    request = approved(node, EXTENT)
    view = request_view(node.desk.see(request, viewer=at("dora")))
    assert view.extent == EXTENT
    own = request_view(node.desk.see(request, viewer=at("grace")))
    assert own.grant is not None
    assert own.grant.extent == EXTENT
    grant = active_grant(node.store, at("grace"), "ds1", now=NOW)
    assert grant is not None
    assert grant.regions_of("ds1/a.bam") is None
    assert grant.regions_of("ds1/b.bam") == (REGION,)


def test_a_grant_without_an_extent_is_of_the_whole(node: AccessNode) -> None:
    approved(node, None)
    grant = active_grant(node.store, at("grace"), "ds1", unit="ds1/any", now=NOW)
    assert grant is not None
    assert grant.regions_of("ds1/any") is None


def test_units_alone_give_no_other_unit(node: AccessNode) -> None:
    approved(node, Extent(units=("ds1/a.bam",)))
    assert active_grant(node.store, at("grace"), "ds1", unit="ds1/a.bam", now=NOW) is not None
    for other in ("ds1/a.bam.bai", "ds1/b.bam", "ds1/a", ""):
        assert active_grant(node.store, at("grace"), "ds1", unit=other, now=NOW) is None


def test_an_extent_that_names_nothing_or_too_much_is_no_extent() -> None:
    with pytest.raises(ValidationError):
        Extent()
    with pytest.raises(ValidationError):
        Extent(units=tuple(f"ds1/{n}" for n in range(MAX_GRANTED + 1)))


@pytest.mark.parametrize(
    ("reference", "start0", "end0"),
    [("chr1", 5, 5), ("chr1", 6, 5), ("chr1", -1, 5), ("chr1", 0, 2**33), ("", 0, 5),
     ("chr 1", 0, 5), ("x" * 201, 0, 5), ("chr1\n", 0, 5)],
)  # fmt: skip
def test_a_region_that_cannot_be_is_refused(reference: str, start0: int, end0: int) -> None:
    with pytest.raises(ValidationError):
        GrantedRegion(reference=reference, start0=start0, end0=end0)
