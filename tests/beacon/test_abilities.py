"""A refusal says what no dataset holds, and lists what one of them does: never both of the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon.abilities import refusal, supported
from beacon.catalog import (
    AminoacidChange,
    Annotations,
    ByIdentifier,
    ChangeWithin,
    Edited,
    InGene,
    Segment,
    Span,
    VariantQuestion,
)
from beacon.info import info
from tests.support.beacon_node import NODE, BeaconNode, loaded, policy, source
from tests.support.small_segment import row, segment_of

CHANGE = AminoacidChange("V600E")
VRS = "ga4gh:VA." + "b" * 32


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    folder = tmp_path_factory.mktemp("plain")
    return segment_of(folder, [row((1, 5, 6), ("A", "C"), "SNP")])


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    note = Annotations(("AAA",), (), ("V1M",), ("T:c.1A>G",), ("P:p.V1M",), ("AAA",))
    rows = [row((1, 5, 6), ("A", "C"), "SNP", identifiers=("rs1",), annotations=note)]
    folder = tmp_path_factory.mktemp("annotated")
    return segment_of(folder, rows, genes="annotation", aminoacid_changes=True)


@pytest.mark.parametrize(
    ("asked", "missing", "unlisted"),
    [
        (ByIdentifier("rs334"), "rsIDs, and no table of names", "rsID"),
        (ByIdentifier("clinvar:15333"), "ClinVar ids, and no table of names", "ClinVar id"),
        (ByIdentifier("NM_1.1:c.1A>G"), "HGVS names of transcripts", "c. and n."),
        (ByIdentifier("NP_1.1:p.V1M"), "HGVS names of proteins", "HGVS p."),
        (ByIdentifier(VRS), "a reference, which VRS identifiers need", "ga4gh:VA."),
        (InGene("BRCA1"), "genes, annotated or in a table", "geneId"),
        (CHANGE, "annotated amino-acid changes", "aminoacidChange"),
        (ChangeWithin(CHANGE, Span("1", 0, 9)), "annotated amino-acid", "aminoacidChange"),
        (ChangeWithin(CHANGE, InGene("A")), "annotated amino-acid", "aminoacidChange"),
        (Edited("1", 0, 9, "DUP"), "a reference, without which a duplication", "dup"),
    ],
)
def test_what_nobody_holds_is_said_and_not_listed(
    plain: Segment, asked: VariantQuestion, missing: str, unlisted: str
) -> None:
    assert not plain.supports(asked)
    first, _, supported = refusal(asked, [plain]).partition(" Supported here: ")
    assert first.startswith(f"No dataset here holds {missing}")
    assert first.endswith(".")
    assert unlisted not in supported
    for each in ("exact allele", "range", "bracket", "by id", "HGVS g.", "SPDI", "1-10177-A-AC"):
        assert each in supported
    assert supported.endswith("said at /info.")


def test_info_says_what_some_dataset_evaluates_and_nothing_else(
    plain: Segment, annotated: Segment
) -> None:
    assert supported([]) == ""
    told = {
        name: info(NODE, held) for name, held in (("plain", [plain]), ("both", [plain, annotated]))
    }
    said = {name: one["response"]["info"] for name, one in told.items()}  # type: ignore[index]  # ours
    for name, words in (("gene", "geneId"), ("aminoacidChange", "aminoacidChange")):
        assert words not in said["plain"]["variantQueries"]
        assert said["plain"]["variantQueryTypes"][name] == []
        assert words in said["both"]["variantQueries"]
        assert said["both"]["variantQueryTypes"][name] == [annotated.facts.id]
    for name in ("sequence", "range", "bracket", "copyNumber"):
        assert said["plain"]["variantQueryTypes"][name] == [plain.facts.id]
    always = {"HGVS g. and m.", "SPDI", "1-10177-A-AC"}
    assert set(said["plain"]["spellings"][plain.facts.id]) == always
    named = set(said["both"]["spellings"][annotated.facts.id])
    assert named == always | {"rsID", "HGVS c. and n.", "HGVS p."}
    assert said["both"]["shiftedIndels"] == []


def test_what_one_of_several_holds_is_listed(plain: Segment, annotated: Segment) -> None:
    told = refusal(ByIdentifier(VRS), [plain, annotated]).partition(" Supported here: ")[2]
    for each in ("gene (geneId)", "aminoacidChange", "rsID", "HGVS c. and n.", "HGVS p."):
        assert each in told
    for each in ("ClinVar", "ga4gh:VA."):
        assert each not in told


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        ({"variantId": "rs334"}, "rsIDs"),
        ({"aminoacidChange": "V600E", "referenceName": "1", "start": "1", "end": "9"}, "annotated"),
        ({"aminoacidChange": "V600E", "geneId": "BRAF", "variantMaxLength": "1"}, "annotated"),
    ],
)
async def test_a_door_says_so(tmp_path: Path, parameters: dict[str, str], missing: str) -> None:
    made = source(tmp_path / "in", "D", lines=["101 . A G . 0/1 0/0 0/0 0/0"])
    catalog = loaded(tmp_path / "catalog", made)
    node = BeaconNode(tmp_path, catalog=catalog, policies=[policy("D")])
    for path in ("/g_variants", "/individuals"):
        answer = await node.get(path, **parameters)
        assert answer.status_code == 400
        told = answer.json()["error"]["errorMessage"]
        assert told.startswith(f"No dataset here holds {missing}")
        assert "rsID," not in told.partition("Supported")[2]


@pytest.mark.parametrize("known", [True, False])
def test_info_says_whether_a_dataset_was_compared_with_a_reference(
    tmp_path: Path, known: bool
) -> None:
    """Without one alleles are only trimmed, and no VRS identifier is made."""
    segment = segment_of(tmp_path, [row((1, 5, 6), ("A", "C"), "SNP")], justified=known)
    said = info(NODE, [segment])["response"]
    assert isinstance(said, dict)
    assert said["info"]["shiftedIndels"] == (["d"] if known else [])
