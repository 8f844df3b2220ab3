"""What a node's answers can give away under a policy, what they have, what an edit would change.

`now` and `changed` are what `skerry risk` prints and the admin's pages show. Powers are shares of
the people an attacker holds the genome of and finds out, at false alarms of 5 %: 0.05 is guessing.
Bounds follow from the policy, public facts and the ledger; `benchmarks/privacy.py` measures them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from access.policies.decision import DatasetPolicy, Granularity, Level
from access.policies.policy import PolicyBook
from access.privacy.ledger import Ledger
from access.privacy.pricing import EXCLUSIONS, MIN_PUBLIC_PEOPLE, Floors, price
from access.privacy.profiles import terms
from access.privacy.spent import PER_NAT, Spent
from access.privacy.terms import (
    ALPHA,
    TOTAL_SIGNAL,
    Terms,
    counts_power,
    margin_scale,
    power_of,
    presence_power,
)
from beacon import panel
from beacon.catalog import DatasetFacts, Segment
from beacon.panel import Panel
from beacon.posed import Public
from beacon.segments import SegmentCatalog
from gateway import config, control
from gateway.commands.asking import book_in_force
from gateway.home import NodeHome

WATCHED = 5  # times the allowance, of one person over all accounts together
EXACT = 1.0
_STEPS = 60


@dataclass(frozen=True, slots=True)
class Powers:
    """The most that callers without a grant find out: by what everybody is told, by one account's
    questions about variants, and about that by one account's counts."""

    everybody: float
    account: float
    account_counts: float


@dataclass(frozen=True, slots=True)
class Given:
    """What was spent so far. `reached` is the power that the caller has who learned most of one
    person, `reached_together` that of all callers of it, were they one asker."""

    callers: int = 0
    people: int = 0
    by_one: float = 0.0
    together: float = 0.0
    to_watch: int = 0
    reached: float = ALPHA
    reached_together: float = ALPHA


@dataclass(frozen=True, slots=True)
class Risk:
    """Of one dataset. `protected` is False where answers are exact for everybody. The floors and
    `registered_from` are public frequencies that answers begin at, None where there are none."""

    profile: str
    people: int
    protected: bool
    powers: Powers
    panel: str | None = None
    floor_allele: float | None = None
    floor_range: float | None = None
    registered_from: float | None = None
    noise_everybody: int | None = None
    noise_registered: int | None = None
    exact_presence: bool = False
    given: Given = Given()


@dataclass(frozen=True, slots=True)
class Change:
    """One power of one dataset, as it is and as it would be; None where there is no dataset."""

    dataset: str
    power: str
    before: float | None
    after: float | None

    @property
    def worse(self) -> bool:
        return (self.after or 0.0) > (self.before or 0.0)


def now(home: NodeHome) -> Mapping[str, Risk]:
    """Under the policy in force. Raises the errors of the files it reads."""
    settings = config.load(home.settings)
    store = control.opened(home, settings)
    try:
        return under(book_in_force(home), home, Ledger(store))
    finally:
        store.close()


def under(book: PolicyBook, home: NodeHome, ledger: Ledger | None = None) -> Mapping[str, Risk]:
    """By dataset that has both data and a policy; without a ledger, of the policy alone."""
    panels = panel.read(home.panel)
    return {
        dataset: _risk(segment, policy, panels, ledger)
        for dataset, segment in sorted(SegmentCatalog(home.catalog).snapshot().items())
        if (policy := book.policy(dataset)) is not None
    }


def changed(before: Mapping[str, Risk], after: Mapping[str, Risk]) -> tuple[Change, ...]:
    """What another policy would make greater or smaller, the worst first."""
    found = [
        Change(dataset, one.name, was, would)
        for dataset in sorted({*before, *after})
        for one in fields(Powers)
        if (was := _power(before, dataset, one.name)) != (would := _power(after, dataset, one.name))
    ]
    return tuple(sorted(found, key=lambda one: (one.before or 0.0) - (one.after or 0.0)))


