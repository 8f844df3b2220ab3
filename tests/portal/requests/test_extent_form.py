"""What of a dataset is asked for, as people write it: read, shown again, said in words, refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.requests.extent_form import LAST_POSITION, asked_extent, filled, in_words
from portal.requests.purpose_form import filled as filled_request
from portal.requests.purpose_form import new_request
from schemas.errors import InvalidInput
from schemas.grants import MAX_GRANTED, Extent, GrantedRegion
from tests.portal.requests.test_purpose_form import FORM

DIGEST = "SQ.IIB53T8CNeJJdUqzn9V_JnRtQadwWCbl"
NAMES = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z*:.|_-]{0,40}", fullmatch=True).filter(
    lambda name: not name.startswith(("SQ.", "ga4gh:"))
)
REGIONS = st.builds(
    lambda name, a, b: GrantedRegion(reference=name, start0=min(a, b), end0=max(a, b) + 1),
    NAMES,
    st.integers(0, LAST_POSITION - 1),
    st.integers(0, LAST_POSITION - 1),
)
UNITS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,60}", fullmatch=True)


def region(reference: str, start0: int, end0: int) -> GrantedRegion:
    return GrantedRegion(reference=reference, start0=start0, end0=end0)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("chr17:43044295-43125364", region("chr17", 43_044_294, 43_125_364)),
        ("chr17:43,044,295-43,125,364", region("chr17", 43_044_294, 43_125_364)),
        ("X:1-1", region("X", 0, 1)),
        (f"{DIGEST}:10-20", region(DIGEST, 9, 20)),
        (f"ga4gh:{DIGEST}:10-20", region(f"ga4gh:{DIGEST}", 9, 20)),
        ("6aef897c3d6ff0c78aff06ac189178dd:1-9", region("6aef897c3d6ff0c78aff06ac189178dd", 0, 9)),
        ("HLA*01:01:5-9", region("HLA*01:01", 4, 9)),
        (f"chr1:1-{LAST_POSITION}", region("chr1", 0, LAST_POSITION)),
    ],
)
def test_regions_are_one_based_and_hold_both_their_ends(written: str, read: GrantedRegion) -> None:
    assert asked_extent({"regions": [written]}) == Extent(regions=(read,))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("chr17", "NAME:FIRST-LAST"),
        ("chr17:5", "NAME:FIRST-LAST"),
        ("chr17:5-", "NAME:FIRST-LAST"),
        (":5-9", "NAME:FIRST-LAST"),
        ("chr1:1-5,chr2:1-5", "NAME:FIRST-LAST"),
        ("chr1:1,00-2,00", "NAME:FIRST-LAST"),
        ("chr1:-5-9", "NAME:FIRST-LAST"),
        ("chr1:5..9", "NAME:FIRST-LAST"),
        ("chr1:٥-٩", "NAME:FIRST-LAST"),
        ("chr1:0-9", "count from 1"),
        ("chr1:9-5", "not after"),
        (f"chr1:1-{LAST_POSITION + 1}", "count from 1"),
        ("chr1:1-" + "9" * 5000, "NAME:FIRST-LAST"),
        ("c" * 5000 + ":1-9", "NAME:FIRST-LAST"),
        ("SQ.short:1-9", "32 characters"),
        (f"{DIGEST}x:1-9", "32 characters"),
        ("ga4gh:chr1:1-9", "32 characters"),
        ("chr1:1-9 and", "NAME:FIRST-LAST"),
        ("chr\x001:1-9", "NAME:FIRST-LAST"),
    ],
)
def test_a_region_that_cannot_be_read_is_refused_and_named(written: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as refused:
        asked_extent({"regions": ["chr2:1-2\n" + written]})
    assert len(refused.value.public) < 250


@pytest.mark.parametrize("written", ["../etc", "a b$", "-x", "ä", "x" * 201, "a\x00b"])
def test_a_file_name_that_none_can_have_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput, match="among the files"):
        asked_extent({"units": [written]})


def test_nothing_named_is_all_of_it() -> None:
    assert asked_extent({}) is None
    assert asked_extent({"units": [" \r\n"], "regions": [""]}) is None
    assert asked_extent({"units": [], "regions": []}) is None
    assert list(in_words(None)) == ["all of it"]


def test_what_is_named_twice_counts_once_and_too_much_is_refused() -> None:
    many = "\n".join(f"ds1/{number}" for number in range(MAX_GRANTED))
    assert asked_extent({"units": [f"{many}\nds1/0"]}) is not None
    with pytest.raises(InvalidInput, match=str(MAX_GRANTED)):
        asked_extent({"units": [many], "regions": ["chr1:1-2"]})
    assert asked_extent({"regions": ["chr1:1,000-2,000 chr1:1000-2000"]}) == Extent(
        regions=(region("chr1", 999, 2000),)
    )


def test_a_committee_reads_it_in_words() -> None:
    extent = Extent(units=("ds1/trio.bam",), regions=(region("chr17", 43_044_294, 43_125_364),))
    where = "from 43,044,295 to 43,125,364 of chr17"
    assert list(in_words(extent)) == [
        "the whole of ds1/trio.bam",
        f"the records that overlap positions {where} (both included), in every file",
    ]


@given(
    st.lists(UNITS, max_size=5, unique=True),
    st.lists(REGIONS, min_size=1, max_size=5, unique=True),
)
def test_a_form_filled_from_an_extent_says_the_same_again(
    units: list[str], regions: list[GrantedRegion]
) -> None:
    extent = Extent(units=tuple(units), regions=tuple(regions))
    again = {name: [text] for name, text in filled(extent).items()}
    assert asked_extent(again) == extent
    asked = new_request(FORM | again)
    assert asked.extent == extent
    assert filled(extent).items() <= filled_request(asked).items()


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_an_extent_or_refused_in_words_and_never_less_than_was_written(
    units: str, regions: str
) -> None:
    try:
        extent = asked_extent({"units": [units], "regions": [regions]})
    except InvalidInput:
        return
    written = set(units.split()) | set(regions.split())
    assert (extent is None) == (not written)
    if extent is not None:
        assert 0 < len(extent.units) + len(extent.regions) <= len(written)
