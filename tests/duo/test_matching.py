"""The truth tables of permissions and modifiers, row by row, and the worked examples."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from duo.consent import Condition, Consent
from duo.disease import Hierarchy, no_hierarchy
from duo.matching import match
from duo.purpose import Agreement, Collaboration, Ethics, Organisation, Party, Purpose, Use
from duo.terms import Kind, Term
from duo.verdict import Outcome, Verdict

P, R, D = Outcome.PERMIT, Outcome.REVIEW, Outcome.DENY
TODAY = date(2026, 6, 1)
CANCER, BREAST, NEOPLASM, EPILEPSY = "MONDO:10", "MONDO:11", "MONDO:9", "MONDO:20"
HIERARCHY = Hierarchy(
    "test",
    {
        "MONDO:1": (),
        NEOPLASM: ("MONDO:1",),
        CANCER: (NEOPLASM,),
        BREAST: (CANCER,),
        EPILEPSY: ("MONDO:1",),
    },
)
RESEARCH = Purpose(uses=frozenset({Use.GENERAL}))
ACADEMY = Party(
    "rosa@x", "https://ror.org/01", organisation=Organisation.NOT_FOR_PROFIT, country="DE"
)
COMPANY = replace(ACADEMY, organisation=Organisation.FOR_PROFIT)


def use(*uses: Use, diseases: tuple[str, ...] = ()) -> Purpose:
    return Purpose(uses=frozenset(uses), diseases=frozenset(diseases))


def consent(
    permission: Term, *modifiers: Condition | Term, values: tuple[str, ...] = ()
) -> Consent:
    return Consent(
        frozenset({Condition(permission, values=frozenset(values))}),
        frozenset(m if isinstance(m, Condition) else Condition(m) for m in modifiers),
    )


def judge(
    given: Consent | None,
    purpose: Purpose,
    *,
    strict_duos: bool = False,
    hierarchy: Hierarchy = HIERARCHY,
) -> Verdict:
    return match(given, purpose, hierarchy=hierarchy, today=TODAY, strict_duos=strict_duos)


COLUMNS = list(Use)
ROWS = {
    # general, biomedical, disease, ancestry, methods, population, controls, drug, social, care,
    # age, gender
    Term.NRES: "P P P P P P P P P P P P",
    Term.GRU: "P P P P P P P P P D R R",
    Term.HMB: "D P P D P R P P D D R R",
    Term.POA: "D D D P R D D D D D D D",
}


@pytest.mark.parametrize(
    ("term", "column", "expected"),
    [
        (term, column, cell)
        for term, row in ROWS.items()
        for column, cell in zip(COLUMNS, row.split(), strict=True)
    ],
)
def test_a_permission_covers_what_the_table_says(term: Term, column: Use, expected: str) -> None:
    outcome = judge(consent(term), use(column)).outcome
    assert outcome is {"P": P, "R": R, "D": D}[expected]


@pytest.mark.parametrize("term", [Term.GRU, Term.HMB])
def test_clinical_care_is_permitted_with_cc(term: Term) -> None:
    assert judge(consent(term, Term.CC), use(Use.CLINICAL_CARE)).outcome is P


@pytest.mark.parametrize("term", [Term.GRU, Term.HMB])
def test_strict_duos_asks_a_person_about_controls(term: Term) -> None:
    assert judge(consent(term), use(Use.CONTROLS), strict_duos=True).outcome is R


@pytest.mark.parametrize(
    ("purpose", "outcome"),
    [
        (use(Use.DISEASE, diseases=(BREAST,)), P),
        (use(Use.DISEASE, diseases=(CANCER,)), P),
        (use(Use.DISEASE, diseases=(NEOPLASM,)), D),
        (use(Use.DISEASE, diseases=(EPILEPSY,)), D),
        (use(Use.DISEASE, diseases=(BREAST, EPILEPSY)), D),
        (use(Use.DISEASE, diseases=(BREAST, "HP:1")), R),
        (use(Use.DISEASE), R),
        (use(diseases=(BREAST,)), P),
        (use(Use.GENERAL), D),
        (use(Use.BIOMEDICAL, diseases=(BREAST,)), D),
        (use(Use.ANCESTRY), D),
        (use(Use.POPULATION), D),
        (use(Use.SOCIAL_SCIENCE), D),
        (use(Use.METHODS), R),
        (use(Use.METHODS, diseases=(EPILEPSY,)), D),
        (use(Use.CONTROLS, diseases=(BREAST,)), P),
        (use(Use.CONTROLS, diseases=(EPILEPSY,)), D),
        (use(Use.DRUG_DEVELOPMENT, diseases=(BREAST,)), P),
        (use(Use.DRUG_DEVELOPMENT), R),
        (use(Use.CLINICAL_CARE, diseases=(BREAST,)), D),
    ],
)
def test_disease_specific_consent_covers_the_disease_and_below(
    purpose: Purpose, outcome: Outcome
) -> None:
    assert judge(consent(Term.DS, values=(CANCER,)), purpose).outcome is outcome


def test_clinical_care_inside_the_disease_needs_cc() -> None:
    given = consent(Term.DS, Term.CC, values=(CANCER,))
    assert judge(given, use(Use.CLINICAL_CARE, diseases=(BREAST,))).outcome is P
    assert judge(given, use(Use.CLINICAL_CARE, diseases=(EPILEPSY,))).outcome is D


def test_disease_specific_consent_without_a_disease_is_a_review() -> None:
    assert judge(consent(Term.DS), use(Use.DISEASE, diseases=(CANCER,))).outcome is R


def test_one_purpose_not_covered_fails_all() -> None:
    assert judge(consent(Term.HMB), use(Use.BIOMEDICAL, Use.ANCESTRY)).outcome is D


@pytest.mark.parametrize("given", [None, Consent(frozenset())])
def test_no_data_use_terms_are_a_review(given: Consent | None) -> None:
    assert judge(given, RESEARCH).outcome is R


def test_a_purpose_not_stated_is_a_review_that_asks_for_it() -> None:
    verdict = judge(consent(Term.GRU), Purpose())
    assert verdict.outcome is R
    assert verdict.missing == ("purpose.codes",)


def test_several_permissions_must_agree() -> None:
    both = Consent(frozenset({Condition(Term.HMB), Condition(Term.POA)}))
    assert judge(both, use(Use.BIOMEDICAL)).outcome is R
    assert judge(both, use(Use.GENERAL)).outcome is D
    assert judge(both, use(Use.SOCIAL_SCIENCE)).outcome is D
    either = Consent(frozenset({GRU, Condition(Term.DS, values=frozenset({CANCER}))}))
    assert judge(either, use(Use.DISEASE, diseases=(BREAST,))).outcome is P
    assert judge(either, use(Use.DISEASE)).missing == ("purpose.diseases",)


def test_what_was_not_understood_is_a_review() -> None:
    given = Consent(frozenset({Condition(Term.NRES)}), unclear=("NAGR",))
    assert judge(given, RESEARCH).outcome is R


def test_a_sensitive_topic_is_a_review() -> None:
    assert (
        judge(consent(Term.NRES), replace(RESEARCH, sensitive=frozenset({"minors"}))).outcome is R
    )


def told(**fields: object) -> Purpose:
    return replace(RESEARCH, **fields)  # type: ignore[arg-type]  # fields are named by the tests


def parties(*those: Party) -> Purpose:
    return told(parties=those)


GRU = Condition(Term.GRU)
GS = Condition(Term.GS, values=frozenset({"EU"}))
IS = Condition(Term.IS, values=frozenset({"ROR:01"}))
US = Condition(Term.US, values=frozenset({"rosa@x"}))
PS = Condition(Term.PS, values=frozenset({"alpha"}))
RS = Condition(Term.RS, values=frozenset({"X:1", "paediatric"}))
MOR = Condition(Term.MOR, until=date(2027, 1, 1))
AT_HOME = replace(parties(ACADEMY), processing_places=frozenset({"FR"}))


@pytest.mark.parametrize(
    ("modifier", "purpose", "outcome"),
    [
        (Term.NPU, parties(ACADEMY), P),
        (Term.NPU, parties(COMPANY), D),
        (Term.NPU, parties(Party()), R),
        (Term.NPU, parties(ACADEMY, COMPANY), D),
        (Term.NPU, parties(ACADEMY, Party()), R),
        (Term.NPU, parties(), R),
        (Term.NPU, parties(replace(ACADEMY, organisation=Organisation.MIXED)), R),
        (Term.NCU, told(commercial=False), P),
        (Term.NCU, told(commercial=True), D),
        (Term.NCU, RESEARCH, R),
        (Term.NPUNCU, replace(parties(ACADEMY), commercial=False), P),
        (Term.NPUNCU, replace(parties(ACADEMY), commercial=True), D),
        (Term.NPUNCU, replace(parties(COMPANY), commercial=False), D),
        (Term.NPUNCU, parties(COMPANY), D),
        (Term.NPUNCU, parties(ACADEMY), R),
        (Term.NMDS, RESEARCH, P),
        (Term.NMDS, use(Use.METHODS), D),
        (Term.GSO, told(data_kinds=frozenset({"genotype", "phenotype"})), P),
        (Term.GSO, told(data_kinds=frozenset({"phenotype"})), D),
        (Term.GSO, told(data_kinds=frozenset({"derived"})), R),
        (Term.GSO, RESEARCH, R),
        (Term.NPOA, RESEARCH, P),
        (Term.NPOA, use(Use.ANCESTRY), D),
        (GS, AT_HOME, P),
        (GS, replace(AT_HOME, processing_places=frozenset({"FR", "US"})), D),
        (GS, replace(AT_HOME, parties=(replace(ACADEMY, country="US"),)), D),
        (GS, replace(AT_HOME, parties=(ACADEMY, Party(country="CH"))), D),
        (GS, parties(ACADEMY), R),
        (GS, replace(AT_HOME, parties=(Party(),)), R),
        (GS, RESEARCH, R),
        (GS, replace(AT_HOME, processing_places=frozenset({"Germany"})), R),
        (GS, replace(AT_HOME, parties=(replace(ACADEMY, country="EU"),)), R),
        (Condition(Term.GS, values=frozenset({"XX"})), AT_HOME, R),
        (Condition(Term.GS, values=frozenset({"GAZ:1", "DE", "FR"})), AT_HOME, P),
        (Condition(Term.GS), AT_HOME, R),
        (Condition(Term.GS, values=frozenset({"GAZ:1"})), AT_HOME, R),
        (Condition(Term.GS, values=frozenset({"ISO3166:UK"})), told(parties=()), R),
        (IS, parties(ACADEMY), P),
        (IS, parties(replace(ACADEMY, ror="02")), D),
        (IS, parties(ACADEMY, replace(ACADEMY, ror="02")), D),
        (IS, RESEARCH, R),
        (Condition(Term.IS), parties(ACADEMY), R),
        (US, parties(ACADEMY), P),
        (US, parties(replace(ACADEMY, identity="mallory@x")), D),
        (US, RESEARCH, R),
        (PS, told(project="alpha"), P),
        (PS, told(project="beta"), D),
        (PS, RESEARCH, R),
        (RS, told(research_types=frozenset({"x_1"})), P),
        (RS, told(research_types=frozenset({"paediatric"})), R),
        (RS, told(research_types=frozenset({"X:1", "X:2"})), R),
        (RS, RESEARCH, R),
        (Term.IRB, told(ethics=Ethics("E1", valid_until=TODAY)), P),
        (Term.IRB, told(ethics=Ethics("E1", valid_until=date(2026, 5, 31))), D),
        (Term.IRB, told(ethics=Ethics("E1", refused=True)), D),
        (Term.IRB, told(ethics=Ethics("E1")), R),
        (Term.IRB, told(ethics=Ethics(valid_until=TODAY)), R),
        (Term.IRB, told(ethics=Ethics(refused=True)), D),
        (Term.IRB, RESEARCH, R),
        (Term.COL, told(collaboration=Agreement(Collaboration.AGREED, since=TODAY)), P),
        (Term.COL, told(collaboration=Agreement(Collaboration.AGREED, evidence="letter")), P),
        (Term.COL, told(collaboration=Agreement(Collaboration.AGREED, since=MOR.until)), R),
        (Term.COL, told(collaboration=Agreement(Collaboration.AGREED)), R),
        (Term.COL, told(collaboration=Agreement(Collaboration.REFUSED)), D),
        (Term.COL, told(collaboration=Agreement(Collaboration.ASKED)), R),
        (Term.COL, RESEARCH, R),
        (Term.PUB, RESEARCH, P),
        (Term.PUB, told(will_publish=True), P),
        (Term.PUB, told(will_publish=False), D),
        (Term.RTN, RESEARCH, P),
        (Term.RTN, told(will_return_data=False), D),
        (MOR, RESEARCH, P),
        (MOR, told(earliest_publication=date(2027, 1, 1)), P),
        (MOR, told(earliest_publication=date(2026, 12, 31)), D),
        (Condition(Term.MOR, until=TODAY), told(earliest_publication=TODAY), P),
        (Condition(Term.MOR), RESEARCH, R),
        (Condition(Term.TS, months=12), RESEARCH, P),
        (Condition(Term.TS), RESEARCH, R),
        (Condition(Term.TS, months=0), RESEARCH, R),
        (Term.CC, RESEARCH, P),
    ],
)
def test_a_modifier_says_what_the_table_says(
    modifier: Condition | Term, purpose: Purpose, outcome: Outcome
) -> None:
    assert judge(consent(Term.GRU, modifier), purpose).outcome is outcome


def test_methods_under_nmds_and_a_nameless_disease_are_a_review() -> None:
    assert judge(consent(Term.DS, Term.NMDS), use(Use.METHODS)).outcome is R


@pytest.mark.parametrize("term", [Term.NRES, Term.GRU, Term.HMB, Term.POA])
def test_methods_are_denied_under_nmds_outside_disease_consent(term: Term) -> None:
    assert judge(consent(term, Term.NMDS), use(Use.METHODS)).outcome is D


def test_methods_inside_the_disease_are_a_review_under_nmds() -> None:
    given = consent(Term.DS, Term.NMDS, values=(CANCER,))
    assert judge(given, use(Use.METHODS, diseases=(BREAST,))).outcome is R
    assert judge(given, use(Use.METHODS, diseases=(EPILEPSY,))).outcome is D


def test_ancestry_asked_for_and_prohibited_is_a_review() -> None:
    assert judge(consent(Term.POA, Term.NPOA), use(Use.ANCESTRY)).outcome is R


def test_deny_stands_above_review_and_both_are_reported() -> None:
    verdict = judge(
        consent(Term.HMB, Term.COL, Term.NPU), replace(use(Use.BIOMEDICAL), parties=(COMPANY,))
    )
    assert verdict.outcome is D
    assert {finding.outcome for finding in verdict.reasons} == {P, R, D}


def test_what_is_denied_owes_nothing_and_ends_nowhere() -> None:
    given = consent(Term.HMB, Term.PUB, Condition(Term.TS, months=12))
    verdict = judge(given, use(Use.ANCESTRY))
    assert (verdict.outcome, verdict.obligations, verdict.last_day) == (D, (), None)
    assert {finding.term for finding in verdict.reasons} == {Term.HMB, Term.PUB, Term.TS}


def test_a_permit_may_carry_four_obligations() -> None:
    given = consent(Term.GRU, Term.PUB, Term.RTN, MOR, Condition(Term.TS, months=12))
    verdict = judge(given, RESEARCH)
    assert verdict.outcome is P
    assert {owed.term for owed in verdict.obligations} == {Term.PUB, Term.RTN, Term.MOR, Term.TS}


@pytest.mark.parametrize(
    ("months", "asked", "last_day"),
    [
        (12, None, date(2027, 6, 1)),
        (12, 3, date(2026, 9, 1)),
        (3, 12, date(2026, 9, 1)),
        (None, 6, date(2026, 12, 1)),
    ],
)
def test_a_grant_ends_with_the_shorter_of_asked_and_allowed(
    months: int | None, asked: int | None, last_day: date
) -> None:
    given = consent(Term.GRU, *([Condition(Term.TS, months=months)] if months else []))
    expires = judge(given, told(months=asked)).expires
    assert expires is not None
    assert datetime.fromtimestamp(expires - 1, tz=UTC).date() == last_day


def test_an_ethics_approval_ends_the_grant() -> None:
    purpose = told(ethics=Ethics("E1", valid_until=date(2026, 7, 1)), months=12)
    expires = judge(consent(Term.GRU, Term.IRB), purpose).expires
    assert expires == int(datetime(2026, 7, 2, tzinfo=UTC).timestamp())


def test_months_used_up_are_a_denial() -> None:
    given = consent(Term.GRU, Condition(Term.TS, months=12))
    assert judge(given, told(months_used=11)).last_day == date(2026, 7, 1)
    assert judge(given, told(months_used=12)).outcome is D


def test_a_data_permit_ends_the_grant_and_one_that_ran_out_is_a_review() -> None:
    given = consent(Term.GRU)
    assert judge(given, told(permit_until=date(2026, 8, 1), months=6)).last_day == date(2026, 8, 1)
    over = judge(given, told(permit_until=date(2026, 5, 31)))
    assert (over.outcome, over.missing) == (R, ("permit.valid_until",))


@pytest.mark.parametrize("term", [term for term in Term if term.kind is Kind.MODIFIER])
def test_every_modifier_has_its_rule(term: Term) -> None:
    assert judge(consent(Term.GRU, term), RESEARCH).reasons[1].term is term


def test_every_missing_fact_is_named() -> None:
    modifiers = (Term.NPUNCU, GS, IS, US, PS, RS, Term.GSO, Term.IRB, Term.COL)
    verdict = judge(consent(Term.GRU, *modifiers), parties(Party(), Party(identity="rosa@x")))
    assert verdict.missing == (
        "collaborators.0.organisation.country",
        "collaborators.0.organisation.ror",
        "collaborators.0.organisation.type",
        "commitments.collaborate",
        "data_kinds",
        "ethics.ref",
        "ethics.valid_until",
        "places.processing",
        "project.id",
        "purpose.research_types",
        "requester.identity",
        "requester.organisation.country",
        "requester.organisation.ror",
        "requester.organisation.type",
        "use.commercial",
    )


@pytest.mark.parametrize(
    ("given", "purpose", "hierarchy", "said", "missing"),
    [
        ((), (BREAST,), HIERARCHY, "the dataset names no disease", ()),
        ((CANCER,), (), HIERARCHY, "the request names no disease", ("purpose.diseases",)),
        ((CANCER,), (CANCER,), no_hierarchy(), "no disease tables are loaded", ()),
        ((CANCER,), ("X:1",), HIERARCHY, "not every disease is known", ()),
    ],
)
def test_a_review_of_diseases_says_what_kept_it_from_an_answer(
    given: tuple[str, ...],
    purpose: tuple[str, ...],
    hierarchy: Hierarchy,
    said: str,
    missing: tuple[str, ...],
) -> None:
    asked = use(Use.DISEASE, diseases=purpose)
    verdict = judge(consent(Term.DS, values=given), asked, hierarchy=hierarchy)
    assert verdict.outcome is R
    assert said in verdict.reasons[0].text
    assert verdict.missing == missing


def test_expiry_at_the_end_of_the_calendar_does_not_fail() -> None:
    verdict = match(
        consent(Term.GRU, Condition(Term.TS, months=1200)),
        told(months=1200),
        hierarchy=HIERARCHY,
        today=date.max,
    )
    assert verdict.last_day == date.max
    assert verdict.expires is not None


def test_nothing_limits_a_grant_without_limits() -> None:
    assert judge(consent(Term.NRES), RESEARCH).expires is None


def test_a_verdict_names_the_releases_it_rests_on() -> None:
    versions = judge(consent(Term.NRES), RESEARCH).versions
    assert (versions.duo, versions.diseases) == ("2021-02-23", "test")
