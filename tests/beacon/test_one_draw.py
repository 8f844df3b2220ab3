"""One question is one draw of noise in all of its spellings: a second could be averaged with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from access.policies.policy import Profile
from access.privacy.question import Kind
from beacon import filters, posed, query
from beacon.catalog import HasTerm, Segment
from beacon.loading.load import load
from beacon.panel import UNKNOWN, Expected
from beacon.posed import Public
from beacon.segments import SegmentCatalog
from beacon.told import Told
from beacon.variants import recognise
from tests.support import beacon_node
from tests.support.beacon_node import PEOPLE, BeaconNode, policy
from tests.support.sources import write_records

OBO = """format-version: 1.4

[Term]
id: MONDO:2
name: two
alt_id: MONDO:9
"""
BMI = "LOINC:35925-4"
WEIGHT = "LOINC:3141-9"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    folder = tmp_path_factory.mktemp("one-draw")
    (folder / "terms.obo").write_text(OBO)
    made = beacon_node.source(folder / "files", "A")
    people: list[dict[str, Any]] = [dict(each) for each in PEOPLE]
    people[0]["diseases"][0]["ageOfOnset"] = {"iso8601duration": "P40Y"}
    people[0]["measurements"] = [
        {
            "assayCode": {"id": WEIGHT, "label": "weight"},
            "measurementValue": {"unit": {"id": "NCIT:C28252", "label": "kg"}, "value": 70},
        }
    ]
    people[1]["karyotypicSex"] = "XY"
    individuals = write_records(folder / "files" / "others.json", people)
    source = replace(made, individuals=individuals, hierarchies=(folder / "terms.obo",))
    load(source, folder / "catalog")
    return SegmentCatalog(folder / "catalog").snapshot()["A"]


def key(base: Segment, text: str) -> bytes:
    """Of the number of people of whom this holds, at a dataset whose list shows all it has."""
    told = Told(base, base.terms)
    asked = query.from_get(query.Target("individual"), [("filters", text)])
    assert told.knows(filters.joined(asked.filters, told)[0])
    return posed.posed(asked, told, Public({})).key


@pytest.mark.parametrize(
    "spellings",
    [
        ("libraryStrategy:WGS", "libraryStrategy:wgs", "libraryStrategy:=WgS"),
        ("libraryStrategy:=%gs", "libraryStrategy:%%GS", "libraryStrategy:= %gs"),
        ("karyotypicSex:XY", "karyotypicSex:xy", "karyotypicSex:=Xy"),
        (
            "ageOfOnset:>P39Y",
            "diseases.ageOfOnset:>P39Y",
            "diseases.ageOfOnset.iso8601duration:>P468M",
            "ageOfOnset:>P39Y0M",
        ),
        (f"{BMI}:>30", f"{BMI}:>030", f"{BMI}:>30.", f"{BMI}:>3_0", f"{BMI}:>+3e1",
         f"{BMI}:>30 kg/m2", f"{BMI}:>\u0663\u0660"),
        (f"{WEIGHT}:>70", f"{WEIGHT}:>70 kg", f"{WEIGHT}:>70000 g", f"{WEIGHT}:>070. KG"),
        (
            "runDate:>2021-10-17",
            "runDate:>2021-10-17T23:59:59Z",
            "runDate:>2021-10-17T23:59:59.000Z",
            "runDate:>2021-10-18T00:59:59+01:00",
        ),
        ("MONDO:2", "MONDO:9", "MONDO:9,MONDO:2"),
        ("-libraryStrategy:WGS", "-libraryStrategy:=wgs"),
    ],
)  # fmt: skip
def test_a_filter_is_one_question_in_every_spelling(
    base: Segment, spellings: tuple[str, ...]
) -> None:
    assert len({key(base, each) for each in spellings}) == 1
    answers = {tuple(Told(base, base.terms).people(_predicates(each))) for each in spellings}
    assert len(answers) == 1


def _predicates(text: str) -> Any:
    return [each.predicate for each in filters.read_get([text])]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("karyotypicSex:=1", "karyotypicSex:=1.0"),  # of words: their difference would be exact
        ("karyotypicSex:=1", "karyotypicSex:=01"),
        ("karyotypicSex:=P1Y", "karyotypicSex:=P12M"),
        ("karyotypicSex:=number 1.0", "karyotypicSex:=1"),
        ("libraryStrategy:WGS", "libraryStrategy:WG"),
        ("libraryStrategy:WGS", "karyotypicSex:WGS"),
        (f"{BMI}:>30", f"{BMI}:>30.5"),
        (f"{BMI}:>30", f"{BMI}:>=30"),
        ("runDate:>2021-10-17", "runDate:>=2021-10-17"),
        ("runDate:=2021", "runDate:=2021-10"),
        ("MONDO:2", "MONDO:3"),
    ],
)
def test_what_can_differ_has_draws_of_its_own(base: Segment, one: str, other: str) -> None:
    assert key(base, one) != key(base, other)


def test_a_former_id_is_answered_as_the_present_one(base: Segment) -> None:
    told = Told(base, base.terms)
    assert told.spelled(HasTerm("MONDO:9")) == HasTerm("MONDO:2")
    assert told.people([HasTerm("MONDO:9")]) == told.people([HasTerm("MONDO:2")])


def variant_key(asked: Any, expected: Expected = UNKNOWN, *, justified: bool = True) -> bytes:
    kind, _ = posed._extent(asked)
    return posed._variant_key(asked, kind, expected, justified=justified)


RANGE: dict[str, Any] = {"referenceName": "1", "start": [100], "end": [200]}
ALLELE = {"referenceName": "1", "start": [100], "referenceBases": "A", "alternateBases": "G"}


def of(parameters: dict[str, Any]) -> Any:
    found = recognise(parameters)
    assert found is not None
    return found.question


@pytest.mark.parametrize(
    "spellings",
    [
        (RANGE, {**RANGE, "variantMinLength": 0}, {**RANGE, "variantType": "SO:0001059"}),
        (
            {"geneId": "BRAF", "aminoacidChange": "V600E"},
            {"geneId": "BRAF", "aminoacidChange": "V600E", "variantMinLength": 0},
        ),
        ({"variantId": "NM_007294.4:c.5266dup"}, {"variantId": "nm_007294.4:c.5266DUP"}),
        (
            {"variantId": "NP_004324.2:p.Val600Glu"},
            {"variantId": "np_004324.2:p.V600E"},
            {"variantId": "NP_004324.2:p.(Val600Glu)"},
        ),
        ({"variantId": "VCV000015333.1"}, {"variantId": "clinvar:15333"}),
    ],
)
def test_a_variant_that_no_panel_knows_is_one_question_too(
    spellings: tuple[dict[str, Any], ...],
) -> None:
    assert len({variant_key(of(each)) for each in spellings}) == 1


def test_an_id_in_an_address_asks_what_its_bases_do() -> None:
    by_id = query.from_get(query.Target("genomicVariant", entry_id="1-101-A-G"), ())
    anchored = query.from_get(query.Target("genomicVariant", entry_id="1-100-CA-CG"), ())
    assert variant_key(by_id.by_id) == variant_key(anchored.by_id) == variant_key(of(ALLELE))
    symbolic = query.from_get(query.Target("genomicVariant", entry_id="1-101-500-0123abcd"), ())
    assert variant_key(symbolic.by_id) != variant_key(of(ALLELE))


@pytest.mark.parametrize("position", ["9" * 5000, "9" * 11, "\u0661\u0660\u0661"])
def test_an_id_whose_position_is_none_stays_an_id(position: str) -> None:
    by_id = query.from_get(query.Target("genomicVariant", entry_id=f"1-{position}-A-G"), ())
    assert variant_key(by_id.by_id) != variant_key(of(ALLELE))


def test_any_base_is_not_the_one_base_that_the_panel_knows() -> None:
    """The dataset may hold another, whose carriers the difference of two equal draws would be."""
    known = Expected(("1-100-A-G",), 0.1, 0.1)
    assert variant_key(of(ALLELE), known) != variant_key(
        of({**ALLELE, "alternateBases": "N"}), known
    )
    spelled = of({**ALLELE, "start": [99], "referenceBases": "CA", "alternateBases": "CG"})
    assert variant_key(spelled, known) == variant_key(of(ALLELE), known)


@pytest.mark.parametrize(
    "named",
    [
        {"variantId": "rs334"},  # the dataset may give the name to more alleles than the panel
        {"variantId": "clinvar:15333"},
        {"variantId": "NC_000001.11:g.101delinsGT"},  # it may not know what stands there
        {**ALLELE, "referenceBases": "N"},
    ],
)
def test_what_a_dataset_may_find_otherwise_than_the_panel_has_a_draw_of_its_own(
    named: dict[str, Any],
) -> None:
    """Its difference from the panel's allele under equal noise would be exact."""
    known = Expected(("1-100-A-G",), 0.1, 0.1)
    assert variant_key(of(named), known) != variant_key(of(ALLELE), known)


