"""Amounts in other units: converted where that is exact, else said of the dataset that cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beacon import canonical, units
from beacon.catalog import Compare
from tests.support.beacon_node import BeaconNode, loaded, policy, source

pytestmark = pytest.mark.anyio
WEIGHT = "LOINC:3141-9"


def weighing(*amounts: tuple[float, str]) -> list[dict[str, Any]]:
    """Four people, the first of whom were weighed."""
    weighed = [
        {
            "id": f"P{number}",
            "sex": {"id": "NCIT:C16576", "label": "female"},
            "measurements": [
                {
                    "assayCode": {"id": WEIGHT, "label": "Weight"},
                    "measurementValue": {
                        "unit": {"id": f"UCUM:{unit}", "label": unit},
                        "value": value,
                    },
                }
            ],
        }
        for number, (value, unit) in enumerate(amounts, start=1)
    ]
    left = range(len(amounts) + 1, 5)
    return weighed + [{"id": f"P{n}", "sex": weighed[0]["sex"]} for n in left]


KILOGRAMS = weighing((60, "kg"), (70, "kg"), (80, "kg"))
POUNDS = weighing((150, "[lb_av]"), (200, "[lb_av]"))
MIXED = weighing((65, "kg"), (75_000, "g"), (85, "kg"))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> BeaconNode:
    folder = tmp_path_factory.mktemp("units")
    people = {"kilograms": KILOGRAMS, "pounds": POUNDS, "mixed": MIXED}
    made = (source(folder / name, name, people=held) for name, held in people.items())
    catalog = loaded(folder / "catalog", *made)
    return BeaconNode(folder, catalog=catalog, policies=[policy(name) for name in people])


async def ask(node: BeaconNode, filters: str, **params: str) -> dict[str, Any]:
    asked = {"requestedGranularity": "count", "includeResultsetResponses": "ALL", **params}
    answer = await node.get("/individuals", filters=filters, **asked)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def counts(node: BeaconNode, filters: str) -> dict[str, int]:
    body = await ask(node, filters)
    return {one["id"]: one["resultsCount"] for one in body["response"]["resultSets"]}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (f"{WEIGHT}:>=70 kg", {"kilograms": 2, "mixed": 2}),
        (f"{WEIGHT}:>=70000 g", {"kilograms": 2, "mixed": 2}),
        (f"{WEIGHT}:=75 kilogram", {"kilograms": 0, "mixed": 1}),
        (f"{WEIGHT}:<160 [lb_av]", {"pounds": 1}),
        (f"{WEIGHT}:>65", {"kilograms": 2, "pounds": 2}),  # one unit each; the third has two
    ],
)
async def test_each_dataset_answers_in_the_units_it_can(
    node: BeaconNode, filters: str, expected: dict[str, int]
) -> None:
    assert await counts(node, filters) == expected


async def test_a_dataset_in_another_unit_is_named_with_its_unit_and_is_no_no(
    node: BeaconNode,
) -> None:
    body = await ask(node, f"{WEIGHT}:>70 kg")
    (note,) = body["info"]["unsupported"]
    assert note["id"] == "pounds"
    assert "[lb_av]" in note["text"]
    assert "pounds" not in {one["id"] for one in body["response"]["resultSets"]}


@pytest.mark.parametrize("value", ["70 mmol/L", "70 cm", "1 stone"])
async def test_where_no_dataset_can_compare_the_question_is_refused_naming_units(
    node: BeaconNode, value: str
) -> None:
    answer = await node.get("/individuals", filters=f"{WEIGHT}:>{value}")
    assert answer.status_code == 400
    said = answer.json()["error"]["errorMessage"]
    assert "kg" in said
    assert "[lb_av]" in said


async def test_groups_and_denials_are_no_way_around(node: BeaconNode) -> None:
    for filters in ([[f"{WEIGHT}:>70 kg", "NCIT:C16576"]], [{"not": f"{WEIGHT}:>70 kg"}]):
        answer = await node.post("/individuals", {"filters": filters})
        assert [note["id"] for note in answer.json()["info"]["unsupported"]] == ["pounds"]


@pytest.mark.parametrize(
    ("amount", "asked", "held", "expected"),
    [
        ("70", "kg", "UCUM:g", "7.0E+4"),
        ("0.1", "g", "kg", "0.0001"),
        ("170", "NCIT:C49668", "m", "1.70"),
        ("70", "kg", "cm", None),
        ("5", "mmol/L", "mg/dL", None),
        ("5", "mmol/L", "mmol/L", None),
        ("many", "kg", "g", None),
        ("1e999999999", "kg", "g", None),
    ],
)
def test_only_what_is_exact_is_converted(
    amount: str, asked: str, held: str, expected: str | None
) -> None:
    assert units.converted(amount, asked, held=held) == expected


def test_one_amount_has_one_key_in_every_unit_and_spelling() -> None:
    spelled = ("70 kg", "70.0 KG", "7e1 kilogram", "70000 g", "70000000 UCUM:mg")
    assert len({canonical.named(Compare(WEIGHT, ">", text)) for text in spelled}) == 1
    others = ("70 g", "70 cm", "70 [lb_av]", "70", "71 kg")
    assert len({canonical.named(Compare(WEIGHT, ">", text)) for text in (*spelled, *others)}) == 6


def test_a_huge_amount_has_a_key_too() -> None:
    assert canonical.named(Compare(WEIGHT, ">", "1e999999999 kg"))


async def test_two_units_in_one_dataset_have_to_be_told_apart(tmp_path: Path) -> None:
    made = source(tmp_path / "in", "mixed", people=MIXED)
    catalog = loaded(tmp_path / "catalog", made)
    node = BeaconNode(tmp_path, catalog=catalog, policies=[policy("mixed")])
    answer = await node.get("/individuals", filters=f"{WEIGHT}:>70")
    assert answer.status_code == 400
    assert "several units" in answer.json()["error"]["errorMessage"]


async def test_none_of_the_amounts_of_a_person_may_be_what_is_denied(tmp_path: Path) -> None:
    """Weighed twice, in two units."""
    people = weighing((70, "kg"), (70, "kg"), (60, "kg"))
    for person, again in zip(people, weighing((71_000, "g"), (70_000, "g")), strict=True):
        person.setdefault("measurements", []).extend(again.get("measurements", ()))
    catalog = loaded(tmp_path / "catalog", source(tmp_path / "in", "twice", people=people))
    node = BeaconNode(tmp_path, catalog=catalog, policies=[policy("twice")])
    assert await counts(node, f"{WEIGHT}:!70 kg") == {"twice": 1}
    assert await counts(node, f"{WEIGHT}:!71000 g") == {"twice": 2}


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ("sex:>female", "sex: a field that holds words can be compared with = and ! only"),
        ("sex:<=female", "sex: a field that holds words can be compared with = and ! only"),
        ("sex:=" + "a" * 210, "sex: a filter value can have at most 200 characters"),
        ("sex:" + "a" * 210, f"sex:{'a' * 210}: a filter value can have at most 200 characters"),
    ],
)
async def test_what_words_are_not_compared_by_is_refused_naming_the_filter(
    node: BeaconNode, filters: str, said: str
) -> None:
    answer = await node.get("/individuals", filters=filters)
    assert answer.status_code == 400
    assert answer.json()["error"]["errorMessage"].startswith(f"kilograms: {said}")
    assert answer.json()["info"]["code"] == "unsupported_filter"
