"""Whoever is known by samples alone is somebody: listed, counted, and found as a carrier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beacon.loading.load import DatasetSource
from tests.support.beacon_node import SAMPLES, BeaconNode, loaded, policy, source
from tests.support.beacon_schemas import Schemas

pytestmark = pytest.mark.anyio
LINES = ("101 . A G . 0/1 1/1 0/0 0/0", "201 . A C . 0/0 0/0 0/0 0/0")
CARRIED = {"referenceName": "1", "referenceBases": "A", "alternateBases": "G", "start": "100"}
LISTED_ONLY = {**CARRIED, "alternateBases": "C", "start": "200"}
UNKNOWN = {"id": "NCIT:C17998", "label": "Unknown"}


def of_calls(folder: Path, **kept: Any) -> DatasetSource:
    """A dataset of a VCF, and of the files of records that are `kept`."""
    files = dict.fromkeys(("individuals", "biosamples", "runs", "analyses", "cohorts"))
    return replace(source(folder, "D", lines=LINES), metadata={}, **{**files, **kept})


async def people(node: BeaconNode, path: str, asked: Mapping[str, str]) -> list[dict[str, Any]]:
    """The records, which are as many as the count says."""
    given = {"requestedGranularity": "record", "includeResultsetResponses": "ALL", **asked}
    body = (await node.get(path, **given)).json()
    (one,) = body["response"]["resultSets"]
    found: list[dict[str, Any]] = one["results"]
    assert body["responseSummary"]["numTotalResults"] == len(found)
    return found


def node_of(folder: Path, given: DatasetSource) -> BeaconNode:
    return BeaconNode(folder, catalog=loaded(folder / "catalog", given), policies=[policy("D")])


async def test_the_samples_of_a_vcf_alone_are_people_of_unknown_sex(tmp_path: Path) -> None:
    node = node_of(tmp_path, of_calls(tmp_path / "files"))
    everybody = [{"id": name, "sex": UNKNOWN} for name in SAMPLES]
    assert await people(node, "/individuals", {}) == everybody
    for record in everybody:
        Schemas().entry(record, "individuals")
    assert await people(node, "/individuals", CARRIED) == everybody[:2]
    assert await people(node, "/g_variants/1-101-A-G/individuals", {}) == everybody[:2]
    assert await people(node, "/individuals", LISTED_ONLY) == []
    assert await people(node, "/individuals", {"filters": UNKNOWN["id"]}) == everybody
    asked = {"filters": "NCIT:C16576", "requestedGranularity": "count"}
    assert (await node.get("/individuals", **asked)).status_code == 400


async def test_biosamples_name_people_whom_no_file_describes(tmp_path: Path) -> None:
    given = source(tmp_path / "files", "D").biosamples
    node = node_of(tmp_path, of_calls(tmp_path / "files", biosamples=given))
    assert {"id": "P1", "sex": UNKNOWN} in await people(node, "/individuals", CARRIED)


async def test_a_file_of_people_says_who_there_is(tmp_path: Path) -> None:
    whole = source(tmp_path / "files", "D")
    given = of_calls(tmp_path / "files", individuals=whole.individuals, biosamples=whole.biosamples)
    listed = await people(node_of(tmp_path, given), "/individuals", {})
    assert len(listed) == 4
    assert not any(record["sex"] == UNKNOWN for record in listed)
