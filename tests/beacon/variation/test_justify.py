"""The same change is the same however it is shifted (GA4GH VRS 1.3 normalisation)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beacon.catalog import Allele, Replacement
from beacon.variation import justify
from beacon.variation.alleles import trimmed
from beacon.variation.justify import Justified, duplicates, justified, same
from tests.support.bases import TextReference, result

REPEATS = st.lists(
    st.builds(
        lambda unit, times: unit * times, st.text("AC", min_size=1, max_size=3), st.integers(1, 5)
    ),
    min_size=1,
    max_size=5,
).map("".join)


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, Allele]:
    """A sequence full of repeats, and an insertion or deletion in it."""
    text = draw(REPEATS)
    start0 = draw(st.integers(0, len(text)))
    if draw(st.booleans()):
        return text, Allele("1", start0, "", draw(st.text("AC", min_size=1, max_size=6)))
    end0 = draw(st.integers(start0, len(text)))
    return text, Allele("1", start0, text[start0:end0], "")


def spellings(text: str, change: Allele) -> list[Allele]:
    """Every trimmed insertion or deletion with the same result, by trying all of them."""
    wanted, length = result(text, change), len(change.ref)
    if change.ref:
        tried = [
            Allele("1", at, text[at : at + length], "") for at in range(len(text) - length + 1)
        ]
    else:
        inserted = len(change.alt)
        tried = [Allele("1", at, "", wanted[at : at + inserted]) for at in range(len(text) + 1)]
    return [each for each in tried if result(text, each) == wanted]


@settings(max_examples=400)
@given(changes())
def test_a_change_is_found_in_every_shifted_spelling_and_in_no_other(
    made: tuple[str, Allele],
) -> None:
    """Two spellings are one change exactly where the sequences they result in are equal."""
    text, change = made
    if not change.ref and not change.alt:
        return
    stored = justified(change, TextReference(text))
    equal = spellings(text, change)
    reach = range(change.start0 - stored.left, change.start0 + stored.right + 1)
    assert [each.start0 for each in equal] == list(reach)
    assert all(same(each, stored) for each in equal)
    assert all(stored.moved(each.start0 - change.start0) == each for each in equal)
    unit = change.ref or change.alt
    others = [
        Allele("1", at, "", unit) if change.alt else Allele("1", at, unit, "")
        for at in range(len(text) + 1)
    ]
    assert [each for each in others if same(each, stored)] == [
        each for each in equal if each in others
    ]


@settings(max_examples=300)
@given(changes())
def test_every_spelling_has_the_same_expanded_form(made: tuple[str, Allele]) -> None:
    """VRS 1.3: the fully-justified allele is unique, and spells what the reference has."""
    text, change = made
    if not change.ref and not change.alt:
        return
    reference = TextReference(text)
    forms = {justified(each, reference).expanded() for each in spellings(text, change)}
    assert len(forms) == 1
    (form,) = forms
    assert result(text, form) == result(text, change)


@given(changes(), st.integers(0, 4), st.integers(0, 4))
def test_anchors_make_no_difference(made: tuple[str, Allele], before: int, after: int) -> None:
    text, change = made
    if not change.ref and not change.alt:
        return
    end0 = change.start0 + len(change.ref)
    left, right = text[max(change.start0 - before, 0) : change.start0], text[end0 : end0 + after]
    anchored = Allele(
        "1", change.start0 - len(left), left + change.ref + right, left + change.alt + right
    )
    stored = justified(change, TextReference(text))
    assert same(trimmed(anchored), stored)


@settings(max_examples=300)
@given(changes(), st.integers(0, 20), st.integers(1, 6))
def test_a_duplication_is_an_insertion_of_what_stands_there(
    made: tuple[str, Allele], start0: int, length: int
) -> None:
    text, change = made
    if not change.alt or start0 + length > len(text):
        return
    stored = justified(change, TextReference(text))
    copied = Allele("1", start0 + length, "", text[start0 : start0 + length])
    expected = len(change.alt) == length and result(text, copied) == result(text, change)
    assert duplicates(stored, start0, start0 + length) == expected


def test_without_a_reference_a_change_stays_where_it_is_written() -> None:
    stored = Justified(Allele("1", 5, "", "AC"))
    assert same(Allele("1", 5, "", "AC"), stored)
    assert not same(Allele("1", 6, "", "CA"), stored)
    assert not duplicates(stored, 3, 5)


def test_n_is_any_base_of_the_change() -> None:
    stored = justified(Allele("1", 2, "", "AC"), TextReference("GGACACTT"))
    assert (stored.left, stored.right) == (0, 4)
    assert same(Allele("1", 4, "", "NN"), stored)
    assert same(Allele("1", 3, "", "CN"), stored)
    assert not same(Allele("1", 3, "", "AN"), stored)
    assert not same(Allele("1", 7, "", "NN"), stored)


@pytest.mark.parametrize(("ref", "alt"), [("A", "G"), ("AC", "GT"), ("AC", "G"), ("A", "<DEL>")])
def test_only_insertions_and_deletions_move(ref: str, alt: str) -> None:
    stored = justified(Allele("1", 0, ref, alt), TextReference("ACACAC"))
    assert not stored.ambiguous
    assert stored.expanded() == stored.core


def test_a_change_is_followed_no_farther_than_the_cap() -> None:
    text = "A" * (justify.MAX_SHIFT + 50)
    stored = justified(Allele("1", 10, "", "A"), TextReference(text))
    assert (stored.left, stored.right) == (10, justify.MAX_SHIFT)
    assert not stored.followed


@pytest.mark.parametrize(
    ("start0", "ref", "agrees"),
    [
        (3, "A", True),
        (2, "AA", True),
        (4, "CC", True),
        (6, "", True),
        (3, "C", False),  # the run begins at 4, so there is no C before it
        (7, "C", False),  # nor behind it
        (5, "G", False),
        (3, "AG", False),
    ],
)
def test_a_stated_ref_that_the_reach_contradicts_is_of_another_change(
    start0: int, ref: str, *, agrees: bool
) -> None:
    """The reference has CCC in [4, 7); one more C is stored."""
    stored = Justified(Allele("1", 4, "", "C"), 0, 3)
    assert justify.agrees(Allele("1", start0, ref, f"{ref}C"), stored) is agrees


@settings(max_examples=300)
@given(changes(), st.integers(0, 12), st.integers(0, 6), st.text("AC", max_size=8))
def test_a_replacement_is_only_a_change_that_makes_the_same(
    found: tuple[str, Allele], start0: int, length: int, put: str
) -> None:
    text, change = found
    asked = Replacement("1", start0, "N" * length, put)
    if justify.replaces(asked, justified(change, TextReference(text))):
        assert text[:start0] + put + text[start0 + length :] == result(text, change)


@given(changes())
def test_a_replacement_of_all_the_reach_is_the_change(found: tuple[str, Allele]) -> None:
    text, change = found
    stored = justified(change, TextReference(text))
    spelled = stored.expanded()
    asked = Replacement("1", spelled.start0, "N" * len(spelled.ref), spelled.alt)
    assert justify.replaces(asked, stored)


def test_a_replacement_shares_no_base_that_nothing_is_known_of() -> None:
    asked = Replacement("1", 100, "NN", "AC")
    assert justify.replaces(asked, Justified(Allele("1", 100, "CA", "AC")))
    assert not justify.replaces(asked, Justified(Allele("1", 100, "C", "A")))  # CC>AC is of one
    assert not justify.replaces(asked, Justified(Allele("1", 100, "CA", "<DEL>")))


@pytest.mark.parametrize(
    ("stored", "turned"),
    [
        (Allele("1", 100, "AGG", "CCT"), True),
        (Allele("1", 99, "CAGG", "CCCT"), True),  # behind a base that stays
        (Allele("1", 99, "CAGGT", "CCCTT"), True),
        (Allele("1", 100, "AGG", "GGA"), False),
        (Allele("1", 99, "CAGG", "TCCT"), False),  # and another base beside it
        (Allele("1", 100, "AG", "CT"), False),
        (Allele("1", 101, "GG", "CC"), False),
        (Allele("1", 100, "AGT", "ACT"), True),
        (Allele("1", 100, "ATA", "ATA"), False),
        (Allele("1", 100, "AGG", "<INV>"), False),
    ],
)
def test_what_is_turned_around_is_seen_in_what_is_spelled(stored: Allele, *, turned: bool) -> None:
    assert justify.inverts(stored, 100, 103) is turned
