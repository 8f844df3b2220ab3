"""A run at one site: what was approved runs over what was released, and nothing of it stays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from access.requests.lifecycle import Step
from streams.keys import thumbprint
from tests.support.run_site import CALLS, COUNT, MARK, OneProgram, Trial
from workspaces import private
from workspaces.engine.port import Node
from workspaces.errors import NodeRefused, PermitUnfit, PlaceRefused, SandboxRefused
from workspaces.job import Outcome
from workspaces.order import Staged
from workspaces.supervisor import Ended

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox]

FOREVER = "import time\ntime.sleep(36_000)"


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    with Trial(tmp_path) as made:
        yield made


async def test_an_approved_run_reads_what_was_staged_and_its_output_is_judged(
    trial: Trial,
) -> None:
    trial.run_node.approved()
    ended = await trial.run(OneProgram(COUNT))
    assert (ended.outcome, ended.problem) == (Outcome.DONE, "")
    assert [(one.kind, one.state) for one in ended.outputs] == [("table", "released")]
    steps = [one["step"] for one in trial.run_node.recorded("access.run")]
    assert steps == ["asked", "permitted", "wiped"] or "phase" in steps
    assert trial.run_node.recorded("release.intent")[0]["object"] == "ds1/calls"


async def test_what_was_wiped_is_signed_for_and_no_plaintext_is_found_anywhere(
    trial: Trial, tmp_path: Path
) -> None:
    trial.run_node.approved()
    seen: list[bytes] = []

    async def looking(node: Node) -> Sequence[bytes]:
        staged = next((trial.left()[0] / "data").iterdir())
        seen.append(staged.read_bytes())
        return ()

    ended = await trial.run(OneProgram(FOREVER), outputs=looking)
    assert seen == [CALLS]  # it was there, so the look below could have failed
    receipt = ended.receipt.receipt
    trial.held.identity.public_key().verify(
        bytes.fromhex(ended.receipt.signature), receipt.signed_bytes()
    )
    assert receipt.files == 3  # the object, the engine's key, the note
    assert receipt.plain_bytes >= len(CALLS)
    assert trial.left() == []
    source = tmp_path / "node" / "source"  # what the node sealed from
    found = [
        path
        for place in (tmp_path, private.PLACE)
        for path in place.rglob("*")
        if path.is_file() and path != source and MARK in path.read_bytes()
    ]
    assert found == []


async def test_data_is_sealed_to_a_key_of_this_start_and_never_the_registered_one(
    trial: Trial,
) -> None:
    trial.run_node.approved()
    first, second = [await trial.run(OneProgram(COUNT)) for _ in range(2)]
    recipients = [one["recipient"] for one in trial.run_node.recorded("release.intent")]
    assert len({*recipients, thumbprint(trial.held.public_key)}) == 3
    assert [one.receipt.receipt.keys[0] for one in (first, second)] == recipients


async def test_over_which_sites_sums_were_opened_outlives_a_start(trial: Trial) -> None:
    trial.run_node.approved()
    engine = OneProgram(COUNT)
    for _ in range(2):
        await trial.run(engine)
    first, second = [node.site.settled for node in engine.nodes]
    assert first is not None
    assert first == second
    assert first.parent == trial.held.folder / "sums"


async def refused(trial: Trial, reason: str, **order: Any) -> None:
    engine = OneProgram(COUNT)
    with pytest.raises(NodeRefused, match=reason):
        await trial.run(engine, **order)
    assert engine.nodes == []
    assert trial.run_node.recorded("release.intent") == []


async def test_without_a_permit_nothing_is_brought_in(trial: Trial) -> None:
    await refused(trial, "no_grant")


async def test_another_application_brings_nothing_in(trial: Trial) -> None:
    trial.run_node.approved()
    await refused(trial, "application_other", application="b" * 64)


async def test_another_environment_brings_nothing_in(trial: Trial) -> None:
    trial.run_node.approved()
    await refused(trial, "environment_other", environment="b" * 64)


async def test_another_roster_brings_nothing_in(trial: Trial) -> None:
    trial.run_node.approved()
    bundle = trial.order().site.model_copy(update={"roster": {"a": "1" * 64, "b": "2" * 64}})
    await refused(trial, "roster_other", site=bundle)


async def test_a_permit_that_the_pinned_node_did_not_sign_starts_nothing(trial: Trial) -> None:
    trial.run_node.approved()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    trial.run_node.runs._key = Ed25519PrivateKey.generate()
    engine = OneProgram(COUNT)
    with pytest.raises(PermitUnfit, match="permit_not_signed"):
        await trial.run(engine)
    assert engine.nodes == []
    assert trial.run_node.recorded("release.intent") == []


async def test_more_than_the_permit_lets_in_is_not_fetched(trial: Trial) -> None:
    trial.run_node.approved(trial.run_node.terms(data_bytes=len(CALLS) - 1))
    ended = await trial.run(OneProgram(COUNT))
    assert ended.outcome is Outcome.FAILED
    assert "may still be brought in" in ended.problem
    assert trial.run_node.recorded("release.block") == []


async def test_an_object_of_another_dataset_is_not_brought_in(trial: Trial) -> None:
    trial.release.seal(CALLS, "hidden/calls", kind="file", form="FILE")
    trial.run_node.approved()
    engine = OneProgram(COUNT)
    ended = await trial.run(engine, objects=(Staged("hidden/calls", "file"),))
    assert ended.outcome is Outcome.REFUSED
    assert engine.nodes == []


async def test_plaintext_is_not_brought_in_where_it_would_touch_a_disk(
    trial: Trial, tmp_path: Path
) -> None:
    trial.run_node.approved()
    mounts = tmp_path / "mounts"
    mounts.write_text("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:5 / /dev/shm rw - tmpfs shm rw\n")
    swaps = tmp_path / "swaps"
    swaps.write_text("Filename Type Size Used Priority\n/dev/zram0 partition 1 0 1\n")
    private.refuse_disk(private.PLACE, mounts=mounts, swaps=swaps)
    with pytest.raises(PlaceRefused, match="ext4, not in memory"):
        private.refuse_disk(tmp_path, mounts=mounts, swaps=swaps)
    swaps.write_text("Filename Type Size Used Priority\n/dev/sda2 partition 1 0 1\n")
    with pytest.raises(PlaceRefused, match="swapped out"):
        private.refuse_disk(private.PLACE, mounts=mounts, swaps=swaps)


# Without a sandbox


REACHES = """
import json, os, pathlib, sys
seen = os.path.exists("/etc/hostname") or os.path.exists("/home")
print(json.dumps({"kind": "table", "rows": ["calls"], "columns": ["lines"],
                  "cells": [[4000 if seen and not os.environ.get("HOME", "").startswith("/home")
                             else 0]]}))
