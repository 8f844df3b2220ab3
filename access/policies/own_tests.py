"""Runs the tests that a policy file carries: `given` a made-up caller, `expect` an outcome.

A persona is a researcher with just the visas of its standing. Pure. Leaves refusing a file whose
tests fail to `policies.file`, and personas on the command line to the gateway.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from access.policies.decision import Outcome
from access.policies.model import GivenVisa, PersonaName, PolicyTest
from access.policies.policy import PolicyBook
from access.policies.visa_rules import BONA_FIDE
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.messages import Message
from schemas.passport import VisaType

PERSONA_SECONDS = 3600
_PERSON = "persona@urn:persona"


def failure(book: PolicyBook, test: PolicyTest) -> str | None:
    """What a policy test expected and got, None when it holds."""
    given, expect = test.given, test.expect
    policy = book.policy(given.dataset)
    if policy is not None and policy.windows and given.at is None:
        return Message("the dataset has windows: say `at`, or the test would depend on the day")
    now = midnight(given.at) if given.at is not None else 0
    who = persona(
        given.persona,
        policy.grant_value if policy is not None else "urn:none",
        now=now,
        person=given.person or _PERSON,
        visas=given.visas,
    )
    entries = None if given.entry is None else frozenset({given.entry})
    decision = book.decide(who, given.dataset, given.action, now=now, entries=entries)
    if decision.outcome is not Outcome(expect.outcome):
        return Message(
            "expected %(expected)s, got %(got)s", expected=expect.outcome, got=decision.outcome
        )
    ceiling = decision.ceiling.wire if decision.ceiling is not None else "none"
    if expect.ceiling not in {None, ceiling}:
        return Message(
            "expected ceiling %(expected)s, got %(got)s",
            expected=expect.ceiling or "",
            got=ceiling,
        )
    codes = [reason.code for reason in decision.reasons]
    if expect.reason is not None and expect.reason not in codes:
        return Message(
            "expected reason %(expected)s, got %(got)s",
            expected=expect.reason,
            got=", ".join(codes),
        )
    return None


def midnight(day: date) -> int:
    """The beginning of a day in UTC (epoch seconds)."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def persona(
    name: PersonaName,
    grant_value: str,
    *,
    now: int,
    person: str = _PERSON,
    visas: Iterable[GivenVisa] = (),
) -> Researcher | None:
    """A made-up caller of that standing, with whatever other visas, for an hour from `now`."""
    if name == "anonymous":
        return None
    subject, _, issuer = person.partition("@")
    held = [*_STANDING.get(name, ()), *visas]
    if name == "granted":
        held.append(GivenVisa(type=VisaType.CONTROLLED_ACCESS, value=grant_value, by="dac"))
    return Researcher(
        issuer,
        subject,
        visas=tuple(_visa(one, person=(subject, issuer), now=now) for one in held),
        dropped=(),
        expires=now + PERSONA_SECONDS,
    )


_STANDING: dict[PersonaName, tuple[GivenVisa, ...]] = {
    "bona_fide": (
        GivenVisa(type=VisaType.RESEARCHER_STATUS, value=BONA_FIDE, by="so"),
        GivenVisa(type=VisaType.ACCEPTED_TERMS, value=BONA_FIDE, by="self"),
    )
}


def _visa(given: GivenVisa, *, person: tuple[str, str], now: int) -> Visa:
    return Visa(
        issuer=person[1],
        subject=person[0],
        type=given.type,
        value=given.value,
        source=given.source,
        by=given.by,
        asserted=now,
        expires=now + PERSONA_SECONDS,
        jti=None,
    )
