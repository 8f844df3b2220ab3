"""The rules of a policy, each a pure function from what is known to a `Finding`.

GA4GH Passport 1.2.1 visas (bona fide: doi 10.1038/s41431-018-0219-y), DUO by `duo.matching`'s
verdict. Deciding on the findings is `policy`'s, saying them in words `explain`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from access.policies.decision import (
    Action,
    DatasetPolicy,
    EntryRule,
    Finding,
    Granularity,
    Judge,
    Level,
    Obligation,
    Outcome,
    Reached,
    Reason,
    RegisteredRule,
    Rule,
    Weighed,
)
from access.policies.visa_rules import all_met_until
from duo.consent import Consent
from duo.terms import Term
from passports.researcher import Researcher

_NEEDS: Mapping[RegisteredRule, Reason] = {
    "login": Reason("needs_login", "This dataset answers signed-in researchers."),
    "bona_fide": Reason(
        "needs_registration",
        "This dataset answers registered researchers: sign in with a researcher status and "
        "accepted terms (bona fide).",
    ),
}
_REACHED: Mapping[tuple[Level, RegisteredRule], Reason] = {
    (level, rule): reason
    for rule in ("login", "bona_fide")
    for level, reason in (
        (Level.PUBLIC, Reason("public", "This dataset answers anyone.")),
        (Level.REGISTERED, Reason(f"registered_{rule}", "You are a registered researcher.")),
        (Level.CONTROLLED, Reason("grant", "You hold a grant for this dataset.")),
    )
}
_NEEDS_GRANT = Reason(
    "needs_grant", "This needs a grant: request access from the dataset's committee."
)
_NO_CEILING = Reason("no_answer_at_level", "This dataset gives no answer at your level of access.")
_CEILING = Reason("ceiling", "Answers hold no more than your level of access allows.")
_EXCLUDED = Reason("excluded", "This dataset's policy excludes you.")
_CLOSED_NOW = Reason("outside_window", "This dataset is not open for this at present.")
_OPEN_NOW = Reason("within_window", "This dataset is open for this at present.")
_NEEDS_PURPOSE = Reason(
    "needs_purpose",
    "This dataset answers approved purposes only: request access from its committee.",
)
_USE_SETTLED = Reason("data_use", "The conditions of data use are met.")


def weigh(
    policy: DatasetPolicy,
    researcher: Researcher | None,
    action: Action,
    *,
    now: int,
    entries: frozenset[str] | None,
    judge: Judge | None,
) -> Weighed:
    reached = reach(policy, researcher, action, now=now)
    rules = policy.touched(entries)
    ceiling = _ceiling(rules, reached.level) if action is Action.DISCOVER else None
    level = _level(policy, action, max(rule.level for rule in rules), reached=reached)
    used, owed = _data_use(policy, action, reached.level, judge=judge)
    return Weighed(
        policy=policy,
        known=may_know(policy, researcher, reached.level, now=now),
        reached=reached,
        ceiling=ceiling,
        findings=(
            *_excluded(policy, researcher, now=now),
            *_window(policy, action, now=now),
            level,
            *_ceiling_found(action, level, ceiling=ceiling),
            *used,
        ),
        obligations=(*(o for o in policy.obligations if action in o.actions), *owed),
    )


def may_know(
    policy: DatasetPolicy, researcher: Researcher | None, level: Level, *, now: int
) -> bool:
    if policy.listed:
        return True
    if researcher is None or now >= researcher.expires:
        return False
    if researcher.identity in policy.committee:
        return True
    excluded = bool(_excluded(policy, researcher, now=now))
    return level >= max(policy.level, Level.REGISTERED) and not excluded


def reach(
    policy: DatasetPolicy,
    researcher: Researcher | None,
    action: Action | None = None,
    *,
    now: int,
) -> Reached:
    if researcher is None or now >= researcher.expires:
        return Reached(Level.PUBLIC, None)
    for level in (Level.CONTROLLED, Level.REGISTERED):
        until = all_met_until(policy.needs(level, action), researcher.visas, now=now)
        if until is not None:
            return Reached(level, int(min(researcher.expires, until)))
    return Reached(Level.PUBLIC, researcher.expires)


def _ceiling(rules: Iterable[EntryRule], level: Level) -> Granularity | None:
    """The least of all that is touched; of each, the most of any level reached: reaching a higher
    one never takes away."""
    least = Granularity.RECORD
    for rule in rules:
        own = [c for at, c in rule.ceilings.items() if at <= level and c is not None]
        if not own:
            return None
        least = min(least, max(own))
    return least


def _excluded(
    policy: DatasetPolicy, researcher: Researcher | None, *, now: int
) -> tuple[Finding, ...]:
    """Reported only where it refuses: what a policy excludes is nobody else's business."""
    if researcher is None or now >= researcher.expires:
        return ()
    named = researcher.identity in policy.excluded_people
    if named or any(r.met_until(researcher.visas, now=now) for r in policy.excluded_visas):
        return (Finding(Rule.EXCLUDED, Outcome.DENY, _EXCLUDED),)
    return ()


