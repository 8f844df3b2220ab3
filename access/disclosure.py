"""Protects answers: what stands between what the catalog knows and what a caller is told.

A grant, and the profile `open`, give exact answers. Without, what may be answered at all is found
by public facts alone (`privacy.answerable`) before the data are asked; presence is truthful within
an allowance, counts carry fixed noise and say so, and where presence is «no» no count is positive.
Leaves who may ask to `policies.policy` and the numbers of each profile to `privacy.profiles`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from access.errors import InconsistentAnswer, NotAnswerable
from access.policies.decision import Action, Decision, Granularity, Level
from access.privacy import answerable
from access.privacy.ledger import Entry, Ledger
from access.privacy.noise import MIN_KEY_BYTES, KeyedStream, discrete_laplace
from access.privacy.pricing import FREE_NATS, MIN_PUBLIC_PEOPLE, price
from access.privacy.profiles import terms
from access.privacy.question import Kind, Question, key_of
from access.privacy.terms import Terms, group_margin, margin_scale

Precision = Literal["exact", "rounded", "imprecise"]

_LEFT_OUT = "People of whom you have learned as much as you may are left out."
_COUNTED = (
    "{} different counts of this dataset are told in 90 days; those told before are told again. "
    "A grant lifts this."
)
_PERSON_BYTES = 8
AT_LEAST = 4  # people whose reading and weighing everybody's «no» takes, carried by whom it may be


class Answer(NamedTuple):
    """What may be told. `count` and `precision` are None in a boolean answer; `adjusted_to` lists
    the values a count was adjusted to, None when it was not. `approximate` says in words how the
    answer may differ from what the dataset holds, None where it may not."""

    exists: bool
    count: int | None  # type: ignore[assignment]  # a tuple's method of this name is not wanted
    granularity: Granularity
    precision: Precision | None = None
    adjusted_to: tuple[int | str, ...] | None = None
    approximate: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a dataset holds: how much of what was asked for, and the ids of the people who make the
    answer «yes», read only where they are charged."""

    count: int
    people: Callable[[], Iterable[str]] = tuple


class Asker(NamedTuple):
    """Who asks, as a pseudonym (None where nobody is signed in), and when (epoch seconds)."""

    subject: str | None
    now: int


class Disclosure:
    """Protection with its memory: the ledger, and the key of the noise and of pseudonyms."""

    def __init__(self, ledger: Ledger, *, key: bytes) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise ValueError(f"the key of the noise has at least {MIN_KEY_BYTES} bytes")
        self._ledger = ledger
        self._key = key

    def protect(
        self,
        posed: Callable[[], Question],
        found: Callable[[], Found],
        *,
        requested: Granularity,
        decision: Decision,
        asker: Asker,
        within: Callable[[], int] | None = None,
    ) -> Answer:
        """The data are asked (`found`, once) only for what may be answered; `within` is how many
        people the filters hold of. Raises `NotAnswerable` (Suppressed) where the decision or the
        question's kind leaves no answer."""
        rules = binding(decision)
        granularity = _granted(requested, decision, rules)
        if rules is None:
            return exact(found().count, granularity)
        asked = posed()
        answerable.check(asked, decision.level, rules)
        entry = _entry(asked, asker) if decision.level is Level.REGISTERED else None
        if asked.kind is Kind.PEOPLE:
            scale = margin_scale(asked.margins) if entry is None else rules.scale
            if entry is not None and not self._may_count(entry, rules, now=asker.now):
                raise NotAnswerable(_COUNTED.format(rules.counts))
            noisy = _checked(found()).count + self._noise(asked, scale)
            exists = noisy >= rules.least
            return _about(noisy, rules, exists=exists, granularity=granularity, scale=scale)
        if entry is None or asked.kind is Kind.DESCRIPTION or not asked.genotypes:
            return Answer(_checked(found()).count > 0, None, Granularity.BOOLEAN)
        if asked.within is not None and within is not None:
            among = self._told_of(asked.within, within, rules, entry=entry, now=asker.now)
            entry = replace(entry, among=max(0, among - group_margin(rules)))
        answerable.check_price(asked, rules, crowd=entry.crowd)
        return self._carried(
            asked, _checked(found()), rules, entry=entry, granularity=granularity, now=asker.now
        )

    def _told_of(
        self, asked: Question, count: Callable[[], int], rules: Terms, *, entry: Entry, now: int
    ) -> int:
        """How many people the filters hold of, as this caller is told: that is one of the counts.
        What follows from it tells no more."""
        counted = replace(entry, question=asked.key)
        if rules.enforced and not self._may_count(counted, rules, now=now):
            raise NotAnswerable(_COUNTED.format(rules.counts))
        noisy = _checked(Found(count())).count + self._noise(asked, rules.scale)
        return _rounded(noisy, rules) if noisy >= rules.least else 0

    def _paid(self, asked: Question, found: Found, rules: Terms, *, entry: Entry, now: int) -> bool:
        return self._ledger.presence(
            entry,
            frequency=asked.frequency,
            allowance=rules.allowance,
            carriers=lambda: self._pseudonyms(asked.dataset, found.people()),
            now=now,
            enforced=rules.enforced,
        )

    def _pseudonyms(self, dataset: str, people: Iterable[str]) -> list[int]:
        """Few take as long as `AT_LEAST`, and so does nobody."""
        held = tuple(people)
        others = ("",) * (AT_LEAST - len(held))
        return [self._pseudonym(dataset, one) for one in (*held, *others)][: len(held)]

    def _may_count(self, entry: Entry, rules: Terms, *, now: int) -> bool:
        """A version is another draw of noise, and so another count."""
        drawn = replace(entry, question=key_of(entry.question, entry.version))
        return self._ledger.may_count(drawn, most=rules.counts, now=now)

    def lists(self, asked: Question, holders: int, rules: Terms) -> bool:
        """Whether a filtering term may be listed: where everybody is told of people who have it,
        and the noise alone does not say so. What nobody has is never listed, so a term of one
        person, once the draw lets it be, would tell that there is somebody."""
        if asked.people < MIN_PUBLIC_PEOPLE or holders < rules.least:
            return False
        return holders + self._noise(asked, margin_scale(asked.margins)) >= rules.least

    def _carried(
        self,
        asked: Question,
        found: Found,
        rules: Terms,
        *,
        entry: Entry,
        granularity: Granularity,
        now: int,
    ) -> Answer:
        free = price(asked.frequency, entry.crowd) < FREE_NATS
        exists = found.count > 0 if free else self._paid(asked, found, rules, entry=entry, now=now)
        counted = granularity is Granularity.COUNT and asked.counts
        if not counted or not self._may_count(entry, rules, now=now):
            left_out = None if free or not rules.enforced else _LEFT_OUT
            return Answer(exists, None, Granularity.BOOLEAN, approximate=left_out)
        noisy = found.count + self._noise(asked, rules.scale)
        return _about(noisy, rules, exists=exists, granularity=granularity, scale=rules.scale)

    def _noise(self, asked: Question, scale: int) -> int:
        parts = (asked.dataset.encode(), asked.version.encode(), asked.key)
        stream = KeyedStream(self._key, *parts, scale.to_bytes(4, "big"))
        return discrete_laplace(stream, scale=scale)

    def _pseudonym(self, dataset: str, person: str) -> int:
        """Eight bytes that say nothing without the key, nor of one person in two datasets."""
        text = f"{len(dataset)} {dataset} {person}".encode()
        digest = hashlib.blake2b(
            text, digest_size=_PERSON_BYTES, key=self._key[:64], person=b"skerry person"
        )
        return int.from_bytes(digest.digest(), "big")


