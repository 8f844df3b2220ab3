"""What docs/requests.md shows is what the node takes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from access.policies.file import load_policies
from access.requests.lifecycle import Step
from passports import trust
from schemas.grants import NewRequest

DOCS = Path(__file__).resolve().parents[2] / "docs"
NODE = "https://node.example.org"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_request_is_one_and_names_a_member() -> None:
    request = NewRequest.model_validate(json.loads(blocks("requests.md", "json")[0]))
    assert request.data_use.collaborators[0].identity == "rosa@https://login.example.org"


def test_the_policy_for_rems_holds_its_own_tests_and_meets_the_trust_example(
    tmp_path: Path,
) -> None:
    (example,) = blocks("requests.md", "yaml")
    path = tmp_path / "policies.yaml"
    path.write_text(example, encoding="utf-8")
    policy = load_policies(path, public_url=NODE).policy("cohort-1")
    assert policy is not None
    assert policy.requests_at is not None
    (rems,) = [one for one in blocks("trust.md", "yaml") if "EGAD00001000001" in one]
    path.write_text(rems, encoding="utf-8")
    assert trust.load(path)
    (issuer,) = yaml.safe_load(rems)["visa_issuers"]
    (rule,) = issuer["may_assert"]
    resource = policy.requests_at.rpartition("=")[2]
    assert rule["value_map"]["table"][resource] == policy.grant_value


def test_every_step_that_a_person_takes_by_name_is_in_the_table() -> None:
    text = (DOCS / "requests.md").read_text(encoding="utf-8")
    table = text.split("| step | by | with |", 1)[1].split("\n\n", 1)[0]
    named = set(re.findall(r"`([a-z]+)`", table)) & set(Step)
    assert named == {"submit", "accept", "return", "reject", "approve", "revoke", "close"}
