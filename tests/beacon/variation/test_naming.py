"""Names of stored changes, each certain or not given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.catalog import Allele
from beacon.variation import naming, shorthand
from beacon.variation.alleles import trimmed
from beacon.variation.justify import duplicates, justified, same
from schemas import hgvs
from tests.support.bases import TextReference

TEXT = "GGACACACTTTTGCAA"


def named(start0: int, ref: str, alt: str) -> naming.Names:
    allele = Allele("1", start0, ref, alt)
    change = justified(allele, TextReference(TEXT))
    found = naming.names(allele, (change.left, change.right), assembly="GRCh38")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("start0", "ref", "alt", "name", "spdi"),
    [
        (12, "G", "C", "g.13G>C", "12:G:C"),
        (1, "GAC", "G", "g.7_8del", "2:ACACAC:ACAC"),
        (1, "G", "GAC", "g.7_8dup", "2:ACACAC:ACACACAC"),
        (7, "C", "CT", "g.12dup", "8:TTTT:TTTTT"),
        (7, "CT", "C", "g.12del", "8:TTTT:TTT"),
        (12, "G", "GTT", "g.13_14insTT", "13::TT"),
        (12, "GC", "TT", "g.13_14delinsTT", "12:GC:TT"),
        (12, "GC", "GCGC", "g.13_14dup", "12:GC:GCGC"),
    ],
)
def test_names_follow_the_rules_of_their_kind(
    start0: int, ref: str, alt: str, name: str, spdi: str
) -> None:
    """HGVS: as far to the right as it goes. SPDI: all of the reach."""
    found = named(start0, ref, alt)
    assert found.hgvs == f"NC_000001.11:{name}"
    assert found.spdi == f"NC_000001.11:{spdi}"


@given(data=st.data())
def test_a_given_name_asks_for_the_change_it_names(data: st.DataObject) -> None:
    text = data.draw(st.text("ACGT", min_size=4, max_size=30))
    start0 = data.draw(st.integers(0, len(text) - 2))
    ref = text[start0 : start0 + data.draw(st.integers(1, 3))]
    alt = data.draw(st.text("ACGT", min_size=1, max_size=4))
    allele = Allele("1", start0, ref, alt)
    if ref == alt:
        return
    stored = justified(allele, TextReference(text))
    found = naming.names(allele, (stored.left, stored.right), assembly="GRCh38")
    assert found is not None
    spelled = shorthand.asked(found.spdi).question
    assert isinstance(spelled, Allele)
    assert same(trimmed(spelled), stored)
    if found.hgvs is None:
        assert not stored.core.ref
        assert stored.core.start0 + stored.right == 0
        return
    name = hgvs.read(found.hgvs)
    assert name is not None
    if name.edit is hgvs.Edit.DUPLICATION:
        assert duplicates(stored, name.start0, name.end0)
    elif name.inserted is not None and name.edit is not hgvs.Edit.INVERSION:
        deleted = text[name.start0 : name.end0]
        assert same(trimmed(Allele("1", name.start0, deleted, name.inserted)), stored)


def test_without_a_reference_an_insertion_has_no_name_and_a_substitution_has() -> None:
    assert naming.names(Allele("1", 5, "A", "AC"), None, assembly="GRCh38") is None
    found = naming.names(Allele("1", 5, "A", "C"), None, assembly="GRCh37")
    assert found is not None
    assert found.hgvs == "NC_000001.10:g.6A>C"


@pytest.mark.parametrize(
    ("ref", "alt"), [("N", "<DEL>"), ("A", "A]2:5]"), ("N", "A"), ("A", "A"), ("A", "C" * 1001)]
)
def test_what_is_not_spelled_in_bases_has_no_name(ref: str, alt: str) -> None:
    assert naming.names(Allele("1", 5, ref, alt), (0, 0), assembly="GRCh38") is None


def test_the_mitochondrial_genome_is_named_in_its_own_kind() -> None:
    found = naming.names(Allele("MT", 72, "A", "G"), None, assembly="GRCh38")
    assert found is not None
    assert (found.hgvs, found.spdi) == ("NC_012920.1:m.73A>G", "NC_012920.1:72:A:G")
