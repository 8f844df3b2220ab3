"""Who may use the data, and where: NPU, NCU, NPUNCU, GS, IS, US and PS (DUO 2021-02-23).

Every party must pass alone. One who fails denies, even where another could not be judged; what is
not stated gives a review that names the member of the request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from duo.circumstances import Circumstances, deny, permit, review
from duo.consent import Condition
from duo.purpose import Organisation, Party
from duo.regions import countries, country
from duo.verdict import Finding, worst
from schemas.messages import Message


def _named(position: int, member: str) -> str:
    """The request's name for a member of a party: the requester stands first."""
    return f"requester.{member}" if position == 0 else f"collaborators.{position - 1}.{member}"


def _unstated(parties: Sequence[Party], member: str, stated: Callable[[Party], bool]) -> list[str]:
    found = [_named(n, member) for n, party in enumerate(parties) if not stated(party)]
    return found if parties else [_named(0, member)]


def not_for_profit(condition: Condition, around: Circumstances) -> Finding:
    kinds = {party.organisation for party in around.purpose.parties}
    if Organisation.FOR_PROFIT in kinds:
        return deny(condition, Message("Only organisations that are not for profit may use this."))
    if kinds != {Organisation.NOT_FOR_PROFIT}:
        missing = _unstated(
            around.purpose.parties,
            "organisation.type",
            lambda party: party.organisation is not Organisation.UNKNOWN,
        )
        text = Message("The type of an organisation is mixed or not stated.")
        return review(condition, text, *missing)
    return permit(condition, Message("Every organisation is not for profit."))


def non_commercial(condition: Condition, around: Circumstances) -> Finding:
    if around.purpose.commercial is None:
        return review(
            condition, Message("It is not stated whether the use is commercial."), "use.commercial"
        )
    if around.purpose.commercial:
        return deny(condition, Message("Commercial use is not allowed."))
    return permit(condition, Message("The use is not commercial."))


def not_for_profit_nor_commercial(condition: Condition, around: Circumstances) -> Finding:
    findings = (not_for_profit(condition, around), non_commercial(condition, around))
    outcome = worst(finding.outcome for finding in findings)
    missing = tuple(name for finding in findings for name in finding.missing)
    first = next(finding for finding in findings if finding.outcome is outcome)
    return Finding(outcome, first.code, first.text, condition.term, missing=missing)


def places(condition: Condition, around: Circumstances) -> Finding:
    """Both the organisations and every processing place must lie inside."""
    if not condition.values:
        return review(condition, Message("The dataset does not say which region."))
    allowed, all_mapped = countries(condition.values)
    purpose = around.purpose
    stated = [*(party.country or "" for party in purpose.parties), *purpose.processing_places]
    if {place for one in stated if (place := country(one)) is not None} - allowed:
        if all_mapped:
            return deny(condition, Message("A place lies outside the region allowed."))
        return review(condition, Message("The region is not in a vocabulary we know."))
    missing = _unstated(
        purpose.parties,
        "organisation.country",
        lambda party: party.country is not None and country(party.country) is not None,
    )
    places = purpose.processing_places
    if not places or any(country(place) is None for place in places):
        missing.append("places.processing")
    if missing:
        return review(
            condition, Message("Not every place is stated as a country of ISO 3166."), *missing
        )
    return permit(condition, Message("Every place lies inside the region."))


def _members(
    condition: Condition,
    allowed: frozenset[str],
    asked: Sequence[str | None],
    *,
    missing: Sequence[str],
) -> Finding:
    if not allowed:
        return review(condition, Message("The dataset does not say who or what is approved."))
    if {name for name in asked if name is not None} - allowed:
        return deny(condition, Message("Not on the dataset's list."))
    if missing:
        return review(condition, Message("Not stated in the request."), *missing)
    return permit(condition, Message("On the dataset's list."))


def institutions(condition: Condition, around: Circumstances) -> Finding:
    parties = around.purpose.parties
    allowed = frozenset(_ror(value) for value in condition.values)
    asked = [_ror(party.ror) if party.ror else None for party in parties]
    missing = _unstated(parties, "organisation.ror", lambda party: bool(party.ror))
    return _members(condition, allowed, asked, missing=missing)


def _ror(raw: str) -> str:
    return re.sub(r"^(https?://)?(ror\.org/|ror:)", "", raw.strip().lower())


def users(condition: Condition, around: Circumstances) -> Finding:
    parties = around.purpose.parties
    missing = _unstated(parties, "identity", lambda party: bool(party.identity))
    asked = [party.identity for party in parties]
    return _members(condition, condition.values, asked, missing=missing)


def projects(condition: Condition, around: Circumstances) -> Finding:
    asked = around.purpose.project
    missing = () if asked else ("project.id",)
    return _members(condition, condition.values, [asked], missing=missing)
