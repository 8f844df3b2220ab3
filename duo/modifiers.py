"""One small rule per DUO modifier: what it permits, denies, owes or leaves to a person.

DUO 2021-02-23. A field not stated gives a review naming the field; a requester who fails denies
even where another could not be judged. No rule reads another's result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from duo.consent import Condition, Consent
from duo.disease import Cover, Hierarchy, normal
from duo.purpose import Collaboration, Organisation, Party, Purpose, Use
from duo.regions import countries, country
from duo.terms import Term
from duo.verdict import Finding, Obligation, Outcome, worst

_ID = re.compile(r"[A-Z][A-Z0-9.]*:\S+")
_P, _R, _D = Outcome.PERMIT, Outcome.REVIEW, Outcome.DENY


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a modifier may look at beside its own parameters."""

    consent: Consent
    purpose: Purpose
    hierarchy: Hierarchy
    today: date


def modifier_finding(condition: Condition, around: Circumstances) -> Finding:
    return _RULES[condition.term](condition, around)


def _permit(condition: Condition, text: str) -> Finding:
    return Finding(_P, f"{condition.term.name.lower()}_met", text, condition.term)


def _owed(
    condition: Condition,
    text: str,
    *,
    until: date | None = None,
    ends: date | None = None,
    evidence: bool = False,
) -> Finding:
    owed = Obligation(condition.term, text, until=until, evidence_required=evidence)
    code = f"{condition.term.name.lower()}_owed"
    return Finding(_P, code, text, condition.term, obligation=owed, ends=ends)


def _review(condition: Condition, text: str, *missing: str) -> Finding:
    code = f"{condition.term.name.lower()}_unclear"
    return Finding(_R, code, text, condition.term, missing=missing)


def _deny(condition: Condition, text: str) -> Finding:
    return Finding(_D, f"{condition.term.name.lower()}_not_met", text, condition.term)


def _named(position: int, member: str) -> str:
    """The request's name for a member of a party: the requester stands first."""
    return f"requester.{member}" if position == 0 else f"collaborators.{position - 1}.{member}"


def _unstated(parties: Sequence[Party], member: str, stated: Callable[[Party], bool]) -> list[str]:
    found = [_named(n, member) for n, party in enumerate(parties) if not stated(party)]
    return found if parties else [_named(0, member)]


def _not_for_profit(condition: Condition, around: Circumstances) -> Finding:
    kinds = {party.organisation for party in around.purpose.parties}
    if Organisation.FOR_PROFIT in kinds:
        return _deny(condition, "Only organisations that are not for profit may use this.")
    if kinds != {Organisation.NOT_FOR_PROFIT}:
        missing = _unstated(
            around.purpose.parties,
            "organisation.type",
            lambda party: party.organisation is not Organisation.UNKNOWN,
        )
        text = "The type of an organisation is mixed or not stated."
        return _review(condition, text, *missing)
    return _permit(condition, "Every organisation is not for profit.")


def _non_commercial(condition: Condition, around: Circumstances) -> Finding:
    if around.purpose.commercial is None:
        return _review(
            condition, "It is not stated whether the use is commercial.", "use.commercial"
        )
    if around.purpose.commercial:
        return _deny(condition, "Commercial use is not allowed.")
    return _permit(condition, "The use is not commercial.")


def _both(condition: Condition, around: Circumstances) -> Finding:
    findings = (_not_for_profit(condition, around), _non_commercial(condition, around))
    outcome = worst(finding.outcome for finding in findings)
    missing = tuple(name for finding in findings for name in finding.missing)
    first = next(finding for finding in findings if finding.outcome is outcome)
    return Finding(outcome, first.code, first.text, condition.term, missing=missing)


def _no_methods(condition: Condition, around: Circumstances) -> Finding:
    """Texts disagree on methods inside the disease of a disease-specific dataset: a person."""
    purpose = around.purpose
    if Use.METHODS not in purpose.all_uses:
        return _permit(condition, "No methods are developed.")
    specific = [p for p in around.consent.permissions if p.term is Term.DS]
    allowed = {value for permission in specific for value in permission.values}
    cover = around.hierarchy.covers_all(allowed, purpose.diseases)
    outside = bool(allowed and purpose.diseases) and cover is Cover.NO
    if not specific or outside:
        return _deny(condition, "General methods research is not allowed.")
    missing = () if purpose.diseases else ("purpose.diseases",)
    return _review(condition, "Methods inside the disease need a person's judgement.", *missing)


