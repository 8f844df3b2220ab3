"""Says in words what answers have given away, and what another policy would.

What the numbers mean is `risk`'s. The sentences are messages, for the admin's pages and the command
line alike.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway import risk
from gateway.risk import Change, Risk
from schemas.messages import Message

# Of questions, by the error's code as the record has it.
REFUSED = {
    "suppressed": Message("nothing may be told at that level of access"),
    "bad_question": Message("malformed, or it contradicts itself"),
    "unsupported": Message("no dataset here can evaluate it"),
    "unsupported_filter": Message("no dataset here knows the filter"),
    "unsupported_variant_type": Message("no such type of variant"),
    "unknown_schema": Message("records are not given in that schema"),
    "not_found": Message("nothing of that name that the caller may know of"),
    "level_not_reached": Message("the caller's level of access does not allow it"),
    "dataset_closed": Message("the dataset answers nobody"),
    "too_many": Message("too many questions at a time"),
    "too_fast": Message("too many questions in a short time"),
    "catalog_unavailable": Message("the catalog could not be read"),
    "reference_unavailable": Message("the reference could not be read"),
}
_POWERS = {
    "everybody": Message("what everybody is told"),
    "account": Message("one account's questions about variants"),
    "account_counts": Message("one account's counts"),
}


def change(one: Change) -> str:
    """What another policy would give away, beside what this one does."""
    was, would = (
        Message("nothing") if each is None else round(each, 2) for each in (one.before, one.after)
    )
    about = {"dataset": one.dataset, "what": _POWERS[one.power], "was": was, "would": would}
    if one.worse:
        return Message("MORE  %(dataset)s: %(what)s: power %(was)s now, %(would)s then", **about)
    return Message("less  %(dataset)s: %(what)s: power %(was)s now, %(would)s then", **about)


def said(one: Risk) -> Iterator[str]:
    """Of one dataset, a sentence each."""
    yield Message("profile %(name)s, %(people)s people", name=one.profile, people=one.people)
    if not one.protected:
        yield Message("answers are exact for everybody whom the policy admits")
        return
    yield from _promised(one)
    yield from _given(one)


def _promised(one: Risk) -> Iterator[str]:
    yield Message("everybody: %(told)s", told=_everybody(one))
    least = one.registered_from
    if least is None:
        yield Message(
            "registered callers: nothing about variants; counts with noise of scale %(noise)s",
            noise=str(one.noise_registered),
        )
    else:
        yield Message(
            "registered callers: variants from AF %(least)s; counts with noise of scale %(noise)s",
            least=_two_digits(least), noise=str(one.noise_registered),
        )  # fmt: skip
    if one.exact_presence:
        yield Message("exact presence for registered callers: what it costs is noted, not refused")
    yield Message(
        "power against one person, at false alarms of 0.05: everybody at most %(everybody)s, one "
        "account at most %(account)s by variants and about %(counts)s by counts",
        everybody=round(one.powers.everybody, 2),
        account=round(one.powers.account, 2),
        counts=round(one.powers.account_counts, 2),
    )


def _given(one: Risk) -> Iterator[str]:
    given = one.given
    yield Message(
        "spent: %(callers)s callers, %(people)s people; at most %(by_one)s nats by one caller "
        "(power %(reached)s), %(together)s by all together (power %(reached_together)s)",
        callers=given.callers,
        people=given.people,
        by_one=given.by_one,
        reached=given.reached,
        together=given.together,
        reached_together=given.reached_together,
    )
    if given.to_watch:
        yield Message(
            "WATCH: %(people)s people beyond %(most)s allowances together",
            people=given.to_watch, most=risk.WATCHED,
        )  # fmt: skip


def _everybody(one: Risk) -> str:
    if one.panel is None:
        return Message("nothing about variants: no panel of this assembly (`skerry panel add`)")
    if one.floor_allele is None:
        return Message("nothing: too few people for this panel")
    least, span = _two_digits(one.floor_allele), one.floor_range
    if span is None:
        return Message("variants from AF %(least)s, no ranges", least=least)
    return Message(
        "variants from AF %(least)s, ranges with one from AF %(span)s",
        least=least, span=_two_digits(span),
    )  # fmt: skip


def _two_digits(frequency: float) -> float:
    return float(f"{frequency:.2g}")
