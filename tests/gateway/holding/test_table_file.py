"""A table of one's own is sealed where an analysis would read it, and says whom it may be of."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import Exit
from gateway.holding import clearance, table_file
from gateway.home import NodeHome
from streams.vault import Vault
from tests.support.command import Ran, skerry
from tests.support.node_folder import node_folder, open_counts
from tests.support.sources import write_records

FEMALE = {"id": "NCIT:C16576", "label": "female"}
LINKED = "person\tage\tcase\nab01\t40\t1\ncd02\t\t0\n"


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    home = node_folder(tmp_path / "node", policies=[open_counts("isle")])
    records = [{"id": f"P{n}", "sex": FEMALE} for n in range(1, 4)]
    path = write_records(tmp_path / "individuals.json", records)
    assert skerry("load", home.root, "--dataset", "isle", "--individuals", path).code == 0
    return home


def seal(node: NodeHome, content: str | bytes, *more: object, dataset: str = "isle") -> Ran:
    path = node.root.parent / "linked.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return skerry("datasets", "seal-table", node.root, dataset, "--from", path, *more)


def withdraw(node: NodeHome, person: str) -> None:
    assert skerry("people", "withdraw", node.root, "isle", person).code == 0


def is_released(node: NodeHome, object_id: str = "isle/linked.tsv") -> bool:
    sealed = Vault(node.vault).get(object_id)
    assert sealed is not None
    return clearance.is_clear(node, sealed)


def test_a_table_is_sealed_under_its_own_name_or_another(node: NodeHome) -> None:
    assert seal(node, LINKED).out == "sealed isle/linked.tsv: 2 rows, 2 columns\n"
    assert seal(node, LINKED, "--name", "praha.tsv").out.startswith("sealed isle/praha.tsv")
    assert is_released(node)
    assert is_released(node, "isle/praha.tsv")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "expected a header"),
        ("person\n", "expected a header"),
        ("person\tage\n", "no rows"),
        ("person\tage\nab\t40\nab\t41\n", "twice"),
        ("person\tage\nab\tforty\n", "line 2, column age: not a number"),
        ("person\tage\nab\t1e999\n", "not a finite number"),
        ("person\tage\nab\n", "line 2 has 1 fields"),
        ("person\tage\tage\nab\t1\t2\n", "different names"),
        (b"person\tage\nab\t\xff\n", "table of text"),
    ],
)
def test_what_no_analysis_would_read_is_not_sealed(
    node: NodeHome, content: str | bytes, said: str
) -> None:
    ran = seal(node, content)
    assert (ran.code, said in ran.err, "forty" in ran.err) == (Exit.BAD_INPUT, True, False)
    assert Vault(node.vault).all() == ()


@pytest.mark.parametrize(
    "more", [("--name", "../x.tsv"), ("--name", "x.csv"), ("--column", "female=female")]
)
def test_words_that_do_not_go_together_are_refused(node: NodeHome, more: tuple[str, ...]) -> None:
    assert seal(node, LINKED, *more).code == Exit.BAD_INPUT
    assert Vault(node.vault).all() == ()


def test_neither_columns_nor_a_file_is_no_table(node: NodeHome) -> None:
    ran = skerry("datasets", "seal-table", node.root, "isle")
    assert (ran.code, "--from FILE" in ran.err) == (Exit.BAD_INPUT, True)


def test_a_dataset_that_is_not_served_and_a_file_that_is_not_there_are_refused(
    node: NodeHome, tmp_path: Path
) -> None:
    assert "no version" in seal(node, LINKED, dataset="nowhere").err
    absent = tmp_path / "absent.tsv"
    ran = skerry("datasets", "seal-table", node.root, "isle", "--from", absent)
    assert (ran.code, "table of text" in ran.err) == (Exit.BAD_INPUT, True)


def test_a_table_beyond_the_cap_is_not_read(
    node: NodeHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_file, "MAX_BYTES", 10)
    assert "may have 10 bytes" in seal(node, LINKED).err


def test_a_table_that_names_who_withdrew_is_refused_without_naming_them(node: NodeHome) -> None:
    withdraw(node, "P2")
    ran = seal(node, "person\tage\nP1\t1\nP2\t2\n")
    assert (ran.code, "somebody who withdrew" in ran.err) == (Exit.BAD_INPUT, True)
    assert "P2" not in ran.err
    assert Vault(node.vault).all() == ()


def test_a_table_of_those_who_are_left_is_released(node: NodeHome) -> None:
    withdraw(node, "P2")
    assert "not released" not in seal(node, "person\tage\nP1\t1\nP3\t2\n").out
    assert is_released(node)


def test_of_pseudonyms_the_operator_has_to_say_that_nobody_withdrew(node: NodeHome) -> None:
    assert seal(node, LINKED).code == Exit.OK
    withdraw(node, "P2")
    assert not is_released(node)
    said = seal(node, LINKED.replace("40", "41")).out
    assert "not released yet" in said
    command = said.partition("skerry ")[2].split()
    assert not is_released(node)
    assert skerry(*command).code == Exit.OK
    assert is_released(node)


def test_a_table_stays_where_it_was(node: NodeHome) -> None:
    seal(node, LINKED)
    assert (node.root.parent / "linked.tsv").read_text() == LINKED
    assert all(b"ab01" not in path.read_bytes() for path in node.vault.rglob("*") if path.is_file())
    assert node.vault.stat().st_mode & 0o077 == 0