def _window(policy: DatasetPolicy, action: Action, *, now: int) -> tuple[Finding, ...]:
    """Open in any of the windows of this action; always, where there are none."""
    windows = [window for window in policy.windows if action in window.actions]
    if not windows:
        return ()
    if not any(window.holds(now) for window in windows):
        return (Finding(Rule.WINDOW, Outcome.DENY, _CLOSED_NOW),)
    ends = [window.end for window in windows if window.holds(now)]
    last = None if None in ends else max(end for end in ends if end is not None)
    return (Finding(Rule.WINDOW, Outcome.PERMIT, _OPEN_NOW, last),)


def _level(policy: DatasetPolicy, action: Action, needed: Level, *, reached: Reached) -> Finding:
    """Streams and training need a grant whatever the answers need; clear streams need nothing."""
    if action is not Action.DISCOVER:
        is_clear = action is Action.STREAM and policy.clear_streams
        needed = Level.PUBLIC if is_clear else Level.CONTROLLED
    if reached.level >= needed:
        reason = _REACHED[reached.level, policy.registered_rule]
        return Finding(Rule.LEVEL, Outcome.PERMIT, reason, reached.expires)
    missing = _NEEDS_GRANT if needed is Level.CONTROLLED else _NEEDS[policy.registered_rule]
    return Finding(Rule.LEVEL, Outcome.DENY, missing)


def _ceiling_found(
    action: Action, level: Finding, *, ceiling: Granularity | None
) -> tuple[Finding, ...]:
    if action is not Action.DISCOVER or level.outcome is not Outcome.PERMIT:
        return ()
    if ceiling is None:
        return (Finding(Rule.CEILING, Outcome.DENY, _NO_CEILING),)
    return (Finding(Rule.CEILING, Outcome.PERMIT, _CEILING),)


def _data_use(
    policy: DatasetPolicy, action: Action, level: Level, *, judge: Judge | None
) -> tuple[tuple[Finding, ...], tuple[Obligation, ...]]:
    """A grant is the committee's word on a purpose; a purpose that came along is judged as well.
    DUO speaks of data use, and whether an answer is use is for each node to say."""
    if action is Action.DISCOVER and not policy.data_use_for_answers:
        return (), ()
    if judge is not None:
        verdict = judge(policy.consent)
        texts = [f for f in verdict.reasons if f.outcome is verdict.outcome]
        reason = Reason("data_use", " ".join(f.text for f in texts) or _USE_SETTLED.text)
        owed = tuple(Obligation(o.term.value, o.text) for o in verdict.obligations)
        return (Finding(Rule.DATA_USE, verdict.outcome, reason, verdict.expires),), owed
    if level is Level.CONTROLLED or _unrestricted(policy.consent):
        return (Finding(Rule.DATA_USE, Outcome.PERMIT, _USE_SETTLED),), ()
    return (Finding(Rule.DATA_USE, Outcome.REVIEW, _NEEDS_PURPOSE),), ()


def _unrestricted(consent: Consent | None) -> bool:
    if consent is None or consent.modifiers or consent.unclear:
        return False
    return {condition.term for condition in consent.permissions} == {Term.NRES}
