"""What is stated reads back as the consent it came from, as far as Beacon's form can say it."""

from __future__ import annotations

import pytest

from duo.consent import read_consent
from duo.stated import duo_data_use
from schemas.data_use import DataUseTerm


def stated(*terms: dict[str, object]) -> list[dict[str, object]]:
    consent = read_consent(tuple(DataUseTerm.model_validate(term) for term in terms))
    return [dict(one) for one in duo_data_use(consent)]


def test_a_permission_is_stated_with_its_label_and_release() -> None:
    assert stated({"id": "DUO:0000042"}) == [
        {"id": "DUO:0000042", "label": "general research use", "version": "2021-02-23"}
    ]


def test_diseases_travel_among_the_modifiers() -> None:
    (one,) = stated({"id": "DUO:0000007", "params": {"diseases": ["MONDO:2", "MONDO:1"]}})
    assert one["modifiers"] == [{"id": "MONDO:1"}, {"id": "MONDO:2"}]


@pytest.mark.parametrize(
    "term",
    [
        {"id": "DUO:0000028", "params": {"users": ["someone@example.org"]}},
        {"id": "DUO:0000025", "params": {"months": 12}},
    ],
)
def test_values_without_a_place_are_left_out_and_never_the_term(term: dict[str, object]) -> None:
    said = stated({"id": "DUO:0000042"}, term)
    assert [one["id"] for one in said] == ["DUO:0000042", term["id"]]
    assert "modifiers" not in said[1]
    assert "example.org" not in str(said)


@pytest.mark.parametrize("permission", ["DUO:0000004", "DUO:0000042", "DUO:0000006"])
@pytest.mark.parametrize("modifier", ["DUO:0000018", "DUO:0000019", "DUO:0000021", None])
def test_what_is_stated_reads_back_the_same(permission: str, modifier: str | None) -> None:
    terms = [{"id": permission}, *([{"id": modifier}] if modifier else [])]
    consent = read_consent(tuple(DataUseTerm.model_validate(term) for term in terms))
    again = read_consent(
        tuple(
            DataUseTerm.model_validate({k: v for k, v in one.items() if k != "version"})
            for one in duo_data_use(consent)
        )
    )
    assert (again.permissions, again.modifiers) == (consent.permissions, consent.modifiers)
