"""A beacon in memory: real segments, policies and record behind the real error table.

Callers sign in by name (`Authorization: Bearer grace`), so that tests of answers need no broker;
everything after "who is this?" is the product's own code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request

from access.disclosure import Disclosure
from access.policies.policy import DatasetPolicy, Granularity, Level, PolicyBook, Profile
from access.record.audit import RecordFile
from beacon import routes
from beacon.catalog import Catalog
from beacon.doors import Doors, asked_in
from beacon.info import NodeFacts
from beacon.loading import load
from beacon.panel import NO_PANELS, Panel
from beacon.response import error_body
from beacon.segments import SegmentCatalog
from gateway.http_errors import ErrorTable
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.errors import SkerryError
from schemas.passport import VisaType
from tests.support.beacon_schemas import Conformance
from tests.support.disclosure import KEY, ledger
from tests.support.sources import HEADER, write_records, write_vcf

NOW = 1_800_000_000
_DRAWN_BY = 7  # whatever the layout is
URL = "http://node.example"
ISSUER = "https://broker.example"
NODE = NodeFacts("example.node", "Node", URL, "org", "Organisation", "test", "0.1.0", "A node")

FEMALE = {"id": "NCIT:C16576", "label": "female"}
MALE = {"id": "NCIT:C20197", "label": "male"}
# Every answer of every test is held to the standard's own schemas.
_CONFORMANCE = Conformance()
SAMPLES = ("P1", "P2", "P3", "P4")
LINES = (
    "101 rs1 A G . 0|1 1|1 0|0 0|0",
    "201 . A C,AT . 1|2 0/1 ./1 0/0",
    "301 rs3 G T . 0/0 0/1 0/0 0/0",
    "401 . N <DEL> END=500 0/1 0/0 0/0 0/0",
    "601 . CTT C . 0/0 0/0 0/1 1/1",
)
PEOPLE: list[dict[str, Any]] = [
    {"id": "P1", "sex": FEMALE, "diseases": [{"diseaseCode": {"id": "ICD10:G35", "label": "MS"}}]},
    {"id": "P2", "sex": MALE, "diseases": [{"diseaseCode": {"id": "ICD10:E10", "label": "T1D"}}]},
    {
        "id": "P3",
        "sex": MALE,
        "diseases": [
            {"diseaseCode": {"id": "ICD10:G35", "label": "MS"}},
            {"diseaseCode": {"id": "ICD10:E10", "label": "T1D"}},
        ],
        "measurements": [
            {
                "assayCode": {"id": "LOINC:35925-4", "label": "BMI"},
                "measurementValue": {
                    "unit": {"id": "NCIT:C49671", "label": "kg/m2"},
                    "value": 31.5,
                },
            }
        ],
    },
    {"id": "P4", "sex": FEMALE},
]
BIOSAMPLES = [
    {
        "id": name,
        "individualId": name,
        "biosampleStatus": {"id": "EFO:0009654", "label": "reference sample"},
        "sampleOriginType": {"id": "UBERON:0000178", "label": "blood"},
    }
    for name in SAMPLES
]
RUNS = [
    {
        "id": f"R{number}",
        "biosampleId": name,
        "individualId": name,
        "runDate": "2021-10-18",
        "libraryStrategy": "WGS" if number % 2 else "WES",
    }
    for number, name in enumerate(SAMPLES)
]
ANALYSES = [
    {
        "id": f"A{number}",
        "biosampleId": name,
        "individualId": name,
        "runId": f"R{number}",
        "analysisDate": "2021-10-17",
        "pipelineName": "pipeline",
    }
    for number, name in enumerate(SAMPLES)
]
COHORTS = [
    {"id": "C1", "name": "All", "cohortType": "study-defined", "ids": list(SAMPLES)},
]
METADATA: dict[str, object] = {"version": "v1", "ids": {"individualIds": list(SAMPLES)}}


def source(
    folder: Path,
    dataset: str,
    *,
    lines: Sequence[str] = LINES,
    people: Sequence[Mapping[str, Any]] | None = None,
    assembly: str = "GRCh38",
) -> load.DatasetSource:
    """Files of one small dataset; without `people`, the four of this module."""
    folder.mkdir(parents=True, exist_ok=True)
    header = HEADER if assembly == "GRCh38" else HEADER.replace("248956422", "249250621")
    return load.DatasetSource(
        id=dataset,
        name=f"Dataset {dataset}",
        description="Small",
        assembly=assembly,
        vcfs=(write_vcf(folder / "a.vcf.gz", lines, samples=SAMPLES, header=header),),
        individuals=write_records(folder / "individuals.json", people or PEOPLE),
        biosamples=write_records(folder / "biosamples.json", BIOSAMPLES),
        runs=write_records(folder / "runs.json", RUNS),
        analyses=write_records(folder / "analyses.json", ANALYSES),
        cohorts=write_records(folder / "cohorts.json", COHORTS),
        metadata=METADATA,
    )


def policy(
    dataset: str,
    *,
    profile: Profile = Profile.OPEN,
    level: Level = Level.PUBLIC,
    listed: bool = True,
) -> DatasetPolicy:
    """Everybody at `level` may ask for records; what is answered follows from the profile."""
    return DatasetPolicy(
        dataset=dataset,
        grant_value=f"{URL}/datasets/{dataset}",
        level=level,
        profile=profile,
        ceilings={each: Granularity.RECORD for each in Level if each >= level},
        listed=listed,
        committee=(),
        consent=None,
        registered_rule="login",
    )


def presence_only(dataset: str, *, level: Level = Level.PUBLIC) -> DatasetPolicy:
    """Everybody at `level` learns whether something is there, truly; a grant gives records."""
    told = {level: Granularity.BOOLEAN, Level.CONTROLLED: Granularity.RECORD}
    return replace(policy(dataset, level=level), ceilings=told)


def researcher(name: str, *, grants: Sequence[str] = ()) -> Researcher:
    visas = tuple(
        Visa(
            issuer=URL,
            subject=name,
            type=VisaType.CONTROLLED_ACCESS,
            value=f"{URL}/datasets/{dataset}",
            source=URL,
            by="dac",
            asserted=NOW - 60,
            expires=NOW + 600,
            jti=None,
        )
        for dataset in grants
    )
    return Researcher(ISSUER, name, visas, (), NOW + 600)


class BeaconNode:
    """One node; `grants` maps a caller's name to the datasets they hold a grant for."""

    def __init__(
        self,
        folder: Path,
        *,
        catalog: Catalog,
        policies: Sequence[DatasetPolicy],
        grants: Mapping[str, Sequence[str]] | None = None,
        objects: Mapping[str, Sequence[str]] | None = None,
        panels: Mapping[str, Panel] = NO_PANELS,
    ) -> None:
        self.catalog = catalog
        self.book = PolicyBook(policies, version="policies-1")
        self.record_path = folder / "record.jsonl"
        self.signing_key = Ed25519PrivateKey.generate()
        self.record = RecordFile(
            self.record_path, pseudonym_key=b"p" * 32, signing_key=self.signing_key
        )
        self._grants = dict(grants or {})
        self.ledger = ledger(folder)
        self.app = FastAPI()
        ErrorTable(bodies={"/beacon": _body}, realm="beacon").install(self.app)
        self.doors = doors = Doors(
            NODE,
            catalog,
            self.book,
            caller=self._caller,
            record=self.record,
            clock=lambda: NOW,
            disclosure=Disclosure(self.ledger, key=KEY),
            panels=panels,
            objects=lambda dataset: (objects or {}).get(dataset, ()),
        )
        routes.install(self.app, doors)

    async def _caller(self, request: Request) -> Researcher | None:
        name = request.headers.get("authorization", "").removeprefix("Bearer ")
        return researcher(name, grants=self._grants.get(name, ())) if name else None

    def client(self, name: str | None = None) -> httpx.AsyncClient:
        headers = {} if name is None else {"Authorization": f"Bearer {name}"}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(
            transport=transport,
            base_url=f"{URL}/beacon",
            headers=headers,
            event_hooks={"response": [_CONFORMANCE.check]},
        )

    async def get(self, path: str, *, name: str | None = None, **params: Any) -> httpx.Response:
        async with self.client(name) as client:
            return await client.get(path, params=params)

    async def post(
        self, path: str, query: Mapping[str, Any], *, name: str | None = None
    ) -> httpx.Response:
        async with self.client(name) as client:
            body = {"meta": {"apiVersion": "v2.2.0"}, "query": query}
            return await client.post(path, json=body)

    def entries(self) -> list[dict[str, Any]]:
        """What the record holds of answers."""
        lines = [json.loads(line) for line in self.record_path.read_bytes().splitlines()]
        return [line for line in lines if line["kind"] == "beacon.answer"]


def _body(request: Request, error: SkerryError) -> dict[str, object]:
    echo = asked_in(request)
    return error_body(error.status, error.public, error.code, node=NODE, echo=echo)


def loaded(folder: Path, *sources: load.DatasetSource) -> SegmentCatalog:
    """A catalog of these sources, built as an archive would build it."""
    with pytest.MonkeyPatch.context() as patch:
        # Noise is drawn by the version, which the layout's number is part of: a test that holds
        # for most draws would turn with the next layout.
        patch.setattr("beacon.loading.source.FORMAT", _DRAWN_BY)
        for each in sources:
            load.load(each, folder)
    return SegmentCatalog(folder)
