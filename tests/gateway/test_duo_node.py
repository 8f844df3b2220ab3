"""A node assembled from its folder judges purposes by its own disease tables and strictness."""

from __future__ import annotations

from pathlib import Path

import pytest

from duo.errors import HierarchyInvalid
from gateway import config
from gateway.app import create_app
from gateway.home import NodeHome
from tests.support.node_folder import SETTINGS, node_folder
from tests.support.whole_node import serving

pytestmark = pytest.mark.anyio

TABLES = "id\tlabel\tparents\nMONDO:1\tcancer\t\nMONDO:2\tlung cancer\tMONDO:1\n"
CANCER = [{"id": "DUO:0000007", "params": {"diseases": ["MONDO:1"]}}]
LUNG = {"purpose": {"diseases": ["MONDO:2"]}}


async def judged(node: NodeHome, dataset: object, request: object) -> dict[str, object]:
    async with serving(node) as http:
        sent = {"dataset": dataset, "request": request}
        answer = await http.post("/access/duo/check", json=sent)
    assert answer.status_code == 200
    found: dict[str, object] = answer.json()
    return found


async def test_the_tables_in_the_folder_decide_about_diseases(tmp_path: Path) -> None:
    node = node_folder(tmp_path / "node")
    assert (await judged(node, CANCER, LUNG))["decision"] == "needs-review"
    node.ontology.mkdir()
    (node.ontology / "mondo-isa.tsv").write_text(TABLES)
    (node.ontology / "release.txt").write_text("2026-01-06")
    verdict = await judged(node, CANCER, LUNG)
    assert verdict["decision"] == "permit"
    versions = verdict["versions"]
    assert isinstance(versions, dict)
    assert versions["mondo"].startswith("2026-01-06+")
    assert versions["policy"]


async def test_a_strict_node_asks_a_person_where_duos_abstains(tmp_path: Path) -> None:
    node = node_folder(tmp_path / "node")
    controls = {"purpose": {"codes": ["controls"]}}
    assert (await judged(node, [{"id": "DUO:0000042"}], controls))["decision"] == "permit"
    strict = SETTINGS.model_copy(update={"strict_duos": True})
    node.settings.write_text(config.dump(strict))
    verdict = await judged(node, [{"id": "DUO:0000042"}], controls)
    assert verdict["decision"] == "needs-review"


async def test_tables_that_do_not_hold_keep_a_node_from_starting(tmp_path: Path) -> None:
    node = node_folder(tmp_path / "node")
    node.ontology.mkdir()
    with pytest.raises(HierarchyInvalid):
        create_app(node)
