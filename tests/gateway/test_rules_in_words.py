from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from access.policies.versions import PolicyVersions
from gateway import rules_in_words
from gateway.rules_in_words import text
from passports.errors import BadTrustFile
from tests.support.node_folder import node_folder, open_counts

CLOSED = {"id": "closed", "level": "controlled", "profile": "controlled", "committee": []}
CAREFUL = {"id": "careful", "level": "public", "profile": "default", "committee": []}


def said(tmp_path: Path, policy: Mapping[str, object]) -> str:
    return text(rules_in_words.of(node_folder(tmp_path / "n", policies=[policy])))


def test_strangers_get_no_answer_from_a_controlled_dataset(tmp_path: Path) -> None:
    words = said(tmp_path, CLOSED)
    assert "anyone: get no answer" in words
    assert "registered researchers: get no answer" in words
    assert "researchers with a grant: get records" in words


def test_a_stranger_learns_presence_only_by_default(tmp_path: Path) -> None:
    words = said(tmp_path, CAREFUL)
    assert "anyone: learn whether something is there" in words
    assert "registered researchers: learn whether something is there" in words


def test_counts_are_promised_only_where_they_are_given(tmp_path: Path) -> None:
    assert "anyone: get counts" in said(tmp_path, open_counts("open"))


def test_a_dataset_without_a_committee_says_that_nobody_can_approve(tmp_path: Path) -> None:
    assert "access requests cannot be approved" in said(tmp_path, CLOSED)


def test_conditions_of_data_use_are_said_and_their_faults_warned_of(tmp_path: Path) -> None:
    terms = [{"id": "DUO:0000007", "params": {"diseases": ["MONDO:1"]}}, {"id": "DUO:0000022"}]
    words = said(tmp_path, CLOSED | {"data_use": terms})
    assert "conditions of data use: DS, GS" in words
    assert "warning: closed: data use: GS: The parameter “regions” is missing" in words
    assert "warning: closed: data use: DS: without disease tables" in words
    assert "disease tables none" in words


def test_a_dataset_without_conditions_says_who_judges(tmp_path: Path) -> None:
    assert "no conditions of data use: a person judges every purpose" in said(tmp_path, CLOSED)


def test_the_plain_catalog_is_warned_of(tmp_path: Path) -> None:
    assert "warning: The catalog holds personal data in the clear" in said(tmp_path, CLOSED)


def test_every_further_rule_is_said(tmp_path: Path) -> None:
    affiliation = {"type": "AffiliationAndRole", "values": ["*@uni.example"], "by": ["so"]}
    words = said(
        tmp_path,
        {
            **CAREFUL,
            "entries": {"individual": {"level": "controlled"}},
            "conditions": {"registered": [affiliation]},
            "exclude": {"people": ["mallory@https://broker.example"]},
            "windows": [{"last": "2030-01-01"}, {"first": "2031-01-01", "actions": ["train"]}],
            "obligations": [{"code": "publish", "text": "Publish.", "actions": ["stream"]}],
            "workspaces": ["ws-1"],
            "data_use_for_answers": True,
        },
    )
    for sentence in (
        "anyone, about individual: get no answer",
        "researchers with a grant, about individual: get records",
        "registered researchers need affiliation (*@uni.example) said by so",
        "1 person or kind of visa is excluded",
        "everything: open from ever until 2030-01-02 00:00 UTC",
        "train: open from 2031-01-01 00:00 UTC until ever",
        "stream: publish is owed: Publish.",
        "released to ws-1 only",
        "answers too need a grant",
    ):
        assert sentence in words


def test_files_that_leave_unsealed_are_said(tmp_path: Path) -> None:
    open_to_all = {"id": "isle", "level": "public", "data_use": [{"id": "DUO:0000004"}]}
    sentence = "files offered in the clear leave unsealed, to anyone"
    assert sentence in said(tmp_path / "clear", {**open_to_all, "insecure_clear_streams": True})
    assert sentence not in said(tmp_path / "sealed", open_to_all)


def test_a_draft_that_does_not_hold_is_warned_of(tmp_path: Path) -> None:
    made = node_folder(tmp_path / "n", policies=[CAREFUL])
    versions = PolicyVersions(made.policy_versions, public_url="https://node.example")
    versions.activate(
        made.policies.read_bytes(), name="draft", author="adam", reason="first", now=0
    )
    assert "not what is in force" not in text(rules_in_words.of(made))
    made.policies.write_text("datasets: []\n")
    words = text(rules_in_words.of(made))
    assert "warning: policies.yaml is not what is in force (v1+" in words
    assert "careful:" in words


def test_a_broken_trust_file_is_refused_and_not_worded(tmp_path: Path) -> None:
    made = node_folder(tmp_path / "n")
    made.trust.write_text("surprise: 1")
    with pytest.raises(BadTrustFile, match=r"trust\.yaml"):
        rules_in_words.of(made)