def test_a_vrs_id_asks_what_its_allele_does() -> None:
    known = Expected(("1-100-A-G",), 0.1, 0.1)
    named = of({"variantId": f"ga4gh:VA.{'x' * 32}"})
    assert variant_key(named, known) == variant_key(of(ALLELE), known)


def test_a_dataset_without_a_reference_draws_anew_for_a_shifted_spelling() -> None:
    """It finds an allele at its own place alone: elsewhere it would tell the noise on nobody."""
    known = Expected(("1-100--A",), 0.1, 0.1)
    here = of({**ALLELE, "referenceBases": "C", "alternateBases": "CA", "start": [99]})
    there = of({**ALLELE, "referenceBases": "A", "alternateBases": "AA", "start": [103]})
    assert variant_key(here, known) == variant_key(there, known)
    assert variant_key(here, known, justified=False) != variant_key(there, known, justified=False)


@pytest.mark.anyio
async def test_a_registered_caller_pays_one_count_for_all_spellings(tmp_path: Path) -> None:
    made = beacon_node.source(tmp_path / "files", "A")
    people = [{"id": f"P{n}", "karyotypicSex": "XX" if n % 2 else "XY"} for n in range(200)]
    individuals = write_records(tmp_path / "people.json", people)
    source = replace(made, individuals=individuals, biosamples=None, runs=None, analyses=None)
    load(replace(source, vcfs=(), cohorts=None), tmp_path / "catalog")
    node = BeaconNode(
        tmp_path,
        catalog=SegmentCatalog(tmp_path / "catalog"),
        policies=[policy("A", profile=Profile.DEFAULT)],
    )
    told = set()
    for spelled in ("karyotypicSex:XX", "karyotypicSex:xx", "karyotypicSex:=xX"):
        answer = await node.get(
            "/individuals", name="rosa", filters=spelled, requestedGranularity="count"
        )
        told.add(str(answer.json()["responseSummary"]))
    assert len(told) == 1
    with node.ledger._database.looking() as connection:
        counts = connection.exec_driver_sql("SELECT count(*) FROM privacy_count").scalar_one()
    assert counts == 1


