"""htsget 1.3.0: what may be asked, which error it gets, and what a body address binds."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Forbidden, InvalidInput, NotFound, SkerryError, Unauthenticated
from schemas.htsget import ColumnsAsked
from streams.errors import (
    AddressRefused,
    AgentUnavailable,
    InvalidRange,
    RangeUnsatisfiable,
    TooLong,
    UnsupportedFormat,
)
from streams.htsget.questions import MAX_REGIONS, Query, read_parameters, read_posted
from streams.htsget.ranges import read_range_header
from streams.htsget.tickets import (
    PART_BYTES,
    Address,
    Part,
    check_address,
    check_format,
    error_body,
    parts,
    sign,
)
from streams.slices.chart import Region
from streams.slices.columns import FIELDS
from streams.sources import Kind

KEY = b"k" * 32
ADDRESS = Address("session", "object", "p-caller", Part(0, 10), 2000)


def test_formats_are_compared_without_case() -> None:
    assert read_parameters(Kind.READS, [("format", "bam")]) == Query("BAM")
    assert read_parameters(Kind.VARIANTS, [("encryptionScheme", "C4GH")]) == Query(sealed=True)
    assert read_parameters(Kind.VARIANTS, [("encryptionScheme", "none")]) == Query(sealed=False)
    assert read_posted(Kind.READS, b"") == Query()
    check_format(None, "CRAM")


def test_regions_are_zero_based_half_open_and_an_end_left_out_is_the_references_own() -> None:
    asked = [("referenceName", "11"), ("start", "5"), ("end", "5")]
    assert read_parameters(Kind.READS, asked).regions == (Region("11", 5, 5),)
    assert read_parameters(Kind.READS, [("referenceName", "*")]).regions == (Region("*"),)
    body = b'{"regions": [{"referenceName": "2", "end": 9}, {"referenceName": "*"}]}'
    assert read_posted(Kind.READS, body).regions == (Region("2", None, 9), Region("*"))


def test_a_header_may_be_asked_for_in_a_format() -> None:
    asked = [("class", "header"), ("format", "CRAM"), ("encryptionScheme", "c4gh")]
    assert read_parameters(Kind.READS, asked) == Query("CRAM", header_only=True, sealed=True)
    assert read_posted(Kind.READS, b'{"class": "header"}') == Query(header_only=True)


def test_columns_of_reads_are_read() -> None:
    asked = [("fields", "QNAME,SEQ"), ("tags", ""), ("notags", "MD")]
    columns = ColumnsAsked(fields=("QNAME", "SEQ"), tags=(), notags=("MD",))
    assert read_parameters(Kind.READS, asked) == Query(columns=columns)
    body = b'{"fields": ["POS"], "tags": ["NM"], "notags": []}'
    columns = ColumnsAsked(fields=("POS",), tags=("NM",))
    assert read_posted(Kind.READS, body) == Query(columns=columns)


def test_nothing_left_out_is_the_whole() -> None:
    asked = [("fields", ",".join(sorted(FIELDS))), ("notags", "")]
    assert read_parameters(Kind.READS, asked).is_whole
    assert read_parameters(Kind.VARIANTS, [("fields", "POS"), ("tags", "NM")]).is_whole


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ([("format", "VCF")], UnsupportedFormat),
        ([("format", "BAM"), ("format", "CRAM")], InvalidInput),
        ([("class", "body")], InvalidInput),
        ([("colour", "red")], InvalidInput),
        ([("start", "1")], InvalidInput),
        ([("referenceName", "*"), ("start", "1")], InvalidInput),
        ([("referenceName", "1"), ("start", "-1")], InvalidInput),
        ([("referenceName", "1"), ("start", "4294967296")], InvalidInput),
        ([("referenceName", "1"), ("start", "٣")], InvalidInput),
        ([("referenceName", "1"), ("start", "9"), ("end", "3")], InvalidRange),
        ([("referenceName", "1"), ("start", "")], InvalidInput),
        ([("class", "header"), ("referenceName", "1")], InvalidInput),
        ([("class", "header"), ("fields", "POS")], InvalidInput),
        ([("fields", "POS,COLOUR")], InvalidInput),
        ([("tags", "NM,MD"), ("notags", "MD")], InvalidInput),
        ([("tags", "N\u00b2")], InvalidInput),
        ([("notags", "NM,")], InvalidInput),
        ([("encryptionScheme", "rot13")], InvalidInput),
    ],
)
def test_a_get_that_is_wrong_gets_its_own_error(
    parameters: list[tuple[str, str]], error: type[SkerryError]
) -> None:
    with pytest.raises(error):
        read_parameters(Kind.READS, parameters)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"[]", InvalidInput),
        (b"{", InvalidInput),
        (b'{"regions": []}', InvalidInput),
        (b'{"regions": [{"start": 1}]}', InvalidInput),
        (b'{"regions": [{"referenceName": "1", "start": 5, "end": 5}]}', InvalidRange),
        (b'{"regions": [{"referenceName": "1", "start": -5}]}', InvalidInput),
        (b'{"regions": [{"referenceName": "1", "start": 4294967296}]}', InvalidInput),
        (b'{"regions": [{"referenceName": "1", "start": "5"}]}', InvalidInput),
        (b'{"regions": [{"referenceName": "*", "end": 5}]}', InvalidInput),
        (b'{"class": "header", "regions": [{"referenceName": "1"}]}', InvalidInput),
        (b'{"class": "header", "tags": []}', InvalidInput),
        (b'{"class": "body"}', InvalidInput),
        (b'{"tags": ["MD"], "notags": ["MD"]}', InvalidInput),
        (b'{"fields": ["COLOUR"]}', InvalidInput),
        (b'{"format": "BCF"}', UnsupportedFormat),
    ],
)
def test_a_post_that_is_wrong_gets_its_own_error(body: bytes, error: type[SkerryError]) -> None:
    with pytest.raises(error):
        read_posted(Kind.READS, body)


def test_more_regions_than_the_cap_are_too_long() -> None:
    one = b'{"referenceName": "1"}'
    body = b'{"regions": [' + b",".join([one] * MAX_REGIONS) + b"]}"
    regions = read_posted(Kind.READS, body).regions
    assert regions is not None
    assert len(regions) == MAX_REGIONS
    with pytest.raises(TooLong):
        read_posted(Kind.READS, body.replace(b"]", b"," + one + b"]"))


@given(st.binary(max_size=200) | st.text(max_size=80).map(lambda t: f'{{"regions": {t}}}'.encode()))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(InvalidInput, TooLong):
        read_posted(Kind.READS, body)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (Unauthenticated("x"), "InvalidAuthentication"),
        (Forbidden("x"), "PermissionDenied"),
        (NotFound("x"), "NotFound"),
        (TooLong("x"), "PayloadTooLarge"),
        (UnsupportedFormat("x"), "UnsupportedFormat"),
        (InvalidRange("x"), "InvalidRange"),
        (InvalidInput("x"), "InvalidInput"),
        (AgentUnavailable("x"), "Unavailable"),
        (SkerryError("x"), "InternalError"),
    ],
)
def test_each_family_has_the_name_of_the_standard(error: SkerryError, name: str) -> None:
    assert error_body(error) == {"htsget": {"error": name, "message": "x"}}


@given(st.integers(min_value=0, max_value=10 * PART_BYTES))
def test_parts_cover_a_body_once_and_in_order(size: int) -> None:
    """A body address covers at most 64 MiB."""
    reached = 0
    for part in parts(size):
        assert part.start0 == reached
        assert 0 < part.end0 - part.start0 <= PART_BYTES
        reached = part.end0
    assert reached == size


def test_an_address_holds_until_it_expires() -> None:
    check_address(ADDRESS, sign(ADDRESS, KEY), KEY, now=1999)
    with pytest.raises(AddressRefused, match="expired"):
        check_address(ADDRESS, sign(ADDRESS, KEY), KEY, now=2000)


@pytest.mark.parametrize(
    "changed",
    [
        replace(ADDRESS, session="other"),
        replace(ADDRESS, object_id="other"),
        replace(ADDRESS, caller="p-other"),
        replace(ADDRESS, part=Part(0, 11)),
        replace(ADDRESS, part=Part(1, 10)),
        replace(ADDRESS, expires=9999),
    ],
)
def test_a_signature_holds_for_no_other_address(changed: Address) -> None:
    with pytest.raises(AddressRefused):
        check_address(changed, sign(ADDRESS, KEY), KEY, now=1000)


@pytest.mark.parametrize("signature", ["", "00" * 32, "ä", sign(ADDRESS, b"o" * 32)])
def test_no_other_signature_holds(signature: str) -> None:
    with pytest.raises(AddressRefused):
        check_address(ADDRESS, signature, KEY, now=1000)


@given(st.text(max_size=40) | st.from_regex(r"bytes=\d{0,4}-\d{0,4}", fullmatch=True))
def test_a_range_header_gives_bytes_inside_or_nothing(raw: str) -> None:
    """RFC 9110, 14.2: a server may ignore a Range it does not understand."""
    try:
        part = read_range_header(raw, 100)
    except RangeUnsatisfiable:
        return
    assert part is None or 0 <= part.start0 < part.end0 <= 100


@pytest.mark.parametrize("raw", [None, "bytes=-", "bytes=5-2", "items=0-1", "bytes=0-1,4-5"])
def test_a_range_that_says_nothing_is_passed_over(raw: str | None) -> None:
    assert read_range_header(raw, 100) is None


@pytest.mark.parametrize("raw", ["bytes=100-", "bytes=-0", "bytes=100-200"])
def test_a_range_outside_is_unsatisfiable(raw: str) -> None:
    with pytest.raises(RangeUnsatisfiable):
        read_range_header(raw, 100)
