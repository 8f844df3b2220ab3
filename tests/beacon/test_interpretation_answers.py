"""The same people and alleles as VCF and as interpretations: the doors answer alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from beacon.loading.load import DatasetSource
from tests.support.bases import TextReference
from tests.support.beacon_node import BeaconNode, loaded, policy
from tests.support.packets import interpreted, packet, vcf, written
from tests.support.packets import source as packets_source
from tests.support.sources import HEADER, write_vcf

pytestmark = pytest.mark.anyio
NC = "NC_000001.11"
TEXT = TextReference("ACGTACGTAAAACGTT" * 40)
SAMPLES = ("P1", "P2", "P3")
LINES = (
    "5 rs1 A G . 0/1 1/1 0/0",
    "8 . TA T . 0/0 0/1 0/1",
    "15 . T TCC . 0/0 0/0 1/1",
    "101 . A <DEL> END=400 0/1 0/0 0/0",
)
STATED = {
    "P1": [
        (vcf("5", "A", "G", id="rs1"), "GENO:0000135"),
        (vcf("101", "A", "<DEL>", info="END=400"), "GENO:0000135"),
    ],
    "P2": [
        (written(f"{NC}:g.5A>G"), "GENO:0000136"),
        (written(f"{NC}:g.12del"), "GENO:0000135"),
    ],
    "P3": [
        (written(f"{NC}:8:1:", syntax="spdi"), "GENO:0000135"),
        (written(f"{NC}:g.15_16insCC"), "GENO:0000136"),
    ],
}
EVERYWHERE = {"referenceName": "1", "start": "0", "end": "2000"}
SNV = {"referenceName": "1", "start": "4", "referenceBases": "A", "alternateBases": "G"}
SHIFTED = {"referenceName": "1", "start": "10", "referenceBases": "AA", "alternateBases": "A"}
QUESTIONS: list[tuple[str, Mapping[str, str]]] = [
    ("/g_variants", EVERYWHERE),
    ("/g_variants", {**EVERYWHERE, "limit": "2", "skip": "1"}),
    ("/g_variants", SNV),
    ("/g_variants", SHIFTED),
    ("/g_variants", {**SNV, "alternateBases": "C"}),
    ("/g_variants", {**EVERYWHERE, "variantType": "DEL"}),
    ("/g_variants", {**EVERYWHERE, "variantType": "EFO:0030066", "variantMinLength": "100"}),
    ("/g_variants", {"referenceName": "1", "start": "90,110", "end": "390,410"}),
    ("/g_variants", {"genomicAlleleShortForm": "rs1"}),
    ("/g_variants", {"genomicAlleleShortForm": f"{NC}:g.10del"}),
    ("/g_variants", {"genomicAlleleShortForm": f"{NC}:g.15_16insCC"}),
    ("/g_variants", {**EVERYWHERE, "filters": "HP:0000822"}),
    ("/g_variants", {**EVERYWHERE, "filters": "GENO:0000136"}),
    ("/g_variants/1-5-A-G/individuals", {}),
    ("/individuals", SNV),
    ("/individuals", {**SNV, "filters": "GENO:0000135"}),
    ("/individuals", {**SHIFTED, "filters": "HP:0000822"}),
    ("/individuals", {**SNV, "filters": "HP:0000822,GENO:0000135"}),
    ("/individuals/P2/g_variants", {}),
    ("/biosamples", SNV),
    ("/datasets", {**SNV, "filters": "HP:0000822"}),
]


def sources(folder: Path, *, protobuf: bool) -> tuple[DatasetSource, DatasetSource]:
    """(variants as VCF, variants as interpretations) of the same people."""
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    features = {"phenotypicFeatures": [{"type": {"id": "HP:0000822", "label": "Hypertension"}}]}
    more: dict[str, dict[str, Any]] = {"P2": features, "P3": features}
    bare = [packet(name, **more.get(name, {})) for name in SAMPLES]
    whole = [
        packet(
            name,
            *(
                interpreted(name, form | {"allelicState": {"id": state, "label": "x"}})
                for form, state in STATED[name]
            ),
            **more.get(name, {}),
        )
        for name in SAMPLES
    ]
    path = write_vcf(folder / "a" / "a.vcf.gz", LINES, samples=SAMPLES, header=HEADER)
    return (
        packets_source(folder / "a", bare, bases=TEXT, vcfs=(path,)),
        packets_source(folder / "b", whole, bases=TEXT, protobuf=protobuf),
    )


async def told(node: BeaconNode, path: str, asked: Mapping[str, str]) -> Any:
    """Without frequencies: how many were looked at only a VCF says."""
    answer = await node.get(path, requestedGranularity="record", **asked)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    for one in (body.get("response") or {}).get("resultSets", ()):
        for record in one.get("results", ()):
            record.pop("frequencyInPopulations", None)
    return {name: body.get(name) for name in ("responseSummary", "response")}


@pytest.mark.parametrize("protobuf", [False, True])
async def test_interpretations_answer_as_the_same_variants_of_a_vcf_do(
    tmp_path: Path, protobuf: bool
) -> None:
    nodes = []
    for number, made in enumerate(sources(tmp_path, protobuf=protobuf)):
        folder = tmp_path / str(number)
        folder.mkdir()
        catalog = loaded(folder / "catalog", made)
        nodes.append(BeaconNode(folder, catalog=catalog, policies=[policy("d")]))
    found = []
    for path, asked in QUESTIONS:
        expected, answer = [await told(node, path, asked) for node in nodes]
        assert answer == expected, (path, asked, json.dumps(answer), json.dumps(expected))
        found.append(answer["responseSummary"]["exists"])
    assert sum(found) > len(QUESTIONS) / 2
    assert not all(found)
