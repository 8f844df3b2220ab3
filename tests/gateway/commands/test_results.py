"""`skerry results`: drawing, packing and checking what left an airlock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from access.record import checkpoints, merkle
from access.record.audit import RecordFile
from gateway.errors import Exit
from tests.support.command import skerry
from tests.support.node_folder import node_folder
from tests.support.proven_run import BUNDLE, KEYS, RESULT, federated

TABLE = {"kind": "table", "rows": ["male", "female"], "columns": ["n"], "cells": [[42], [31]]}


def folder_of(top: Path) -> Path:
    """The folder of a run as somebody collected it."""
    run = federated()
    for name in ("sites", "outputs"):
        (top / name).mkdir(parents=True)
    said = {"name": run.name, "project": run.project, "requester": run.requester,
            "organisation": run.organisation, "started": run.started, "ended": run.ended,
            "application": {"name": "gwas", "license": "Apache-2.0"}}  # fmt: skip
    (top / "run.json").write_text(json.dumps(said))
    (top / "bundle.fab").write_bytes(BUNDLE)
    (top / "plan.json").write_bytes(run.plan)
    (top / "outputs/table.json").write_bytes(RESULT)
    for number, site in enumerate(run.sites):
        (top / f"sites/{number}.json").write_text(site.model_dump_json())
    return top


def keys() -> list[str]:
    return [word for url, key in KEYS.items() for word in ("--key", f"{url}={key.hex()}")]


def test_a_released_table_is_drawn_and_printed(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps(TABLE))
    picture = tmp_path / "t.svg"
    asked = ("results", "plot", tmp_path / "t.json", "--form", "bars", "--out", picture)
    ran = skerry(*asked)
    assert ran.code == Exit.OK, ran.err
    assert picture.read_text().startswith("<svg ")
    assert "female\t31" in ran.out
    ran = skerry(
        "results", "plot", tmp_path / "t.json", "--form", "bars", "--out", picture, "--json"
    )
    assert json.loads(ran.out)["rows"] == [["male", "42"], ["female", "31"]]


@pytest.mark.parametrize(
    ("text", "form"),
    [(json.dumps(TABLE), "qq"), (json.dumps(TABLE), "pie"), ("{}", "bars"), ("nonsense", "bars")],
)
def test_what_cannot_be_drawn_is_refused(text: str, form: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(text)
    picture = tmp_path / "t.svg"
    ran = skerry("results", "plot", tmp_path / "t.json", "--form", form, "--out", picture)
    assert ran.code not in (Exit.OK, Exit.FAILED)
    assert ran.err
    assert not picture.exists()


def test_a_crate_is_packed_and_proven_from_node_keys(tmp_path: Path) -> None:
    crate = tmp_path / "run.zip"
    assert skerry("results", "pack-crate", folder_of(tmp_path / "run"), "--out", crate).code == 0
    ran = skerry("results", "verify-crate", crate, *keys())
    assert ran.code == Exit.OK, ran.err
    assert "data wiped" in ran.out
    assert "1 sites of the roster" in ran.err
    said = json.loads(skerry("results", "verify-crate", crate, *keys(), "--json").out)
    assert list(said["outputs"]) == ["outputs/table.json"]
    assert len(said["sites"]) == 2
    again = skerry("results", "pack-crate", tmp_path / "run", "--out", crate)
    assert again.code == Exit.BAD_INPUT


def test_a_crate_that_does_not_hold_is_refused(tmp_path: Path) -> None:
    place = folder_of(tmp_path / "run")
    (place / "outputs/rows.json").write_text("[1]")
    crate = tmp_path / "run.zip"
    assert skerry("results", "pack-crate", place, "--out", crate).code == Exit.OK
    ran = skerry("results", "verify-crate", crate, *keys())
    assert ran.code not in (Exit.OK, Exit.FAILED)
    assert "released by no site" in ran.err


@pytest.mark.parametrize(
    "key", ["nothing", "=00", "https://cz.example=00", "https://cz.example=zz"]
)
def test_a_key_that_is_none_is_a_usage_error(key: str, tmp_path: Path) -> None:
    crate = tmp_path / "run.zip"
    crate.write_bytes(b"x")
    assert skerry("results", "verify-crate", crate, "--key", key).code == Exit.USAGE


@pytest.mark.parametrize("missing", ["run.json", "bundle.fab", "plan.json"])
def test_a_folder_that_is_no_run_is_refused(missing: str, tmp_path: Path) -> None:
    place = folder_of(tmp_path / "run")
    (place / missing).unlink()
    ran = skerry("results", "pack-crate", place, "--out", tmp_path / "run.zip")
    assert ran.code == Exit.BAD_INPUT
    (place / missing).write_text("[]")
    if missing == "run.json":
        again = skerry("results", "pack-crate", place, "--out", tmp_path / "run.zip")
        assert again.code == Exit.BAD_INPUT


def test_a_node_proves_what_its_record_says_of_a_run(tmp_path: Path) -> None:
    home = node_folder(tmp_path / "node")
    record = RecordFile(home.record, pseudonym_key=b"p" * 32, signing_key=home.signing_key())
    record.append("answer", {"dataset": "cohort"})
    record.append("access.run", {"step": "permitted", "run": "run-1"})
    record.append("access.run", {"step": "permitted", "run": "run-12"}, durable=True)
    record.close()
    ran = skerry("results", "prove-run", tmp_path / "node", "--run", "run-1")
    assert ran.code == Exit.OK, ran.err
    said = json.loads(ran.out)
    assert [one["proof"]["entry"] for one in said["entries"]] == [2]
    head = checkpoints.read(said["checkpoint"], home.signing_key().public_key())
    line = said["entries"][0]["line"].encode()
    path = [bytes.fromhex(step) for step in said["entries"][0]["proof"]["path"]]
    leaf = merkle.leaf_hash(line)
    assert head.size >= 3
    assert merkle.includes(head.root, head.size, index=1, leaf=leaf, path=path)
    unknown = skerry("results", "prove-run", tmp_path / "node", "--run", "run-2")
    assert unknown.code not in (Exit.OK, Exit.FAILED)
