"""The same dataset as VCF and as BFF: the Beacon's doors answer every question alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beacon.loading.load import DatasetSource
from tests.support.beacon_node import SAMPLES, BeaconNode, loaded, policy, source
from tests.support.sources import HEADER, write_records, write_vcf

pytestmark = pytest.mark.anyio
CSQ = (
    '##INFO=<ID=CSQ,Number=.,Type=String,Description="Format: Allele|Consequence|SYMBOL|HGVSc|'
    'HGVSp">\n##INFO=<ID=AF_nfe,Number=A,Type=Float,Description="x">\n'
)
MISSENSE = "CSQ=G|missense_variant|BRCA1|NM_1.1:c.5A>G|NP_1.1:p.Val600Glu"
LINES = (
    f"101 rs1 A G {MISSENSE};AF_nfe=0.25 0|1 1|1 0|0 0|0",
    "201 . A C,AT CSQ=C|intron_variant|TP53||,AT|upstream_gene_variant|TP53|| 1|2 0/1 ./1 0/0",
    "301 rs3;rs4 G T . 0 1 0/0 0/0",
    "401 . N <DEL> END=500 0/1 0/0 0/0 0/0",
    "601 . CTT C . 0/0 0/0 0/1 1/1",
    "701 . ACG TTA . 0/0 0/0 0/1 ./.",
)
ALLELE = {"referenceName": "1", "referenceBases": "A", "alternateBases": "G", "start": "100"}
EVERYWHERE = {"referenceName": "1", "start": "0", "end": "2000"}
QUESTIONS: list[tuple[str, Mapping[str, str]]] = [
    ("/g_variants", EVERYWHERE),
    ("/g_variants", {**EVERYWHERE, "limit": "2", "skip": "1"}),
    ("/g_variants", ALLELE),
    ("/g_variants", {**ALLELE, "start": "101"}),
    ("/g_variants", {**ALLELE, "alternateBases": "C"}),
    ("/g_variants", {"referenceName": "1", "start": "200,205", "end": "300,302"}),
    ("/g_variants", {"referenceName": "1", "start": "390,410", "end": "490,510",
                     "variantType": "DEL"}),
    ("/g_variants", {**EVERYWHERE, "variantType": "DEL"}),
    ("/g_variants", {**EVERYWHERE, "variantType": "INS"}),
    ("/g_variants", {**EVERYWHERE, "variantType": "SNP"}),
    ("/g_variants", {**EVERYWHERE, "variantMinLength": "3"}),
    ("/g_variants", {"geneId": "BRCA1"}),
    ("/g_variants", {"geneId": "TP53"}),
    ("/g_variants", {"geneId": "EGFR"}),
    ("/g_variants", {"aminoacidChange": "V600E"}),
    ("/g_variants", {"aminoacidChange": "V600E", "geneId": "BRCA1"}),
    ("/g_variants", {"aminoacidChange": "V600E", "geneId": "TP53"}),
    ("/g_variants", {"aminoacidChange": "V600K"}),
    ("/g_variants", {**EVERYWHERE, "aminoacidChange": "V600E"}),
    ("/g_variants", {**EVERYWHERE, "aminoacidChange": "V600E", "geneId": "BRCA1"}),
    ("/g_variants", {**EVERYWHERE, "start": "101", "aminoacidChange": "V600E"}),
    ("/individuals", {**EVERYWHERE, "aminoacidChange": "V600E", "variantMaxLength": "1"}),
    ("/g_variants", {"genomicAlleleShortForm": "rs1"}),
    ("/g_variants", {"genomicAlleleShortForm": "rs4"}),
    ("/g_variants", {"genomicAlleleShortForm": "rs5"}),
    ("/g_variants", {"genomicAlleleShortForm": "NC_000001.11:g.101A>G"}),
    ("/g_variants", {"genomicAlleleShortForm": "NM_1.1:c.5A>G"}),
    ("/g_variants", {"genomicAlleleShortForm": "NP_1.1:p.Val600Glu"}),
    ("/g_variants", {**EVERYWHERE, "filters": "GENO:0000136"}),
    ("/g_variants", {**EVERYWHERE, "filters": "GENO:0000135"}),
    ("/g_variants", {**EVERYWHERE, "filters": "GENO:0000134"}),
    ("/g_variants", {**ALLELE, "filters": "ICD10:G35"}),
    ("/g_variants", {**ALLELE, "filters": "ICD10:J45"}),
    ("/g_variants/1-101-A-G", {}),
    ("/g_variants/1-101-A-G/individuals", {}),
    ("/g_variants/1-201-A-C/biosamples", {}),
    ("/individuals", ALLELE),
    ("/individuals", {**ALLELE, "filters": "GENO:0000136"}),
    ("/individuals", {**ALLELE, "filters": "GENO:0000134"}),
    ("/individuals/P1/g_variants", {}),
    ("/individuals/P4/g_variants", {}),
    ("/biosamples/P3/g_variants", {}),
]  # fmt: skip


def sources(folder: Path) -> tuple[DatasetSource, DatasetSource]:
    """(as VCF, without its variants)."""
    made = source(folder, "D")
    write_vcf(folder / "a.vcf.gz", LINES, samples=SAMPLES, header=HEADER + CSQ)
    return made, replace(made, vcfs=())


async def told(node: BeaconNode, path: str, asked: Mapping[str, str]) -> dict[str, Any]:
    answer = await node.get(path, requestedGranularity="record", **asked)
    body: dict[str, Any] = answer.json()
    return {name: body.get(name) for name in ("responseSummary", "response", "error")}


def records(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [record for one in body["response"]["resultSets"] for record in one["results"]]


@pytest.mark.parametrize("lines", [False, True])
async def test_a_dataset_as_bff_answers_as_it_does_as_vcf(tmp_path: Path, lines: bool) -> None:
    vcf, bare = sources(tmp_path)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    catalog = loaded(tmp_path / "catalog", vcf)
    node = BeaconNode(tmp_path / "one", catalog=catalog, policies=[policy("D")])
    variants = records(await told(node, "/g_variants", EVERYWHERE))
    assert len(variants) == 7
    path = write_records(tmp_path / "genomicVariations.json", variants)
    if lines:
        path.write_text("".join(json.dumps(each) + "\n" for each in variants), encoding="utf-8")
    bff = loaded(tmp_path / "other", replace(bare, genomic_variations=(path,)))
    other = BeaconNode(tmp_path / "two", catalog=bff, policies=[policy("D")])
    answers = [
        (await told(node, at, asked), await told(other, at, asked)) for at, asked in QUESTIONS
    ]
    for question, (expected, found) in zip(QUESTIONS, answers, strict=True):
        assert found == expected, question
    yes = [one["responseSummary"] and one["responseSummary"]["exists"] for one, _ in answers]
    assert sum(map(bool, yes)) > len(QUESTIONS) / 2
    assert not all(yes)
