"""What must hold of the matcher whatever the consent and the purpose."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from duo.consent import Condition, Consent
from duo.matching import match
from duo.purpose import Agreement, Collaboration, Ethics, Organisation, Party, Purpose, Use
from duo.terms import Kind, Term
from duo.verdict import Outcome
from tests.support.data_use import HIERARCHY, PARENTS, diseases

TODAY = date(2026, 5, 28)
CHILDREN = {p: tuple(c for c, above in PARENTS.items() if p in above) for p in PARENTS}
SEVERITY = {Outcome.PERMIT: 0, Outcome.REVIEW: 1, Outcome.DENY: 2}

countries = st.sampled_from(["DE", "FR", "US"])
ds = st.builds(Condition, st.just(Term.DS), values=st.frozensets(diseases, max_size=2))
permission = st.one_of(
    ds, st.sampled_from([Term.NRES, Term.GRU, Term.HMB, Term.POA]).map(Condition)
)
modifier = st.builds(
    Condition,
    st.sampled_from([t for t in Term if t.kind is Kind.MODIFIER]),
    values=st.frozensets(st.sampled_from(["DE", "EU", "alpha", "rosa@x", "01"]), max_size=2),
    months=st.sampled_from([None, 0, 12]),
    until=st.sampled_from([None, date(2020, 1, 1), date(2030, 1, 1)]),
)
consents = st.builds(
    Consent,
    st.frozensets(permission, max_size=2),
    st.frozensets(modifier, max_size=4),
    unclear=st.sampled_from([(), ("NAGR",)]),
)
party = st.builds(
    Party,
    st.sampled_from([None, "rosa@x", "eve@x"]),
    st.sampled_from([None, "01", "02"]),
    organisation=st.sampled_from(Organisation),
    country=st.one_of(st.none(), countries),
)
flag = st.sampled_from([None, True, False])
purposes = st.builds(
    Purpose,
    uses=st.frozensets(st.sampled_from(Use), max_size=3),
    diseases=st.frozensets(diseases, max_size=2),
    research_types=st.frozensets(st.just("alpha")),
    data_kinds=st.frozensets(st.sampled_from(["genotype", "phenotype"])),
    parties=st.lists(party, min_size=1, max_size=2).map(tuple),
    commercial=flag,
    processing_places=st.frozensets(countries, max_size=2),
    project=st.sampled_from([None, "alpha", "beta"]),
    ethics=st.sampled_from(
        [Ethics(), Ethics("E"), Ethics("E", valid_until=date(2030, 1, 1)), Ethics(refused=True)]
    ),
    will_publish=flag,
    will_return_data=flag,
    earliest_publication=st.sampled_from([None, date(2021, 1, 1), date(2031, 1, 1)]),
    collaboration=st.sampled_from(
        [None, *(Agreement(status, since=TODAY) for status in Collaboration)]
    ),
    months_used=st.sampled_from([0, 12]),
)


def outcome(consent: Consent, purpose: Purpose) -> Outcome:
    return match(consent, purpose, hierarchy=HIERARCHY, today=TODAY).outcome


@given(consents, purposes, modifier.filter(lambda m: m.term is not Term.CC))
@settings(max_examples=300, deadline=None)
def test_adding_a_restriction_never_makes_the_outcome_milder(
    consent: Consent, purpose: Purpose, added: Condition
) -> None:
    narrower = replace(consent, modifiers=consent.modifiers | {added})
    before, after = outcome(consent, purpose), outcome(narrower, purpose)
    assert SEVERITY[after] >= SEVERITY[before]


@given(consents, purposes, st.data())
@settings(max_examples=300, deadline=None)
def test_narrowing_a_requested_disease_never_turns_permit_into_deny(
    consent: Consent, purpose: Purpose, data: st.DataObject
) -> None:
    wide = sorted(d for d in purpose.diseases if CHILDREN[d])
    if not wide or outcome(consent, purpose) is not Outcome.PERMIT:
        return
    old = data.draw(st.sampled_from(wide))
    new = data.draw(st.sampled_from(CHILDREN[old]))
    narrowed = replace(purpose, diseases=(purpose.diseases - {old}) | {new})
    assert outcome(consent, narrowed) is Outcome.PERMIT


@given(consents, purposes, st.frozensets(diseases, min_size=1, max_size=2))
@settings(max_examples=300, deadline=None)
def test_a_narrower_permission_never_permits_more(
    consent: Consent, purpose: Purpose, named: frozenset[str]
) -> None:
    chain = [Condition(Term.GRU), Condition(Term.HMB), Condition(Term.DS, values=named)]
    outcomes = [outcome(replace(consent, permissions=frozenset({p})), purpose) for p in chain]
    permits = [result is Outcome.PERMIT for result in outcomes]
    assert permits == sorted(permits, reverse=True)


@given(consents, purposes)
@settings(max_examples=200, deadline=None)
def test_a_term_not_understood_never_permits(consent: Consent, purpose: Purpose) -> None:
    assert outcome(replace(consent, unclear=("??",)), purpose) is not Outcome.PERMIT


@given(consents, purposes)
@settings(max_examples=300, deadline=None)
def test_a_field_not_stated_never_permits_where_stating_it_could_deny(
    consent: Consent, purpose: Purpose
) -> None:
    """PUB and RTN are the exception: silence accepts them with the grant."""
    unstated = replace(
        purpose,
        commercial=None,
        ethics=Ethics(),
        collaboration=None,
        project=None,
        data_kinds=frozenset(),
        parties=(Party(),),
        processing_places=frozenset(),
    )
    asks = {Term.NPU, Term.NCU, Term.NPUNCU, Term.GSO, Term.GS, Term.IS, Term.US, Term.PS}
    asks |= {Term.IRB, Term.COL}
    if any(m.term in asks for m in consent.modifiers):
        assert outcome(consent, unstated) is not Outcome.PERMIT


@given(consents, purposes)
@settings(max_examples=200, deadline=None)
def test_a_review_or_denial_always_says_why(consent: Consent, purpose: Purpose) -> None:
    verdict = match(consent, purpose, hierarchy=HIERARCHY, today=TODAY)
    assert any(finding.outcome is verdict.outcome and finding.text for finding in verdict.reasons)
