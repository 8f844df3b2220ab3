"""`skerry resources`: datasets without names are asked by those of dbSNP's tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app import create_app
from gateway.errors import Exit
from gateway.home import NodeHome
from tests.support.command import Ran, skerry
from tests.support.node_folder import URL, node_folder, open_counts
from tests.support.sources import write_vcf

pytestmark = pytest.mark.anyio
SITES = (
    "101 rs1 A G .",
    "201 rs2 A C,T .",
    "301 rs3;rs33 CAA C .",
    "901 rs9 G T .",
)
CALLS = (
    "101 . A G . 0|1 1|1 0|0",
    "201 . A C . 0/0 0/1 0/0",
    "201 . A T . 0/0 0/1 1/1",
    "301 . CAA C . 0/0 0/0 0/1",
)
SITES_HEADER = """##fileformat=VCFv4.3
##contig=<ID=chr1,length=248956422>
"""


def table(path: Path, lines: tuple[str, ...], *, header: str = SITES_HEADER) -> Path:
    rows = [f"chr1\t{'	'.join(line.split()[:4])}\t.\t.\t{line.split()[4]}" for line in lines]
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    path.write_text("\n".join([header.rstrip(), columns, *rows]) + "\n")
    return path


def add(made: NodeHome, path: Path, *, name: str = "dbsnp") -> Ran:
    return skerry("resources", "add", made.root, path, "--name", name)


@pytest.fixture
def made(tmp_path: Path) -> NodeHome:
    records = {"ceilings": {"public": "record"}}
    home = node_folder(tmp_path / "node", policies=[{**open_counts("d"), **records}])
    vcf = write_vcf(tmp_path / "a.vcf.gz", CALLS, samples=("P1", "P2", "P3"))
    ran = skerry("load", home.root, "--dataset", "d", "--vcf", vcf)
    assert ran.code == Exit.OK, ran.err
    return home


@pytest.fixture
async def http(made: NodeHome, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    assert add(made, table(tmp_path / "dbsnp.vcf", SITES)).code == Exit.OK
    transport = httpx.ASGITransport(create_app(made))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        yield client


async def ask(http: httpx.AsyncClient, path: str, **params: str) -> Any:
    asked = {"requestedGranularity": "record", **params}
    answer = await http.get(f"/beacon/{path}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def held(body: Any) -> list[str]:
    records = [r for one in body["response"]["resultSets"] for r in one["results"]]
    return [r.get("id") or r["variantInternalId"] for r in records]


@pytest.mark.parametrize(
    ("name", "variants", "carriers"),
    [
        ("rs1", ["1-101-A-G"], 2),
        ("rs2", ["1-201-A-C", "1-201-A-T"], 2),
        ("RS3", ["1-301-CAA-C"], 1),
        ("rs33", ["1-301-CAA-C"], 1),
        ("rs9", [], 0),  # the table knows it, so nobody carrying it is a true «no»
    ],
)
async def test_a_name_of_the_table_asks_for_its_alleles(
    http: httpx.AsyncClient, name: str, variants: list[str], carriers: int
) -> None:
    assert held(await ask(http, "g_variants", variantId=name)) == variants
    people = await ask(http, "individuals", variantId=name, requestedGranularity="count")
    assert people["responseSummary"]["numTotalResults"] == carriers
    if variants:
        listed = await ask(http, f"g_variants/{name}")
        calls = [
            {case["biosampleId"] for case in record["caseLevelData"]}
            for one in listed["response"]["resultSets"]
            for record in one["results"]
        ]
        assert len(set().union(*calls)) == carriers


async def test_pages_of_one_name_hold_each_allele_once(http: httpx.AsyncClient) -> None:
    pages = [
        held(await ask(http, "g_variants", variantId="rs2", limit="1", skip=str(n)))
        for n in range(3)
    ]
    assert pages == [["1-201-A-C"], ["1-201-A-T"], []]


async def test_a_name_that_no_table_has_stays_unsupported(http: httpx.AsyncClient) -> None:
    for name in ("rs404", "clinvar:1", "NM_1.1:c.1A>T"):
        answer = await http.get("/beacon/g_variants", params={"variantId": name})
        assert answer.status_code == 400, answer.text


async def test_zygosity_goes_with_a_name(http: httpx.AsyncClient) -> None:
    found = await ask(http, "g_variants", variantId="rs2", filters="GENO:0000136")
    assert held(found) == ["1-201-A-T"]


def test_a_table_without_names_is_refused_and_the_one_before_stays(
    made: NodeHome, tmp_path: Path
) -> None:
    assert add(made, table(tmp_path / "a.vcf", SITES)).code == Exit.OK
    before = skerry("resources", "list", made.root).out
    nameless = tuple(line.replace(line.split()[1], ".", 1) for line in SITES)
    ran = add(made, table(tmp_path / "b.vcf", nameless))
    assert ran.code not in (Exit.OK, 1)
    assert "rsIDs or ClinVar ids" in ran.err
    assert skerry("resources", "list", made.root).out == before
    assert "dbsnp.GRCh38" in before


@pytest.mark.parametrize("line", ["x rs1 A G .", "999999999 rs5 A G ."])
def test_a_broken_table_is_refused_naming_the_file(
    made: NodeHome, tmp_path: Path, line: str
) -> None:
    ran = add(made, table(tmp_path / "bad.vcf", (*SITES, line)))
    assert ran.code not in (Exit.OK, 1)
    assert "bad.vcf" in ran.err


@pytest.mark.parametrize("name", ["../up", "", "A b", "a" * 41])
def test_a_table_has_a_plain_name(made: NodeHome, tmp_path: Path, name: str) -> None:
    ran = add(made, table(tmp_path / "a.vcf", SITES), name=name)
    assert ran.code not in (Exit.OK, 1)


def test_a_newer_table_replaces_the_one_of_its_name(made: NodeHome, tmp_path: Path) -> None:
    assert add(made, table(tmp_path / "a.vcf", SITES)).code == Exit.OK
    assert add(made, table(tmp_path / "b.vcf", SITES[:2])).code == Exit.OK
    assert add(made, table(tmp_path / "c.vcf", SITES), name="other").code == Exit.OK
    listed = skerry("resources", "list", made.root).out.splitlines()
    assert [line.split(";")[1].strip() for line in listed] == ["alleles: 3", "alleles: 5"]