def _genetic_only(condition: Condition, around: Circumstances) -> Finding:
    kinds = around.purpose.data_kinds
    if "genotype" in kinds:
        return _permit(condition, "Genotypes are used.")
    if kinds == {"phenotype"}:
        return _deny(condition, "Use of phenotypes alone is not allowed.")
    return _review(condition, "The kinds of data used are not stated.", "data_kinds")


def _no_ancestry(condition: Condition, around: Circumstances) -> Finding:
    if any(permission.term is Term.POA for permission in around.consent.permissions):
        return _review(condition, "The dataset both asks for and prohibits ancestry research.")
    if Use.ANCESTRY in around.purpose.all_uses:
        return _deny(condition, "Ancestry research is prohibited.")
    return _permit(condition, "No ancestry research.")


def _places(condition: Condition, around: Circumstances) -> Finding:
    """Both the organisations and every processing place must lie inside."""
    if not condition.values:
        return _review(condition, "The dataset does not say which region.")
    allowed, all_mapped = countries(condition.values)
    purpose = around.purpose
    stated = [*(party.country or "" for party in purpose.parties), *purpose.processing_places]
    if {place for one in stated if (place := country(one)) is not None} - allowed:
        if all_mapped:
            return _deny(condition, "A place lies outside the region allowed.")
        return _review(condition, "The region is not in a vocabulary we know.")
    missing = _unstated(
        purpose.parties,
        "organisation.country",
        lambda party: party.country is not None and country(party.country) is not None,
    )
    places = purpose.processing_places
    if not places or any(country(place) is None for place in places):
        missing.append("places.processing")
    if missing:
        return _review(condition, "Not every place is stated as a country of ISO 3166.", *missing)
    return _permit(condition, "Every place lies inside the region.")


def _members(
    condition: Condition,
    allowed: frozenset[str],
    asked: Sequence[str | None],
    *,
    missing: Sequence[str],
) -> Finding:
    if not allowed:
        return _review(condition, "The dataset does not say who or what is approved.")
    if {name for name in asked if name is not None} - allowed:
        return _deny(condition, "Not on the dataset's list.")
    if missing:
        return _review(condition, "Not stated in the request.", *missing)
    return _permit(condition, "On the dataset's list.")


def _institutions(condition: Condition, around: Circumstances) -> Finding:
    parties = around.purpose.parties
    allowed = frozenset(_ror(value) for value in condition.values)
    asked = [_ror(party.ror) if party.ror else None for party in parties]
    missing = _unstated(parties, "organisation.ror", lambda party: bool(party.ror))
    return _members(condition, allowed, asked, missing=missing)


def _ror(raw: str) -> str:
    return re.sub(r"^(https?://)?(ror\.org/|ror:)", "", raw.strip().lower())


def _users(condition: Condition, around: Circumstances) -> Finding:
    parties = around.purpose.parties
    missing = _unstated(parties, "identity", lambda party: bool(party.identity))
    asked = [party.identity for party in parties]
    return _members(condition, condition.values, asked, missing=missing)


def _projects(condition: Condition, around: Circumstances) -> Finding:
    asked = around.purpose.project
    missing = () if asked else ("project.id",)
    return _members(condition, condition.values, [asked], missing=missing)


def _research_type(condition: Condition, around: Circumstances) -> Finding:
    """No vocabulary is agreed: only an id of an ontology, and the same, passes without a person."""
    asked = {normal(kind) for kind in around.purpose.research_types}
    allowed = {normal(kind) for kind in condition.values}
    if asked and asked <= allowed and all(_ID.fullmatch(kind) for kind in asked):
        return _permit(condition, "The research type is the one allowed.")
    missing = () if asked else ("purpose.research_types",)
    return _review(condition, "A person must judge the type of research.", *missing)


