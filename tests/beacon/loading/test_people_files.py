"""People in every form an archive may hold them become the same Beacon records, or are named."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import phenopackets  # type: ignore[import-untyped]  # ships no types
import pytest
from google.protobuf import json_format

from beacon.errors import SourceRefused
from beacon.loading import phenopackets as ours
from beacon.loading.people_files import PeopleFiles, stage
from beacon.loading.records import Problems, Record
from beacon.loading.staging import Staging

PACKET: dict[str, Any] = {
    "id": "packet.1",
    "subject": {
        "id": "P1",
        "sex": "FEMALE",
        "karyotypicSex": "XX",
        "dateOfBirth": "1970-01-01T00:00:00Z",
        "timeAtLastEncounter": {"age": {"iso8601duration": "P40Y"}},
    },
    "phenotypicFeatures": [
        {
            "type": {"id": "HP:0001250", "label": "Seizure"},
            "onset": {"age": {"iso8601duration": "P3Y"}},
            "evidence": [{"evidenceCode": {"id": "ECO:0000033", "label": "statement"}}],
        },
        {"type": {"id": "HP:0000001", "label": "All"}, "excluded": True},
    ],
    "measurements": [
        {
            "assay": {"id": "LOINC:35925-4", "label": "BMI"},
            "value": {"quantity": {"unit": {"id": "UCUM:kg/m2", "label": "kg/m2"}, "value": 24.5}},
        },
        {
            "assay": {"id": "LOINC:85354-9", "label": "Blood pressure"},
            "complexValue": {
                "typedQuantities": [
                    {
                        "type": {"id": "LOINC:8480-6", "label": "Systolic"},
                        "quantity": {"unit": {"id": "UCUM:mm[Hg]", "label": "mmHg"}, "value": 120},
                    }
                ]
            },
        },
    ],
    "diseases": [
        {
            "term": {"id": "MONDO:0004975", "label": "disease"},
            "onset": {
                "ageRange": {
                    "start": {"iso8601duration": "P10Y"},
                    "end": {"iso8601duration": "P19Y"},
                }
            },
        }
    ],
    "biosamples": [
        {
            "id": "S1",
            "sampledTissue": {"id": "UBERON:0000178", "label": "blood"},
            "timeOfCollection": {"age": {"iso8601duration": "P39Y"}},
        }
    ],
    "medicalActions": [
        {
            "procedure": {
                "code": {"id": "NCIT:C15189", "label": "Biopsy"},
                "performed": {"timestamp": "2020-03-01T00:00:00Z"},
            }
        },
        {"treatment": {"agent": {"id": "DrugCentral:1", "label": "agent"}}},
    ],
    "interpretations": [{"id": "i", "progressStatus": "SOLVED"}],
    "metaData": {"created": "2024-01-01T00:00:00Z", "phenopacketSchemaVersion": "2.0"},
}


def read(
    files: PeopleFiles, *, expect_problems: bool = False
) -> tuple[Mapping[str, list[Record]], Problems, Counter[str]]:
    problems = Problems()
    with Staging() as staging:
        losses = stage(files, staging=staging, problems=problems)
        found = {entity: list(staging.records(entity)) for entity in sorted(staging.given)}
    assert bool(problems.found) == expect_problems, [str(p) for p in problems.found]
    return found, problems, losses


def refused(files: PeopleFiles) -> str:
    _, problems, _ = read(files, expect_problems=True)
    return "\n".join(str(problem) for problem in problems.found)


def protobuf(kind: str, document: dict[str, Any]) -> bytes:
    message = json_format.ParseDict(document, getattr(phenopackets, kind)())
    return bytes(message.SerializeToString())


def relative() -> dict[str, Any]:
    return {"id": "packet.2", "subject": {"id": "P2", "sex": "MALE"}}


COHORT = {"id": "C1", "description": "All of them", "members": [PACKET, relative()]}
FAMILY = {"id": "F1", "proband": PACKET, "relatives": [relative()], "pedigree": {"persons": []}}


def test_a_phenopacket_becomes_an_individual_and_its_biosamples(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(PACKET))

    found, _, losses = read(PeopleFiles(phenopackets=(path,)))

    (person,), (sample,) = found["individual"], found["biosample"]
    assert person["sex"] == {"id": "NCIT:C16576", "label": "female"}
    assert person["age"] == {"iso8601duration": "P40Y"}
    features: Any = person["phenotypicFeatures"]
    assert features[0]["featureType"]["id"] == "HP:0001250"
    assert features[0]["onset"] == {"iso8601duration": "P3Y"}
    assert features[1]["excluded"] is True
    diseases: Any = person["diseases"]
    assert diseases[0]["ageOfOnset"]["start"] == {"iso8601duration": "P10Y"}
    measurements: Any = person["measurements"]
    assert measurements[0]["measurementValue"]["value"] == 24.5
    assert measurements[1]["measurementValue"]["typedQuantities"][0]["quantityType"]["id"] == (
        "LOINC:8480-6"
    )
    procedures: Any = person["interventionsOrProcedures"]
    assert procedures[0]["dateOfProcedure"] == "2020-03-01T00:00:00Z"
    assert (sample["individualId"], sample["collectionMoment"]) == ("P1", "P39Y")
    assert "dateOfBirth" not in json.dumps(person)
    assert losses == {
        "interpretation.progressStatus is not read": 1,
        "subject.dateOfBirth has no place in a Beacon record": 1,
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", json.dumps(COHORT).encode()),
        ("a.json", json.dumps(FAMILY).encode()),
        ("a.json", json.dumps([PACKET, relative()]).encode()),
        ("a.json.gz", gzip.compress(json.dumps(COHORT).encode(), mtime=0)),
        ("a.cohort.pb", protobuf("Cohort", COHORT)),
        ("a.family.pb", protobuf("Family", FAMILY)),
    ],
)
def test_cohorts_and_families_hold_all_their_people(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    found, _, _ = read(PeopleFiles(phenopackets=(path,)))
    assert [record["id"] for record in found["individual"]] == ["P1", "P2"]
    assert found["individual"][1]["sex"] == {"id": "NCIT:C20197", "label": "male"}


def test_a_folder_of_packets_in_both_forms_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(PACKET))
    (tmp_path / "b.pb").write_bytes(protobuf("Phenopacket", relative()))
    (tmp_path / "notes.txt").write_text("not one")
    found, _, _ = read(PeopleFiles(phenopackets=(tmp_path,)))
    assert [record["id"] for record in found["individual"]] == ["P1", "P2"]


def test_a_large_cohort_is_read_member_by_member(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "MAX_PACKET_BYTES", 100)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(COHORT))
    found, _, _ = read(PeopleFiles(phenopackets=(path,)))
    assert len(found["individual"]) == 2
    path.write_text(json.dumps(PACKET))
    assert "a cohort, or at most 100 bytes" in refused(PeopleFiles(phenopackets=(path,)))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", b"{", "JSON"),
        ("a.json", b"7", "phenopacket, family or cohort"),
        ("a.json", b"{}", "phenopacket, family or cohort"),
        ("a.json", b'{"subject": {}}', "subject.id"),
        ("a.json", b'{"subject": "P1"}', "phenopacket 1"),
        ("a.json", b'{"subject": {"id": "P1"}, "diseases": [5]}', "phenopacket 1"),
        ("a.json", b'{"subject": {"id": "P1"}, "measurements": [{}]}', "phenopacket 1"),
        ("a.json", b'{"members": 5}', "a phenopacket, family or cohort"),
        ("a.json", b'{"subject": {"id": 5}}', "id"),
        ("a.json", b"[" * 100_000, "JSON"),
        ("a.pb", b"\xff\xff\xff", "protobuf"),
        ("a.json.gz", b"not packed", "gzip"),
    ],
)
def test_what_is_no_phenopacket_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    text = refused(PeopleFiles(phenopackets=(path,)))
    assert text.startswith(name)
    assert says in text


def test_the_same_person_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([PACKET, {"subject": {"id": "P1"}}]))
    assert "phenopacket 2 (P1), id" in refused(PeopleFiles(phenopackets=(path,)))


MAPPING = """
tables:
  - file: people.csv
    entity: individual
    id: participant
    distinct: true
    fields:
      sex: {column: sex, values: {F: {id: "NCIT:C16576", label: female}}}
      karyotypicSex: karyotype
      info.consented: {column: consent, type: boolean}
    items:
      - list: diseases
        when: icd10
        fields:
          diseaseCode: {column: icd10, prefix: "ICD10:", label: diagnosis}
          ageOfOnset: {column: onset_years, type: years}
      - list: measurements
        when: bmi
        fields:
          assayCode: {constant: {id: "LOINC:35925-4", label: BMI}}
          measurementValue.value: {column: bmi, type: number}
          measurementValue.unit: {constant: {id: "UCUM:kg/m2", label: kg/m2}}
          date: {column: visit, type: date}
