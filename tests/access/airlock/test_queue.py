"""The airlock: nothing leaves unjudged, unpaid or unseen; two people, neither of them the asker."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from access.airlock.life import AirlockStep, Candidate, CandidateState
from access.errors import (
    BudgetSpent,
    NoSuchThing,
    NotYourStep,
    RunRefused,
    SeparationOfDuties,
    StepNotPossible,
)
from access.requests.lifecycle import Step
from access.runs.routes import _view
from streams.keys import SecretKey
from tests.support.access_node import NOW, URL, at
from tests.support.postgres import PostgreSQL
from tests.support.run_node import EVIDENCE, RunNode, opened
from workspaces.errors import CandidateUnreadable

TABLE = {"kind": "table", "rows": ["f", "m"], "columns": ["a", "b"], "cells": [[12, 40], [33, 18]]}
OTHER = {"kind": "other", "description": "a figure", "content": base64.b64encode(b"x").decode()}
SMALL = TABLE | {"cells": [[1, 2], [3, 4]]}
APPROVE, REFUSE, CONTEST = AirlockStep.APPROVE, AirlockStep.REFUSE, AirlockStep.CONTEST


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunNode]:
    made = RunNode(tmp_path)
    yield made
    made.close()


def run_of(node: RunNode, **terms: Any) -> str:
    node.approved(node.terms(**terms))
    return node.started()[0]


def offered(node: RunNode, run: str, document: dict[str, Any]) -> Candidate:
    raw = json.dumps(document).encode()
    return node.airlock.offer(run, raw, workspace=node.workspace(), now=NOW)


def step(node: RunNode, found: Candidate, taken: AirlockStep, by: str) -> CandidateState:
    seen = node.airlock.take_step(found.candidate_id, taken, "because", actor=at(by), now=NOW)
    return seen.candidate.state


def result(node: RunNode, found: Candidate, secret: SecretKey, *, by: str = "grace") -> bytes:
    node.keys.register(at(by), secret.public, now=NOW)
    manifest, signature, sealed = node.airlock.result(found.candidate_id, viewer=at(by), now=NOW)
    key = Ed25519PublicKey.from_public_bytes(node.node_key.public_key().public_bytes_raw())
    key.verify(bytes.fromhex(signature), manifest.signed_bytes())
    content = opened(sealed, secret)
    assert (manifest.sha256, manifest.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert manifest.recipient == hashlib.sha256(secret.public).hexdigest()
    return content


def test_a_safe_table_is_released_sealed_to_the_requesters_key(node: RunNode) -> None:
    found = offered(node, run_of(node), TABLE)
    assert found.state is CandidateState.RELEASED
    assert json.loads(result(node, found, SecretKey.generate())) == TABLE
    steps = [one["step"] for one in node.recorded("airlock")]
    assert steps == ["offer", "take"]


def test_without_a_registered_key_nothing_leaves(node: RunNode) -> None:
    found = offered(node, run_of(node), TABLE)
    with pytest.raises(StepNotPossible, match="Register"):
        node.airlock.result(found.candidate_id, viewer=at("grace"), now=NOW)


@pytest.mark.parametrize("who", ["dora", "mallory", "adam"])
def test_a_result_is_the_requesters_alone(node: RunNode, who: str) -> None:
    found = offered(node, run_of(node), TABLE)
    node.keys.register(at(who), SecretKey.generate().public, now=NOW)
    with pytest.raises((NoSuchThing, StepNotPossible)):
        node.airlock.result(found.candidate_id, viewer=at(who), now=NOW)


def test_small_cells_are_refused_by_the_checker(node: RunNode) -> None:
    found = offered(node, run_of(node), SMALL)
    assert found.state is CandidateState.REFUSED
    with pytest.raises(StepNotPossible):
        node.airlock.result(found.candidate_id, viewer=at("grace"), now=NOW)


def test_what_has_no_shape_is_not_even_kept(node: RunNode, tmp_path: Path) -> None:
    run = run_of(node)
    for raw in (b"", b"{}", b"rows: 1,2,3", json.dumps(TABLE | {"note": "x"}).encode()):
        with pytest.raises(CandidateUnreadable):
            node.airlock.offer(run, raw, workspace=node.workspace(), now=NOW)
    assert not (tmp_path / "airlock").exists()


def test_the_same_content_is_one_output(node: RunNode) -> None:
    run = run_of(node)
    assert offered(node, run, TABLE) == offered(node, run, TABLE)
    assert node.airlock.spent(node.runs.of(run, workspace=node.workspace()).request.request_id,
                              viewer=at("grace")).releases == 1  # fmt: skip


def test_at_rest_an_output_is_sealed(node: RunNode, tmp_path: Path) -> None:
    offered(node, run_of(node), TABLE)
    files = list((tmp_path / "airlock").iterdir())
    assert len(files) == 2
    assert all(file.read_bytes().startswith(b"crypt4gh") for file in files)


def test_what_has_no_checker_waits_for_two_people(node: RunNode) -> None:
    found = offered(node, run_of(node), OTHER)
    assert found.state is CandidateState.WAITING
    assert step(node, found, APPROVE, "dora") is CandidateState.WAITING
    with pytest.raises(StepNotPossible):
        node.airlock.result(found.candidate_id, viewer=at("grace"), now=NOW)
    assert step(node, found, APPROVE, "emil") is CandidateState.RELEASED
    assert json.loads(result(node, found, SecretKey.generate())) == OTHER


def test_what_a_trial_without_a_sandbox_gives_waits_for_two_people(node: RunNode) -> None:
    policy = node.book.policy("ds1")
    assert policy is not None
    node.book._policies = {"ds1": replace(policy, unconfined_trials=True)}
    node.approved(node.terms(unconfined=True))
    run, _ = node.started(evidence=EVIDENCE.model_copy(update={"sandbox": None}))
    found = offered(node, run, TABLE)
    assert (found.state, found.reasons) == (
        CandidateState.WAITING, ("nothing confined this run: two people decide",),
    )  # fmt: skip
    assert offered(node, run, SMALL).state is CandidateState.REFUSED
    step(node, found, APPROVE, "dora")
    assert step(node, found, APPROVE, "emil") is CandidateState.RELEASED


def test_what_another_node_is_to_release_does_not_leave_here(node: RunNode) -> None:
    found = offered(node, run_of(node, released_at=("https://elsewhere.example",)), TABLE)
    assert (found.state, found.contestable) == (CandidateState.REFUSED, False)
    node.site = node.registered()
    here = offered(node, run_of(node, released_at=(URL, "https://elsewhere.example")), TABLE)
    assert here.state is CandidateState.RELEASED


def test_one_person_is_not_two(node: RunNode) -> None:
    found = offered(node, run_of(node), OTHER)
    step(node, found, APPROVE, "dora")
    with pytest.raises(SeparationOfDuties):
        step(node, found, APPROVE, "dora")


def test_nobody_decides_on_their_own_output(node: RunNode) -> None:
    found = offered(node, run_of(node), OTHER)
    for taken in (APPROVE, REFUSE):
        with pytest.raises(SeparationOfDuties):
            step(node, found, taken, "grace")


@pytest.mark.parametrize("who", ["adam", "mallory"])
def test_who_is_not_of_the_committee_does_not_see_it(node: RunNode, who: str) -> None:
    found = offered(node, run_of(node), OTHER)
    with pytest.raises(NoSuchThing):
        step(node, found, APPROVE, who)
    assert node.airlock.listed(at(who)) == ()


def test_one_is_enough_to_refuse_and_a_refusal_is_contested_once(node: RunNode) -> None:
    found = offered(node, run_of(node), OTHER)
    assert step(node, found, REFUSE, "dora") is CandidateState.REFUSED
    with pytest.raises((NotYourStep, StepNotPossible)):
        step(node, found, CONTEST, "emil")
    assert step(node, found, CONTEST, "grace") is CandidateState.CONTESTED
    assert step(node, found, REFUSE, "emil") is CandidateState.REFUSED
    with pytest.raises(StepNotPossible):
        step(node, found, CONTEST, "grace")


def test_after_a_contest_both_approvals_are_given_anew(node: RunNode) -> None:
    found = offered(node, run_of(node), OTHER)
    step(node, found, APPROVE, "dora")
    step(node, found, REFUSE, "emil")
    step(node, found, CONTEST, "grace")
    assert step(node, found, APPROVE, "emil") is CandidateState.CONTESTED
    assert step(node, found, APPROVE, "dora") is CandidateState.RELEASED


def test_people_may_let_pass_what_the_checker_refused_and_it_is_recorded(node: RunNode) -> None:
    found = offered(node, run_of(node), SMALL)
    step(node, found, CONTEST, "grace")
    step(node, found, APPROVE, "dora")
    step(node, found, APPROVE, "vera")
    assert json.loads(result(node, found, SecretKey.generate())) == SMALL
    steps = [one["step"] for one in node.recorded("airlock")]
    assert steps == ["offer", "contest", "approve", "approve", "take"]


def test_a_class_that_the_permit_does_not_name_nobody_releases(node: RunNode) -> None:
    found = offered(node, run_of(node, outputs=("table",)), OTHER)
    assert (found.state, found.contestable) == (CandidateState.REFUSED, False)
    with pytest.raises(StepNotPossible):
        step(node, found, CONTEST, "grace")


def test_the_committee_looks_at_what_was_offered_and_each_look_is_recorded(node: RunNode) -> None:
    found = offered(node, run_of(node), SMALL)
    seen = node.airlock.to_review(found.candidate_id, viewer=at("dora"))
    assert json.loads(seen) == SMALL
    assert node.recorded("airlock")[-1]["step"] == "look"
    for who in ("grace", "mallory"):
        with pytest.raises(NoSuchThing):
            node.airlock.to_review(found.candidate_id, viewer=at(who))


def test_a_plot_rests_on_a_released_output_or_is_refused_for_good(node: RunNode) -> None:
    run = run_of(node)
    table = offered(node, run, TABLE)
    good = offered(node, run, {"kind": "plot", "form": "bars", "of": table.released_sha256})
    bad = offered(node, run, {"kind": "plot", "form": "bars", "of": "0" * 64})
    assert good.state is CandidateState.RELEASED
    assert (bad.state, bad.contestable) == (CandidateState.REFUSED, False)


def test_a_plot_of_what_only_waits_is_refused(node: RunNode) -> None:
    run = run_of(node)
    waiting = offered(node, run, OTHER)
    plot = offered(node, run, {"kind": "plot", "form": "bars", "of": waiting.sha256})
    assert plot.state is CandidateState.REFUSED


def test_a_name_that_the_permit_does_not_list_waits_and_people_release_the_safe_form(
    node: RunNode,
) -> None:
    strange = {"kind": "table", "rows": ["John Smith", "m", "f"], "columns": ["a", "b", "r"],
               "cells": [[3, 50, 90], [60, 70, 80], [99, 98, 97]]}  # fmt: skip
    found = offered(node, run_of(node, privacy={"epsilon": 9, "per_table": 4}), strange)
    assert found.state is CandidateState.WAITING
    seen = json.loads(node.airlock.to_review(found.candidate_id, viewer=at("dora")))
    assert None in seen["cells"][0]
    assert node.airlock.spent(found.request_id, viewer=at("grace")).epsilon == 4
    step(node, found, APPROVE, "dora")
    step(node, found, APPROVE, "emil")
    assert json.loads(result(node, found, SecretKey.generate())) == seen
    assert node.airlock.spent(found.request_id, viewer=at("grace")).epsilon == 4


def shown(node: RunNode, found: Candidate, *, by: str = "grace") -> tuple[str, bytes]:
    return node.airlock.shown(found.candidate_id, viewer=at(by))


def test_a_table_and_a_drawing_of_it_are_shown_where_the_permit_says_so(node: RunNode) -> None:
    run = run_of(node, outputs=("table", "plot", "portal"))
    table = offered(node, run, TABLE)
    plot = offered(node, run, {"kind": "plot", "form": "bars", "of": table.released_sha256})
    assert json.loads(shown(node, table)[1]) == TABLE
    media_type, drawn = shown(node, plot)
    assert (media_type, drawn.startswith(b"<svg")) == ("image/svg+xml", True)
    assert b"<script" not in drawn
    assert node.recorded("airlock")[-1]["step"] == "show"


def test_only_what_the_permit_lets_a_portal_show_is_shown_and_to_the_requester_alone(
    node: RunNode,
) -> None:
    hidden = offered(node, run_of(node), TABLE)
    with pytest.raises(StepNotPossible, match="portal"):
        shown(node, hidden)
    other = offered(node, run_of(node, outputs=("table", "other", "portal")), OTHER)
    with pytest.raises(StepNotPossible):
        shown(node, other)  # not released yet
    for who in ("dora", "mallory"):
        with pytest.raises((NoSuchThing, StepNotPossible)):
            shown(node, other, by=who)


# The ledger


def several(count: int) -> list[dict[str, Any]]:
    return [TABLE | {"cells": [[100 + n, 40], [33, 18]]} for n in range(count)]


def test_when_the_outputs_are_used_up_nothing_more_is_released(node: RunNode) -> None:
    run = run_of(node, releases=2)
    states = [offered(node, run, one).state for one in several(4)]
    assert states == [CandidateState.RELEASED] * 2 + [CandidateState.REFUSED] * 2


def test_bytes_are_counted_over_all_starts_of_a_request(node: RunNode) -> None:
    run = run_of(node, release_bytes=150)
    first, second = several(2)
    assert offered(node, run, first).state is CandidateState.RELEASED
    later, _ = node.started()
    assert offered(node, later, second).state is CandidateState.REFUSED


def test_a_last_approval_that_cannot_be_paid_is_not_given(node: RunNode) -> None:
    run = run_of(node, releases=1)
    offered(node, run, TABLE)
    found = offered(node, run, OTHER)
    step(node, found, APPROVE, "dora")
    with pytest.raises(BudgetSpent):
        step(node, found, APPROVE, "emil")
    seen = node.airlock.see(found.candidate_id, viewer=at("grace"))
    assert seen.candidate.state is CandidateState.WAITING


def test_epsilon_is_spent_for_each_table_until_there_is_none(node: RunNode) -> None:
    run = run_of(node, privacy={"epsilon": 1.0, "per_table": 0.4})
    # Far above the floor: no noise that can be drawn reaches it.
    large = [TABLE | {"cells": [[9_000 + n, 9_000], [9_000, 9_000]]} for n in range(3)]
    found = [offered(node, run, one) for one in large]
    assert [one.state for one in found] == [
        CandidateState.RELEASED, CandidateState.RELEASED, CandidateState.REFUSED,
    ]  # fmt: skip
    request = found[0].request_id
    assert node.airlock.spent(request, viewer=at("grace")).epsilon == pytest.approx(0.8)


LONE = {"kind": "table", "rows": ["r"], "columns": ["a"], "cells": [[10]]}


def asked_often(node: RunNode, run: str, times: int) -> list[Candidate]:
    """The same small cell again and again, spelled differently each time."""
    return [
        node.airlock.offer(
            run, json.dumps(LONE, indent=number).encode(), workspace=node.workspace(), now=NOW
        )
        for number in range(times)
    ]  # fmt: skip


def test_a_noisy_form_that_is_refused_is_paid_for_too(node: RunNode) -> None:
    run = run_of(node, privacy={"epsilon": 4.0, "per_table": 0.1})
    found = asked_often(node, run, 20)
    assert {CandidateState.REFUSED, CandidateState.RELEASED} == {one.state for one in found}
    spent = node.airlock.spent(found[0].request_id, viewer=at("grace"))
    assert spent.epsilon == pytest.approx(2.0)
    assert spent.releases == sum(one.state is CandidateState.RELEASED for one in found)


def test_noise_that_cannot_be_paid_for_says_nothing(node: RunNode) -> None:
    run = run_of(node, privacy={"epsilon": 0.1, "per_table": 0.1})
    _, *unpaid = asked_often(node, run, 30)
    told = {(one.state, one.reasons) for one in unpaid}
    assert told == {(CandidateState.REFUSED, ("The privacy budget of this permit is spent.",))}


def test_a_refusal_for_want_of_budget_is_not_contested_into_a_gift(node: RunNode) -> None:
    run = run_of(node, privacy={"epsilon": 0.1, "per_table": 0.1})
    unpaid = asked_often(node, run, 2)[1]
    step(node, unpaid, CONTEST, "grace")
    step(node, unpaid, APPROVE, "dora")
    with pytest.raises(BudgetSpent):
        step(node, unpaid, APPROVE, "emil")


def test_read_at_a_delta_the_same_budget_pays_for_more_tables(node: RunNode) -> None:
    """Plainly five tables of 0.4 are 2; together they tell less, and the page says how much."""
    privacy = {"epsilon": 2.0, "per_table": 0.4, "delta": 1e-5}
    found = asked_often(node, run_of(node, privacy=privacy), 12)
    spent = node.airlock.spent(found[0].request_id, viewer=at("grace"))
    unpaid = [one for one in found if "budget" in " ".join(one.reasons)]
    assert spent.tables == 12 - len(unpaid)
    assert 5 < spent.tables < 12
    assert 1.5 < spent.epsilon <= 2.0


def test_people_too_let_only_the_noisy_form_of_a_refused_table_pass(node: RunNode) -> None:
    run = run_of(node, privacy={"epsilon": 1.0, "per_table": 0.01}, floors={"cell": 1_000_000})
    wide = {"kind": "table", "rows": ["r"], "columns": [str(n) for n in range(40)],
            "cells": [[5000] * 40]}  # fmt: skip
    found = offered(node, run, wide)
    assert found.state is CandidateState.REFUSED
    step(node, found, CONTEST, "grace")
    assert (
        len(
            set(
                json.loads(node.airlock.to_review(found.candidate_id, viewer=at("dora")))["cells"][
                    0
                ]
            )
        )
        > 5
    )
    step(node, found, APPROVE, "dora")
    assert step(node, found, APPROVE, "emil") is CandidateState.RELEASED
    seen = json.loads(result(node, found, SecretKey.generate()))
    assert len(set(seen["cells"][0])) > 5


def test_no_digest_tells_what_did_not_leave(node: RunNode) -> None:
    """Of a small table somebody who knows the rest guesses the missing cell, and compares."""
    run = run_of(node)
    raw = json.dumps(TABLE | {"cells": [[100, 4], [33, 18]]}).encode()
    found = node.airlock.offer(run, raw, workspace=node.workspace(), now=NOW)
    waiting = offered(node, run, OTHER)
    for secret in (raw, json.dumps(OTHER).encode()):
        assert hashlib.sha256(secret).hexdigest() not in json.dumps(node.recorded("airlock"))
    assert node.recorded("airlock")[0]["released"] == found.released_sha256
    for one in (found, waiting):
        asks, decides = (
            _view(node.airlock.see(one.candidate_id, viewer=at(who))) for who in ("grace", "dora")
        )
        assert asks.sha256 is None
        assert decides.sha256 == one.sha256
        assert asks.released_sha256 == (one.released_sha256 if one is found else None)


def test_a_table_under_a_privacy_budget_leaves_with_noise(node: RunNode) -> None:
    run = run_of(node, privacy={"epsilon": 1.0, "per_table": 0.05})
    wide = {"kind": "table", "rows": ["r"], "columns": [str(n) for n in range(40)],
            "cells": [[1000] * 40]}  # fmt: skip
    content = json.loads(result(node, offered(node, run, wide), SecretKey.generate()))
    shown = content["cells"][0]
    assert len(set(shown)) > 5
    assert abs(sum(shown) / 40 - 1000) < 40


def test_two_at_once_do_not_spend_the_same(node: RunNode) -> None:
    _race(node)


def test_two_at_once_do_not_spend_the_same_in_postgresql(
    tmp_path: Path, postgresql: PostgreSQL
) -> None:
    made = RunNode(tmp_path, control_url=postgresql.new_database())
    try:
        _race(made)
    finally:
        made.close()


def _race(node: RunNode) -> None:
    run = run_of(node, releases=3)
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda one: offered(node, run, one).state, several(8)))
    assert states.count(CandidateState.RELEASED) == 3


# Rights that end


def test_after_a_revocation_nothing_is_offered_or_given_out(node: RunNode) -> None:
    run = run_of(node)
    found = offered(node, run, TABLE)
    node.access.take(found.request_id, Step.REVOKE, by="dora")
    with pytest.raises(RunRefused):
        offered(node, run, several(1)[0])
    node.keys.register(at("grace"), SecretKey.generate().public, now=NOW)
    with pytest.raises(StepNotPossible, match="revoked"):
        node.airlock.result(found.candidate_id, viewer=at("grace"), now=NOW)


def test_the_run_of_another_workspace_takes_no_output(node: RunNode) -> None:
    run = run_of(node)
    other = node.workspace(node.registered(owner="mallory"))
    with pytest.raises(NoSuchThing):
        node.airlock.offer(run, json.dumps(TABLE).encode(), workspace=other, now=NOW)


def test_a_sealed_file_that_was_changed_is_not_given_out(node: RunNode, tmp_path: Path) -> None:
    found = offered(node, run_of(node), TABLE)
    other = json.dumps(SMALL).encode()
    from streams.small import seal_to

    file = tmp_path / "airlock" / f"{found.candidate_id}.released"
    file.write_bytes(seal_to(node.rest_key.public, other))
    node.keys.register(at("grace"), SecretKey.generate().public, now=NOW)
    with pytest.raises(NoSuchThing):
        node.airlock.result(found.candidate_id, viewer=at("grace"), now=NOW)
