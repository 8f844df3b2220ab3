"""`skerry load`, `skerry datasets` and `skerry people`, as an operator runs them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from access.record.audit import RecordFile, verify
from beacon.segments import SegmentCatalog
from gateway.errors import Exit
from gateway.holding import holdings
from gateway.holding.withdrawing import record as record_withdrawals
from gateway.home import NodeHome
from tests.support.command import Ran, skerry
from tests.support.node_folder import node_folder, open_counts
from tests.support.sources import write_records

FEMALE = {"id": "NCIT:C16576", "label": "female"}


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    return node_folder(tmp_path / "node", policies=[open_counts("isle")])


@pytest.fixture
def people(tmp_path: Path) -> Path:
    records = [{"id": f"P{n}", "sex": FEMALE} for n in range(1, 4)]
    return write_records(tmp_path / "individuals.json", records)


def load(node: NodeHome, *more: object) -> Ran:
    return skerry("load", node.root, "--dataset", "isle", *more)


def versions(node: NodeHome) -> list[dict[str, object]]:
    ran = skerry("datasets", "list", node.root, "--json")
    assert ran.code == Exit.OK
    found: list[dict[str, object]] = json.loads(ran.out)
    return found


def test_versions_are_listed_switched_and_removed(node: NodeHome, people: Path) -> None:
    assert load(node, "--individuals", people).code == Exit.OK
    assert load(node, "--individuals", people, "--name", "Second").code == Exit.OK
    old, new = versions(node)
    assert (old["active"], new["active"], new["people"]) == (False, True, 3)

    assert skerry("datasets", "rollback", node.root, "isle").code == Exit.OK
    assert versions(node)[0]["active"] is True
    assert skerry("datasets", "activate", node.root, "isle", str(new["version"])).code == Exit.OK
    assert skerry("datasets", "remove", node.root, "isle", str(old["version"])).code == Exit.OK
    assert [row["version"] for row in versions(node)] == [new["version"]]
    assert f"isle {new['version']} 3 people" in skerry("datasets", "list", node.root).out


def test_every_version_is_verified_against_what_was_loaded(node: NodeHome, people: Path) -> None:
    assert load(node, "--individuals", people).code == Exit.OK
    assert load(node, "--individuals", people, "--name", "Second").code == Exit.OK
    old, new = (str(row["version"]) for row in versions(node))
    ran = skerry("datasets", "verify", node.root)
    assert (ran.code, ran.out.splitlines()) == (
        Exit.OK,
        [f"isle {old} as it was loaded", f"isle {new} as it was loaded"],
    )
    first, second = (node.catalog / f"isle.{version}.segment" for version in (old, new))
    whole = second.read_bytes()
    second.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    first.unlink()
    ran = skerry("datasets", "verify", node.root)
    assert ran.code == Exit.FAILED
    assert f"isle {old} cannot be read: No such file or directory" in ran.out
    assert f"isle {new} damaged: other bytes; load its files again" in ran.out
    second.write_bytes(whole[:-1])
    assert (
        f"damaged: {len(whole) - 1} bytes of {len(whole)}"
        in skerry("datasets", "verify", node.root).out
    )


@pytest.mark.parametrize(
    "words",
    [
        ("activate", "isle", "0" * 16),
        ("remove", "isle", "0" * 16),
        ("rollback", "isle"),
        ("rollback", "nothing"),
    ],
)
def test_what_is_not_there_is_refused_with_the_next_step(
    node: NodeHome, people: Path, words: tuple[str, ...]
) -> None:
    load(node, "--individuals", people)
    ran = skerry("datasets", words[0], node.root, *words[1:])
    assert ran.code == Exit.BAD_INPUT
    assert "skerry datasets list" in ran.err


def test_the_served_version_is_not_removed(node: NodeHome, people: Path) -> None:
    load(node, "--individuals", people)
    (row,) = versions(node)
    ran = skerry("datasets", "remove", node.root, "isle", str(row["version"]))
    assert ran.code == Exit.BAD_INPUT
    assert "is being served" in ran.err
    assert versions(node) == [row]


def test_loading_the_same_twice_says_the_same_version(node: NodeHome, people: Path) -> None:
    assert load(node, "--individuals", people).out == load(node, "--individuals", people).out
    assert len(versions(node)) == 1


def test_a_withdrawal_is_recorded_under_a_pseudonym(node: NodeHome, people: Path) -> None:
    load(node, "--individuals", people)
    ran = skerry("people", "withdraw", node.root, "isle", "P2")
    assert (ran.code, "P2" in ran.out) == (Exit.OK, False)

    assert SegmentCatalog(node.catalog).snapshot()["isle"].facts.people == 2
    written = node.record.read_text(encoding="utf-8")
    assert '"people.withdraw"' in written
    assert "P2" not in written
    assert verify(node.record, node.signing_key().public_key()).ok
    again = skerry("people", "withdraw", node.root, "isle", "P2")
    assert "had withdrawn before" in again.out
    assert node.record.read_text(encoding="utf-8") == written


def test_a_running_node_records_the_withdrawal_itself(node: NodeHome, people: Path) -> None:
    load(node, "--individuals", people)
    held = RecordFile(
        node.record, pseudonym_key=node.secret("pseudonym"), signing_key=node.signing_key()
    )
    try:
        assert skerry("people", "withdraw", node.root, "isle", "P2").code == Exit.OK
        assert record_withdrawals(node.catalog, held) == 1
        assert record_withdrawals(node.catalog, held) == 0
    finally:
        held.close()
    assert node.record.read_text(encoding="utf-8").count('"people.withdraw"') == 1


@pytest.mark.parametrize(("dataset", "person"), [("isle", "P9"), ("other", "P2")])
def test_nobody_is_withdrawn_who_is_not_there(
    node: NodeHome, people: Path, dataset: str, person: str
) -> None:
    load(node, "--individuals", people)
    ran = skerry("people", "withdraw", node.root, dataset, person)
    assert ran.code == Exit.BAD_INPUT
    assert not (node.catalog / "withdrawn.json").exists()


def test_the_report_names_every_rejected_record(node: NodeHome, tmp_path: Path) -> None:
    bad = write_records(tmp_path / "bad.json", [{"id": "P1"}, *[{"id": ""}] * 30])
    report = tmp_path / "report.csv"

    ran = load(node, "--individuals", bad, "--report", report)
    assert ran.code == Exit.BAD_INPUT
    rows = list(csv.DictReader(report.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 30
    assert rows[0] == {
        "file": "bad.json", "place": "record 2", "field": "id",
        "expected": "text of 1 to 200 characters", "next step": "correct the file and load again",
    }  # fmt: skip

    assert load(node, "--individuals", bad, "--max-rejected", "29").code == Exit.BAD_INPUT
    assert versions(node) == []
    ran = load(node, "--individuals", bad, "--max-rejected", "30", "--report", report)
    assert ran.code == Exit.OK
    assert "record that could not be read: 30" in ran.out
    assert versions(node)[0]["people"] == 1


def test_a_check_says_what_would_be_lost_and_loads_nothing(node: NodeHome, tmp_path: Path) -> None:
    packet = {"subject": {"id": "P1", "sex": "FEMALE", "dateOfBirth": "1970-01-01T00:00:00Z"}}
    path = tmp_path / "packet.json"
    path.write_text(json.dumps(packet))
    ran = load(node, "--phenopackets", path, "--check")
    assert ran.code == Exit.OK
    assert "lost: subject.dateOfBirth" in ran.out
    assert versions(node) == []
    assert load(node, "--phenopackets", path).code == Exit.OK
    assert versions(node)[0]["people"] == 1


def test_the_datasets_own_record_is_served(node: NodeHome, people: Path, tmp_path: Path) -> None:
    duo = {"id": "DUO:0000042", "label": "general research use", "version": "1"}
    record = {"id": "x", "name": "x", "dataUseConditions": {"duoDataUse": [duo]}}
    metadata = write_records(tmp_path / "dataset.json", [record])
    assert load(node, "--individuals", people, "--metadata", metadata).code == Exit.OK
    served = SegmentCatalog(node.catalog).snapshot()["isle"].entry("dataset", "isle")
    assert served == {
        "id": "isle", "name": "isle", "dataUseConditions": {"duoDataUse": [duo]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--tables", "t.csv"), "--mapping"),
        (("--mapping", "m.yaml", "--individuals", "i.json"), "--tables"),
        (("--individuals", "i.json", "--metadata", "none.json"), "none.json"),
        (("--individuals", "none.json"), "none.json"),
        (("--omop", "none"), "none: expected a file that exists"),
        ((), "nothing to load"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    node: NodeHome, options: tuple[str, ...], says: str
) -> None:
    ran = load(node, *options)
    assert ran.code == Exit.BAD_INPUT
    assert says in ran.err


def test_what_open_runs_rest_on_is_another_after_a_load_a_rollback_and_a_withdrawal(
    node: NodeHome, people: Path
) -> None:
    seen = [holdings.state(node.catalog, "isle")]
    load(node, "--individuals", people)
    seen.append(holdings.state(node.catalog, "isle"))
    load(node, "--individuals", people, "--name", "Second")
    seen.append(holdings.state(node.catalog, "isle"))
    assert skerry("people", "withdraw", node.root, "isle", "P1").code == Exit.OK
    seen.append(holdings.state(node.catalog, "isle"))
    assert len(set(seen)) == len(seen)
    skerry("datasets", "rollback", node.root, "isle")
    assert holdings.state(node.catalog, "isle") not in seen
