"""Says a decision in words: what would help, for the caller, or every rule with its facts.

Pure. The caller's form never tells of a dataset that the caller may not know of: it is then the
same as for one that is not there. The full form is for admins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from access.policies.decision import Action, DatasetPolicy, Decision, Judge, Level, Rule, Weighed
from access.policies.policy import PolicyBook
from access.policies.visa_rules import BONA_FIDE, Failure, VisaRule
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.messages import Message, either
from schemas.passport import VisaType

_DAY_SECONDS = 86_400
_NOUNS = {
    VisaType.AFFILIATION_AND_ROLE: Message("affiliation"),
    VisaType.ACCEPTED_TERMS: Message("accepted terms"),
    VisaType.RESEARCHER_STATUS: Message("researcher status"),
    VisaType.CONTROLLED_ACCESS: Message("grant"),
    VisaType.LINKED_IDENTITIES: Message("linked identities"),
}


@dataclass(frozen=True, slots=True)
class Tried:
    """How one visa of the right type did against a rule; no failure is a match."""

    visa: Visa
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Need:
    """A visa that a level rests on, and the caller's visas of that type."""

    level: Level
    rule: VisaRule
    tried: tuple[Tried, ...]

    @property
    def met(self) -> bool:
        return any(one.failure is None for one in self.tried)


@dataclass(frozen=True, slots=True)
class Explanation:
    decision: Decision
    weighed: Weighed
    needs: tuple[Need, ...]
    researcher: Researcher | None


def explain(
    book: PolicyBook,
    researcher: Researcher | None,
    dataset: str,
    action: Action,
    *,
    now: int,
    entries: frozenset[str] | None = None,
    judge: Judge | None = None,
) -> Explanation:
    """The decision as `decide` takes it, with what it was taken on."""
    book = book.current()
    weighed = book.weigh(researcher, dataset, action, now=now, entries=entries, judge=judge)
    visas = researcher.visas if researcher is not None and now < researcher.expires else ()
    return Explanation(
        decision=book.settle(weighed, dataset, action),
        weighed=weighed,
        needs=tuple(
            Need(level, rule, tuple(_tried(rule, visas, now=now)))
            for level in (Level.REGISTERED, Level.CONTROLLED)
            for rule in weighed.policy.needs(level)
        ),
        researcher=researcher,
    )


def advice(explanation: Explanation) -> tuple[str, ...]:
    """Why, and what would help; safe to show the caller."""
    decision, weighed = explanation.decision, explanation.weighed
    said = [reason.text for reason in decision.reasons]
    if not weighed.known:
        return tuple(said)
    refused = {f.rule for f in weighed.findings if f.outcome is decision.outcome}
    if not decision.allowed and refused & {Rule.LEVEL, Rule.CEILING, Rule.DATA_USE}:
        for need in explanation.needs:
            if need.level > weighed.reached.level and not need.met:
                said += [
                    _asked_for(need.rule, weighed.policy),
                    *_near_misses(need, explanation.researcher),
                ]
    if decision.allowed:
        said += [f"You owe: {owed.text}" for owed in decision.obligations]
        if decision.expires is not None:
            said.append(f"This holds until {day(decision.expires)}.")
    return tuple(dict.fromkeys(said))


def full(explanation: Explanation) -> tuple[str, ...]:
    """Every rule with the facts that matched or failed; for admins only."""
    return tuple(_full(explanation))


def day(at: int) -> str:
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")


def _full(explanation: Explanation) -> Iterator[str]:
    decision, weighed = explanation.decision, explanation.weighed
    policy, who = weighed.policy, explanation.researcher
    yield f"policy {decision.policy_version}, dataset {decision.dataset}, {decision.action.value}"
    yield "caller: nobody" if who is None else f"caller: {who.identity}, until {day(who.expires)}"
    if not policy.dataset:
        yield "dataset: no policy names it"
        return
    known = "may know of it" if weighed.known else "may not know of it"
    yield f"dataset: {'listed' if policy.listed else 'not listed'}; the caller {known}"
    yield f"level: needs {_name(policy.level)}, reached {_name(weighed.reached.level)}"
    for need in explanation.needs:
        yield f"  {_name(need.level)} {'met' if need.met else 'not met'}: {described(need.rule)}"
        for one in need.tried:
            outcome = "matched" if one.failure is None else f"failed: {one.failure.value}"
            yield f"    visa of {one.visa.issuer}, {one.visa.value}: {outcome}"
    for dropped in who.dropped if who is not None else ():
        yield f"  dropped visa: {dropped.type or 'unread'}: {dropped.reason}"
    for finding in weighed.findings:
        until = "" if finding.expires is None else f", until {day(finding.expires)}"
        text = f"{finding.reason.code}: {finding.reason.text}"
        yield f"rule {finding.rule.value}: {finding.outcome.value}{until}: {text}"
    ceiling = "none" if decision.ceiling is None else decision.ceiling.wire
    yield f"outcome: {decision.outcome.value}, ceiling {ceiling}"


def _tried(rule: VisaRule, visas: tuple[Visa, ...], *, now: int) -> Iterator[Tried]:
    for visa in visas:
        failure = rule.failure(visa, now=now)
        if failure is not Failure.OTHER_TYPE:
            yield Tried(visa, failure)


def _asked_for(rule: VisaRule, policy: DatasetPolicy) -> str:
    if rule.type is VisaType.CONTROLLED_ACCESS:
        whom = policy.committee_name or "the dataset's committee"
        return f"You need a grant: request access from {whom}."
    return f"You need {described(rule)}."


def described(rule: VisaRule) -> str:
    values = either(*("bona fide" if v == BONA_FIDE else v for v in rule.values))
    noun, by = _NOUNS[rule.type], either(*sorted(rule.by))
    if rule.max_age_seconds is None:
        return Message("%(visa)s (%(values)s) said by %(by)s", visa=noun, values=values, by=by)
    return Message(
        "%(visa)s (%(values)s) said by %(by)s, at most %(days)s days old",
        visa=noun, values=values, by=by, days=rule.max_age_seconds // _DAY_SECONDS,
    )  # fmt: skip


def _near_misses(need: Need, who: Researcher | None) -> Iterator[str]:
    """Visas that would count but for one thing; those about something else are not mentioned."""
    noun = _NOUNS[need.rule.type]
    for one in need.tried:
        match one.failure:
            case Failure.EXPIRED:
                yield f"Your {noun} visa expired on {day(need.rule.ends(one.visa))}."
            case Failure.OTHER_BY:
                by = one.visa.by or "nobody"
                yield f"Your {noun} visa is said by {by}, which does not count here."
            case Failure.OTHER_SOURCE:
                yield f"Your {noun} visa is of {one.visa.source}, which does not count here."
            case _:
                pass
    for dropped in who.dropped if who is not None else ():
        if dropped.type != need.rule.type:
            continue
        if dropped.ended is not None:
            yield f"Your {noun} visa expired on {day(dropped.ended)}."
        else:
            yield f"A {noun} visa of yours was not accepted: {dropped.reason.replace('_', ' ')}."


def _name(level: Level) -> str:
    return level.name.lower()
