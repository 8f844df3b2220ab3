"""Regions as samtools reads them: one-based with both ends, here zero-based half-open."""

from __future__ import annotations

import pytest

from workspaces.errors import RegionInvalid
from workspaces.regions import read_region


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chr1", ("chr1", None, None)),
        ("*", ("*", None, None)),
        ("chr1:1000", ("chr1", 999, None)),
        ("chr1:1000-", ("chr1", 999, None)),
        ("chr1:1000-2000", ("chr1", 999, 2000)),
        ("chr1:1,000-2,000", ("chr1", 999, 2000)),
        ("chr1:7-7", ("chr1", 6, 7)),
        ("HLA-A*01:01:01:01:1-100", ("HLA-A*01:01:01:01", 0, 100)),
        ("chr1:-5", ("chr1:-5", None, None)),  # a name: whether there is one, the node says
    ],
)
def test_a_region_means_what_it_means_to_samtools(text: str, expected: object) -> None:
    assert read_region(text) == expected


@pytest.mark.parametrize("text", ["", "c" * 201, "chr1:0-5", "chr1:9-8", "chr1:1-99999999999"])
def test_what_is_no_region_is_refused(text: str) -> None:
    with pytest.raises(RegionInvalid):
        read_region(text)
