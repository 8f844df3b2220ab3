"""`skerry explain`: every rule of a decision with its facts, for a token, a persona or nobody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from access.policies.decision import Action
from access.policies.explain import advice, explain, full
from gateway.commands.asking import asking, book_in_force, entry_of, judge_of
from gateway.errors import LoadRefused
from gateway.home import NodeHome


def run(
    home: NodeHome,
    dataset: str,
    action: str,
    *,
    token: str | None = None,
    persona: str | None = None,
    entry: str | None = None,
    at: str | None = None,
    purpose: Path | None = None,
) -> Mapping[str, object]:
    """Raises what admitting the token raises; a refusal is an answer, not an error."""
    if action not in set(Action):
        raise LoadRefused(f"--action is one of {', '.join(Action)}")
    book = book_in_force(home)
    who = asking(home, book, token=token, as_persona=persona, dataset=dataset, at=at)
    judge = judge_of(home, purpose, now=who.now)
    found = explain(
        book,
        who.researcher,
        dataset,
        Action(action),
        now=who.now,
        entries=entry_of(entry),
        judge=judge,
    )
    decision, researcher = found.decision, who.researcher
    return {
        "outcome": decision.outcome.value,
        "level": decision.level.name.lower(),
        "ceiling": None if decision.ceiling is None else decision.ceiling.wire,
        "reasons": [f"{reason.code}: {reason.text}" for reason in decision.reasons],
        "policy": decision.policy_version,
        "visas accepted": None if researcher is None else [v.type.value for v in researcher.visas],
        "visas dropped": None if researcher is None else [d.reason for d in researcher.dropped],
        "advice": advice(found),
        "rules": full(found),
    }


def text(found: Mapping[str, object], *, brief: bool) -> str:
    """What the caller would be told, or everything."""
    lines = found["advice" if brief else "rules"]
    return "\n".join(str(line) for line in lines) if isinstance(lines, tuple) else ""