"""
HEADER = "participant,sex,karyotype,consent,icd10,diagnosis,onset_years,bmi,visit,note\n"
ROWS = (
    'P1,F,XX,yes,G35,"sclerosis, multiple",32,24.5,2020-01-01,free text\n'
    "P1,F,XX,yes,E10,diabetes,,25,2021-01-01,\n"
    "P2,X,,no,,,,,,\n"
)


def tables(folder: Path, text: str, *, mapping: str = MAPPING) -> PeopleFiles:
    folder.mkdir(exist_ok=True)
    (folder / "people.csv").write_text(text)
    (folder / "mapping.yaml").write_text(mapping)
    return PeopleFiles(tables=folder / "people.csv", mapping=folder / "mapping.yaml")


def test_rows_of_a_table_make_records_and_the_lists_in_them(tmp_path: Path) -> None:
    found, _, losses = read(tables(tmp_path, HEADER + ROWS))

    one, two = found["individual"]
    assert one == {
        "id": "P1",
        "sex": {"id": "NCIT:C16576", "label": "female"},
        "karyotypicSex": "XX",
        "info": {"consented": True},
        "diseases": [
            {
                "diseaseCode": {"id": "ICD10:G35", "label": "sclerosis, multiple"},
                "ageOfOnset": {"iso8601duration": "P32Y"},
            },
            {"diseaseCode": {"id": "ICD10:E10", "label": "diabetes"}},
        ],
        "measurements": [
            {
                "assayCode": {"id": "LOINC:35925-4", "label": "BMI"},
                "measurementValue": {
                    "value": value,
                    "unit": {"id": "UCUM:kg/m2", "label": "kg/m2"},
                },
                "date": date,
            }
            for value, date in ((24.5, "2020-01-01"), (25, "2021-01-01"))
        ],
    }
    assert two == {"id": "P2", "info": {"consented": False}}
    assert losses == {
        "people.csv: column note not read": 1,
        "people.csv: value of sex not in the mapping": 1,
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEADER + "P1,F,XX,maybe,,,,,,\n", "people.csv, line 2, consent: expected true or false"),
        (HEADER + ROWS + "P3,F,,yes,,,,fat,,\n", "people.csv, line 5, bmi: expected a number"),
        (HEADER + "P1,F,,yes,,,,1e999,,\n", "bmi: expected a number"),
        (HEADER + "P1,F,,yes,,,,20,yesterday,\n", "visit: expected a date"),
        (HEADER + ",F,,yes,,,,,,\n", "line 2, participant: expected an id"),
        (HEADER + "P1,F\n", "line 2: expected 10 cells"),
        (HEADER + "P1,F,,yes,G 35,,,,,\n", "line 2 (P1), diseases.diseaseCode.id"),
        (HEADER + 'P1,F,,yes,"G35,G36",pair,,,,\n', "line 2 (P1), diseases.diseaseCode.id"),
        ("participant,sex\nP1,F\n", "column of that name"),
        ("participant,participant\nP1,F\n", "each once"),
        ("", "column names"),
        (HEADER + "P1,F,,yes,,\x00,,,,\n", ""),
    ],
)
def test_a_row_that_is_not_as_mapped_is_named_by_line_and_column(
    tmp_path: Path, text: str, says: str
) -> None:
    files = tables(tmp_path, text)
    if says:
        assert says in refused(files)
    else:
        read(files)


def test_without_distinct_a_second_row_of_a_record_is_refused(tmp_path: Path) -> None:
    files = tables(tmp_path, HEADER + ROWS, mapping=MAPPING.replace("    distinct: true\n", ""))
    assert "line 3 (P1), id" in refused(files)


def test_of_a_table_that_is_given_alone_no_neighbour_is_read(tmp_path: Path) -> None:
    """What lies beside it is not the operator's word, and no part of the version."""
    mapping = MAPPING + "  - file: visits.csv\n    joins: individual\n    id: who\n    items: []\n"
    files = tables(tmp_path, HEADER + ROWS, mapping=mapping)
    (tmp_path / "visits.csv").write_text("who\nP1\n")
    assert refused(files).startswith("visits.csv: expected a table that exists")
    assert read(PeopleFiles(tables=tmp_path, mapping=files.mapping))[0]


