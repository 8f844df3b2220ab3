"""Symbols and breakends are no bases: none of a question fit them, and their REF is an anchor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.beacon_node import SAMPLES, BeaconNode, loaded, policy, source
from tests.support.sources import HEADER, write_vcf

pytestmark = pytest.mark.anyio
LINES = (
    "101 . C <DEL> END=150 0/1 0/0 0/0 0/0",
    "201 . C C[X:1470[ SVTYPE=BND 0/1 0/0 0/0 0/0",
    "301 . C ]X:1470]C SVTYPE=BND 0/1 0/0 0/0 0/0",
    "401 . C CAGGT . 0/1 0/0 0/0 0/0",
    "501 . CA C . 0/1 0/0 0/0 0/0",
)


@pytest.fixture
def node(tmp_path: Path) -> BeaconNode:
    vcf = write_vcf(tmp_path / "symbols.vcf.gz", LINES, samples=SAMPLES, header=HEADER)
    catalog = loaded(tmp_path / "catalog", replace(source(tmp_path / "D", "D"), vcfs=(vcf,)))
    return BeaconNode(tmp_path, catalog=catalog, policies=[policy("D")])


@pytest.mark.parametrize(
    ("bases", "places"),
    [
        ({"alternateBases": "NNNNN"}, [400]),
        ({"alternateBases": "NNNNNNNNN"}, []),
        ({"alternateBases": "NNNNNNNN"}, []),
        ({"referenceBases": "-"}, [400]),
        ({"alternateBases": "-"}, [500]),
        ({"referenceBases": "C"}, [100, 200, 300, 400]),
        ({"referenceBases": "N"}, [100, 200, 300, 400, 500]),
    ],
)
async def test_only_bases_fit_bases(
    node: BeaconNode, bases: dict[str, str], places: list[int]
) -> None:
    range_ = {"referenceName": "1", "start": "0", "end": "1000", "requestedGranularity": "record"}
    answer = await node.get("/g_variants", **range_, **bases)
    assert answer.status_code == 200, answer.text
    records = [each for one in answer.json()["response"]["resultSets"] for each in one["results"]]
    starts = [each["variation"]["location"]["interval"]["start"]["value"] for each in records]
    assert starts == places
