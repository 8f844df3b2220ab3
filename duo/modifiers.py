"""One small rule per DUO modifier: what it permits, denies, owes or leaves to a person.

DUO 2021-02-23. No rule reads another's result. Here the kind of research; who and where is
`eligibility`'s, what is owed `duties`'.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from duo import duties, eligibility
from duo.circumstances import Circumstances, deny, permit, review
from duo.consent import Condition
from duo.disease import Cover, normal
from duo.purpose import Use
from duo.terms import Term
from duo.verdict import Finding
from schemas.messages import Message

_ID = re.compile(r"[A-Z][A-Z0-9.]*:\S+")


def modifier_finding(condition: Condition, around: Circumstances) -> Finding:
    return _RULES[condition.term](condition, around)


def _no_methods(condition: Condition, around: Circumstances) -> Finding:
    """Texts disagree on methods inside the disease of a disease-specific dataset: a person."""
    purpose = around.purpose
    if Use.METHODS not in purpose.all_uses:
        return permit(condition, Message("No methods are developed."))
    specific = [p for p in around.consent.permissions if p.term is Term.DS]
    allowed = {value for permission in specific for value in permission.values}
    cover = around.hierarchy.covers_all(allowed, purpose.diseases)
    outside = bool(allowed and purpose.diseases) and cover is Cover.NO
    if not specific or outside:
        return deny(condition, Message("General methods research is not allowed."))
    missing = () if purpose.diseases else ("purpose.diseases",)
    return review(
        condition, Message("Methods inside the disease need a person's judgement."), *missing
    )


def _genetic_only(condition: Condition, around: Circumstances) -> Finding:
    kinds = around.purpose.data_kinds
    if "genotype" in kinds:
        return permit(condition, Message("Genotypes are used."))
    if kinds == {"phenotype"}:
        return deny(condition, Message("Use of phenotypes alone is not allowed."))
    return review(condition, Message("The kinds of data used are not stated."), "data_kinds")


def _no_ancestry(condition: Condition, around: Circumstances) -> Finding:
    if any(permission.term is Term.POA for permission in around.consent.permissions):
        return review(
            condition, Message("The dataset both asks for and prohibits ancestry research.")
        )
    if Use.ANCESTRY in around.purpose.all_uses:
        return deny(condition, Message("Ancestry research is prohibited."))
    return permit(condition, Message("No ancestry research."))


def _research_type(condition: Condition, around: Circumstances) -> Finding:
    """No vocabulary is agreed: only an id of an ontology, and the same, passes without a person."""
    asked = {normal(kind) for kind in around.purpose.research_types}
    allowed = {normal(kind) for kind in condition.values}
    if asked and asked <= allowed and all(_ID.fullmatch(kind) for kind in asked):
        return permit(condition, Message("The research type is the one allowed."))
    missing = () if asked else ("purpose.research_types",)
    return review(condition, Message("A person must judge the type of research."), *missing)


def _clinical_care(condition: Condition, around: Circumstances) -> Finding:
    del around  # it widens the permission and never narrows: judged there
    return permit(condition, Message("Clinical care is allowed too."))


_RULES: Mapping[Term, Callable[[Condition, Circumstances], Finding]] = MappingProxyType(
    {
        Term.NPU: eligibility.not_for_profit,
        Term.NCU: eligibility.non_commercial,
        Term.NPUNCU: eligibility.not_for_profit_nor_commercial,
        Term.NMDS: _no_methods,
        Term.GSO: _genetic_only,
        Term.NPOA: _no_ancestry,
        Term.GS: eligibility.places,
        Term.IS: eligibility.institutions,
        Term.US: eligibility.users,
        Term.PS: eligibility.projects,
        Term.RS: _research_type,
        Term.IRB: duties.ethics,
        Term.COL: duties.collaborate,
        Term.PUB: duties.publish,
        Term.RTN: duties.return_data,
        Term.MOR: duties.moratorium,
        Term.TS: duties.time_limit,
        Term.CC: _clinical_care,
    }
)