def granted(requested: Granularity, decision: Decision) -> Granularity:
    """The most `protect` will answer with; depends on the decision alone, never the data."""
    return _granted(requested, decision, binding(decision))


def _granted(requested: Granularity, decision: Decision, rules: Terms | None) -> Granularity:
    ceiling = decision.ceiling
    if not decision.allowed or ceiling is None or decision.action is not Action.DISCOVER:
        raise NotAnswerable("This dataset gives no answer at your level of access.")
    if rules is not None:
        ceiling = min(ceiling, Granularity.COUNT)
    return min(requested, ceiling)


def binding(decision: Decision) -> Terms | None:
    """The terms that hold for this caller; None where answers are exact."""
    if decision.level is Level.CONTROLLED:
        return None
    return decision.disclosure or terms(decision.profile)


def _entry(asked: Question, asker: Asker) -> Entry:
    if asker.subject is None:
        raise InconsistentAnswer("The answer could not be given.", detail="registered, unnamed")
    turnover = asked.turnover or asked.people
    return Entry(asker.subject, asked.dataset, asked.key, asked.version, asked.people, turnover)


def _checked(found: Found) -> Found:
    if found.count < 0:
        raise InconsistentAnswer("The answer could not be given.", detail="a negative count")
    return found


def exact(count: int, granularity: Granularity) -> Answer:
    """What is told where no terms are `binding`, within what is `granted`."""
    if count < 0:
        raise InconsistentAnswer("The answer could not be given.", detail="a negative count")
    if granularity is Granularity.BOOLEAN:
        return Answer(count > 0, None, granularity)
    return Answer(count > 0, count, granularity, "exact")


def _about(
    noisy: int, rules: Terms, *, exists: bool, granularity: Granularity, scale: int
) -> Answer:
    """A noisy count as it is told: none where presence is «no», else at least `least`."""
    few = f"<{rules.least}"
    within = f"±{_margin(scale)}"
    says = f"Counts are told to within {within}; fewer than about {rules.least} as none."
    if granularity is Granularity.BOOLEAN:
        return Answer(exists, None, granularity, approximate=says)
    told, adjusted_to = 0, few
    if exists and noisy < rules.least:
        told = rules.least
    elif exists:
        told, adjusted_to = _rounded(noisy, rules), within
    return Answer(exists, told, Granularity.COUNT, "imprecise", (adjusted_to,), says)


def _rounded(noisy: int, rules: Terms) -> int:
    return noisy - noisy % rules.least


def _margin(scale: int) -> int:
    """What nineteen draws of twenty keep to."""
    return 3 * scale
