"""Says a node's effective rules in words, after reading everything `skerry serve` reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from access.policies.decision import (
    EVERY_ACTION,
    Action,
    DatasetPolicy,
    Granularity,
    Level,
    Profile,
)
from access.policies.explain import day, described
from access.policies.file import load_policies
from access.policies.policy import PolicyBook
from duo.consent import Consent
from duo.disease import Hierarchy
from duo.lint import lint
from duo.ontology import load_ontology
from duo.terms import Term
from gateway import config
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
        "datasets": {policy.dataset: sentences(policy) for policy in known},
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


def sentences(policy: DatasetPolicy) -> list[str]:
    """The rules of one dataset, each as a sentence."""
    said = [f"{_WHO[level]}: {_may(_ceiling(policy, level))}" for level in Level]
    listed = "is listed publicly" if policy.listed else "is not listed"
    profile = f"profile {policy.profile_name or policy.profile.value}; {listed}"
    return [*said, *_more(policy), profile, _committee(policy), _data_use(policy.consent)]


def _more(policy: DatasetPolicy) -> Iterator[str]:
    """The rules that most policies do not have."""
    for kind, rule in policy.entries.items():
        of_kind = replace(policy, level=rule.level, ceilings=rule.ceilings)
        for level in Level:
            yield f"{_WHO[level]}, about {kind}: {_may(_ceiling(of_kind, level))}"
    for level, rules in policy.conditions.items():
        yield from (f"{_WHO[level]} need {described(rule)}" for rule in rules)
    excluded = len(policy.excluded_people) + len(policy.excluded_visas)
    if excluded:
        yield f"{excluded} people or kinds of visa are excluded"
    for window in policy.windows:
        start = "ever" if window.start is None else day(window.start)
        end = "ever" if window.end is None else day(window.end)
        yield f"{_actions(window.actions)}: open from {start} until {end}"
    for owed in policy.obligations:
        yield f"{_actions(owed.actions)}: {owed.code} is owed: {owed.text}"
    if policy.workspaces:
        yield f"released to {', '.join(sorted(policy.workspaces))} only"
    yield from _switched_on(policy)


def _switched_on(policy: DatasetPolicy) -> Iterator[str]:
    if policy.data_use_for_answers:
        yield "answers too need a grant, unless use is not restricted"
    if policy.clear_streams:
        yield "files offered in the clear leave unsealed, to anyone"
    if policy.unconfined_trials:
        yield "approved runs may be tried at sites where no sandbox confines them"


def _actions(actions: frozenset[Action]) -> str:
    return "everything" if actions == EVERY_ACTION else ", ".join(sorted(actions))


def _draft_warnings(book: PolicyBook, draft: PolicyBook) -> Iterator[str]:
    if book.version.rpartition("+")[2] != draft.version.rpartition("+")[2]:
        yield f"policies.yaml is not what is in force ({book.version}): see `skerry policy`"


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
    held = [c for at, c in policy.ceilings.items() if at <= level and c is not None]
    if level < policy.level or not held:
        return None
    if level < Level.CONTROLLED and policy.profile is not Profile.OPEN:
        return min(max(held), Granularity.COUNT)
    return max(held)


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
    if policy.requests_at is not None:
        return f"access requests are made at {policy.requests_at}"
    decides = f"a committee of {len(policy.committee)} decides on access requests"
    return decides if policy.approvals == 1 else f"{decides}; {policy.approvals} must approve"
