"""A dataset's record states the conditions that its policy enforces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from duo.consent import read_consent
from schemas.data_use import DataUseTerm
from tests.support.beacon_node import BeaconNode, loaded, policy, source

pytestmark = pytest.mark.anyio


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize("path", ["/datasets", "/datasets/d1"])
async def test_the_terms_of_the_policy_are_stated(tmp_path: Path, path: str) -> None:
    catalog = loaded(_made(tmp_path / "c"), source(tmp_path / "s", "d1"))
    consent = read_consent((DataUseTerm(id="DUO:0000042"), DataUseTerm(id="DUO:0000018")))
    node = BeaconNode(tmp_path, catalog=catalog, policies=[replace(policy("d1"), consent=consent)])
    body = (await node.get(path)).json()["response"]
    sets = body.get("collections") or body["resultSets"][0]["results"]
    assert [one["id"] for one in sets[0]["dataUseConditions"]["duoDataUse"]] == [
        "DUO:0000042",
        "DUO:0000018",
    ]
    node.record.close()


async def test_a_dataset_without_terms_states_none(tmp_path: Path) -> None:
    catalog = loaded(_made(tmp_path / "c"), source(tmp_path / "s", "d1"))
    node = BeaconNode(tmp_path, catalog=catalog, policies=[policy("d1")])
    (record,) = (await node.get("/datasets")).json()["response"]["collections"]
    assert "dataUseConditions" not in record
    node.record.close()
