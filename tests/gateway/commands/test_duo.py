"""`skerry duo` judges files and finds faults in them, with an exit code for each answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.errors import Exit
from tests.support.command import Ran, skerry

GRU_NPU = [{"id": "DUO:0000042"}, {"id": "DUO:0000045"}]
TABLES = "id\tlabel\tparents\nMONDO:1\tcancer\t\nMONDO:2\tlung cancer\tMONDO:1\n"


def asked(organisation: str) -> dict[str, object]:
    return {
        "purpose": {"codes": ["general"]},
        "requester": {"organisation": {"type": organisation}},
    }


def check(folder: Path, dataset: object, request: object, *options: object) -> Ran:
    (folder / "dataset.json").write_text(json.dumps(dataset))
    (folder / "request.json").write_text(json.dumps(request))
    files = ("--dataset", folder / "dataset.json", "--request", folder / "request.json")
    return skerry("duo", "check", *files, *options)


@pytest.mark.parametrize(
    ("organisation", "decision", "code"),
    [
        ("not_for_profit", "permit", Exit.OK),
        ("unknown", "needs-review", Exit.REVIEW),
        ("for_profit", "deny", Exit.REFUSED),
    ],
)
def test_each_decision_has_its_exit_code(
    tmp_path: Path, organisation: str, decision: str, code: Exit
) -> None:
    ran = check(tmp_path, GRU_NPU, asked(organisation), "--json")
    assert ran.code == code
    assert json.loads(ran.out)["decision"] == decision
    plain = check(tmp_path, GRU_NPU, asked(organisation))
    assert plain.code == code
    assert plain.out.startswith(f"{decision}: ")


def test_a_beacon_dataset_and_yaml_are_read(tmp_path: Path) -> None:
    beacon = {"id": "d", "dataUseConditions": {"duoDataUse": [{"id": "DUO:0000042"}]}}
    (tmp_path / "request.yaml").write_text(
        "purpose: {codes: [general]}\nethics: {ref: E1, valid_until: 2027-01-01}\n"
    )
    (tmp_path / "dataset.json").write_text(json.dumps(beacon))
    files = ("--dataset", tmp_path / "dataset.json", "--request", tmp_path / "request.yaml")
    assert skerry("duo", "check", *files).code == Exit.OK


def test_the_body_of_the_http_door_serves_as_both_files(tmp_path: Path) -> None:
    body = {"dataset": GRU_NPU, "request": asked("not_for_profit")}
    assert check(tmp_path, body, body).code == Exit.OK


def test_the_day_decides_a_moratorium(tmp_path: Path) -> None:
    dataset = [{"id": "DUO:0000042"}, {"id": "DUO:0000024", "params": {"date": "2027-01-01"}}]
    before = check(tmp_path, dataset, asked("unknown"), "--today", "2026-12-31", "--json")
    after = check(tmp_path, dataset, asked("unknown"), "--today", "2027-01-01", "--json")
    assert [owed["code"] for owed in json.loads(before.out)["obligations"]] == ["MOR"]
    assert json.loads(after.out)["obligations"] == []


def test_diseases_are_judged_with_tables_only(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "mondo-isa.tsv").write_text(TABLES)
    dataset = [{"id": "DUO:0000007", "params": {"diseases": ["MONDO:1"]}}]
    request = {"purpose": {"diseases": ["MONDO:2"]}}
    assert check(tmp_path, dataset, request).code == Exit.REVIEW
    with_tables = check(tmp_path, dataset, request, "--ontology", tmp_path / "tables", "--json")
    assert with_tables.code == Exit.OK
    assert json.loads(with_tables.out)["versions"]["mondo"].startswith("unnamed+")


def test_strictness_asks_a_person_about_controls(tmp_path: Path) -> None:
    request = {"purpose": {"codes": ["DUO:0000036"]}}
    assert check(tmp_path, [{"id": "DUO:0000042"}], request).code == Exit.OK
    strict = check(tmp_path, [{"id": "DUO:0000042"}], request, "--strict-duos")
    assert strict.code == Exit.REVIEW


@pytest.mark.parametrize(
    ("dataset", "request_", "options", "said"),
    [
        ([{"ID": "DUO:0000042"}], {}, (), "0.id"),
        ({"terms": []}, {}, (), "dataset.json"),
        ([], {"purpose": {"codes": ["evil"]}}, (), "request.purpose.codes.0"),
        ([], {"use": {"commercial": "no"}}, (), "use.commercial"),
        ([], {}, ("--today", "soon"), "--today"),
        ([], {}, ("--ontology", "/nowhere/at/all"), "no such folder"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, dataset: object, request_: object, options: tuple[str, ...], said: str
) -> None:
    ran = check(tmp_path, dataset, request_, *options)
    assert ran.code == Exit.BAD_INPUT
    assert said in ran.err


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("terms.json", b"{"),
        ("terms.json", b"\xff"),
        ("terms.json", b"[" * 100_000),
        ("terms.json", b" " * 1_048_577),
        ("terms.yaml", b"a: [\n"),
        ("absent.json", None),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, raw: bytes | None) -> None:
    if raw is not None:
        (tmp_path / name).write_bytes(raw)
    ran = skerry("duo", "lint", tmp_path / name)
    assert ran.code == Exit.BAD_INPUT
    assert name in ran.err


def test_lint_names_faults_and_fails(tmp_path: Path) -> None:
    (tmp_path / "terms.json").write_text(json.dumps([{"id": "DUO:0000007"}]))
    ran = skerry("duo", "lint", tmp_path / "terms.json")
    assert ran.code == Exit.FAILED
    assert "fault: DS:" in ran.out
    as_json = skerry("duo", "lint", tmp_path / "terms.json", "--json")
    ((problem,),) = json.loads(as_json.out).values()
    assert (problem["code"], problem["fault"]) == ("missing_parameter", True)


def test_lint_reads_a_policy_file_and_passes_with_warnings(tmp_path: Path) -> None:
    (tmp_path / "policies.yaml").write_text(
        "version: '1'\n"
        "datasets:\n"
        "  - {id: one, level: public, data_use: [{id: 'DUO:0000042'}]}\n"
        "  - {id: two, level: public, data_use: [{id: DUO_0000042}, {id: 'DUO:0000020'}]}\n"
        "  - {id: three, level: public}\n"
    )
    ran = skerry("duo", "lint", tmp_path / "policies.yaml")
    assert ran.code == Exit.OK
    assert ran.out.splitlines()[0] == "one: nothing to mend"
    assert "two: warning: COL:" in ran.out
    assert "three" not in ran.out
