"""`skerry risk show`: what policies promise by public facts, and what was spent, by nobody."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import yaml

from access.privacy.ledger import Entry, Ledger
from access.privacy.pricing import price
from access.store import Store
from beacon.loading import load, panel_load
from gateway.errors import Exit
from gateway.home import NodeHome
from tests.support.cohort import cohort
from tests.support.command import skerry
from tests.support.node_folder import node_folder


@pytest.fixture
def home(tmp_path: Path) -> NodeHome:
    made = node_folder(tmp_path / "node")
    datasets = [
        {"id": "kept", "level": "public", "profile": "default"},
        {"id": "free", "level": "public", "profile": "open"},
    ]
    made.policies.write_text(yaml.safe_dump({"version": "1", "datasets": datasets}))
    for name in ("kept", "free"):
        source = cohort(
            tmp_path / name, name, people=120, lines={101: "A G"}, carriers={101: range(9)}
        )
        load.load(source, made.catalog)
    return made


def report(home: NodeHome) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(
        skerry("risk", "show", home.root, "--json").out
    )
    return found


def test_without_a_panel_everybody_learns_nothing_of_variants(home: NodeHome) -> None:
    assert "no panel" in skerry("risk", "show", home.root).out
    assert report(home)["kept"]["panel"] is None


def test_an_open_dataset_protects_nothing_and_says_so(home: NodeHome) -> None:
    assert report(home)["free"] == {"profile": "open", "people": 120, "protected": False}


def test_what_is_answered_follows_from_panel_and_size(home: NodeHome, tmp_path: Path) -> None:
    table = tmp_path / "af.tsv"
    rows = [f"1\t{1000 + n}\tA\tG\t{1 / (n + 2)}" for n in range(300)]
    table.write_text("\n".join(["chrom\tpos\tref\talt\taf", *rows]) + "\n")
    panel_load.load(table, home.panel, assembly="GRCh38")
    told = report(home)["kept"]
    assert isinstance(told["floor_allele"], float)
    assert told["power_bound"] == 0.1
    least = told["registered_from"]
    assert isinstance(least, float)
    assert price(least, 120) <= math.log(2) + 1e-9 < price(least * 0.99, 120)
    assert "at most 0.1" in skerry("risk", "show", home.root).out


def test_what_was_spent_is_added_over_callers_and_watched(home: NodeHome) -> None:
    store = Store(home.control_url)
    ledger = Ledger(store)
    for number in range(8):
        for question in range(20):
            entry = Entry(f"p-{number}", "kept", b"%d" % question, "1", 1_000, 1_000)
            ledger.presence(
                entry, frequency=0.0008, allowance=math.log(2), carriers=lambda: [7], now=1
            )
    store.close()
    told = report(home)["kept"]
    assert (told["callers_charged"], told["people_charged"]) == (8, 1)
    assert told["people_to_watch"] == 1
    one, together = told["most_spent_by_one_caller"], told["most_spent_by_all_callers"]
    assert isinstance(one, float)
    assert one <= math.log(2)
    assert together == pytest.approx(8 * one, abs=0.01)
    assert "WATCH" in skerry("risk", "show", home.root).out


def test_a_folder_that_is_no_nodes_is_refused(tmp_path: Path) -> None:
    assert skerry("risk", "show", tmp_path).code not in (Exit.OK, 1)