@pytest.mark.parametrize("name", ["absent.csv", "no/folder/people.csv"])
def test_a_table_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    """Whatever lies where it should."""
    files = tables(tmp_path, HEADER + ROWS)
    text = refused(PeopleFiles(tables=tmp_path / name, mapping=files.mapping))
    assert "a file that exists; check the path" in text


@pytest.mark.parametrize("kind", ["absent", "empty", "of others"])
def test_phenopackets_that_are_not_there_are_refused(tmp_path: Path, kind: str) -> None:
    """A name that was mistyped is no empty dataset, nor one of variants alone."""
    path = tmp_path / "packets"
    if kind != "absent":
        path.mkdir()
    if kind == "of others":
        (path / "packet.txt").write_text(json.dumps(PACKET))
    text = refused(PeopleFiles(phenopackets=(path,)))
    assert text == "packets: expected a file that exists; check the path"


def test_rows_that_join_nobody_are_named(tmp_path: Path) -> None:
    mapping = (
        MAPPING
        + """
  - file: visits.csv
    joins: individual
    id: who
    items: [{list: exposures, fields: {exposureCode: {column: code, prefix: "NCIT:"}}}]
"""
    )
    files = tables(tmp_path, HEADER + ROWS, mapping=mapping)
    (tmp_path / "visits.csv").write_text("who,code\nP1,C1\nP9,C2\n")
    text = refused(PeopleFiles(tables=tmp_path, mapping=files.mapping))
    assert "visits.csv, line 3 (P9)" in text


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("[", "line 1"),
        ("- a", "a mapping"),
        ("tables: []", "a list of tables"),
        ("tables: [{file: a.csv, id: x}]", "either `entity` or `joins`"),
        ("tables: [{file: a.csv, id: x, entity: individual, joins: run}]", "either"),
        ("tables: [{file: a.csv, id: x, entity: planet}]", "one of individual"),
        ("tables: [{file: a.csv, entity: individual}]", "tables[0].id"),
        ("tables: [{file: a.csv, id: x, joins: run, fields: {a: b}}]", "no `fields`"),
        ("tables: [{file: a.csv, id: x, entity: run, colour: red}]", "tables[0].colour"),
        ("tables: [{file: a, id: x, entity: run, fields: {a: {column: b, type: age}}}]", "type"),
        ("tables: [{file: a, id: x, entity: run, fields: {a: {colum: b}}}]", "fields.a.colum"),
        ("tables: [{file: a, id: x, entity: run, fields: {a: 5}}]", "fields.a"),
        ("tables: [{file: a, id: x, entity: run, items: [{list: a}]}]", "items[0].fields"),
        ("!!python/object/apply:os.system [ls]", "YAML"),
    ],
)
def test_a_mapping_that_is_not_understood_is_refused_at_its_place(
    tmp_path: Path, mapping: str, says: str
) -> None:
    with pytest.raises(SourceRefused) as caught:
        read(tables(tmp_path, HEADER + ROWS, mapping=mapping))
    (problem,) = caught.value.problems
    assert says in str(problem)


