"""Individuals as phenopackets, asked for as an alternative schema."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import phenopackets  # type: ignore[import-untyped]
import pytest
from google.protobuf import json_format

from access.policies.policy import Profile
from beacon.phenopacket_form import SCHEMA, packet
from tests.support.beacon_node import NOW, BeaconNode, loaded, policy, source
from tests.support.sources import write_vcf

pytestmark = pytest.mark.anyio
WHOLE: dict[str, Any] = {
    "id": "P1",
    "sex": {"id": "NCIT:C16576", "label": "female"},
    "karyotypicSex": "XX",
    "age": {"iso8601duration": "P40Y"},
    "ethnicity": {"id": "NCIT:C43851", "label": "European"},
    "diseases": [
        {
            "diseaseCode": {"id": "MONDO:0005148", "label": "type 2 diabetes"},
            "ageOfOnset": {
                "start": {"iso8601duration": "P30Y"},
                "end": {"iso8601duration": "P35Y"},
            },
            "stage": {"id": "NCIT:C27979", "label": "stage"},
        },
        {"diseaseCode": {"id": "MONDO:0004979", "label": "asthma"}, "excluded": True},
    ],
    "phenotypicFeatures": [
        {
            "featureType": {"id": "HP:0000822", "label": "Hypertension"},
            "onset": {"id": "HP:0003581", "label": "Adult onset"},
            "severity": {"id": "HP:0012825", "label": "Mild"},
            "notes": "seen twice",
        }
    ],
    "measurements": [
        {
            "assayCode": {"id": "LOINC:35925-4", "label": "BMI"},
            "measurementValue": {"unit": {"id": "UCUM:kg/m2", "label": "kg/m2"}, "value": 31.5},
            "observationMoment": {"iso8601duration": "P39Y"},
        },
        {
            "assayCode": {"id": "LOINC:85354-9", "label": "blood pressure"},
            "measurementValue": {
                "typedQuantities": [
                    {
                        "quantityType": {"id": "NCIT:C25298", "label": "systolic"},
                        "quantity": {
                            "unit": {"id": "UCUM:mm[Hg]", "label": "mmHg"},
                            "value": 120.0,
                        },
                    }
                ]
            },
        },
        {
            "assayCode": {"id": "LOINC:883-9", "label": "blood group"},
            "measurementValue": {"id": "NCIT:C76246", "label": "A"},
        },
    ],
    "interventionsOrProcedures": [
        {
            "procedureCode": {"id": "NCIT:C28743", "label": "biopsy"},
            "bodySite": {"id": "UBERON:0002107", "label": "liver"},
            "ageAtProcedure": {"iso8601duration": "P38Y"},
        }
    ],
    "treatments": [{"treatmentCode": {"id": "CHEBI:6801", "label": "metformin"}}],
}


def read(made: dict[str, Any]) -> Any:
    """By the standard's own protobuf, which refuses what is not in it."""
    return json_format.ParseDict(made, phenopackets.Phenopacket())


def test_a_whole_record_is_a_phenopacket_of_the_standard() -> None:
    made = read(packet(WHOLE, beacon_id="org.example", now=NOW))
    assert made.subject.id == "P1"
    assert made.subject.sex == phenopackets.FEMALE
    assert [each.term.id for each in made.diseases] == ["MONDO:0005148", "MONDO:0004979"]
    assert made.diseases[1].excluded
    assert made.measurements[0].value.quantity.value == 31.5
    assert {each.namespace_prefix for each in made.meta_data.resources} >= {"HP", "MONDO", "LOINC"}
    assert made.meta_data.created_by == "org.example"


def test_what_was_loaded_of_a_phenopacket_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "packets"
    folder.mkdir()
    sent = packet(WHOLE, beacon_id="org.example", now=NOW)
    (folder / "one.json").write_text(json.dumps(sent))
    vcf = write_vcf(tmp_path / "a.vcf.gz", ("101 . A G . 0|1",), samples=("P1",))
    alone = replace(
        source(tmp_path / "in", "d"),
        individuals=None,
        biosamples=None,
        runs=None,
        analyses=None,
        cohorts=None,
        vcfs=(vcf,),
        phenopackets=(folder,),
    )
    segment = loaded(tmp_path / "catalog", alone).snapshot()["d"]
    kept = segment.entry("individual", "P1")
    assert kept == {name: value for name, value in WHOLE.items() if name != "ethnicity"}
    assert packet(kept, beacon_id="org.example", now=NOW) == sent


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> BeaconNode:
    folder = tmp_path_factory.mktemp("packets")
    others = [{"id": f"P{n}", "sex": {"id": "NCIT:C17998"}} for n in (2, 3, 4)]
    one = source(folder / "one", "one", people=[WHOLE, *others])
    catalog = loaded(folder / "catalog", one, source(folder / "closed", "closed"))
    protected = policy("closed", profile=Profile.DEFAULT)
    return BeaconNode(folder, catalog=catalog, policies=[policy("one"), protected])


@pytest.mark.parametrize("name", [SCHEMA, "ga4gh-phenopacket-v2"])
@pytest.mark.parametrize("path", ["/individuals", "/individuals/P1", "/datasets/one/individuals"])
async def test_individuals_are_phenopackets_where_these_are_asked_for(
    node: BeaconNode, path: str, name: str
) -> None:
    asked = {"requestedGranularity": "record", "requestedSchema": name}
    answer = await node.get(path, **asked)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["meta"]["returnedSchemas"] == [{"entityType": "individual", "schema": SCHEMA}]
    (held,) = (one for one in body["response"]["resultSets"] if one["id"] == "one")
    assert next(read(each).subject.id for each in held["results"]) == "P1"


async def test_a_post_asks_for_them_too(node: BeaconNode) -> None:
    async with node.client() as client:
        schemas = [{"entityType": "individual", "schema": SCHEMA}]
        body = {
            "meta": {"apiVersion": "v2.2.0", "requestedSchemas": schemas},
            "query": {"requestedGranularity": "record", "filters": ["MONDO:0005148"]},
        }
        answer = (await client.post("/individuals", json=body)).json()
    (record,) = answer["response"]["resultSets"][0]["results"]
    assert read(record).subject.id == "P1"


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/biosamples", SCHEMA),
        ("/g_variants", "ga4gh-phenopacket-v2"),
        ("/datasets", SCHEMA),
        ("/individuals", "ga4gh-phenopacket-v1.0.0"),
        ("/individuals", "fhir-r4-patient"),
    ],
)
async def test_any_other_schema_is_refused(node: BeaconNode, path: str, schema: str) -> None:
    answer = await node.get(path, requestedSchema=schema)
    assert answer.status_code == 400
    assert "schema" in answer.json()["error"]["errorMessage"]


async def test_the_default_has_its_own_names(node: BeaconNode) -> None:
    for name in ("beacon-v2-default", "ga4gh-beacon-individual-v2.0.0"):
        asked = {"requestedGranularity": "record", "requestedSchema": name}
        body = (await node.get("/individuals/P1", **asked)).json()
        assert body["response"]["resultSets"][0]["results"] == [WHOLE]


async def test_entry_types_name_the_schemas_that_are_served(node: BeaconNode) -> None:
    for path in ("/entry_types", "/configuration"):
        types = (await node.get(path)).json()["response"]["entryTypes"]
        (more,) = types["individual"]["additionallySupportedSchemas"]
        assert more["id"] == SCHEMA
        assert "additionallySupportedSchemas" not in types["biosample"]
