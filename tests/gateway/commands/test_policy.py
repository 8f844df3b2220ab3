"""`skerry policy`, as an admin's shell sees it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from access.policies.decision import Action
from access.policies.decision_facts import DecisionFacts
from gateway.errors import Exit
from gateway.home import NodeHome
from tests.support.command import Ran, skerry
from tests.support.node_folder import node_folder, open_counts

WHY = ("--reason", "agreed on Monday", "--author", "adam@signin.example")
TESTED = """\
version: "2"
datasets:
  - {id: isle, level: registered, registered_rule: login, ceilings: {registered: count}}
  - {id: cove, level: controlled, profile: controlled, listed: false}
tests:
  - given: {persona: anonymous, dataset: isle}
    expect: {outcome: deny, reason: needs_login}
"""
BROKEN = TESTED.replace("outcome: deny, reason: needs_login", "outcome: permit")


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    return node_folder(tmp_path / "node", policies=[open_counts("isle")])


def policy(command: str, node: NodeHome, *more: object) -> Ran:
    return skerry("policy", command, node.root, *more)


def write(node: NodeHome, text: str) -> None:
    node.policies.write_text(text, encoding="utf-8")


# Versions


def test_a_node_without_versions_says_so(node: NodeHome) -> None:
    assert "no version yet" in policy("list", node).out


def test_versions_are_activated_listed_and_rolled_back(node: NodeHome) -> None:
    assert "version 1 is in force" in policy("activate", node, *WHY).out
    write(node, TESTED)
    assert "version 2 is in force" in policy("activate", node, *WHY).out
    assert "version 1 is in force again" in policy("rollback", node, *WHY).out
    lines = policy("list", node).out.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "*"]
    assert "rollback  adam@signin.example: agreed on Monday" in lines[-1]
    listed = json.loads(policy("list", node, "--json").out)
    assert [entry["number"] for entry in listed] == [1, 2, 1]


def test_a_policy_whose_tests_fail_is_not_activated(node: NodeHome) -> None:
    write(node, BROKEN)
    ran = policy("activate", node, *WHY)
    assert ran.code == Exit.CONFIG
    assert "tests.1: expected permit, got deny" in ran.err
    assert policy("list", node, "--json").out.strip() == "[]"


def test_an_activation_without_a_reason_is_refused(node: NodeHome) -> None:
    assert policy("activate", node).code == Exit.USAGE
    assert policy("activate", node, "--reason", " ").code == Exit.CONFIG


def test_what_was_never_numbered_cannot_be_rolled_back_to(node: NodeHome) -> None:
    assert policy("rollback", node, *WHY).code == Exit.REFUSED
    policy("activate", node, *WHY)
    assert policy("rollback", node, "--to", 7, *WHY).code == Exit.REFUSED


def test_another_file_may_be_activated(node: NodeHome, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(TESTED)
    assert policy("activate", node, tmp_path / "other.yaml", *WHY).code == Exit.OK
    assert "isle: discover: deny (needs_login)" in policy("try", node, "active").out


# Tests and schema


def test_the_tests_of_a_file_are_run_and_counted(node: NodeHome, tmp_path: Path) -> None:
    write(node, TESTED)
    assert "1 of 1 tests hold" in policy("test", node).out
    (tmp_path / "broken.yaml").write_text(BROKEN)
    ran = policy("test", node, tmp_path / "broken.yaml")
    assert ran.code == Exit.FAILED
    assert "tests.1: expected permit, got deny" in ran.out
    found = json.loads(policy("test", node, tmp_path / "broken.yaml", "--json").out)
    assert (found["tests"], len(found["failed"])) == (1, 1)


def test_what_a_file_says_in_vain_is_noted_and_refused_nowhere(node: NodeHome) -> None:
    write(node, "datasets: [{id: isle, level: controlled}]\n")
    ran = policy("test", node)
    assert ran.code == Exit.OK
    assert "note: isle: committee: nobody can approve" in ran.out
    assert json.loads(policy("test", node, "--json").out)["notes"]


def test_the_schema_is_one(node: NodeHome) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(skerry("policy", "schema").out))


# Trying


@pytest.mark.parametrize(
    ("persona", "isle", "cove"),
    [
        ("anonymous", "deny (needs_login)", "deny (not_available)"),
        ("registered", "permit, count (registered_login)", "deny (not_available)"),
        ("bona_fide", "permit, count (registered_login)", "deny (not_available)"),
        ("grant:cove", "permit, count (registered_login)", "permit, record (grant)"),
    ],
)
def test_a_draft_is_tried_for_personas(node: NodeHome, persona: str, isle: str, cove: str) -> None:
    write(node, TESTED)
    ran = policy("try", node, "--persona", persona)
    assert f"isle: discover: {isle}" in ran.out
    assert f"cove: discover: {cove}" in ran.out


def test_trying_shows_every_dataset_and_action_for_machines(node: NodeHome) -> None:
    rows = json.loads(policy("try", node, "--json").out)
    assert [row["action"] for row in rows] == ["discover", "stream", "train"]
    assert rows[0] == {
        "dataset": "isle",
        "action": "discover",
        "outcome": "permit",
        "ceiling": "count",
        "reasons": ["public"],
    }


def test_time_can_be_simulated(node: NodeHome) -> None:
    windows = "windows: [{first: 2030-01-01, last: 2030-12-31}]"
    write(node, f"datasets: [{{id: isle, level: public, {windows}}}]\n")
    assert "deny (outside_window)" in policy("try", node, "--at", "2029-12-31").out
    assert "permit, boolean" in policy("try", node, "--at", "2030-12-31").out
    assert "deny (outside_window)" in policy("try", node, "--at", "2031-01-01").out


def test_a_purpose_is_judged_with_the_policy(node: NodeHome, tmp_path: Path) -> None:
    terms = "data_use: [{id: DUO:0000042}, {id: DUO:0000045}]"
    write(node, f"datasets: [{{id: isle, level: public, {terms}}}]\n")
    purpose = tmp_path / "purpose.json"
    asked = ("--persona", "grant:isle", "--purpose", purpose)
    purpose.write_text('{"requester": {"organisation": {"type": "for_profit"}}}')
    assert "isle: train: deny" in policy("try", node, *asked).out
    purpose.write_text("{}")
    assert "isle: train: needs-review" in policy("try", node, *asked).out
    assert "isle: discover: permit, record (grant)" in policy("try", node, *asked).out
    purpose.write_text("[")
    assert policy("try", node, *asked).code == Exit.BAD_INPUT


def test_an_entry_type_is_tried_by_its_own_rule(node: NodeHome) -> None:
    entries = "entries: {individual: {level: controlled}}"
    write(node, f"datasets: [{{id: isle, level: public, {entries}}}]\n")
    assert "isle: discover: deny (needs_grant)" in policy("try", node).out
    assert "isle: discover: deny" in policy("try", node, "--entry", "individual").out
    assert "isle: discover: permit" in policy("try", node, "--entry", "run").out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--entry", "person"],
        ["--purpose", "/nowhere"],
        ["--persona", "root"],
        ["--persona", "granted"],
        ["--at", "tomorrow"],
        ["--token-file", "/nowhere"],
    ],
)
def test_a_caller_that_cannot_be_is_refused(node: NodeHome, arguments: list[str]) -> None:
    assert policy("try", node, *arguments).code == Exit.BAD_INPUT


def test_one_caller_is_tried_at_a_time(node: NodeHome, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")
    asked = ("--persona", "registered", "--token-file", tmp_path / "token")
    assert policy("try", node, *asked).code == Exit.BAD_INPUT


def test_an_empty_policy_refuses_every_question(node: NodeHome) -> None:
    write(node, "datasets: []\n")
    assert "every question is refused" in policy("try", node).out


# Differences


def test_a_change_is_shown_by_what_it_would_have_refused(node: NodeHome) -> None:
    facts = DecisionFacts(node.decision_facts, pseudonym=lambda name: f"p-{name}", days=90)
    for _ in range(3):
        facts.note(None, Action.DISCOVER, now=1_800_000_000, entries=frozenset({"run"}))
    facts.flush(1_800_000_000)
    policy("activate", node, *WHY)
    write(node, TESTED)
    ran = policy("diff", node, "active", "draft")
    assert "isle: discover of run: 3 times: permit, count, public -> deny, needs_login" in ran.out
    assert "3 past questions and requests tried; 1 kinds of decision would change" in ran.out
    found = json.loads(policy("diff", node, 1, "draft", "--last", 2, "--json").out)
    assert (found["asked"], [change["count"] for change in found["changes"]]) == (2, [2])
    assert found["before"].startswith("v1+")


def test_versions_that_do_not_exist_are_refused(node: NodeHome) -> None:
    assert policy("diff", node, 1, 2).code == Exit.REFUSED
    assert policy("diff", node, "none.yaml", "draft").code == Exit.CONFIG


# Explaining


def test_an_admin_is_shown_every_rule(node: NodeHome) -> None:
    write(node, TESTED)
    ran = skerry("explain", node.root, "--dataset", "cove", "--persona", "bona_fide")
    assert "not listed; the caller may not know of it" in ran.out
    assert "controlled not met: grant" in ran.out
    assert "rule level: deny: needs_grant" in ran.out


def test_the_brief_form_never_tells_of_a_hidden_dataset(node: NodeHome) -> None:
    write(node, TESTED)
    asked = ("--persona", "bona_fide", "--brief")
    hidden = skerry("explain", node.root, "--dataset", "cove", *asked)
    unknown = skerry("explain", node.root, "--dataset", "nowhere", *asked)
    assert hidden.out == unknown.out == "There is no dataset of this name that you may use.\n"


def test_an_entry_type_that_does_not_exist_is_refused(node: NodeHome) -> None:
    ran = skerry("explain", node.root, "--dataset", "isle", "--entry", "person")
    assert ran.code == Exit.BAD_INPUT
    assert "individual" in ran.err


def test_what_is_in_force_is_explained_not_the_draft(node: NodeHome) -> None:
    policy("activate", node, *WHY)
    write(node, TESTED)
    found = json.loads(skerry("explain", node.root, "--dataset", "isle", "--json").out)
    assert found["outcome"] == "permit"
    assert found["policy"].startswith("v1+")
