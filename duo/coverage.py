"""The permission table: which purposes a DUO permission covers (DUO 2021-02-23).

Subclass order means containment on GRU > HMB > DS only; GRU also covers ancestry, as its comment
says. Where published matchers disagree the answer is a review.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from duo.consent import Condition
from duo.disease import Cover, Hierarchy
from duo.purpose import Purpose, Use
from duo.terms import Term
from duo.verdict import Finding, Outcome, worst
from schemas.messages import Message, following

_P, _R, _D = Outcome.PERMIT, Outcome.REVIEW, Outcome.DENY

# No text says whose consent covers research on one age or gender; DUOS abstains.
_BY_PERSON = {Use.AGE_CATEGORY: _R, Use.GENDER_CATEGORY: _R}
# What does not depend on diseases or on clinical care. A use not named is denied.
_TABLE: Mapping[Term, Mapping[Use, Outcome]] = MappingProxyType(
    {
        Term.NRES: dict.fromkeys(Use, _P),
        Term.GRU: {use: _P for use in Use if use is not Use.CLINICAL_CARE} | _BY_PERSON,
        Term.HMB: {
            Use.BIOMEDICAL: _P,
            Use.DISEASE: _P,
            Use.METHODS: _P,
            Use.POPULATION: _R,
            Use.CONTROLS: _P,
            Use.DRUG_DEVELOPMENT: _P,
        }
        | _BY_PERSON,
        Term.DS: {Use.METHODS: _R} | _BY_PERSON,
        Term.POA: {Use.ANCESTRY: _P, Use.METHODS: _R},
    }
)
# Permitted here, abstained on by DUOS: a node may ask for a person instead.
_STRICT = frozenset({Use.POPULATION, Use.CONTROLS})
_BY_COVER = {Cover.YES: _P, Cover.NO: _D, Cover.UNKNOWN: _R}
_WITHIN_DISEASE = frozenset({Use.DISEASE, Use.CONTROLS, Use.DRUG_DEVELOPMENT})


def permission_finding(
    permissions: frozenset[Condition],
    purpose: Purpose,
    *,
    clinical_care: bool,
    hierarchy: Hierarchy,
    strict_duos: bool,
) -> Finding:
    """Every purpose must be covered; several permissions on one list say nothing certain unless
    they agree (DUO leaves it undefined)."""
    if not permissions:
        return Finding(_R, "no_permission", Message("The dataset states no data use permission."))
    if not purpose.all_uses:
        return Finding(
            _R, "purpose_unknown", Message("The purpose is not stated."), missing=("purpose.codes",)
        )
    findings = [
        _one(permission, purpose, clinical_care, hierarchy, strict_duos)
        for permission in sorted(permissions, key=lambda p: (p.term, sorted(p.values)))
    ]
    if len({finding.outcome for finding in findings}) == 1:
        return findings[0]
    missing = tuple(sorted({name for finding in findings for name in finding.missing}))
    text = Message("The dataset states several permissions, which disagree on this purpose.")
    return Finding(_R, "permissions_disagree", text, missing=missing)


def _one(
    permission: Condition,
    purpose: Purpose,
    clinical_care: bool,  # noqa: FBT001  (private, called once)
    hierarchy: Hierarchy,
    strict_duos: bool,  # noqa: FBT001
) -> Finding:
    within = _within(permission, purpose, hierarchy)
    outcomes = {
        use: _use(permission.term, use, within=within, clinical_care=clinical_care)
        for use in sorted(purpose.all_uses)
    }
    if strict_duos and permission.term is not Term.NRES:
        outcomes = {
            use: _R if use in _STRICT and outcome is _P else outcome
            for use, outcome in outcomes.items()
        }
    outcome = worst(outcomes.values())
    uses = following(*(use.words for use, got in outcomes.items() if got is outcome), by=", ")
    return _say(permission, outcome, uses, purpose, hierarchy=hierarchy)


def _within(permission: Condition, purpose: Purpose, hierarchy: Hierarchy) -> Outcome:
    """Whether all that is asked lies inside the diseases of a DS permission."""
    if permission.term is not Term.DS or not permission.values or not purpose.diseases:
        return _R
    return _BY_COVER[hierarchy.covers_all(permission.values, purpose.diseases)]


def _use(term: Term, use: Use, *, within: Outcome, clinical_care: bool) -> Outcome:
    if use is Use.CLINICAL_CARE and term is not Term.NRES:
        if not clinical_care or term is Term.POA:
            return _D
        return within if term is Term.DS else _P
    if term is Term.DS and use in _WITHIN_DISEASE:
        return within
    return _TABLE[term].get(use, _D)


def _say(
    permission: Condition, outcome: Outcome, uses: str, purpose: Purpose, *, hierarchy: Hierarchy
) -> Finding:
    term = permission.term
    if outcome is _P:
        return Finding(
            _P, "covered", Message("%(label)s covers %(uses)s.", label=term.label, uses=uses), term
        )
    if outcome is _D:
        return Finding(
            _D,
            "not_covered",
            Message("%(label)s does not cover %(uses)s.", label=term.label, uses=uses),
            term,
        )
    why, missing = _why(permission, purpose, hierarchy) if term is Term.DS else ("", ())
    if why:
        text = Message(
            "A person must judge %(uses)s under %(label)s: %(why)s.",
            uses=uses, label=term.label, why=why,
        )  # fmt: skip
    else:
        text = Message("A person must judge %(uses)s under %(label)s.", uses=uses, label=term.label)
    return Finding(_R, "coverage_unclear", text, term, missing=missing)


def _why(
    permission: Condition, purpose: Purpose, hierarchy: Hierarchy
) -> tuple[str, tuple[str, ...]]:
    """What keeps a disease-specific permission from being judged, and what would help."""
    if not permission.values:
        return Message("the dataset names no disease"), ()
    if not purpose.diseases:
        return Message("the request names no disease"), ("purpose.diseases",)
    if not hierarchy.parents:
        return Message("no disease tables are loaded"), ()
    if hierarchy.covers_all(permission.values, purpose.diseases) is Cover.UNKNOWN:
        return Message("not every disease is known to the tables"), ()
    return "", ()
