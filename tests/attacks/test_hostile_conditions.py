"""Conditions made to be slow, recursive or vague (Passport 1.2.1 «conditions»)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passports.conditional import Budget, glob
from passports.errors import BadToken, Reason
from tests.support.broker import Federation

_FACULTY = {"type": "AffiliationAndRole", "value": "const:faculty@uni.example"}


def _helper(federation: Federation, value: str = "faculty@uni.example") -> str:
    return federation.broker.visa("AffiliationAndRole", value, by="so")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "conditions",
    [
        None,
        [],
        [[_FACULTY]],
        [[_FACULTY | {"by": "const:so", "source": "pattern:https://*.example"}]],
        [[{"type": "Nothing", "by": "const:so"}], [_FACULTY]],
        [[_FACULTY, {"type": "AffiliationAndRole", "by": "pattern:s?"}]],
        [[{"type": "AffiliationAndRole", "value": "split_pattern:fac*"}]],
    ],
)
async def test_met_conditions_let_the_visa_count(conditions: object) -> None:
    federation = Federation()
    visa = federation.node.visa(conditions=conditions)
    assert await federation.reason_for(visa, _helper(federation)) is None


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        ("const:x", "bad_conditions"),
        ({}, "bad_conditions"),
        ([[]], "bad_conditions"),
        ([_FACULTY], "bad_conditions"),
        ([["x"]], "bad_conditions"),
        ([[_FACULTY | {"value": 7}]], "bad_conditions"),
        ([[{"type": "x", "by": "const:a"}]] * 257, "bad_conditions"),
        ([[_FACULTY | {"value": "pattern:" + "a" * 1020}]], "bad_conditions"),
        ([[{"type": "AffiliationAndRole"}]], "conditions_unmet"),
        ([[{"value": "const:faculty@uni.example"}]], "conditions_unmet"),
        ([[_FACULTY | {"conditions": "const:x"}]], "conditions_unmet"),
        ([[_FACULTY | {"asserted": "const:1"}]], "conditions_unmet"),
        ([[_FACULTY | {"value": "faculty@uni.example"}]], "conditions_unmet"),
        ([[_FACULTY | {"value": "regex:.*"}]], "conditions_unmet"),
        ([[_FACULTY | {"value": "pattern:[a-z]*"}]], "conditions_unmet"),
        ([[_FACULTY | {"value": "const:faculty@*"}]], "conditions_unmet"),
        ([[_FACULTY | {"by": "const:dac"}]], "conditions_unmet"),
        ([[{"type": "ControlledAccessGrants", "by": "const:dac"}]], "conditions_unmet"),
    ],
)
async def test_conditions_that_are_vague_or_unmet_drop_the_visa(
    conditions: object, reason: str
) -> None:
    federation = Federation()
    visa = federation.node.visa(conditions=conditions)
    assert await federation.reason_for(visa, _helper(federation)) == reason


@pytest.mark.anyio
async def test_a_costly_pattern_ends_with_the_budget() -> None:
    federation = Federation()
    costly = [[{"type": "AffiliationAndRole", "value": "pattern:*" + "a" * 100 + "b"}]] * 40
    helper = _helper(federation, "a" * 240 + "@u.example")
    began = time.process_time()
    reason = await federation.reason_for(federation.node.visa(conditions=costly), helper)
    assert reason == "conditions_budget"
    assert time.process_time() - began < 1.5


@pytest.mark.anyio
async def test_many_empty_parts_are_not_free() -> None:
    """A value of many `;` has as many empty parts, each tried against each clause."""
    federation = Federation()
    clauses = [[{"type": "AffiliationAndRole", "value": "split_pattern:!"}]] * 150
    grants = [federation.node.visa(conditions=clauses, jti=f"g-{n}") for n in range(10)]
    helper = _helper(federation, "faculty@" + ";" * 240)
    researcher = await federation.clearinghouse().admit(federation.passport([*grants, helper]))
    reasons = {drop.reason for drop in researcher.dropped}
    assert reasons == {"conditions_unmet", "conditions_budget"}
    assert [visa.value[:8] for visa in researcher.visas] == ["faculty@"]


def test_the_budget_is_refused_once_spent() -> None:
    budget = Budget(steps=3)
    with pytest.raises(BadToken) as refusal:
        glob("*b", "aaaaaaaa", budget)
    assert refusal.value.reason is Reason.CONDITIONS_BUDGET


def _slowly(pattern: str, subject: str) -> bool:
    if not pattern:
        return not subject
    if pattern[0] == "*":
        return any(_slowly(pattern[1:], subject[at:]) for at in range(len(subject) + 1))
    return bool(subject) and pattern[0] in ("?", subject[0]) and _slowly(pattern[1:], subject[1:])


@given(st.text("ab*?[", max_size=7), st.text("ab[?", max_size=7))
def test_question_mark_is_one_character_and_star_any_run(pattern: str, subject: str) -> None:
    """«`?` matches one character, `*` any run including none; nothing else is special»."""
    assert glob(pattern, subject, Budget()) is _slowly(pattern, subject)
