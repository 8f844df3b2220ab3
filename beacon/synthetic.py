"""The dataset behind `testMode`: two people who never lived, one record on every list.

Beacon v2.2: a test answer has the form of a real one and "SHOULD use fake or non-sensitive data".
It is loaded, kept and asked as real data is, but in a folder, a catalog and a policy book of its
own: no question reaches both.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.concurrency import run_in_threadpool

from access.policies.policy import DatasetPolicy, Granularity, Level, PolicyBook, Profile
from beacon.catalog import Segment
from beacon.errors import CatalogError
from beacon.loading import load
from beacon.segments import SegmentCatalog

DATASET = "synthetic"
_PEOPLE = (
    {
        "id": "TEST1",
        "sex": {"id": "NCIT:C16576", "label": "female"},
        "ethnicity": {"id": "NCIT:C17998", "label": "Unknown"},
        "diseases": [
            {
                "diseaseCode": {"id": "MONDO:0005148", "label": "type 2 diabetes mellitus"},
                "ageOfOnset": {"iso8601duration": "P50Y"},
            }
        ],
        "phenotypicFeatures": [{"featureType": {"id": "HP:0000822", "label": "Hypertension"}}],
        "measurements": [
            {
                "assayCode": {"id": "LOINC:35925-4", "label": "BMI"},
                "measurementValue": {
                    "unit": {"id": "NCIT:C49671", "label": "Kilogram per Square Meter"},
                    "value": 31.5,
                },
            }
        ],
    },
    {"id": "TEST2", "sex": {"id": "NCIT:C20197", "label": "male"}},
)
_BIOSAMPLES = tuple(
    {
        "id": f"{person['id']}-blood",
        "individualId": person["id"],
        "biosampleStatus": {"id": "EFO:0009654", "label": "reference sample"},
        "sampleOriginType": {"id": "UBERON:0000178", "label": "blood"},
    }
    for person in _PEOPLE
)
_RUNS = tuple(
    {
        "id": f"{sample['id']}-run",
        "biosampleId": sample["id"],
        "individualId": sample["individualId"],
        "runDate": "2020-01-01",
        "libraryStrategy": "WGS",
    }
    for sample in _BIOSAMPLES
)
_ANALYSES = tuple(
    {
        "id": f"{run['id']}-calls",
        "runId": run["id"],
        "biosampleId": run["biosampleId"],
        "individualId": run["individualId"],
        "analysisDate": "2020-01-02",
        "pipelineName": "synthetic",
    }
    for run in _RUNS
)
_COHORTS = ({"id": "TEST", "name": "Synthetic cohort", "cohortType": "beacon-defined"},)
_ENTITIES: Mapping[str, tuple[Mapping[str, object], ...]] = {
    "individuals": _PEOPLE,
    "biosamples": _BIOSAMPLES,
    "runs": _RUNS,
    "analyses": _ANALYSES,
    "cohorts": _COHORTS,
}
_NAMED = "TEST-t.1:c.4A>T|TEST-p.1:p.Thr2Ser"
_VARIANTS = (
    ("1001", "rs999999999999", "A", "T", f"CSQ=T|missense_variant|TEST|{_NAMED}", "0/1", "0/0"),
    ("2001", ".", "C", "CAT", "CSQ=AT|frameshift_variant|TEST||", "1/1", "0/1"),
    ("3001", ".", "GTT", "G", "CSQ=-|intron_variant|TEST||", "0/0", "0/1"),
    ("4001", ".", "N", "<DEL>", "END=5000", "0/1:1", "0/0:2"),
)
_HEADER = """##fileformat=VCFv4.3
##contig=<ID=1,length=248956422>
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##INFO=<ID=CSQ,Number=.,Type=String,Description="Format: Allele|Consequence|SYMBOL|HGVSc|HGVSp">
##ALT=<ID=DEL,Description="Deletion">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=CN,Number=1,Type=Integer,Description="Copy number">
"""


def book() -> PolicyBook:
    """Anybody may see everything of it."""
    everything = DatasetPolicy(
        dataset=DATASET,
        grant_value=DATASET,
        level=Level.PUBLIC,
        profile=Profile.OPEN,
        ceilings=dict.fromkeys(Level, Granularity.RECORD),
        listed=True,
        committee=(),
        consent=None,
        registered_rule="login",
    )
    return PolicyBook([everything], version="synthetic")


class SyntheticCatalog:
    """Loads the dataset when it is first asked for; it is gone with the process."""

    def __init__(self) -> None:
        self._loading = asyncio.Lock()
        self._snapshot: Mapping[str, Segment] | None = None

    async def snapshot(self) -> Mapping[str, Segment]:
        async with self._loading:
            if self._snapshot is None:
                await asyncio.sleep(0)  # from here on in a task, see `gateway.serving.at_once`
                self._snapshot = await run_in_threadpool(_loaded)
            return self._snapshot


def _loaded() -> Mapping[str, Segment]:
    """An opened segment needs its name no more, so nothing stays behind."""
    try:
        with TemporaryDirectory(prefix="skerry-synthetic-") as folder:
            load.load(_source(Path(folder)), Path(folder, "catalog"))
            return SegmentCatalog(Path(folder, "catalog")).snapshot()
    except OSError as problem:
        raise CatalogError("The test data cannot be read.", detail=str(problem)) from problem


def _source(folder: Path) -> load.DatasetSource:
    paths = {name: folder / f"{name}.json" for name in _ENTITIES}
    for name, path in paths.items():
        path.write_text(json.dumps(_ENTITIES[name]), encoding="utf-8")
    variants = folder / "variants.vcf"
    variants.write_text(_vcf(), encoding="ascii")
    return load.DatasetSource(
        id=DATASET,
        name="Synthetic test data",
        description="Two people who never lived, for testMode.",
        assembly="GRCh38",
        vcfs=(variants,),
        individuals=paths["individuals"],
        biosamples=paths["biosamples"],
        runs=paths["runs"],
        analyses=paths["analyses"],
        cohorts=paths["cohorts"],
        metadata={"version": "1"},
    )


def _vcf() -> str:
    samples = "\t".join(str(sample["id"]) for sample in _BIOSAMPLES)
    columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{samples}\n"
    rows = (
        "\t".join(("1", position, name, ref, alt, ".", "PASS", told, "GT:CN", *calls))
        for position, name, ref, alt, told, *calls in _VARIANTS
    )
    return _HEADER + columns + "\n".join(rows) + "\n"
