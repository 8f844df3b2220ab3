"""After a withdrawal no object that may be released holds the person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from access.record.audit import pseudonym as record_pseudonym
from gateway.errors import Exit
from gateway.holding import clearance, withdrawing
from gateway.home import NodeHome
from gateway.recording import of_command, operator
from streams.header import open_header
from streams.keyring import KeyRing
from streams.opened_source import OpenedSource
from streams.vault import SealedObject, Vault
from tests.support.command import Ran, skerry
from tests.support.node_folder import node_folder, open_counts
from tests.support.sample_files import biosamples, calls, reads
from tests.support.sources import write_records

FEMALE = {"id": "NCIT:C16576", "label": "female"}
COLUMNS = ("--column", "female=female", "--column", "age=info:age")


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    """P1 to P3, each with a sample S1 to S3; reads, calls, notes and a table of them sealed."""
    home = node_folder(tmp_path / "node", policies=[open_counts("isle")])
    numbers = range(1, 4)
    people = write_records(
        tmp_path / "individuals.json",
        [{"id": f"P{n}", "sex": FEMALE, "info": {"age": 40 + n}} for n in numbers],
    )
    samples = biosamples(tmp_path / "biosamples.json", {f"S{n}": f"P{n}" for n in numbers})
    (tmp_path / "notes.txt").write_text("of S2, it may be")
    files = [
        *(reads(tmp_path / f"s{n}.bam", f"S{n}") for n in numbers),
        reads(tmp_path / "foreign.bam", "X7"),
        calls(tmp_path / "calls.vcf.gz", "S1", "S2", "S3"),
        tmp_path / "notes.txt",
    ]
    ran = load(home, "--individuals", people, "--biosamples", samples, *sealing(*files))
    assert ran.code == Exit.OK, ran.err
    assert skerry("datasets", "seal-table", home.root, "isle", *COLUMNS).code == Exit.OK
    return home


def load(node: NodeHome, *more: object) -> Ran:
    return skerry("load", node.root, "--dataset", "isle", *more)


def sealing(*files: Path) -> Iterator[object]:
    for path in files:
        yield from ("--seal", path)


def withdraw(node: NodeHome, person: str = "P2") -> Ran:
    ran = skerry("people", "withdraw", node.root, "isle", person)
    assert ran.code == Exit.OK, ran.err
    return ran


def released(node: NodeHome) -> set[str]:
    """Names of the objects that the door would give."""
    return {
        one.object_id.removeprefix("isle/")
        for one in Vault(node.vault).objects("isle")
        if clearance.is_clear(node, one)
    }


def recorded(node: NodeHome, kind: str) -> list[dict[str, object]]:
    entries = map(json.loads, node.record.read_text().splitlines())
    return [entry["facts"] for entry in entries if entry["kind"] == kind]


def plain(node: NodeHome, object_id: str) -> bytes:
    vault = Vault(node.vault)
    sealed: SealedObject | None = vault.get(object_id)
    assert sealed is not None
    keys = open_header(sealed.header_bytes, KeyRing(node.storage_secret)()).data_keys
    with vault.reading(sealed) as body:
        return OpenedSource(body, keys, plain_size=sealed.plain_size)(sealed.plain_size, 0)


def test_who_withdrew_is_in_nothing_that_may_be_released(node: NodeHome) -> None:
    assert len(released(node)) == 7
    said = withdraw(node).out
    assert released(node) == {"s1.bam", "s3.bam", "clinical.tsv"}
    assert plain(node, "isle/clinical.tsv").decode().splitlines() == [
        "sample\tfemale\tage", "S1\t1\t41", "S3\t1\t43",
    ]  # fmt: skip
    assert "sealed anew: isle/clinical.tsv" in said
    for name in ("s2.bam", "foreign.bam", "calls.vcf.gz", "notes.txt"):
        assert f"released no more: isle/{name}" in said
    assert "skerry load" in said
    assert "P2" not in said.replace("isle/", "")


def test_a_file_made_without_them_is_released_again(node: NodeHome, tmp_path: Path) -> None:
    withdraw(node)
    ran = load(node, *sealing(calls(tmp_path / "calls.vcf.gz", "S1", "S3")))
    assert ran.code == Exit.OK
    assert "calls.vcf.gz" in released(node)


def test_the_same_file_sealed_again_stays_closed_and_the_load_says_so(
    node: NodeHome, tmp_path: Path
) -> None:
    withdraw(node)
    ran = load(node, *sealing(tmp_path / "calls.vcf.gz", tmp_path / "notes.txt"))
    assert ran.out.count("not released: it may hold somebody who withdrew") == 2
    assert not released(node) & {"calls.vcf.gz", "notes.txt"}


def test_of_what_cannot_be_seen_the_operator_has_to_say_so(node: NodeHome) -> None:
    withdraw(node)
    words = ("datasets", "reseal", node.root, "isle")
    assert skerry(*words).out.count("released no more") == 4
    assert skerry(*words, "--free", "isle/notes.txt").code == Exit.OK
    assert "notes.txt" in released(node)


def test_the_operators_word_stands_in_the_record_and_names_nobody(node: NodeHome) -> None:
    withdraw(node)
    ran = skerry("datasets", "reseal", node.root, "isle", "--free", "isle/notes.txt")
    assert "released by your word: isle/notes.txt" in ran.out
    (freed,) = recorded(node, "release.freed")
    by = record_pseudonym(node.secret("pseudonym"), operator())
    assert freed == {
        "by": by, "dataset": "isle", "objects": ["isle/notes.txt"], "withdrawals": 1,
    }  # fmt: skip
    assert skerry("verify-audit", node.root).code == Exit.OK


@pytest.mark.parametrize("named", ["isle/nothing", "other/notes.txt", "isle/clinical.tsv"])
def test_a_word_about_what_it_cannot_be_about_frees_and_records_nothing(
    node: NodeHome, named: str
) -> None:
    withdrawing.withdraw(node, "isle", "P2")
    ran = skerry(
        "datasets", "reseal", node.root, "isle", "--free", "isle/notes.txt", "--free", named
    )
    assert (ran.code, named in ran.err) == (Exit.BAD_INPUT, True)
    assert released(node) == set()
    assert recorded(node, "release.freed") == []


def test_a_word_that_cannot_be_recorded_frees_nothing(node: NodeHome) -> None:
    withdraw(node)
    held = of_command(node)  # another command has the record
    try:
        ran = skerry("datasets", "reseal", node.root, "isle", "--free", "isle/notes.txt")
    finally:
        held.close()
    assert ran.code != Exit.OK
    assert "notes.txt" not in released(node)


def test_the_operators_word_holds_until_the_next_withdrawal(node: NodeHome) -> None:
    withdraw(node)
    skerry("datasets", "reseal", node.root, "isle", "--free", "isle/notes.txt")
    withdraw(node, "P3")
    assert released(node) == {"s1.bam", "clinical.tsv"}


def test_a_withdrawal_that_was_cut_off_leaves_everything_closed(node: NodeHome) -> None:
    withdrawing.withdraw(node, "isle", "P2")  # as the admin's page does, or a killed command
    assert released(node) == set()
    assert skerry("datasets", "reseal", node.root, "isle").code == Exit.OK
    assert released(node) == {"s1.bam", "s3.bam", "clinical.tsv"}


def test_chromosomes_sealed_apart_are_looked_through_as_well(
    node: NodeHome, tmp_path: Path
) -> None:
    withdraw(node)
    ran = load(node, *sealing(calls(tmp_path / "more.vcf.gz", "S1", "S2")), "--per-chromosome")
    assert ran.code == Exit.OK
    assert not [name for name in released(node) if name.startswith("more")]


def test_a_dataset_that_the_node_has_not_is_refused_by_name(node: NodeHome) -> None:
    ran = skerry("datasets", "reseal", node.root, "elsewhere")
    assert ran.code == Exit.BAD_INPUT
    assert "elsewhere: no dataset of this node" in ran.err


def test_where_nothing_waits_that_is_said(node: NodeHome) -> None:
    ran = skerry("datasets", "reseal", node.root, "isle")
    assert (ran.code, ran.out) == (
        Exit.OK,
        "isle: nothing is waiting to be sealed anew or looked through\n",
    )
