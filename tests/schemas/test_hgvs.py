from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import hgvs
from schemas.hgvs import Edit, GenomicName, UnreadableName

BASES = st.text("ACGT", min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("101A>G", (100, 101, Edit.SUBSTITUTION, "A", "G")),
        ("101a>g", (100, 101, Edit.SUBSTITUTION, "A", "G")),
        ("101del", (100, 101, Edit.DELETION, None, "")),
        ("101delA", (100, 101, Edit.DELETION, "A", "")),
        ("101_103del", (100, 103, Edit.DELETION, None, "")),
        ("101_103del3", (100, 103, Edit.DELETION, None, "")),
        ("101_103dup", (100, 103, Edit.DUPLICATION, None, None)),
        ("101_102dupAC", (100, 102, Edit.DUPLICATION, "AC", "ACAC")),
        ("101_102insACG", (101, 101, Edit.INSERTION, "", "ACG")),
        ("101_103delinsAC", (100, 103, Edit.DELINS, None, "AC")),
        ("101_103delTTTinsAC", (100, 103, Edit.DELINS, "TTT", "AC")),
        ("101_102AC>GT", (100, 102, Edit.DELINS, "AC", "GT")),
        ("101_103inv", (100, 103, Edit.INVERSION, None, None)),
        ("101_103invAAC", (100, 103, Edit.INVERSION, "AAC", "GTT")),
    ],
)
def test_each_edit_says_what_stood_there_and_what_stands_there_after(
    body: str, expected: tuple[int, int, Edit, str | None, str | None]
) -> None:
    """HGVS: positions count from 1 and both ends are included."""
    assert hgvs.read(f"NC_000017.11:g.{body}") == GenomicName("NC_000017.11", *expected)


@pytest.mark.parametrize("sequence", ["NC_012920.1", "chrM", "ga4gh:SQ.abc", "17"])
def test_the_sequence_is_kept_as_written(sequence: str) -> None:
    name = hgvs.read(f"{sequence}:m.73A>G")
    assert name is not None
    assert name.sequence == sequence


@pytest.mark.parametrize("text", ["", "rs334", "NM_1.1:c.5A>G", "17:43045711", ":g.1A>G", "g.1A>G"])
def test_other_texts_are_no_genomic_names(text: str) -> None:
    assert hgvs.read(text) is None


@pytest.mark.parametrize(
    "body",
    [
        "0A>G",
        "9999999999A>G",
        "103_101del",
        "101_103insA",
        "101_102ins",
        "101_102ins12",
        "101insA",
        "101_103delAC",
        "101_103del4",
        "101_102A>G",
        "(100_101)_(200_201)del",
        "?_101del",
        "101=",
        "[101A>G;103T>C]",
        "101A>",
        "101R>G",
        "101con",
        "101_102ins[AC;G]",
    ],
)
def test_a_name_that_breaks_its_rules_or_is_uncertain_is_refused(body: str) -> None:
    with pytest.raises(UnreadableName):
        hgvs.read(f"17:g.{body}")


@pytest.mark.parametrize(
    ("start0", "ref", "alt", "before", "expected"),
    [
        (100, "A", "G", "", "101A>G"),
        (100, "A", "", "", "101del"),
        (100, "ACG", "", "", "101_103del"),
        (100, "", "AC", "TTTG", "100_101insAC"),
        (100, "", "AC", "TTAC", "99_100dup"),
        (100, "", "A", "TTAA", "100dup"),
        (100, "ACG", "TT", "", "101_103delinsTT"),
        (100, "AAC", "GTT", "", "101_103inv"),
    ],
)
def test_a_change_has_one_name(start0: int, ref: str, alt: str, before: str, expected: str) -> None:
    name = hgvs.write("NC_000001.11", start0, ref, alt=alt, before=before)
    assert name == f"NC_000001.11:g.{expected}"


def test_a_mitochondrial_name_is_of_kind_m() -> None:
    assert hgvs.write("NC_012920.1", 72, "A", alt="G") == "NC_012920.1:m.73A>G"


@given(start0=st.integers(1, 10**9), ref=BASES, alt=BASES)
def test_a_written_name_reads_back_as_the_same_change(start0: int, ref: str, alt: str) -> None:
    if ref == alt:
        return
    name = hgvs.read(hgvs.write("NC_000001.11", start0, ref, alt=alt))
    assert name is not None
    assert (name.start0, name.end0) == (start0, start0 + len(ref))
    assert name.inserted in (alt, None)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(body: str) -> None:
    for text in (body, f"17:g.{body}"):
        try:
            hgvs.read(text)
        except UnreadableName:
            continue
