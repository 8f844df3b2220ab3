"""Says a node's effective rules in words, after reading everything `skerry serve` reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from access.policy import DatasetPolicy, Granularity, Level, Profile
from access.policy_file import load_policies
from gateway import config
from gateway.home import NodeHome
from passports import trust


def of(home: NodeHome) -> Mapping[str, Any]:
    """Raises the errors of the files; the values are for people and for --json alike."""
    settings = config.load(home.settings)
    book = load_policies(home.policies, public_url=settings.public_url)
    table = trust.load(home.trust)
    known = [policy for name in book.datasets() if (policy := book.policy(name)) is not None]
    return {
        "node": f"{settings.name} ({settings.id}) at {settings.public_url}",
        "node_key": home.public_key_hex(),
        "policy": book.version,
        "trust": table.version,
        "datasets": {policy.dataset: _rules(policy) for policy in known},
        "warnings": [
            "The catalog holds personal data in the clear: keep this folder on an encrypted volume."
        ],
    }


def text(rules: Mapping[str, Any]) -> str:
    lines = [
        rules["node"],
        f"policy {rules['policy']}, trust {rules['trust']}",
        f"node key, for workspaces to pin: {rules['node_key']}",
    ]
    for dataset, sentences in rules["datasets"].items():
        lines.append(f"{dataset}:")
        lines += [f"  {sentence}" for sentence in sentences]
    if not rules["datasets"]:
        lines.append("No dataset has a policy: every question is refused.")
    return "\n".join([*lines, *(f"warning: {warning}" for warning in rules["warnings"])])


def _rules(policy: DatasetPolicy) -> list[str]:
    said = [f"{_WHO[level]}: {_may(_ceiling(policy, level))}" for level in Level]
    listed = "is listed publicly" if policy.listed else "is not listed"
    return [*said, f"profile {policy.profile.value}; {listed}", _committee(policy)]


def _ceiling(policy: DatasetPolicy, level: Level) -> Granularity | None:
    """What disclosure leaves of the policy's ceiling, as `access.disclosure.granted` says it."""
    ceiling = policy.ceilings.get(level)
    if level < policy.level or ceiling is None:
        return None
    if level < Level.CONTROLLED and policy.profile is not Profile.OPEN:
        return Granularity.BOOLEAN
    return ceiling


_WHO = {
    Level.PUBLIC: "anyone",
    Level.REGISTERED: "registered researchers",
    Level.CONTROLLED: "researchers with a grant",
}


def _may(ceiling: Granularity | None) -> str:
    match ceiling:
        case None:
            return "get no answer"
        case Granularity.BOOLEAN:
            return "learn whether something is there"
        case Granularity.COUNT:
            return "get counts"
        case Granularity.RECORD:
            return "get records"


def _committee(policy: DatasetPolicy) -> str:
    if not policy.committee:
        return "no committee: access requests cannot be approved"
    return f"a committee of {len(policy.committee)} decides on access requests"
