"""A clinical table is sealed from the records served: what an analysis reads, and nobody else."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Exit, LoadRefused
from gateway.holding import clinical_table
from gateway.home import NodeHome
from streams import envelope
from streams.header import open_header, read_header
from streams.keys import read_secret_key
from streams.vault import Vault
from tests.support.command import Ran, skerry
from tests.support.node_folder import node_folder, open_counts
from tests.support.sources import write_records
from workspaces import private
from workspaces.analysis.cohort import Clinical, read_clinical

FEMALE, MALE = {"id": "NCIT:C16576"}, {"id": "NCIT:C20197"}
BMI = "LOINC:35925-4"


def bmi(value: float) -> dict[str, Any]:
    unit = {"id": "UO:0000099", "label": "kg/m2"}
    return {
        "assayCode": {"id": BMI, "label": "BMI"},
        "measurementValue": {"quantity": {"unit": unit, "value": value}},
    }


PEOPLE: list[dict[str, Any]] = [
    {"id": "P1", "sex": FEMALE, "measures": [bmi(20.5), bmi(21.5)],
     "diseases": [{"diseaseCode": {"id": "ICD10:E11", "label": "x"}}]},
    {"id": "P2", "sex": MALE, "measures": [bmi(30)],
     "phenotypicFeatures": [{"featureType": {"id": "HP:0001250", "label": "x"}, "excluded": True}]},
    {"id": "P3", "sex": {"id": "NCIT:C17998", "label": "unknown"}},
]  # fmt: skip
COLUMNS = (
    "--column", "female=female", "--column", "diabetes=has:ICD10:E11",
    "--column", "seizures=has:HP:0001250", "--column", f"bmi=measure:{BMI}",
)  # fmt: skip


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    home = node_folder(tmp_path / "node", policies=[open_counts("isle")])
    labelled = [one | {"sex": {"label": "x"} | one["sex"]} for one in PEOPLE]
    path = write_records(tmp_path / "individuals.json", labelled)
    ran = skerry("load", home.root, "--dataset", "isle", "--individuals", path)
    assert ran.code == 0, ran.err
    return home


def sealed_table(node: NodeHome, *columns: str) -> Ran:
    return skerry("datasets", "seal-table", node.root, "isle", *columns)


@pytest.fixture
def of_units(tmp_path: Path) -> Callable[..., NodeHome]:
    """A node whose people's measures are in these units."""

    def made(*units: str | None) -> NodeHome:
        home = node_folder(tmp_path / "units", policies=[open_counts("isle")])
        people = [{"id": f"P{number}", "sex": FEMALE | {"label": "x"}, "measures": [bmi(20.0)]}
                  for number, _ in enumerate(units)]  # fmt: skip
        for one, unit in zip(people, units, strict=True):
            quantity = one["measures"][0]["measurementValue"]["quantity"]  # type: ignore[index]
            quantity["unit"] = {"id": unit, "label": "x"}
        path = write_records(tmp_path / "units.json", people)
        ran = skerry("load", home.root, "--dataset", "isle", "--individuals", path)
        assert ran.code == 0, ran.err
        return home

    return made


def opened(node: NodeHome) -> Clinical:
    vault = Vault(node.vault)
    sealed = vault.get("isle/clinical.tsv")
    assert sealed is not None
    header = open_header(
        read_header(io.BytesIO(bytes.fromhex(sealed.header))),
        [read_secret_key(node.storage_secret)],
    )
    plain = io.BytesIO()
    body = next((node.vault / "bodies").glob(f"*{sealed.segment_root}*"))
    with body.open("rb") as source:
        envelope.open_body(source, plain, header)
    return read_clinical(io.StringIO(plain.getvalue().decode()))


