from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.protein import one_letter


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("V600E", "V600E"),
        ("v600e", "V600E"),
        ("p.V600E", "V600E"),
        ("p.Val600Glu", "V600E"),
        ("Val600Glu", "V600E"),
        ("p.(Val600Glu)", "V600E"),
        ("p.Trp24Ter", "W24*"),
        ("p.Trp24*", "W24*"),
        ("W24X", "W24*"),
        ("p.Phe508del", "F508del"),
        ("p.Glu746_Ala750del", "E746_A750del"),
        ("p.Arg97ProfsTer23", "R97Pfs*23"),
        ("p.Arg97fs", "R97fs"),
        ("R97PfsX23", "R97Pfs*23"),
        ("p.Cys28=", "C28="),
        ("p.Cys28%3D", "C28="),
        ("p.Lys2_Gly3insGlnSerLys", "K2_G3insQSK"),
        ("p.Cys28delinsTrpVal", "C28delinsWV"),
        ("p.Ter110GlnextTer17", "*110Qext*17"),
    ],
)
def test_a_change_has_one_form_however_it_is_written(text: str, expected: str) -> None:
    """HGVS `p.` names and Beacon v2.2 `aminoacidChange`."""
    assert one_letter(text) == expected


@pytest.mark.parametrize(
    "text", ["", "p.", "V600", "600E", "B600E", "Xyz600Glu", "V600EE", "BRAF", "V600E!", "p.?"]
)
def test_what_is_no_change_is_none(text: str) -> None:
    assert one_letter(text) is None


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader_and_its_form_is_stable(text: str) -> None:
    change = one_letter(text)
    assert change is None or one_letter(change) == change