def variants_key(base: Segment, text: str, *, entry: str = "individual", **asked: str) -> bytes:
    """Of whether anybody carries one of these variants."""
    pairs = [*asked.items(), ("filters", text)]
    target = query.Target(entry)  # type: ignore[arg-type]  # one of two, as written here
    return posed.posed(query.from_get(target, pairs), base, Public({})).key


MISSENSE = "SO:0001583"


@pytest.mark.parametrize("entry", ["individual", "genomicVariant"])
@pytest.mark.parametrize(
    "spellings",
    [
        (
            MISSENSE,
            f"{MISSENSE},{MISSENSE}",
            f"{MISSENSE},SO:0001818",  # below it, so that both is the one
            f'["{MISSENSE}", {{"not": {{"not": "{MISSENSE}"}}}}]',
            f'[["{MISSENSE}", "SO:0002008"]]',
            f'[{{"id": "{MISSENSE}", "scope": "genomicVariant"}}]',
            f"{MISSENSE},SO:0001060",
        ),
        (
            f"{MISSENSE},-SO:0001587",
            f"-SO:0001587,{MISSENSE}",
            f"-SO:0001587,-SO:0001587,{MISSENSE},SO:0001878",
        ),
        (
            f"-{MISSENSE},-SO:0001587",
            f'[{{"not": ["{MISSENSE}", "SO:0001587"]}}]',
            f'[{{"not": ["SO:0001587", "{MISSENSE}"]}}, {{"not": "SO:0002008"}}]',
        ),
        (
            "molecularEffects:stop_gained",
            "molecularEffects:Stop gained",
            "molecularAttributes.molecularEffects:=STOP_GAINED",
            "SO:0001587",
            '[{"id": "SO:0001587", "includeDescendantTerms": false}]',
        ),
    ],
)
def test_an_effect_is_one_question_in_every_spelling(
    base: Segment, entry: str, spellings: tuple[str, ...]
) -> None:
    for asked in ({}, {"geneId": "BRCA1"}, {"geneId": "brca1"}):
        assert len({variants_key(base, each, entry=entry, **asked) for each in spellings}) == 1
    genes = {variants_key(base, spellings[0], entry=entry, geneId=g) for g in ("BRCA1", "brca1")}
    assert len(genes) == 1


@pytest.mark.parametrize(
    "other",
    [
        f"-{MISSENSE}",
        "SO:0001818",
        "SO:0001992",
        f"{MISSENSE},SO:0001630",
        f"{MISSENSE},NCIT:C16576",
        "molecularEffects:missense_variant",  # itself alone
        f'[["{MISSENSE}", "SO:0001587"]]',
    ],
)
def test_another_effect_has_a_draw_of_its_own(base: Segment, other: str) -> None:
    assert variants_key(base, other, geneId="A") != variants_key(base, MISSENSE, geneId="A")


def test_an_effect_of_one_allele_is_no_draw_of_the_allele(base: Segment) -> None:
    """As a gene it is of unknown frequency, so it never is cheaper than the allele itself."""
    allele = {"referenceName": "1", "start": "100", "referenceBases": "A", "alternateBases": "G"}
    spelled = {"referenceName": "1", "start": "99", "referenceBases": "TA", "alternateBases": "TG"}
    assert variants_key(base, MISSENSE, **allele) == variants_key(base, MISSENSE, **spelled)
    asked = query.from_get(query.Target("individual"), [*allele.items(), ("filters", MISSENSE)])
    found = posed.posed(asked, base, Public({}))
    assert (found.kind, found.length, found.frequency) == (Kind.RANGE, 0, 0.0)
