"""One variant has one answer however it is written, as a question and as an address."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from access.policies.policy import PolicyBook
from beacon.admission import admit
from beacon.catalog import Segment
from beacon.errors import UnknownEntry, UnsupportedQuestion
from beacon.execute import Outcome, run
from beacon.query import Target, from_get
from schemas import sequences
from tests.support.beacon_node import NOW, loaded, policy, source
from tests.support.disclosure import protection

VARIANTS = Target("genomicVariant")
SQ = sequences.refget_id("GRCh38", "1")
SUBSTITUTION = (
    "NC_000001.11:g.101A>G",
    "1:g.101A>G",
    "chr1:g.101A>G",
    f"ga4gh:{SQ}:100:A:G",
    "NC_000001.11:100:A:G",
    "1-101-A-G",
    "chr1:101 A>G",
    "1:101:A:G",
    "rs1",
)
VRS = "ga4gh:VA.CxiA_hvYbkD8Vqwjhx5AYuyul4mtlkpD"
DELETION = (
    "NC_000001.11:g.602_603del",
    "NC_000001.11:g.602_603delTT",
    "NC_000001.11:601:TT:",
    "NC_000001.11:600:CTT:C",
    "1-601-CTT-C",
)
SYMBOLIC = ("NC_000001.11:g.402_500del",)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Segment]:
    folder: Path = tmp_path_factory.mktemp("spellings")
    new = source(folder / "new", "NEW")
    return loaded(
        folder / "catalog", new, source(folder / "old", "OLD", assembly="GRCh37")
    ).snapshot()


def ask(snapshot: Mapping[str, Segment], target: Target, /, **params: str) -> Outcome:
    book = PolicyBook([policy(name) for name in snapshot], version="v")
    params["requestedGranularity"] = "record"
    return run(
        from_get(target, list(params.items())), admit(book, None, snapshot, now=NOW), protection()
    )


def found(outcome: Outcome) -> list[tuple[str, str]]:
    return [
        (one.segment.facts.id, variant.row.variant_id)
        for one in outcome.sets
        for variant in one.variants
    ]


@pytest.mark.parametrize("text", [*SUBSTITUTION, *DELETION, *SYMBOLIC])
def test_a_question_finds_the_variant_in_each_spelling(
    snapshot: Mapping[str, Segment], text: str
) -> None:
    expected = "1-601-CTT-C" if text in DELETION else "1-101-A-G"
    ((dataset, variant),) = found(
        ask(snapshot, VARIANTS, genomicAlleleShortForm=text, assemblyId="GRCh38")
    )
    assert dataset == "NEW"
    assert variant == expected or (text in SYMBOLIC and variant.startswith("1-401-500-"))


@pytest.mark.parametrize("text", [*SUBSTITUTION, *DELETION, *SYMBOLIC])
def test_an_address_names_the_variant_in_each_spelling(
    snapshot: Mapping[str, Segment], text: str
) -> None:
    """Where the spelling says the assembly, only that assembly answers."""
    answered = found(ask(snapshot, Target("genomicVariant", entry_id=text)))
    said = text.startswith(("NC_", "ga4gh:"))
    assert [dataset for dataset, _ in answered] == (["NEW"] if said else ["NEW", "OLD"])


@pytest.mark.parametrize(
    "params",
    [
        {"genomicAlleleShortForm": "rs1"},
        {"referenceName": "NC_012920.1", "start": "0", "end": "100"},
        {"referenceName": "chrM", "start": "0", "end": "100", "variantType": "SNP"},
    ],
)
def test_what_is_the_same_in_both_assemblies_needs_none(
    snapshot: Mapping[str, Segment], params: dict[str, str]
) -> None:
    answered = ask(snapshot, VARIANTS, **params).sets
    assert [one.segment.facts.id for one in answered] == ["NEW", "OLD"]


@pytest.mark.parametrize(
    "params",
    [
        {"genomicAlleleShortForm": "1:g.101A>G"},
        {"genomicAlleleShortForm": "1:g.402_500del"},
        {"genomicAlleleShortForm": "1:g.402_500delinsA"},
        {"referenceName": "X", "start": "0", "end": "100"},
        {"referenceName": "1", "start": "0", "end": "100", "aminoacidChange": "V600E"},
    ],
)
def test_a_place_is_of_an_assembly(snapshot: Mapping[str, Segment], params: dict[str, str]) -> None:
    with pytest.raises(UnsupportedQuestion, match="assemblyId is needed"):
        ask(snapshot, VARIANTS, **params)


def test_carriers_hang_from_any_spelling_of_their_variant(
    snapshot: Mapping[str, Segment],
) -> None:
    people = Target("individual", parent="genomicVariant", parent_id="NC_000001.11:100:A:G")
    (answer,) = ask(snapshot, people).sets
    assert [record["id"] for record in answer.records] == ["P1", "P2"]


def test_an_id_anchored_otherwise_names_the_same_variant(
    snapshot: Mapping[str, Segment],
) -> None:
    answered = found(ask(snapshot, Target("genomicVariant", entry_id="1-600-ACTT-AC")))
    assert [name for _, name in answered] == ["1-601-CTT-C"] * 2


def test_an_id_we_gave_out_is_known_where_nobody_carries_it(tmp_path: Path) -> None:
    """An exact allele found in nobody is not there; its id still is."""
    lonely = source(tmp_path / "s", "S", lines=("101 . A G . 0|0 0|0 0|0 0|0",))
    held = loaded(tmp_path / "c", lonely).snapshot()
    answered = found(ask(held, Target("genomicVariant", entry_id="1-101-A-G")))
    assert answered == [("S", "1-101-A-G")]
    assert found(ask(held, VARIANTS, variantId="1-101-A-G")) == []


@pytest.mark.parametrize("text", ["1:g.102_103del", "1:g.102_103delTT", "1:101:TT:", "1-101-CTT-C"])
def test_an_allele_found_in_nobody_is_not_there_in_any_spelling(tmp_path: Path, text: str) -> None:
    lonely = source(tmp_path / "s", "S", lines=("101 . CTT C . 0|0 0|0 0|0 0|0",))
    held = loaded(tmp_path / "c", lonely).snapshot()
    assert found(ask(held, VARIANTS, variantId=text.replace("1:101:", "NC_000001.11:101:"))) == []


def test_an_allele_asked_without_its_reference_bases_is_there_where_somebody_has_it(
    tmp_path: Path,
) -> None:
    lines = ("101 . A G,C . 0|2 0|0 0|0 0|0",)
    held = loaded(tmp_path / "c", source(tmp_path / "s", "S", lines=lines)).snapshot()
    place = {"referenceName": "1", "assemblyId": "GRCh38", "start": "100"}
    assert found(ask(held, VARIANTS, **place, alternateBases="C")) == [("S", "1-101-A-C")]
    assert found(ask(held, VARIANTS, **place, alternateBases="G")) == []
    assert len(found(ask(held, VARIANTS, **place, end="101"))) == 2


def test_a_name_of_an_allele_found_in_nobody_is_answered_no(tmp_path: Path) -> None:
    lines = ("101 rs9 A G . 0|0 0|0 0|0 0|0", "201 rs9 C T . 0|1 0|0 0|0 0|0")
    held = loaded(tmp_path / "c", source(tmp_path / "s", "S", lines=lines)).snapshot()
    assert found(ask(held, VARIANTS, genomicAlleleShortForm="rs9")) == [("S", "1-201-C-T")]


@pytest.mark.parametrize("text", ["NC_000001.11:g.101A>T", "1-101-A-T", "1-999-A-G", "nothing"])
def test_an_address_of_an_unknown_variant_is_unknown(
    snapshot: Mapping[str, Segment], text: str
) -> None:
    with pytest.raises(UnknownEntry):
        ask(snapshot, Target("genomicVariant", entry_id=text))


@pytest.mark.parametrize(
    "text", ["clinvar:5", "NM_004006.2:c.4375C>T", "BRAF:p.Val600Glu", "1:g.5_6dup", VRS]
)
def test_what_the_data_cannot_tell_is_unsupported_and_never_no(
    snapshot: Mapping[str, Segment], text: str
) -> None:
    with pytest.raises(UnsupportedQuestion):
        ask(snapshot, VARIANTS, genomicAlleleShortForm=text, assemblyId="GRCh38")
