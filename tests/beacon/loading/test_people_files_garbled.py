"""Garbled files of people and ontologies are refused in words or read, and never break a load."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from beacon import ontology
from beacon.errors import SourceRefused
from beacon.loading.people_files import PeopleFiles, stage
from beacon.loading.records import Problems
from beacon.loading.staging import Staging
from tests.beacon import test_ontology
from tests.beacon.loading import test_people_files

_BYTES = b'{}[]",:;\\\n\t 0129eE+-.\x00\xff<>&/|"PTYM'
_INDIVIDUALS = json.dumps(
    [{"id": f"P{n}", "sex": {"id": "NCIT:C1", "label": "x"}, "age": {"iso8601duration": "P1Y"}}
     for n in range(4)]
)  # fmt: skip
_SOURCES = {
    "individuals.json": _INDIVIDUALS.encode(),
    "packet.json": json.dumps(test_people_files.COHORT).encode(),
    "packet.cohort.pb": test_people_files.protobuf("Cohort", test_people_files.COHORT),
    "people.csv": (test_people_files.HEADER + test_people_files.ROWS).encode(),
    "mapping.yaml": test_people_files.MAPPING.encode(),
}


def garbled(content: bytes, seed: int) -> bytes:
    chance = random.Random(seed)  # noqa: S311 (seeded, so a failure repeats)
    text = bytearray(content)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(text))
        match chance.randrange(3):
            case 0:
                text[at] = chance.choice(_BYTES)
            case 1:
                del text[at : at + chance.randrange(1, 20)]
            case _:
                text[at:at] = bytes(chance.choice(_BYTES) for _ in range(chance.randrange(1, 6)))
        text = text or bytearray(b"x")
    return bytes(text)


@pytest.mark.parametrize("name", _SOURCES)
def test_garbled_files_of_people_are_refused_or_read(tmp_path: Path, name: str) -> None:
    for other, content in _SOURCES.items():
        (tmp_path / other).write_bytes(content)
    files = {
        "individuals.json": PeopleFiles(bff={"individual": tmp_path / "individuals.json"}),
        "packet.json": PeopleFiles(phenopackets=(tmp_path / "packet.json",)),
        "packet.cohort.pb": PeopleFiles(phenopackets=(tmp_path / "packet.cohort.pb",)),
    }.get(name, PeopleFiles(tables=tmp_path / "people.csv", mapping=tmp_path / "mapping.yaml"))
    for seed in range(150):
        (tmp_path / name).write_bytes(garbled(_SOURCES[name], seed))
        problems = Problems()
        with Staging() as staging:
            try:
                stage(files, staging=staging, problems=problems)
            except SourceRefused:
                continue
            for record in staging.records("individual"):
                assert record["id"]


@pytest.mark.parametrize("name", test_ontology.FILES)
def test_garbled_ontologies_are_refused_or_read(tmp_path: Path, name: str) -> None:
    for seed in range(150):
        (tmp_path / name).write_bytes(garbled(test_ontology.FILES[name].encode(), seed))
        try:
            tree = ontology.read([tmp_path / name])
        except SourceRefused:
            continue
        for term in tree.labels:
            tree.ancestors(term)
