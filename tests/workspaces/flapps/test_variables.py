"""A site whose table is not as the plan says is left out before the first sum, in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Exit
from tests.support.command import skerry
from workspaces.analysis.cohort import Clinical, read_clinical
from workspaces.flapps import variables
from workspaces.flapps.gwas.study import Study
from workspaces.flapps.models.fitting import Models
from workspaces.flapps.reading import Unfit
from workspaces.flapps.summary.statistics import Statistics
from workspaces.flapps.vertical.joining import Vertical

TABLE = ("id\tldl [mmol/L]\tsex\tbmi", "a\t3.1\t0\t21", "b\t4\t1\t", "c\t2.5\t1\t30", "d\t\t0\t25")
SAID: dict[str, Any] = {
    "ldl": {"unit": "mmol/L", "range": [0, 30], "missing": 0.25},
    "sex": {"codes": [0, 1]},
}


def held() -> Clinical:
    return read_clinical(TABLE)


def found(**said: object) -> list[str]:
    return variables.problems(variables.stated({"data": said}), held())


def test_a_table_that_is_as_the_plan_says_has_no_problem() -> None:
    assert found(**SAID) == []


def test_a_plan_that_says_nothing_compares_nothing() -> None:
    assert variables.stated({"trait": "ldl"}) == ()


@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        ("ldl", {"unit": "mg/dL"}, "ldl is in mmol/L, the plan says mg/dL"),
        ("bmi", {"unit": "kg/m2"}, "bmi has no unit, the plan says kg/m2"),
        ("sex", {"codes": [1, 2]}, "sex has other codes than the plan's"),
        ("ldl", {"range": [0, 3.9]}, "ldl has values outside of the plan's range"),
        ("ldl", {"range": [2.6, 9]}, "ldl has values outside of the plan's range"),
        ("bmi", {"missing": 0.2}, "bmi is missing for more people than the plan allows"),
    ],
)
def test_what_differs_is_said_by_name_and_without_a_value(
    name: str, said: dict[str, object], told: str
) -> None:
    assert found(**{name: said}) == [told]


def test_every_difference_of_a_variable_is_told() -> None:
    said = {"unit": "g/L", "codes": [9], "range": [5, 6], "missing": 0}
    assert len(found(ldl=said)) == 4


def test_a_variable_that_the_site_has_not_is_nothing_to_compare() -> None:
    assert found(smoker={"codes": [0, 1]}) == []


def test_a_share_that_is_just_allowed_is_allowed() -> None:
    assert found(ldl={"missing": 0.25}) == []
    assert found(ldl={"missing": 0.24}) != []


@pytest.mark.parametrize(
    "said",
    [
        [], {"ldl": {}}, {"ldl": "mmol/L"}, {"": {"unit": "g"}}, {"ldl": {"units": "mmol/L"}},
        {"ldl": {"unit": ""}}, {"ldl": {"unit": "m" * 41}}, {"ldl": {"unit": 1}},
        {"ldl": {"codes": []}}, {"ldl": {"codes": ["0"]}}, {"ldl": {"codes": [True]}},
        {"ldl": {"range": [1]}}, {"ldl": {"range": [2, 1]}}, {"ldl": {"range": [0, float("inf")]}},
        {"ldl": {"missing": 2}}, {"ldl": {"missing": True}}, {"ldl": {"codes": [0] * 1_001}},
    ],
)  # fmt: skip
def test_a_statement_that_cannot_be_compared_is_refused(said: object) -> None:
    with pytest.raises(Unfit, match="plan"):
        variables.stated({"data": said})


@pytest.mark.parametrize(
    ("application", "plan"),
    [
        (Study(), {"trait": "ldl"}),
        (Models(), {"model": "logistic", "features": ["ldl"], "outcome": "sex"}),
        (Statistics(), {"what": "variables", "edges": {"ldl": [0, 5]}}),
        (Vertical(), {"outcome": "sex", "variables": ["ldl"]}),
    ],
)
def test_each_shipped_application_compares_before_it_offers(
    tmp_path: Path, application: Any, plan: dict[str, object]
) -> None:
    (tmp_path / "clinical.tsv").write_text("\n".join(TABLE) + "\n")
    plan["data"] = {"ldl": {"unit": "mg/dL"}}
    with pytest.raises(Unfit, match="ldl is in mmol/L, the plan says mg/dL"):
        application.offer(plan, data=tmp_path, scratch=tmp_path)


@pytest.mark.parametrize(
    ("header", "names", "units"),
    [
        ("id\tldl [mmol/L]\tsex", ["ldl", "sex"], {"ldl": "mmol/L"}),
        ("id\tact [m[IU]/L]\tsex", ["act", "sex"], {"act": "m[IU]/L"}),
        ("id\ttemperature [[degF]]\tsex", ["temperature", "sex"], {"temperature": "[degF]"}),
    ],
)
def test_a_unit_stands_in_brackets_after_the_name(
    header: str, names: list[str], units: dict[str, str]
) -> None:
    read = read_clinical([header, "a\t1\t0"])
    assert (list(read.variables), read.units) == (names, units)


@pytest.mark.parametrize(
    "header",
    ["id\tldl [mmol/L", "id\tldl []", "id\t [mmol/L]", "id\tldl [" + "m" * 41 + "]",
     "id\tldl [g]\tldl [mg]", "ldl\tldl [g]"],
)  # fmt: skip
def test_a_header_that_is_no_name_and_unit_is_refused(header: str) -> None:
    with pytest.raises(ValueError, match=r"column|header"):
        read_clinical([header, "a" + "\t1" * header.count("\t")])


def checked(folder: Path, data: dict[str, object], *table: str) -> Any:
    (folder / "plan.json").write_text(json.dumps({"trait": "ldl", "data": data}))
    (folder / "table.tsv").write_text("\n".join(table or TABLE) + "\n")
    given = ("--plan", folder / "plan.json", "--table", folder / "table.tsv")
    return skerry("fl", "check", "gwas", *given)


def test_a_site_can_compare_its_table_beforehand(tmp_path: Path) -> None:
    ran = checked(tmp_path, SAID)
    assert ran.code == Exit.OK, ran.err
    assert json.loads(ran.out)["table"] == []
    ran = checked(tmp_path, {"ldl": {"unit": "mg/dL"}})
    assert ran.code == Exit.FAILED
    assert json.loads(ran.out)["table"] == ["ldl is in mmol/L, the plan says mg/dL"]


def test_what_is_no_table_or_no_statement_is_refused_beforehand(tmp_path: Path) -> None:
    assert checked(tmp_path, SAID, "id\tldl", "a\tmuch").code == Exit.BAD_INPUT
    assert checked(tmp_path, {"ldl": {}}).code == Exit.BAD_INPUT
