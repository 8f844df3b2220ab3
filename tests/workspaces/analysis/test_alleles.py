"""A variant of the panel is a site's own column, or it is left out and the reason told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspaces.analysis.alleles import Allele, Panel, agreed

bases = st.text("ACGT", min_size=1, max_size=6)


def spelled(allele: Allele, sequence: str) -> str:
    first = allele.position - 1
    assert sequence[first : first + len(allele.ref)] == allele.ref
    return sequence[:first] + allele.alt + sequence[first + len(allele.ref) :]


@given(bases, bases, bases, bases)
def test_trimming_an_allele_changes_nothing_of_the_sequence_it_makes(
    before: str, ref: str, alt: str, after: str
) -> None:
    if ref == alt:
        return
    allele = Allele.of("1", 1, before + ref + after, before + alt + after)
    assert spelled(allele, before + ref + after) == before + alt + after
    assert len(allele.ref) == 1 or len(allele.alt) == 1 or allele.ref[-1] != allele.alt[-1]


def test_an_allele_is_the_same_by_every_spelling() -> None:
    assert Allele.of("1", 100, "CAGT", "CGGT") == Allele.of("1", 101, "A", "G")
    assert Allele.read("chr1-5-a-g") == Allele("chr1", 5, "A", "G")


@pytest.mark.parametrize(
    "name", ["", "1", "1-x-A-G", "1-0-A-G", "1-5-A-A", "1-5-A-<DEL>", "1-5-A-*", "1--5-A-G",
             "1-5-A-" + "G" * 201, " 1-5-A-G", "1-5-A-G-", "1-²-A-G"],
)  # fmt: skip
def test_what_is_no_allele_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"allele|reference name"):
        Allele.read(name)


PANEL = Panel(tuple(map(Allele.read, ["1-10-A-G", "1-20-C-T", "1-30-G-T", "2-10-A-G"])), {})


def test_columns_are_found_whatever_the_order_of_the_site() -> None:
    held = [Allele.read(name) for name in ("2-10-A-G", "1-99-A-G", "1-10-A-G", "1-20-C-T")]
    harmony = PANEL.harmonise(held, {})
    assert harmony.columns.tolist() == [2, 3, -1, 0]
    assert harmony.refusals() == {"absent": 1, "flipped": 0, "other_strand": 0, "repeated": 0}


def test_exchanged_bases_and_the_other_strand_are_reported_and_never_used() -> None:
    held = [Allele.read(name) for name in ("1-10-G-A", "1-20-G-A", "1-30-G-T", "1-30-G-T")]
    harmony = PANEL.harmonise(held, {})
    assert harmony.columns.tolist() == [-1, -1, -1, -1]
    assert harmony.flipped == (PANEL.alleles[0],)
    assert harmony.other_strand == (PANEL.alleles[1],)
    assert harmony.repeated == (PANEL.alleles[2],)
    assert harmony.refusals() == {"absent": 1, "flipped": 1, "other_strand": 1, "repeated": 1}


def test_a_contig_is_known_by_its_digest_and_not_by_its_name() -> None:
    panel = Panel((Allele.read("1-10-A-G"),), {"1": "SQ.one"})
    held = [Allele.read("chr1-10-A-G")]
    assert panel.harmonise(held, {"chr1": "SQ.one"}).found == 1
    assert panel.harmonise(held, {"chr1": "SQ.other"}).found == 0
    assert panel.harmonise(held, {}).found == 0
    assert panel.harmonise([Allele.read("1-10-A-G")], {"1": "SQ.older-assembly"}).found == 0


def test_sites_see_by_one_digest_that_they_speak_of_the_same_panel() -> None:
    other_name = Panel((Allele.read("chr1-10-A-G"),), {"chr1": "SQ.one"})
    assert Panel((Allele.read("1-10-A-G"),), {"1": "SQ.one"}).digest() == other_name.digest()
    turned = Panel(PANEL.alleles[::-1], {})
    assert turned.digest() != PANEL.digest()


def test_a_panel_is_neither_empty_nor_repeats_itself() -> None:
    with pytest.raises(ValueError, match="from 1"):
        Panel((), {})
    with pytest.raises(ValueError, match="twice"):
        Panel((Allele.read("1-10-A-G"), Allele.read("chr1-10-A-G")), {"1": "SQ.x", "chr1": "SQ.x"})


def test_only_what_enough_sites_offer_is_agreed() -> None:
    one, two, three = (f"1-{place}-A-G" for place in (9, 20, 30))
    offers = [[two, one, one], [one], [three, one]]
    assert agreed(offers, least_sites=2) == (Allele.read(one),)
    assert agreed(offers, least_sites=1) == tuple(map(Allele.read, (one, two, three)))
    assert agreed([], least_sites=1) == ()


@pytest.mark.parametrize("name", ["1-9-a-g", "1-9-CA-CG", "1-09-A-G", "1-9-A", "hello", ""])
def test_a_name_that_is_not_the_one_of_an_allele_is_not_agreed(name: str) -> None:
    with pytest.raises(ValueError, match=r"allele|reference name"):
        agreed([["1-9-A-G", name], ["1-9-A-G"]], least_sites=1)
