"""Other disease tables are compared on the node's own requests before they are taken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from access.requests.lifecycle import AccessRequest, Event, State, Step
from access.store import Store
from gateway.errors import Exit
from gateway.home import NodeHome
from schemas.data_use import DataUseRequest
from schemas.grants import EventFacts
from tests.support.command import skerry
from tests.support.node_folder import node_folder

HEAD = "id\tlabel\tparents\n"
OLD = HEAD + "MONDO:1\tcancer\t\nMONDO:2\tmelanoma\t\n"
NEW = HEAD + "MONDO:1\tcancer\t\nMONDO:2\tmelanoma\tMONDO:1\n"
CANCER = {
    "id": "cancer",
    "level": "controlled",
    "profile": "controlled",
    "committee": ["dora@https://signin.example"],
    "data_use": [{"id": "DUO:0000007", "params": {"diseases": ["MONDO:1"]}}],
}


def tables(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "mondo-isa.tsv").write_text(text)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> NodeHome:
    made = node_folder(tmp_path / "node", policies=[CANCER])
    tables(made.ontology, OLD)
    return made


def keep(home: NodeHome, name: str, disease: str, *, state: State = State.SUBMITTED) -> None:
    asked = DataUseRequest.model_validate({"purpose": {"diseases": [disease]}})
    draft = AccessRequest(
        name, "rosa@x", "cancer", "p", "why", "ws", 6, State.DRAFT, 1, 1, data_use=asked
    )
    store = Store(home.control_url)
    store.add_request(draft, before_commit=lambda: None)
    if state is not State.DRAFT:
        event = Event(2, Step.SUBMIT, "rosa@x", "", EventFacts(state=state))
        store.take_step(draft, event, before_commit=lambda: None)
    store.close()


def test_a_request_that_other_tables_answer_otherwise_is_named(
    home: NodeHome, tmp_path: Path
) -> None:
    keep(home, "req-melanoma", "MONDO:2")
    keep(home, "req-cancer", "MONDO:1")
    keep(home, "req-draft", "MONDO:2", state=State.DRAFT)
    keep(home, "req-over", "MONDO:2", state=State.REJECTED)
    new = tables(tmp_path / "new", NEW)

    ran = skerry("duo", "compare", home.root, "--ontology", new, "--json")

    assert ran.code == Exit.FAILED
    said = json.loads(ran.out)
    assert said["compared"] == 2
    assert said["before"] != said["after"]
    assert said["changes"] == [
        {
            "request": "req-melanoma",
            "dataset": "cancer",
            "state": "submitted",
            "before": "deny",
            "after": "permit",
        }
    ]
    plain = skerry("duo", "compare", home.root, "--ontology", new)
    assert plain.out.startswith("req-melanoma  cancer  submitted  deny  permit")
    assert "rosa" not in plain.out


def test_the_same_tables_change_nothing(home: NodeHome, tmp_path: Path) -> None:
    keep(home, "req-melanoma", "MONDO:2")
    same = tables(tmp_path / "same", OLD)
    ran = skerry("duo", "compare", home.root, "--ontology", same)
    assert ran.code == Exit.OK
    assert "0 of 1 requests change" in ran.out


def test_tables_that_cannot_be_used_are_refused(home: NodeHome, tmp_path: Path) -> None:
    nowhere = skerry("duo", "compare", home.root, "--ontology", tmp_path / "nowhere")
    assert (nowhere.code, "no such folder" in nowhere.err) == (Exit.BAD_INPUT, True)
    bad = tables(tmp_path / "bad", HEAD + "MONDO:1\tx\tMONDO:9\n")
    assert skerry("duo", "compare", home.root, "--ontology", bad).code == Exit.BAD_INPUT