PERSON = """person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,race_concept_id,\
race_source_value,ethnicity_concept_id,birth_datetime,location_id
1,8532,1960,5,20,8527,white,0,,7
2,8507,1970,,,0,,0,,
3,8551,1980,1,,0,,0,,
"""
CONDITION = """condition_occurrence_id,person_id,condition_concept_id,condition_start_date,\
condition_source_value
10,1,201826,2015-05-19,E11
11,1,0,2016-01-01,local
12,2,9,2015-06-01,G35
"""
MEASUREMENT = """measurement_id,person_id,measurement_concept_id,measurement_date,value_as_number,\
unit_concept_id,measurement_source_value,unit_source_value
20,2,3038553,2020-01-01,24.5,9531,BMI,kg/m2
21,2,3038553,2020-01-02,,9531,BMI,kg/m2
"""
CONCEPT = (
    "concept_id\tconcept_name\tvocabulary_id\tconcept_code\n"
    '201826\tType 2 "diabetes" mellitus\tSNOMED\t44054006\n'
    "3038553\tBody mass index\tLOINC\t39156-5\n"
    "9531\tkilogram per square meter\tUCUM\tkg/m2\n"
    "8527\tWhite\tRace\t5\n"
)


@pytest.fixture
def omop(tmp_path: Path) -> Path:
    for name, text in (
        ("PERSON.csv", PERSON),
        ("condition_occurrence.csv", CONDITION),
        ("measurement.csv", MEASUREMENT),
        ("CONCEPT.csv", CONCEPT),
        ("drug_exposure.csv", "a\n1\n"),
    ):
        (tmp_path / name).write_text(text)
    return tmp_path