def _ethics(condition: Condition, around: Circumstances) -> Finding:
    ethics = around.purpose.ethics
    if ethics.refused or (ethics.valid_until is not None and ethics.valid_until < around.today):
        return _deny(condition, "The ethics approval was refused or has run out.")
    if not ethics.reference:
        return _review(condition, "No ethics approval is stated.", "ethics.ref")
    if ethics.valid_until is None:
        text = "It is not stated how long the ethics approval is valid."
        return _review(condition, text, "ethics.valid_until")
    until = ethics.valid_until
    text = "Keep the ethics approval valid."
    return _owed(condition, text, until=until, ends=until, evidence=True)


def _collaborate(condition: Condition, around: Circumstances) -> Finding:
    agreement = around.purpose.collaboration
    status = Collaboration.ASKED if agreement is None else agreement.status
    if status is Collaboration.REFUSED:
        return _deny(condition, "Collaboration with the investigators is required.")
    if agreement is None or status is Collaboration.ASKED:
        text = "Collaboration with the investigators must be agreed."
        return _review(condition, text, "commitments.collaborate")
    on_file = bool(agreement.evidence) if agreement.since is None else True
    if not on_file or (agreement.since is not None and agreement.since > around.today):
        text = "The agreement to collaborate is not yet on file."
        return _review(condition, text, "commitments.collaborate")
    return _owed(condition, "Collaborate with the investigators as agreed.")


def _publish(condition: Condition, around: Circumstances) -> Finding:
    if around.purpose.will_publish is False:
        return _deny(condition, "Results must be made available.")
    return _owed(condition, "Make the results available.", evidence=True)


def _return_data(condition: Condition, around: Circumstances) -> Finding:
    if around.purpose.will_return_data is False:
        return _deny(condition, "Derived data must be returned.")
    return _owed(condition, "Return derived data to the resource.", evidence=True)


def _moratorium(condition: Condition, around: Circumstances) -> Finding:
    if condition.until is None:
        return _review(condition, "The dataset does not say until when nothing may be published.")
    if around.today >= condition.until:
        return _permit(condition, "The moratorium has ended.")
    planned = around.purpose.earliest_publication
    if planned is not None and planned < condition.until:
        return _deny(condition, "Publication is planned before the moratorium ends.")
    text = f"Publish nothing before {condition.until.isoformat()}."
    return _owed(condition, text, until=condition.until)


def _time_limit(condition: Condition, around: Circumstances) -> Finding:
    if not condition.months:
        return _review(condition, "The dataset does not say for how many months.")
    left = condition.months - around.purpose.months_used
    if left <= 0:
        return _deny(condition, "The months allowed are used up.")
    ends = after_months(around.today, left)
    return _owed(condition, f"Use ends after {left} months.", until=ends, ends=ends)


def _clinical_care(condition: Condition, around: Circumstances) -> Finding:
    del around  # it widens the permission and never narrows: judged there
    return _permit(condition, "Clinical care is allowed too.")


def after_months(start: date, months: int) -> date:
    """The same day that many months later, or the last of a shorter month."""
    total = start.year * 12 + start.month - 1 + months
    year, month = total // 12, total % 12 + 1
    for day in (start.day, 30, 29, 28):
        try:
            return date(year, month, day)
        except ValueError:
            continue
    return date.max


_RULES: Mapping[Term, Callable[[Condition, Circumstances], Finding]] = MappingProxyType(
    {
        Term.NPU: _not_for_profit,
        Term.NCU: _non_commercial,
        Term.NPUNCU: _both,
        Term.NMDS: _no_methods,
        Term.GSO: _genetic_only,
        Term.NPOA: _no_ancestry,
        Term.GS: _places,
        Term.IS: _institutions,
        Term.US: _users,
        Term.PS: _projects,
        Term.RS: _research_type,
        Term.IRB: _ethics,
        Term.COL: _collaborate,
        Term.PUB: _publish,
        Term.RTN: _return_data,
        Term.MOR: _moratorium,
        Term.TS: _time_limit,
        Term.CC: _clinical_care,
    }
)
