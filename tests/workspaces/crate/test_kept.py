"""What a workspace keeps of a run joins its node's record to the proofs that a crate needs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.runs import SignedReceipt
from tests.support.command import skerry
from tests.support.proven_run import KEYS, federated, proofs
from workspaces import keys
from workspaces.crate import writing
from workspaces.crate.contents import SiteProofs
from workspaces.crate.gathering import Recorded
from workspaces.crate.kept import keep_permit, site_proofs
from workspaces.crate.proving import verify
from workspaces.errors import CrateUntrue, FolderInvalid

URL = "https://cz.example"
RUN = "run-cz"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A workspace after a run."""
    held = keys.init(tmp_path / "lab", "lab")
    given = proofs(URL)
    keep_permit(held.folder, given.permit, run=RUN)
    receipts = held.folder / "receipts"
    receipts.mkdir()
    assert given.receipt is not None
    (receipts / f"{RUN}.json").write_text(given.receipt.model_dump_json())
    return held.folder


def recorded() -> Recorded:
    given = proofs(URL)
    return Recorded(given.checkpoint, given.entries)


def test_permit_and_receipt_come_back_as_they_were_signed(lab: Path) -> None:
    found = site_proofs(lab, run=RUN, name="CZ", recorded=recorded())
    assert found.permit == proofs(URL).permit
    assert isinstance(found.receipt, SignedReceipt)
    assert found.identity_key == keys.load(lab).identity_key.hex()


def test_a_run_that_is_not_over_has_no_receipt(lab: Path) -> None:
    (lab / "receipts" / f"{RUN}.json").unlink()
    assert site_proofs(lab, run=RUN, name="CZ", recorded=recorded()).receipt is None


@pytest.mark.parametrize("run", ["run-other", "../receipts/run-cz", "", "run-cz/../run-cz"])
def test_another_run_has_no_proofs(lab: Path, run: str) -> None:
    with pytest.raises(FolderInvalid):
        site_proofs(lab, run=run, name="CZ", recorded=recorded())


def test_a_permit_that_was_written_over_is_no_proof(lab: Path) -> None:
    (lab / "permits" / f"{RUN}.json").write_text("{}")
    with pytest.raises(FolderInvalid):
        site_proofs(lab, run=RUN, name="CZ", recorded=recorded())


def test_another_workspaces_proofs_are_not_believed_in_a_crate(lab: Path) -> None:
    """The folder's own identity is none of the roster's: the crate says so."""
    run = federated()
    joined = site_proofs(lab, run=RUN, name="CZ", recorded=recorded())
    with pytest.raises(CrateUntrue):
        verify(writing.write(replace(run, sites=(joined, *run.sites[1:]))), node_keys=KEYS)


def test_the_command_joins_what_record_and_result_say(lab: Path, tmp_path: Path) -> None:
    given = proofs(URL)
    entries = [one.model_dump(mode="json") for one in given.entries]
    record, result = tmp_path / "record.json", tmp_path / "result.json"
    record.write_text(json.dumps({"checkpoint": given.checkpoint, "entries": entries}))
    result.write_text(given.results[0].model_dump_json())
    asked = ("workspace", "prove", lab, "--run", RUN, "--name", "CZ", "--record", record)
    ran = skerry(*asked, "--result", result)
    assert ran.code == 0, ran.err
    joined = SiteProofs.model_validate_json(ran.out)
    assert (joined.entries, joined.results) == (given.entries, given.results)
    record.write_text("[]")
    assert skerry(*asked).code != 0
    assert skerry(*asked[:-1], tmp_path / "absent").code != 0