def _power(risks: Mapping[str, Risk], dataset: str, name: str) -> float | None:
    risk = risks.get(dataset)
    return None if risk is None else getattr(risk.powers, name)


def _risk(
    segment: Segment,
    policy: DatasetPolicy,
    panels: Mapping[str, Panel],
    ledger: Ledger | None,
) -> Risk:
    facts = segment.facts
    rules = policy.disclosure or terms(policy.profile)
    name = policy.profile_name or policy.profile.value
    if rules is None:
        return Risk(name, facts.people, protected=False, powers=Powers(*_open(policy)))
    held = panels.get(facts.assembly)
    floors = held.floors(facts.people) if held is not None else Floors(None, None)
    return Risk(
        name,
        facts.people,
        protected=True,
        powers=_powers(policy, rules, facts, floors),
        panel=None if held is None else held.facts.version,
        floor_allele=floors.allele,
        floor_range=floors.span,
        registered_from=_registered_from(facts, rules),
        noise_everybody=margin_scale(len(Public({}).listed(segment))),
        noise_registered=rules.scale,
        exact_presence=not rules.enforced,
        given=Given() if ledger is None else _given(ledger.balances(facts.id), rules),
    )


def _open(policy: DatasetPolicy) -> tuple[float, float, float]:
    told = [_told(policy, level) for level in (Level.PUBLIC, Level.REGISTERED)]
    everybody, account = (ALPHA if one is None else EXACT for one in told)
    return everybody, account, account


def _powers(policy: DatasetPolicy, rules: Terms, facts: DatasetFacts, floors: Floors) -> Powers:
    everybody, public = ALPHA, _told(policy, Level.PUBLIC)
    if public is not None and rules.everybody and facts.people >= MIN_PUBLIC_PEOPLE:
        if floors.allele is not None:
            everybody = ALPHA / (1 - EXCLUSIONS)
        # Presence and count of a term are one draw, so that either is told by the noisy counts.
        everybody = max(everybody, power_of(TOTAL_SIGNAL))
    told = _told(policy, Level.REGISTERED)
    if told is None:
        return Powers(everybody, ALPHA, ALPHA)
    presence = presence_power(rules)
    return Powers(everybody, EXACT if presence is None else presence, counts_power(rules))


def _told(policy: DatasetPolicy, level: Level) -> Granularity | None:
    """The most that this level is told of any type of entry."""
    found = [
        ceiling
        for rule in policy.touched(None)
        for reached, ceiling in rule.ceilings.items()
        if rule.level <= level and reached <= level and ceiling is not None
    ]
    return max(found, default=None)


def _registered_from(facts: DatasetFacts, rules: Terms) -> float | None:
    """The least public frequency that a registered caller can pay for, by halving."""
    if not rules.enforced:
        return 0.0
    low, high = 0.0, 1.0
    if price(high, facts.people) > rules.allowance:
        return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if price(middle, facts.people) <= rules.allowance:
            high = middle
        else:
            low = middle
    return high


def _given(balances: Mapping[str, Spent], rules: Terms) -> Given:
    """Of all callers: how many have asked, and how far the people most asked about are gone."""
    everybody = np.concatenate(
        [np.empty(0, np.uint64), *(balance.people for balance in balances.values())]
    )
    amounts = np.concatenate(
        [np.empty(0, np.uint64), *(balance.amounts for balance in balances.values())]
    ).astype(np.float64)
    people, places = np.unique(everybody, return_inverse=True)
    sums = np.bincount(places, weights=amounts, minlength=len(people)) / PER_NAT
    by_one = float(amounts.max(initial=0)) / PER_NAT
    together = float(sums.max(initial=0))
    return Given(
        callers=len(balances),
        people=len(people),
        by_one=round(by_one, 3),
        together=round(together, 3),
        to_watch=int(np.count_nonzero(sums > WATCHED * rules.allowance)),
        reached=round(_reached(by_one), 3),
        reached_together=round(_reached(together), 3),
    )


def _reached(nats: float) -> float:
    return min(1.0, ALPHA * math.exp(nats))
