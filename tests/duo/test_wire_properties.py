"""What must hold from terms as sent to the verdict, and from one release of MONDO to another."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from duo.consent import Consent, read_consent
from duo.disease import Hierarchy
from duo.matching import match
from duo.purpose import Purpose, Use, read_purpose
from duo.terms import Kind, Term
from duo.verdict import Outcome, Verdict
from schemas.data_use import DataUseRequest, DataUseTerm
from tests.support.data_use import HIERARCHY, PARENTS, diseases

TODAY = date(2026, 5, 28)
MODIFIERS = [term for term in Term if term.kind is Kind.MODIFIER]
_PARAMS: dict[Term, dict[str, object]] = {
    Term.DS: {"diseases": ["MONDO:2"]},
    Term.GS: {"regions": ["EU"]},
    Term.TS: {"months": 12},
    Term.MOR: {"date": "2030-01-01"},
    Term.IS: {"institutions": ["01"]},
    Term.US: {"users": ["rosa@x"]},
    Term.PS: {"projects": ["alpha"]},
    Term.RS: {"research_types": ["X:1"]},
}


def sent(term: Term, *, spelling: str = "{}") -> DataUseTerm:
    raw = spelling.format(term.value.replace(":", "_") if spelling != "{}" else term.value)
    return DataUseTerm.model_validate({"id": raw, "params": _PARAMS.get(term, {})})


permissions = st.sampled_from([Term.NRES, Term.GRU, Term.HMB, Term.POA, Term.DS])
profiles = st.tuples(permissions, st.lists(st.sampled_from(MODIFIERS), max_size=5))
requests = st.builds(
    lambda uses, named, kind, commercial, country: read_purpose(
        DataUseRequest.model_validate(
            {
                "purpose": {"codes": uses, "diseases": named},
                "requester": {"organisation": {"type": kind, "country": country}},
                "use": {"commercial": commercial},
                "places": {"processing": ["DE"]},
            }
        )
    ),
    st.lists(st.sampled_from([use.value for use in Use]), max_size=3),
    st.lists(diseases, max_size=2),
    st.sampled_from(["not_for_profit", "for_profit", "mixed", "unknown"]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, "DE", "US"]),
)


def judge(consent: Consent, purpose: Purpose, hierarchy: Hierarchy = HIERARCHY) -> Verdict:
    return match(consent, purpose, hierarchy=hierarchy, today=TODAY)


@given(profiles, requests, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_order_and_duplicates_do_not_matter(
    profile: tuple[Term, list[Term]], purpose: Purpose, random: object
) -> None:
    terms = [sent(profile[0]), *(sent(term) for term in profile[1])]
    other = [*terms, *terms]
    random.shuffle(other)  # type: ignore[attr-defined]  # hypothesis hands out a Random
    assert judge(read_consent(terms), purpose) == judge(read_consent(other), purpose)


@given(profiles, requests)
@settings(max_examples=200, deadline=None)
def test_nested_and_flat_modifiers_agree(
    profile: tuple[Term, list[Term]], purpose: Purpose
) -> None:
    permission, modifiers = sent(profile[0]), tuple(sent(term) for term in profile[1])
    nested = read_consent([permission.model_copy(update={"modifiers": modifiers})])
    assert judge(nested, purpose) == judge(read_consent([permission, *modifiers]), purpose)


@given(profiles, requests, st.sampled_from(["http://purl.obolibrary.org/obo/{}", " {} "]))
@settings(max_examples=100, deadline=None)
def test_a_usual_spelling_changes_nothing(
    profile: tuple[Term, list[Term]], purpose: Purpose, spelling: str
) -> None:
    terms = [profile[0], *profile[1]]
    plain = read_consent([sent(term) for term in terms])
    spelt = read_consent([sent(term, spelling=spelling) for term in terms])
    assert judge(spelt, purpose) == judge(plain, purpose)


@given(
    profiles, requests, st.text(min_size=1, max_size=12).filter(lambda t: "DUO" not in t.upper())
)
@settings(max_examples=200, deadline=None)
def test_an_unknown_term_never_permits(
    profile: tuple[Term, list[Term]], purpose: Purpose, unknown: str
) -> None:
    terms = [sent(profile[0]), *(sent(term) for term in profile[1]), DataUseTerm(id=unknown)]
    assert judge(read_consent(terms), purpose).outcome is not Outcome.PERMIT


@given(profiles, requests, st.sampled_from([True, False]))
@settings(max_examples=200, deadline=None)
def test_null_never_permits_where_both_answers_would_not(
    profile: tuple[Term, list[Term]], purpose: Purpose, stated: bool
) -> None:
    """A null field never yields the result of a value that permits, unless every value does."""
    consent = read_consent([sent(profile[0]), *(sent(term) for term in profile[1])])
    unstated = judge(consent, replace(purpose, commercial=None)).outcome
    if unstated is Outcome.PERMIT:
        assert judge(consent, replace(purpose, commercial=stated)).outcome is Outcome.PERMIT


@given(profiles, requests, diseases, diseases)
@settings(max_examples=200, deadline=None)
def test_a_release_with_one_more_is_a_never_covers_less(
    profile: tuple[Term, list[Term]], purpose: Purpose, below: str, above: str
) -> None:
    """Metamorphic: releases differ in their hierarchy alone, and the verdict moves as it does."""
    if below in HIERARCHY.ancestors(above):
        return
    later = Hierarchy("later", PARENTS | {below: (*PARENTS[below], above)})
    consent = read_consent([sent(profile[0]), *(sent(term) for term in profile[1])])
    before, after = judge(consent, purpose), judge(consent, purpose, later)
    if before.outcome is Outcome.PERMIT:
        assert after.outcome is Outcome.PERMIT
    assert (before.versions.diseases, after.versions.diseases) == ("test", "later")


@given(profiles, requests)
@settings(max_examples=100, deadline=None)
def test_a_release_with_other_ids_and_their_successors_says_the_same(
    profile: tuple[Term, list[Term]], purpose: Purpose
) -> None:
    renamed = {name: name.replace("MONDO:", "MONDO:9") for name in PARENTS}
    later = Hierarchy(
        "later",
        {renamed[name]: tuple(renamed[p] for p in above) for name, above in PARENTS.items()},
        replaced=renamed,
    )
    consent = read_consent([sent(profile[0]), *(sent(term) for term in profile[1])])
    assert judge(consent, purpose, later).outcome is judge(consent, purpose).outcome
