"""`skerry load --metadata`: what a catalogue asks of a dataset is checked, kept and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from beacon.segments import SegmentCatalog
from gateway.errors import Exit
from gateway.holding.catalogue_form import ACCESS_RIGHTS, FIELDS
from tests.support.beacon_node import BeaconNode, policy
from tests.support.command import Ran, skerry
from tests.support.node_folder import node_folder
from tests.support.sources import write_vcf

WHOLE = {
    field.term: next(iter(ACCESS_RIGHTS)) if field.choices else f"Said of {field.label}"
    for field in FIELDS
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return node_folder(tmp_path / "node").root


def load(folder: Path, described: Any, *more: str) -> Ran:
    vcf = write_vcf(folder / "a.vcf.gz", ("101 . A G . 0|1",), samples=("P1",))
    path = folder / "dataset.json"
    path.write_text(json.dumps({"version": "v1", "info": {"healthDCATAP": described}}))
    command = ("load", folder, "--dataset", "d", "--vcf", vcf, "--metadata", path, *more)
    return skerry(*command)


@pytest.mark.anyio
async def test_what_is_stated_is_kept_and_shown(tmp_path: Path, folder: Path) -> None:
    ran = load(folder, WHOLE)
    assert ran.code == Exit.OK, ran.err
    assert "HealthDCAT-AP: complete" in ran.out
    catalog = SegmentCatalog(folder / "catalog")
    node = BeaconNode(tmp_path, catalog=catalog, policies=[policy("d")])
    for path in ("/datasets", "/datasets/d"):
        response = (await node.get(path)).json()["response"]
        (record,) = response.get("collections") or response["resultSets"][0]["results"]
        assert record["info"]["healthDCATAP"] == WHOLE
        assert record["info"]["assembly"] == "GRCh38"


def test_what_is_missing_is_named(folder: Path) -> None:
    ran = load(folder, {"dct:publisher": "Isle hospital"}, "--check")
    assert ran.code == Exit.OK, ran.err
    assert "healthdcatap:hdab" in ran.out
    assert "dct:publisher" not in ran.out


@pytest.mark.parametrize(
    "described",
    [
        "text",
        ["dct:publisher"],
        {"dct:publisher": ""},
        {"dct:publisher": "a" * 2_001},
        {"dct:publisher": "a\x00b"},
        {"dct:publisher": {"name": "Isle hospital"}},
        {"dct:accessRights": "mine"},
        {"dct:unheardOf": "text"},
    ],
)
def test_what_a_description_may_not_hold_is_refused(folder: Path, described: Any) -> None:
    ran = load(folder, described)
    assert ran.code not in (Exit.OK, 1)
    assert SegmentCatalog(folder / "catalog").snapshot() == {}
