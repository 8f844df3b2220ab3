"""Interpretations of phenopackets as variants of their people."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beacon import withdrawals
from beacon.catalog import AminoacidChange, ById, ByIdentifier, InGene, VariantQuestion
from beacon.copy_number import Level
from beacon.errors import Problem, SourceRefused
from beacon.loading.interpretations import LEFT_OUT, UNPLACED
from beacon.loading.load import DatasetSource, check, load
from beacon.loading.source import version_of
from beacon.zygosity import Zygosity
from tests.support.bases import TextReference
from tests.support.bff import loaded, rows
from tests.support.packets import (
    HETEROZYGOUS,
    Descriptor,
    interpreted,
    packet,
    placed,
    source,
    vcf,
    written,
)
from tests.support.sources import write_vcf

NC = "NC_000001.11"
STATED = vcf("5", "A", "G")


def called(folder: Path, *packets: dict[str, Any], **more: Any) -> dict[str, list[Any]]:
    """Of each variant its carrying samples and their genotypes."""
    segment = loaded(source(folder, packets, **more), folder)
    return {row.variant_id: list(segment.calls(row.row, limit=9)) for row in rows(segment)}


def refused(made: DatasetSource, folder: Path) -> str:
    """The problems as text; the dry run finds the same."""
    with pytest.raises(SourceRefused) as caught:
        load(made, folder / "catalog")
    assert [str(each) for each in check(made)] == [str(each) for each in caught.value.problems]
    return "\n".join(str(each) for each in caught.value.problems)


def heard(made: DatasetSource, folder: Path) -> tuple[Counter[str], list[Problem]]:
    """What a load counts, and what its report names."""
    told: Counter[str] = Counter()
    report: list[Problem] = []
    load(made, folder / "catalog", progress=told.__setitem__, report=report.append)
    return told, report


@pytest.mark.parametrize("protobuf", [False, True])
def test_a_person_carries_what_an_interpretation_states(tmp_path: Path, protobuf: bool) -> None:
    """Of the person or of a biosample, whatever it was thought to cause."""
    made = source(
        tmp_path,
        [
            packet("P1", interpreted("P1", STATED | {"allelicState": HETEROZYGOUS})),
            packet(
                "P2",
                interpreted("S2", STATED, interpretationStatus="REJECTED"),
                biosamples=[{"id": "S2"}],
            ),
            packet("P3"),
        ],
        protobuf=protobuf,
    )
    segment = loaded(made, tmp_path)
    (row,) = rows(segment)
    assert (row.variant_id, row.allele_count, row.allele_number, row.carriers) == (
        "1-5-A-G", 2, 0, 2,
    )  # fmt: skip
    assert list(segment.calls(row.row, limit=9)) == [("P1", "0/1"), ("S2", "1/.")]
    asked = ById("1-5-A-G")
    assert list(segment.person_ids(segment.owners(segment.carriers(asked)))) == ["P1", "P2"]
    found = segment.carriers(asked, zygosity=frozenset({Zygosity.HETEROZYGOUS}))
    assert list(segment.person_ids(found)) == ["P1"]
    assert (segment.facts.people, segment.facts.genotypes) == (3, True)


@pytest.mark.parametrize(
    ("state", "genotype"),
    [
        ("GENO:0000135", "0/1"),
        ("GENO:0000136", "1/1"),
        ("GENO:0000134", "1"),
        ("GENO:0000402", "0/1"),
        ("GENO:0000605", "1"),
        ("GENO:0000137", "1/."),
        ("GENO:0000603", "1/."),
    ],
)
def test_an_allelic_state_is_a_zygosity(tmp_path: Path, state: str, genotype: str) -> None:
    descriptor = STATED | {"allelicState": {"id": state, "label": "as it is called"}}
    found = called(tmp_path, packet("P1", interpreted("P1", descriptor)))
    assert found == {"1-5-A-G": [("P1", genotype)]}


def test_people_who_spell_a_change_otherwise_carry_one_variant(tmp_path: Path) -> None:
    bases = TextReference("ACGTACGTAAAACGT" * 5)
    forms = (written(f"{NC}:g.12del"), vcf(11, "AA", "A"), written(f"{NC}:8:A:", syntax="spdi"))
    packets = [packet(f"P{n}", interpreted(f"P{n}", form)) for n, form in enumerate(forms)]
    found = called(tmp_path, *packets, bases=bases)
    assert found == {"1-8-TA-T": [("P0", "1/."), ("P1", "1/."), ("P2", "1/.")]}


def test_two_interpretations_of_one_variant_are_one_call(tmp_path: Path) -> None:
    """What one of them does not say is what the other says, in either order."""
    sure = STATED | {"allelicState": HETEROZYGOUS}
    for number, two in enumerate(((sure, STATED), (STATED, sure), (sure, sure))):
        folder = tmp_path / str(number)
        folder.mkdir()
        twice = packet("P1", *(interpreted("P1", each) for each in two))
        assert called(folder, twice) == {"1-5-A-G": [("P1", "0/1")]}


def test_two_interpretations_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    states = [{"allelicState": {"id": name}} for name in ("GENO:0000135", "GENO:0000136")]
    twice = packet("P1", *(interpreted("P1", STATED | state) for state in states))
    text = refused(source(tmp_path, [twice]), tmp_path)
    assert "phenopacket 1 (P1), interpretation 1, genomicInterpretation 2" in text
    assert "variationDescriptor.allelicState" in text


def test_what_has_no_place_is_counted_and_named_in_the_report(tmp_path: Path) -> None:
    """And stops no load: nobody can correct what a laboratory did not say."""
    coding = written("NM_1.1:c.5A>G")
    unheard = STATED | {"allelicState": {"id": "GENO:9999999"}}
    genes = {"gene": {"valueId": "HGNC:1", "symbol": "A"}}
    made = source(
        tmp_path,
        [
            packet(
                "P1",
                interpreted("P1", coding),
                interpreted("P1", unheard),
                {"subjectOrBiosampleId": "P1", **genes},
                interpreted("P1", STATED | {"label": "one"}),
            )
        ],
    )
    told, report = heard(made, tmp_path)
    assert told[f"lost: {UNPLACED}"] == 2
    assert told["lost: genomicInterpretation.gene is not read"] == 1
    assert told["genomicVariant"] == 1
    assert [(each.file, each.where, each.field) for each in report] == [
        ("a.json", "phenopacket 1 (P1), interpretation 1, genomicInterpretation 1",
         "variationDescriptor"),
        ("a.json", "phenopacket 1 (P1), interpretation 1, genomicInterpretation 2",
         "variationDescriptor.allelicState"),
    ]  # fmt: skip
    assert check(made) == []


def test_packets_of_which_nothing_is_placed_have_no_variants(tmp_path: Path) -> None:
    """Not even the knowledge that nobody carries any: such a dataset answers «unsupported»."""
    made = source(tmp_path, [packet("P1", interpreted("P1", written("NM_1.1:c.5A>G")))])
    facts = loaded(made, tmp_path).facts
    assert (facts.variants, facts.genotypes, facts.genes) == (0, False, None)


@pytest.mark.parametrize(
    ("bearer", "descriptor", "says"),
    [
        ("P2", STATED, "subjectOrBiosampleId"),
        ("", STATED, "subjectOrBiosampleId"),
        (5, STATED, "subjectOrBiosampleId"),
        ("P1", {"vcfRecord": 5}, "vcfRecord"),
        ("P1", vcf("x", "A", "G"), "pos"),
        ("P1", STATED | {"allelicState": "het"}, "allelicState"),
        ("P1", STATED | {"xrefs": 5}, "xrefs"),
        ("P1", STATED | {"geneContext": {"symbol": 5}}, "symbol"),
        ("P1", 5, "variationDescriptor"),
        (["P1"], STATED, "a phenopacket of schema 2.0"),
    ],
)
def test_what_is_no_interpretation_is_refused_by_name(
    tmp_path: Path, bearer: Any, descriptor: Any, says: str
) -> None:
    given = [packet("P1", interpreted(bearer, descriptor)), packet("P2")]
    text = refused(source(tmp_path, given), tmp_path)
    assert text.startswith("a.json, phenopacket 1")
    assert says in text


@pytest.mark.parametrize(
    "more",
    [
        {"interpretations": 5},
        {"interpretations": ["x"]},
        {"interpretations": [{"diagnosis": 5}]},
        {"interpretations": [{"diagnosis": {"genomicInterpretations": [5]}}]},
    ],
)
def test_interpretations_of_other_types_are_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    text = refused(source(tmp_path, [packet("P1") | more]), tmp_path)
    assert "phenopacket 1: expected a phenopacket of schema 2.0" in text


def test_a_refused_interpretation_may_be_left_out_alone(tmp_path: Path) -> None:
    wrong = interpreted("P1", vcf("5", "G", "T"))
    given = [packet("P1", wrong, interpreted("P1", STATED))]
    made = source(tmp_path, given, bases=TextReference("ACGTACGT"))
    assert "REF as the reference has it" in refused(made, tmp_path)
    told, report = heard(replace(made, max_rejected=1), tmp_path)
    assert (told["genomicVariant"], len(report)) == (1, 1)
    assert told["left out: record that could not be read"] == 1


def test_a_person_that_was_refused_brings_no_second_problem(tmp_path: Path) -> None:
    given = [packet("P1", interpreted("P1", STATED), subject={"id": "P1"}), packet("P1")]
    assert refused(source(tmp_path, given), tmp_path).count("\n") == 0
    given[1] = packet("P1", interpreted("P1", STATED))
    assert refused(source(tmp_path, given), tmp_path).count("\n") == 0


def test_a_biosample_named_as_another_person_is_not_taken_for_them(tmp_path: Path) -> None:
    given = [
        packet("P1", interpreted("P1", STATED)),
        packet("P2", biosamples=[{"id": "P1", "individualId": "P2"}]),
    ]
    assert "an individual loaded with the dataset" in refused(source(tmp_path, given), tmp_path)


def test_names_genes_and_changes_are_found(tmp_path: Path) -> None:
    descriptor: Descriptor = {
        **vcf("5", "A", "G", id="rs77;."),
        **written("NM_1.1:c.5A>G", "NP_1.1:p.Val5Gly"),
        "id": "clinvar:123",
        "xrefs": ["dbSNP:rs88", "http://example.org/5"],
        "geneContext": {"valueId": "HGNC:1", "symbol": "BRCA1"},
    }
    given = [packet("P1", interpreted("P1", descriptor))]
    segment = loaded(source(tmp_path, given), tmp_path)
    names = ("rs77", "rs88", "clinvar:123", "NM_1.1:c.5A>G", "NP_1.1:p.V5G")
    asked: list[VariantQuestion] = [ByIdentifier(name) for name in names]
    asked += [InGene("BRCA1"), AminoacidChange("V5G", "BRCA1"), AminoacidChange("V5G")]
    for question in asked:
        assert segment.supports(question), question
        assert len(segment.carriers(question)) == 1, question
    assert not segment.carriers(InGene("TP53"))
    assert not segment.carriers(ByIdentifier("rs99"))


def test_a_gene_that_only_some_name_is_unsupported_and_not_no(tmp_path: Path) -> None:
    named = STATED | {"geneContext": {"valueId": "HGNC:1", "symbol": "BRCA1"}}
    other = vcf("9", "A", "G")
    given = [packet("P1", interpreted("P1", named), interpreted("P1", other))]
    segment = loaded(source(tmp_path, given), tmp_path)
    assert segment.facts.genes is None
    assert not segment.supports(InGene("BRCA1"))


def test_a_copy_number_is_of_the_level_it_says(tmp_path: Path) -> None:
    ends = {"startNumber": {"value": "10"}, "endNumber": {"value": "500"}}
    where = {"sequenceLocation": {"sequenceId": f"refseq:{NC}", "sequenceInterval": ends}}
    lost = {"variation": {"copyNumber": {"allele": where, "number": {"value": "1"}}}}
    row = placed(tmp_path, lost)
    assert (row.allele.alt, row.end0) == ("<DEL>", 500)
    facts = loaded(source(tmp_path, [packet("P1", interpreted("P1", lost))]), tmp_path).facts
    assert Level.LOW_LOSS in facts.levels


def test_loading_the_same_packets_again_is_the_same_version(tmp_path: Path) -> None:
    made = source(tmp_path, [packet("P1", interpreted("P1", STATED))])
    first = load(made, tmp_path / "catalog")
    assert load(made, tmp_path / "catalog") == first
    other = source(tmp_path, [packet("P1", interpreted("P1", vcf("9", "A", "G")))])
    assert load(other, tmp_path / "catalog").version != first.version


def test_who_withdrew_leaves_nothing_that_only_they_carried(tmp_path: Path) -> None:
    given = [
        packet("P1", interpreted("P1", STATED), interpreted("P1", vcf("9", "A", "G"))),
        packet("P2", interpreted("P2", STATED)),
    ]
    made = source(tmp_path, given)
    (tmp_path / "catalog").mkdir()
    withdrawals.add(tmp_path / "catalog", "d", "P1")
    segment = loaded(made, tmp_path)
    assert [(row.variant_id, row.carriers) for row in rows(segment)] == [("1-5-A-G", 1)]


@pytest.mark.parametrize("kind", ["genotypes", "sites", "records"])
def test_beside_variant_files_they_are_refused_before_those_are_opened(
    tmp_path: Path, kind: str
) -> None:
    """The first is named. Nothing is lost unseen, and nobody is counted twice."""
    calls = (["9 . A G . 0/1"], ["P1"]) if kind == "genotypes" else (["9 . A G AC=1"], [])
    path = write_vcf(tmp_path / "a.vcf.gz", calls[0], samples=calls[1])
    given: dict[str, Any] = {"genomic_variations" if kind == "records" else "vcfs": (path,)}
    path.write_bytes(path.read_bytes()[:-5])  # would be refused too
    unplaced = interpreted("P1", written("NM_1.1:c.5A>G"))
    packets = [packet("P0"), packet("P1", unplaced, interpreted("P1", STATED))]
    text = refused(source(tmp_path, packets, **given), tmp_path)
    assert "phenopacket 2 (P1), interpretation 1, genomicInterpretation 2" in text
    assert "no variants of phenopackets beside variant files" in text
    assert "--without-interpretations" in text
    assert "\n" not in text


def test_left_out_by_wish_they_are_counted(tmp_path: Path) -> None:
    """Beside variant files or alone; it is another version of the dataset."""
    path = write_vcf(tmp_path / "a.vcf.gz", ["9 . A G . 0/1"], samples=["P1"])
    given = [packet("P1", interpreted("P1", vcf("9", "A", "G")), interpreted("P1", STATED))]
    alone = source(tmp_path, given)
    for vcfs, found in (((path,), ["1-9-A-G"]), ((), [])):
        made = replace(alone, vcfs=vcfs, interpretations=False)
        told, _ = heard(made, tmp_path)
        assert told[f"lost: {LEFT_OUT}"] == 2
        assert [row.variant_id for row in rows(loaded(made, tmp_path))] == found
    assert version_of(made, frozenset()) != version_of(alone, frozenset())


def test_what_is_not_placed_stops_no_variant_file(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "a.vcf.gz", ["9 . A G . 0/1"], samples=["P1"])
    given = [packet("P1", interpreted("P1", written("NM_1.1:c.5A>G")))]
    made = source(tmp_path, given, vcfs=(path,))
    told, report = heard(made, tmp_path)
    assert told[f"lost: {UNPLACED}"] == len(report) == 1
    assert [row.variant_id for row in rows(loaded(made, tmp_path))] == ["1-9-A-G"]


def test_a_share_of_the_people_keeps_what_they_carry(tmp_path: Path) -> None:
    given = [
        packet("P1", interpreted("P1", STATED)),
        packet("P2", interpreted("P2", vcf("9", "A", "G"))),
    ]
    made = source(tmp_path, given, keep_people=frozenset({"P2"}))
    assert [row.variant_id for row in rows(loaded(made, tmp_path))] == ["1-9-A-G"]


WHOLE = packet(
    "P1",
    interpreted(
        "P1",
        {
            **vcf("101", "A", "<DEL>", info="SVTYPE=DEL;END=400", id="rs5;rs6"),
            **written(f"{NC}:g.5A>G", "NM_1.1:c.5A>G", "NP_1.1:p.Val5Gly"),
            "id": "clinvar:5",
            "xrefs": ["dbSNP:rs7"],
            "geneContext": {"valueId": "HGNC:1", "symbol": "BRCA1"},
            "allelicState": HETEROZYGOUS,
        },
    ),
    interpreted("S1", written(f"{NC}:8:1:", f"{NC}:g.12_13insAA")),
    interpreted(
        "P1",
        {
            "variation": {
                "allele": {
                    "sequenceLocation": {
                        "sequenceId": f"refseq:{NC}",
                        "sequenceInterval": {
                            "startNumber": {"value": "4"}, "endNumber": {"value": "5"},
                        },
                    },
                    "literalSequenceExpression": {"sequence": "T"},
                }
            }
        },
    ),
    biosamples=[{"id": "S1"}],
)  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**70, 1e308, "", "-", "\x00", "\ud800", "5" * 30, "²",
    "NC_000001.11:g.",
    "NC_000001.11:g.1_249250621del", "A" * 5_000, [], [[]], {}, {"id": 5}, ["x"], {"value": "5"},
    "<DEL>", "G]1:5]", "GENO:0000136", "GRCh37", f"{NC}:0::A", f"{NC}:249250621:A:T",
)  # fmt: skip


def garbled(value: Any, chance: random.Random) -> Any:
    """A copy in which one member, somewhere, is another value or is gone."""
    if not isinstance(value, dict | list) or not value or chance.random() < 0.1:
        return chance.choice(ODD)
    at: Any = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
    copied: Any = dict(value) if isinstance(value, dict) else list(value)
    if chance.random() < 0.1:
        del copied[at]
    else:
        copied[at] = garbled(value[at], chance)
    return copied


def test_garbled_interpretations_are_refused_counted_or_read(tmp_path: Path) -> None:
    """And what the dry run lets pass is loaded."""
    chance = random.Random(5)  # noqa: S311 (seeded, so a failure repeats)
    bases = TextReference("ACGTACGTAAAACGTT" * 40)
    ends: Counter[str] = Counter()
    for number in range(250):
        given = WHOLE
        for _ in range(chance.randrange(1, 4)):
            interpretations = garbled(given["interpretations"], chance)
            given = {**given, "interpretations": interpretations}
        made = source(tmp_path, [given], bases=bases if number % 2 else None)
        problems = check(made)
        ends["refused" if problems else "passed"] += 1
        if not problems and number % 5 == 0:
            load(made, tmp_path / "catalog")
            ends["loaded"] += 1
    assert min(ends[end] for end in ("refused", "passed", "loaded")) > 10, ends