def test_omop_tables_become_individuals_with_ages_and_units(omop: Path) -> None:
    found, _, losses = read(PeopleFiles(omop=omop))

    one, two, three = found["individual"]
    assert one["sex"] == {"id": "NCIT:C16576", "label": "female"}
    assert one["ethnicity"] == {"id": "OMOP.Race:5", "label": "White"}
    assert one["diseases"] == [
        {
            "diseaseCode": {"id": "SNOMED:44054006", "label": 'Type 2 "diabetes" mellitus'},
            "ageOfOnset": {"iso8601duration": "P54Y11M"},
        }
    ]
    # Of the second only the year of birth is known: 1970-12-31 or 1970-01-01.
    assert two["diseases"] == [
        {
            "diseaseCode": {"id": "OMOP:9", "label": "G35"},
            "ageOfOnset": {
                "start": {"iso8601duration": "P44Y5M"},
                "end": {"iso8601duration": "P45Y6M"},
            },
        }
    ]
    measurements: Any = two["measurements"]
    assert [m["measurementValue"] for m in measurements] == [
        {"value": 24.5, "unit": {"id": "UCUM:kg/m2", "label": "kilogram per square meter"}}
    ]
    assert three["sex"] == {"id": "NCIT:C17998", "label": "unknown"}
    assert "1960" not in json.dumps(one)
    assert losses["drug_exposure.csv: table not read"] == 1
    assert losses["PERSON.csv: column location_id not read"] == 1
    assert losses["PERSON.csv: value of gender_concept_id not in the mapping"] == 1
    assert losses["condition_occurrence.csv: row without condition_concept_id, diseases left out"]


def test_a_condition_before_birth_is_named(omop: Path) -> None:
    (omop / "condition_occurrence.csv").write_text(CONDITION.replace("2015-05-19", "1950-01-01"))
    assert "line 2, condition_start_date: expected a date after birth" in refused(
        PeopleFiles(omop=omop)
    )


def test_omop_without_its_persons_is_refused(omop: Path) -> None:
    (omop / "PERSON.csv").unlink()
    assert "person.csv" in refused(PeopleFiles(omop=omop))


def test_every_problem_goes_to_the_report_and_the_first_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "individuals.json"
    path.write_text(json.dumps([{"id": ""}] * 500 + [{"id": "P1"}]))
    reported: list[object] = []
    problems = Problems(reported.append)
    with Staging(tmp_path / "catalog") as staging:
        stage(PeopleFiles(bff={"individual": path}), staging=staging, problems=problems)
        assert staging.count("individual") == 1
        assert list((tmp_path / "catalog").iterdir()) == []
    assert (len(reported), problems.count, len(problems.found)) == (500, 500, 20)
    assert not problems.fatal


def test_a_record_that_names_one_left_out_is_left_out_too(tmp_path: Path) -> None:
    files = {}
    for entity, records in (
        ("individual", [{"id": ""}, {"id": "P2"}]),
        ("biosample", [{"id": "S1", "individualId": "P1"}, {"id": "S2", "individualId": "P2"}]),
        ("run", [{"id": "R1", "biosampleId": "S1"}, {"id": "R2", "biosampleId": "S2"}]),
    ):
        files[entity] = tmp_path / f"{entity}.json"
        files[entity].write_text(json.dumps(records))
    problems = Problems(lambda _: None)
    with Staging() as staging:
        stage(PeopleFiles(bff=files), staging=staging, problems=problems)
        assert list(staging.ids("run")) == ["R2"]
    assert problems.count == 3