"""


def allow(trial: Trial) -> None:
    policy = trial.run_node.book.policy("ds1")
    assert policy is not None
    trial.run_node.book._policies = {"ds1": replace(policy, unconfined_trials=True)}


async def test_a_trial_runs_unconfined_where_all_allow_it_and_nothing_of_it_leaves_by_itself(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("workspaces.sandbox.probe", _never)
    allow(trial)
    trial.run_node.approved(trial.run_node.terms(unconfined=True))
    ended = await trial.run(OneProgram(REACHES), confined=False)
    assert (ended.outcome, ended.problem) == (Outcome.DONE, "")
    assert [(one.kind, one.state) for one in ended.outputs] == [("table", "waiting")]
    assert "Nothing confines this run" in caplog.text
    assert trial.run_node.recorded("access.run")[0]["sandbox"].startswith("none")


async def test_it_is_never_left_out_because_the_machine_has_none(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workspaces.sandbox.probe", _never)
    allow(trial)
    trial.run_node.approved(trial.run_node.terms(unconfined=True))
    engine = OneProgram(COUNT)
    with pytest.raises(SandboxRefused, match="none here"):
        await trial.run(engine)
    assert (engine.nodes, trial.run_node.recorded("access.run")) == ([], [])


async def test_a_trial_that_the_policy_does_not_allow_brings_nothing_in(trial: Trial) -> None:
    trial.run_node.approved(trial.run_node.terms(unconfined=True))
    await refused(trial, "trials_not_allowed", confined=False)


async def test_a_trial_that_the_committee_did_not_allow_brings_nothing_in(trial: Trial) -> None:
    allow(trial)
    trial.run_node.approved()
    await refused(trial, "nothing_confines_it", confined=False)


async def test_a_trial_is_stopped_and_wiped_as_any_run(trial: Trial) -> None:
    allow(trial)
    request = trial.run_node.approved(trial.run_node.terms(unconfined=True))
    engine = OneProgram(FOREVER)
    task = await running(trial, engine, confined=False)
    trial.run_node.access.take(request, Step.REVOKE, by="dora")
    assert (await ends(trial, engine, task)).outcome is Outcome.REFUSED


def _never() -> None:
    raise SandboxRefused("none here")


# A run that has to stop


async def running(trial: Trial, engine: OneProgram, **order: Any) -> asyncio.Task[Ended]:
    task = asyncio.create_task(trial.run(engine, **order))
    for _ in range(12_000):  # a busy machine takes its time
        await asyncio.sleep(0.05)
        if engine.nodes or task.done():
            break
    assert engine.nodes
    assert trial.left() != []
    return task


async def cut(trial: Trial) -> None:
    """Until the node was asked twice more in vain."""
    wanted = trial.cut + 2
    async with asyncio.timeout(600):
        while trial.cut < wanted:  # noqa: ASYNC110 - a count
            await asyncio.sleep(0.01)


async def ends(trial: Trial, engine: OneProgram, task: asyncio.Task[Ended]) -> Ended:
    ended = await asyncio.wait_for(task, 600)
    assert engine.nodes[0].stopped
    assert trial.left() == []
    return ended


@pytest.mark.parametrize(("step", "by"), [(Step.REVOKE, "dora"), (Step.CLOSE, "grace")])
async def test_when_the_access_ends_the_run_stops_and_wipes(
    trial: Trial, step: Step, by: str
) -> None:
    request, engine = trial.run_node.approved(), OneProgram(FOREVER)
    task = await running(trial, engine)
    trial.run_node.access.take(request, step, by=by)
    ended = await ends(trial, engine, task)
    assert (ended.outcome, ended.outputs) == (Outcome.REFUSED, ())
    assert trial.run_node.recorded("access.run")[-1]["outcome"] == "refused"


async def test_when_the_workspace_is_revoked_the_run_stops_and_its_receipt_is_taken(
    trial: Trial,
) -> None:
    trial.run_node.approved()
    engine = OneProgram(FOREVER)
    task = await running(trial, engine)
    site = trial.run_node.site.workspace_id
    admin = "adam@http://127.0.0.1:8179"
    trial.run_node.access.recipients.revoke(site, by=admin, is_admin=True)
    assert (await ends(trial, engine, task)).outcome is Outcome.REFUSED
    assert trial.run_node.recorded("access.run")[-1]["step"] == "wiped"


async def test_when_a_person_withdraws_or_the_policy_changes_the_run_stops_and_wipes(
    trial: Trial,
) -> None:
    trial.run_node.approved()
    for number, change in enumerate((_withdraw, _close), 1):
        engine = OneProgram(FOREVER)
        task = await running(trial, engine)
        change(trial)
        assert (await ends(trial, engine, task)).outcome is Outcome.REFUSED
        steps = [one["step"] for one in trial.run_node.recorded("access.run")]
        assert steps.count("wiped") == number


def _withdraw(trial: Trial) -> None:
    trial.run_node.data = "v1-1"


def _close(trial: Trial) -> None:
    trial.run_node.book._policies = {}


async def test_when_its_time_is_up_the_run_stops(trial: Trial) -> None:
    trial.run_node.approved(trial.run_node.terms(seconds=600))
    engine = OneProgram(FOREVER)
    task = await running(trial, engine)
    trial.release.clock.now += 600
    assert (await ends(trial, engine, task)).outcome in {Outcome.OUT_OF_TIME, Outcome.REFUSED}


async def test_when_the_node_is_silent_for_a_minute_the_run_stops(trial: Trial) -> None:
    trial.run_node.approved()
    engine = OneProgram(FOREVER)
    task = await running(trial, engine)
    trial.silent = True
    await cut(trial)  # one under way before was answered
    trial.release.clock.now += 59
    await cut(trial)
    assert not task.done()
    trial.release.clock.now += 1
    assert (await ends(trial, engine, task)).outcome is Outcome.UNHEARD
    trial.silent = False
    assert [one["step"] for one in trial.run_node.recorded("access.run")].count("wiped") == 0
    await trial.run(OneProgram(COUNT))  # the next start gives the receipt that was not taken
    outcomes = [one.get("outcome") for one in trial.run_node.recorded("access.run")]
    assert [one for one in outcomes if one] == ["unheard", "done"]


async def test_when_it_is_cancelled_it_stops_and_wipes_first(trial: Trial) -> None:
    trial.run_node.approved()
    engine = OneProgram(FOREVER)
    task = await running(trial, engine)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.nodes[0].stopped
    assert trial.left() == []


async def test_a_node_that_ends_by_itself_ends_the_run(trial: Trial) -> None:
    trial.run_node.approved()
    engine = OneProgram("raise SystemExit(1)")

    async def never(node: Node) -> Sequence[bytes]:
        await engine.stop_node(node)
        await asyncio.sleep(36_000)
        return ()

    ended = await trial.run(engine, outputs=never)
    assert (ended.outcome, ended.problem != "") == (Outcome.FAILED, True)


async def test_an_output_that_the_airlock_cannot_read_is_a_problem_and_not_a_result(
    trial: Trial,
) -> None:
    trial.run_node.approved()
    ended = await trial.run(OneProgram("print('rows: 4711')"))
    assert ended.outcome in {Outcome.REFUSED, Outcome.FAILED}
    assert ended.outputs == ()
    assert trial.run_node.recorded("airlock") == []


async def test_an_output_leaves_as_json_and_no_file_is_kept_of_it(trial: Trial) -> None:
    trial.run_node.approved()
    ended = await trial.run(OneProgram(COUNT))
    files = [path for path in trial.held.folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {
        "workspace.json", "workspace.key", "workspace.pub", "identity.key",
        f"{ended.run}.json",
    }  # fmt: skip
    assert json.loads(ended.receipt.receipt.model_dump_json())["outcome"] == "done"
