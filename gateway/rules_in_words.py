"""Says a node's effective rules in words, after reading everything `skerry serve` reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from access.policy import DatasetPolicy, Granularity, Level, Profile
from access.policy_file import load_policies
from duo.consent import Consent
from duo.disease import Hierarchy
from duo.lint import lint
from duo.ontology import load_ontology
from duo.terms import Term
from gateway import config
from gateway.home import NodeHome
from passports import trust

_PLAIN_CATALOG = (
    "The catalog holds personal data in the clear: keep this folder on an encrypted volume."
)


def of(home: NodeHome) -> Mapping[str, Any]:
    """Raises the errors of the files; the values are for people and for --json alike."""
    settings = config.load(home.settings)
    book = load_policies(home.policies, public_url=settings.public_url)
    table = trust.load(home.trust)
    tables = load_ontology(home.ontology)
    known = [policy for name in book.datasets() if (policy := book.policy(name)) is not None]
    return {
        "node": f"{settings.name} ({settings.id}) at {settings.public_url}",
        "node_key": home.public_key_hex(),
        "policy": book.version,
        "trust": table.version,
        "diseases": tables.release,
        "datasets": {policy.dataset: _rules(policy) for policy in known},
        "warnings": [
            _PLAIN_CATALOG,
            *(warning for policy in known for warning in _data_use_warnings(policy, tables)),
        ],
    }


def text(rules: Mapping[str, Any]) -> str:
    lines = [
        rules["node"],
        f"policy {rules['policy']}, trust {rules['trust']}, disease tables {rules['diseases']}",
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
    profile = f"profile {policy.profile.value}; {listed}"
    return [*said, profile, _committee(policy), _data_use(policy.consent)]


def _data_use(consent: Consent | None) -> str:
    if consent is None:
        return "no conditions of data use: a person judges every purpose"
    stated = {c.term.shorthand for c in (*consent.permissions, *consent.modifiers)}
    return f"conditions of data use: {', '.join(sorted(stated)) or 'none understood'}"


def _data_use_warnings(policy: DatasetPolicy, tables: Hierarchy) -> Iterator[str]:
    if policy.consent is None:
        return
    for problem in lint(policy.consent, hierarchy=tables):
        about = "" if problem.term is None else f"{problem.term.shorthand}: "
        yield f"{policy.dataset}: data use: {about}{problem.text}"
    if policy.consent.has(Term.DS) and not tables.parents:
        yield f"{policy.dataset}: data use: DS: without disease tables every purpose is a review"


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
