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
    told = report(home)["free"]
    assert (told["profile"], told["people"], told["protected"]) == ("open", 120, False)
    assert told["powers"] == {"everybody": 1.0, "account": 1.0, "account_counts": 1.0}


def test_what_is_answered_follows_from_panel_and_size(home: NodeHome, tmp_path: Path) -> None:
    table = tmp_path / "af.tsv"
    rows = [f"1\t{1000 + n}\tA\tG\t{1 / (n + 2)}" for n in range(300)]
    table.write_text("\n".join(["chrom\tpos\tref\talt\taf", *rows]) + "\n")
    panel_load.load(table, home.panel, assembly="GRCh38")
    told = report(home)["kept"]
    assert isinstance(told["floor_allele"], float)
    assert told["powers"] == pytest.approx(
        {"everybody": 0.1, "account": 0.1, "account_counts": 0.26}, abs=0.005
    )
    least = told["registered_from"]
    assert isinstance(least, float)
    assert price(least, 120) <= math.log(2) + 1e-9 < price(least * 0.99, 120)
    assert "one account at most 0.1 by variants" in skerry("risk", "show", home.root).out


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
    given = report(home)["kept"]["given"]
    assert isinstance(given, dict)
    assert (given["callers"], given["people"], given["to_watch"]) == (8, 1, 1)
    assert given["by_one"] <= math.log(2)
    assert given["together"] == pytest.approx(8 * given["by_one"], abs=0.01)
    assert given["reached"] == pytest.approx(0.05 * math.exp(given["by_one"]), abs=0.001)
    assert given["reached_together"] == 1.0
    assert "WATCH" in skerry("risk", "show", home.root).out


def changes(
    home: NodeHome, *datasets: dict[str, object], **file: object
) -> list[dict[str, object]]:
    draft = home.root / "draft.yaml"
    draft.write_text(
        yaml.safe_dump({"version": "2", "datasets": [dict(one) for one in datasets], **file})
    )
    found: list[dict[str, object]] = json.loads(
        skerry("risk", "change", home.root, draft, "--json").out
    )
    return found


def test_an_edit_that_tells_more_is_named_first(home: NodeHome) -> None:
    kept: dict[str, object] = {"id": "kept", "level": "public", "profile": "open"}
    free: dict[str, object] = {"id": "free", "level": "public", "profile": "default"}
    found = changes(home, kept, free)
    assert [one["dataset"] for one in found if one["worse"]] == ["kept"] * 3
    assert [one["worse"] for one in found] == [True] * 3 + [False] * 3
    told = skerry("risk", "change", home.root, home.root / "draft.yaml").out
    assert told.startswith("MORE  kept: ")
    assert "less  free: " in told


def test_a_profile_of_the_files_own_shows_what_it_gives_away(home: NodeHome) -> None:
    kept: dict[str, object] = {"id": "kept", "level": "public", "profile": "loose"}
    free: dict[str, object] = {"id": "free", "level": "public", "profile": "open"}
    loose = {"name": "loose", "allowance": 1.2, "noise": 6, "counts": 120}
    found = changes(home, kept, free, profiles=[loose])
    assert {one["power"]: one["worse"] for one in found} == {
        "account": True,
        "account_counts": True,
    }
    (account,) = [one["after"] for one in found if one["power"] == "account"]
    assert account == pytest.approx(0.05 * math.exp(1.2))


def test_a_dataset_that_the_edit_leaves_out_tells_nothing(home: NodeHome) -> None:
    found = changes(home, {"id": "free", "level": "public", "profile": "open"})
    assert {one["dataset"] for one in found} == {"kept"}
    assert all(one["after"] is None and not one["worse"] for one in found)


def test_closing_to_grants_leaves_nothing_but_guessing(home: NodeHome) -> None:
    found = changes(home, {"id": "kept", "level": "controlled", "profile": "controlled"})
    assert {one["after"] for one in found if one["dataset"] == "kept"} == {0.05}


def test_an_edit_that_changes_nothing_says_so(home: NodeHome) -> None:
    assert changes(home, *yaml.safe_load(home.policies.read_text())["datasets"]) == []
    assert "as much as now" in skerry("risk", "change", home.root).out


def test_a_policy_that_cannot_be_read_is_refused(home: NodeHome) -> None:
    draft = home.root / "draft.yaml"
    draft.write_text("datasets: 5")
    assert skerry("risk", "change", home.root, draft).code not in (Exit.OK, 1)


def test_a_folder_that_is_no_nodes_is_refused(tmp_path: Path) -> None:
    assert skerry("risk", "show", tmp_path).code not in (Exit.OK, 1)
