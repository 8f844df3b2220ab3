"""What issuers' values are called here."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from passports.trust import Assertion
from passports.values import ValueMap
from schemas.passport import VisaType
from tests.support.broker import NODE, NOW, Federation

TABLE = {"mode": "table", "table": {"EGAD1": f"{NODE}/datasets/heart"}}
TEMPLATE = {"mode": "template", "template": f"{NODE}/datasets/{{value}}"}
PREFIX = {"mode": "prefix", "theirs": "https://rems/r/", "ours": f"{NODE}/datasets/"}
MAPS: TypeAdapter[Any] = TypeAdapter(ValueMap)


@pytest.mark.parametrize(
    ("made", "value", "ours"),
    [
        (TABLE, "EGAD1", f"{NODE}/datasets/heart"),
        (TABLE, "EGAD2", None),
        (TABLE, "egad1", None),
        (TEMPLATE, "EGAD1", f"{NODE}/datasets/EGAD1"),
        (TEMPLATE, "..", None),
        (TEMPLATE, "a/b", None),
        (TEMPLATE, "a?b", None),
        (TEMPLATE, "{value}", None),
        (TEMPLATE, "é", None),
        (PREFIX, "https://rems/r/heart", f"{NODE}/datasets/heart"),
        (PREFIX, "https://rems/r/", None),
        (PREFIX, "https://rems/r/../x", None),
        (PREFIX, "https://other/r/heart", None),
    ],
)
def test_only_what_has_a_name_here_is_renamed(
    made: dict[str, Any], value: str, ours: str | None
) -> None:
    assert MAPS.validate_python(made).apply(value) == ours


@pytest.mark.parametrize(
    "made",
    [
        {"mode": "last segment"},
        {"mode": "table", "table": {}},
        {"mode": "table", "table": {"a": ""}},
        {"mode": "template", "template": "https://node.example/x"},
        {"mode": "template", "template": "{value}"},
        {"mode": "template", "template": "https://x/{value}/{value}"},
        {"mode": "prefix", "theirs": "x"},
    ],
)
def test_a_map_that_would_make_anything_of_anything_is_refused(made: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MAPS.validate_python(made)


def test_a_name_beyond_the_cap_is_no_name() -> None:
    allowed = {"type": VisaType.CONTROLLED_ACCESS, "sources": (NODE,), "values": ("a*",)}
    entry = Assertion.model_validate(allowed | {"value_map": TEMPLATE})
    assert entry.ours("a1") == f"{NODE}/datasets/a1"
    assert entry.ours("a" * 250) is None


@pytest.mark.anyio
async def test_conditions_speak_of_values_as_their_issuers_signed_them() -> None:
    federation = Federation()
    broker, node = federation.visa_issuers
    renamed = Assertion.model_validate(
        {"type": VisaType.RESEARCHER_STATUS, "sources": (node.issuer,), "values": ("role",),
         "value_map": {"mode": "table", "table": {"role": "https://here"}}}
    )  # fmt: skip
    federation.visa_issuers = [
        broker, node.model_copy(update={"may_assert": (*node.may_assert, renamed)})
    ]  # fmt: skip
    status = federation.node.visa("ResearcherStatus", "role", by="so")
    needs = [[{"type": "ResearcherStatus", "value": "const:role"}]]
    grant = federation.node.visa(conditions=needs)
    found = await federation.clearinghouse().admit(federation.passport([grant, status]))
    assert {visa.value for visa in found.visas} == {f"{NODE}/datasets/heart", "https://here"}


@pytest.mark.anyio
@pytest.mark.parametrize(("days", "reason"), [(1, "expired"), (2, None)])
async def test_a_visa_asserted_too_long_ago_is_not_believed(days: int, reason: str | None) -> None:
    federation = Federation()
    broker, node = federation.visa_issuers
    aged = tuple(entry.model_copy(update={"max_age_days": days}) for entry in node.may_assert)
    federation.visa_issuers = [broker, node.model_copy(update={"may_assert": aged})]
    visa = federation.node.visa(asserted=NOW - 36 * 3600, exp=NOW + 10**9)
    assert await federation.reason_for(visa) == reason
    if reason is None:
        held = await federation.clearinghouse().admit(federation.passport([visa]))
        assert held.visas[0].expires == NOW + 12 * 3600