def test_the_table_is_what_an_analysis_reads(node: NodeHome) -> None:
    ran = sealed_table(node, *COLUMNS)
    assert (ran.code, ran.out.strip()) == (0, "sealed isle/clinical.tsv: 3 rows, 4 columns")
    found = opened(node)
    assert found.people == ("P1", "P2", "P3")
    shown = {name: [str(one) for one in values] for name, values in found.variables.items()}
    assert shown == {
        "female": ["1.0", "0.0", "nan"],
        "diabetes": ["1.0", "0.0", "0.0"],
        "seizures": ["0.0", "0.0", "0.0"],
        "bmi": ["21.5", "30.0", "nan"],
    }


def test_no_plain_table_is_left_anywhere(node: NodeHome, tmp_path: Path) -> None:
    sealed_table(node, *COLUMNS)
    places = [path for path in (node.root / "vault").rglob("*") if path.is_file()]
    assert places
    for line in (b"sample\t", b"P1\t", b"21.5"):
        assert all(line not in path.read_bytes() for path in places)
    assert list(private.PLACE.glob("skerry-table-*")) == []


def test_who_withdrew_is_not_in_the_next_table(node: NodeHome) -> None:
    assert skerry("people", "withdraw", node.root, "isle", "P2").code == 0
    assert sealed_table(node, *COLUMNS).code == 0
    assert opened(node).people == ("P1", "P3")


@pytest.mark.parametrize(
    "text", ["", "bmi", "bmi=", "=female", "a b=female", "x=has:", "x=row:1", "x=measure", "x" * 50]
)
def test_a_column_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(LoadRefused, match="--column"):
        clinical_table.column(text)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (("--column", "x=measure:LOINC:0-0"), "no record has any"),
        (("--column", "x=female", "--column", "x=has:HP:1"), "different names"),
        (("--column", "x=female", "--name", "../x.tsv"), "plain file name"),
        (("--column", "x=female", "--name", "x.csv"), "plain file name"),
    ],
)
def test_a_table_that_would_say_nothing_is_refused(
    node: NodeHome, columns: tuple[str, ...], said: str
) -> None:
    ran = sealed_table(node, *columns)
    assert (ran.code, said in ran.err) == (Exit.BAD_INPUT, True)
    assert Vault(node.vault).get("isle/clinical.tsv") is None


def test_a_dataset_that_is_not_served_has_no_table(node: NodeHome) -> None:
    ran = skerry("datasets", "seal-table", node.root, "nowhere", "--column", "x=female")
    assert (ran.code, "no version" in ran.err) == (Exit.BAD_INPUT, True)


def test_the_unit_of_measures_stands_in_the_table(node: NodeHome) -> None:
    assert sealed_table(node, *COLUMNS).code == Exit.OK
    found = opened(node)
    assert found.units == {"bmi": "UO:0000099"}
    assert set(found.variables) == {"female", "diabetes", "seizures", "bmi"}


def test_a_code_of_ucum_stands_as_ucum_writes_it(of_units: Callable[..., NodeHome]) -> None:
    node = of_units("UCUM:kg/m2", "UCUM:kg/m2")
    assert sealed_table(node, "--column", f"bmi=measure:{BMI}").code == Exit.OK
    assert opened(node).units == {"bmi": "kg/m2"}


def test_measures_in_several_units_are_no_column(of_units: Callable[..., NodeHome]) -> None:
    node = of_units("UCUM:kg/m2", "UCUM:[lb_av]/[in_i]2")
    ran = sealed_table(node, "--column", f"bmi=measure:{BMI}")
    assert ran.code == Exit.BAD_INPUT
    assert "several units: [lb_av]/[in_i]2, kg/m2" in ran.err
    assert Vault(node.vault).get("isle/clinical.tsv") is None


def test_a_unit_too_long_for_a_code_is_refused(of_units: Callable[..., NodeHome]) -> None:
    ran = sealed_table(of_units("UCUM:" + "g" * 41), "--column", f"bmi=measure:{BMI}")
    assert ran.code == Exit.BAD_INPUT
    assert "not a code" in ran.err
