"""Says a node's effective rules in words, after reading everything `skerry serve` reads.

What a policy says is `policy_in_words`'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from access.policies.decision import DatasetPolicy
from access.policies.file import load_policies
from access.policies.policy import PolicyBook
from duo.disease import Hierarchy
from duo.lint import lint
from duo.ontology import load_ontology
from duo.terms import Term
from gateway import config, policy_in_words
from gateway.commands.asking import book_in_force
from gateway.home import NodeHome
from passports import trust

_PLAIN_CATALOG = (
    "The catalog holds personal data in the clear: keep this folder on an encrypted volume."
)


def of(home: NodeHome) -> Mapping[str, Any]:
    """Raises the errors of the files; the values are for people and for --json alike."""
    settings = config.load(home.settings)
    draft = load_policies(home.policies, public_url=settings.public_url)
    book = book_in_force(home)
    table = trust.load(home.trust)
    tables = load_ontology(home.ontology)
    known = [policy for name in book.datasets() if (policy := book.policy(name)) is not None]
    return {
        "node": f"{settings.name} ({settings.id}) at {settings.public_url}",
        "node_key": home.public_key_hex(),
        "policy": book.version,
        "trust": table.version,
        "diseases": tables.release,
        "datasets": {policy.dataset: policy_in_words.sentences(policy) for policy in known},
        "warnings": [
            _PLAIN_CATALOG,
            *_draft_warnings(book, draft),
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


def _draft_warnings(book: PolicyBook, draft: PolicyBook) -> Iterator[str]:
    if book.version.rpartition("+")[2] != draft.version.rpartition("+")[2]:
        yield f"policies.yaml is not what is in force ({book.version}): see `skerry policy`"


def _data_use_warnings(policy: DatasetPolicy, tables: Hierarchy) -> Iterator[str]:
    if policy.consent is None:
        return
    for problem in lint(policy.consent, hierarchy=tables):
        about = "" if problem.term is None else f"{problem.term.shorthand}: "
        yield f"{policy.dataset}: data use: {about}{problem.text}"
    if policy.consent.has(Term.DS) and not tables.parents:
        yield f"{policy.dataset}: data use: DS: without disease tables every purpose is a review"
