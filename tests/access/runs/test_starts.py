"""A start is permitted as approved, once its key is proven, and while all of it still holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from access.errors import (
    NoSuchThing,
    PermitRefused,
    ProofRefused,
    RunRefused,
    SeparationOfDuties,
    SignatureRefused,
    StepNotPossible,
    WorkspaceKeyInvalid,
)
from access.permits import check
from access.policies.decision import Action, Granularity, Level, Window
from access.policies.visa_rules import VisaRule
from access.requests.lifecycle import Step
from access.runs.footing import Footing
from access.runs.rules import SIGNED_AS, leaving
from access.runs.starts import Start
from duo.consent import Condition, Consent
from duo.terms import Term
from passports.researcher import Researcher
from schemas.errors import InvalidInput
from schemas.grants import NewRequest
from schemas.passport import VisaType
from schemas.runs import Phase, Receipt, RunTerms, SignedReceipt
from streams.keys import SecretKey
from tests.support.access_node import NOW, URL, at, policy
from tests.support.run_node import APPLICATION, ENVIRONMENT, EVIDENCE, RunNode, opened

RUNNING = Phase(phase="running")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunNode]:
    made = RunNode(tmp_path)
    yield made
    made.close()


def refusal(node: RunNode, *, by: str = "grace", **more: Any) -> tuple[str, ...]:
    asked = node.asked(SecretKey.generate(), **more)
    with pytest.raises(RunRefused) as refused:
        node.runs.ask(
            asked, workspace=node.workspace(), researcher=node.people[by], now=node.clock()
        )
    assert node.recorded("access.run")[-1]["reasons"] == list(refused.value.reasons)
    return refused.value.reasons


def test_a_start_as_approved_is_permitted_and_its_permit_says_what(node: RunNode) -> None:
    request, key = node.approved(), SecretKey.generate()
    run, signed = node.started(key)
    permit = signed.permit
    node.node_key.public_key().verify(
        bytes.fromhex(signed.signature), SIGNED_AS + permit.signed_bytes()
    )
    assert permit.run is not None
    assert (permit.run.run, permit.run.request) == (run, request)
    assert permit.run.terms == node.terms()
    assert permit.dataset == "ds1"
    assert permit.expires == NOW + 3600
    assert [one["step"] for one in node.recorded("access.run")] == ["asked", "permitted"]


def test_a_permit_for_a_run_opens_no_object(node: RunNode) -> None:
    node.approved()
    _, signed = node.started()
    public = node.node_key.public_key().public_bytes_raw()
    with pytest.raises(PermitRefused, match="not signed"):
        check(signed, public, audience=URL, now=NOW)


def test_without_a_grant_nothing_starts(node: RunNode) -> None:
    assert refusal(node) == ("no_grant",)


def test_a_request_that_asked_for_no_run_starts_none(node: RunNode) -> None:
    made = node.access.submitted(node.site.workspace_id)
    node.access.take(made, Step.APPROVE, by="dora")
    assert refusal(node) == ("request_without_run",)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"application": "b" * 64}, "application_other"),
        (
            {"evidence": EVIDENCE.model_copy(update={"environment": "f" * 64})},
            "environment_other",
        ),
    ],
)
def test_what_was_not_approved_is_refused(node: RunNode, more: dict[str, Any], reason: str) -> None:
    node.approved()
    assert refusal(node, **more) == (reason,)


def asked_for(node: RunNode) -> str:
    new = NewRequest(
        dataset="ds1", project="Sight", purpose="Eyes.", workspace=node.site.workspace_id, months=6,
        run=node.terms(),
    )  # fmt: skip
    made = node.access.desk.create(new, requester=at("grace"), now=NOW)
    node.access.take(made.request_id, Step.SUBMIT, by="grace")
    return made.request_id


def test_what_is_to_run_is_approved_by_two_reviewers(node: RunNode) -> None:
    made = asked_for(node)
    node.access.take(made, Step.APPROVE, by="dora")
    assert refusal(node) == ("no_grant",)
    seen = node.access.desk.see(made, viewer=at("grace"))
    assert (len(seen.approved_by), seen.demands.approvals) == (1, 2)
    with pytest.raises(SeparationOfDuties):
        node.access.take(made, Step.APPROVE, by="dora")
    node.access.take(made, Step.APPROVE, by="emil")
    assert node.started()


def test_a_committee_of_one_cannot_be_asked_for_a_run(node: RunNode) -> None:
    changed(node, committee=(at("dora"),))
    with pytest.raises(InvalidInput, match="2 of a committee"):
        asked_for(node)


def test_another_roster_is_refused_larger_or_smaller(node: RunNode) -> None:
    ours, others = node.site.fingerprint, ("1" * 64, "2" * 64)
    node.approved(node.terms(roster=(ours, *others), least_sites=3))
    assert refusal(node, roster=(ours,)) == ("roster_other", "too_few_sites")
    assert refusal(node, roster=(ours, *others, "3" * 64)) == ("roster_other",)
    assert refusal(node, roster=(ours, others[0], "3" * 64)) == ("roster_other",)


def test_a_site_that_is_not_in_the_roster_is_refused(node: RunNode) -> None:
    others = ("1" * 64, "2" * 64, "3" * 64)
    node.approved(node.terms(roster=others))
    assert refusal(node, roster=others) == ("site_not_in_roster",)


def test_another_workspace_of_the_same_person_is_refused(node: RunNode) -> None:
    node.approved()
    node.site = node.registered()
    assert refusal(node) == ("no_grant",)


def test_another_person_with_a_visa_is_refused(node: RunNode) -> None:
    node.approved()
    assert refusal(node, by="mallory") == ("no_grant",)


def test_who_has_no_visa_is_refused_by_the_policy(node: RunNode) -> None:
    node.approved()
    node.people["grace"] = Researcher(
        issuer="http://127.0.0.1:8179", subject="grace", visas=(), dropped=(), expires=NOW + 10**6
    )
    assert refusal(node) != ("no_grant",)


def test_a_weak_key_is_refused(node: RunNode) -> None:
    node.approved()
    asked = node.asked(SecretKey.generate(), public_key="00" * 32)
    with pytest.raises(WorkspaceKeyInvalid):
        node.runs.ask(asked, workspace=node.workspace(), researcher=node.people["grace"], now=NOW)


def test_a_wrong_or_late_proof_gives_no_permit(node: RunNode) -> None:
    node.approved()
    key = SecretKey.generate()
    made = node.runs.ask(
        node.asked(key), workspace=node.workspace(), researcher=node.people["grace"], now=NOW
    )
    with pytest.raises(ProofRefused):
        node.runs.prove(made.run_id, b"x" * 32, workspace=node.workspace(), now=NOW)
    from schemas import challenge

    right = challenge.answer(opened(made.sealed, key))
    with pytest.raises(ProofRefused):
        node.runs.prove(made.run_id, right, workspace=node.workspace(), now=NOW + 600)


def test_a_start_is_proven_once(node: RunNode) -> None:
    node.approved()
    run, _ = node.started()
    with pytest.raises(StepNotPossible):
        node.runs.prove(run, b"x" * 32, workspace=node.workspace(), now=NOW)


def test_while_a_run_is_on_data_is_sealed_to_its_key_alone(node: RunNode) -> None:
    node.approved()
    registered, key = node.site.secret.public, SecretKey.generate()
    assert node.workspace().public_key == registered
    run, _ = node.started(key)
    assert node.workspace().public_key == key.public
    node.runs.close(_receipt(node, run), workspace=node.workspace())
    assert node.workspace().public_key == registered


def test_a_new_start_needs_no_new_approval_and_ends_the_one_before(node: RunNode) -> None:
    node.approved()
    first, _ = node.started()
    second, _ = node.started()
    assert node.runs.standing(second, RUNNING, workspace=node.workspace(), now=NOW).run == second
    with pytest.raises(RunRefused, match="run_closed"):
        node.runs.standing(first, RUNNING, workspace=node.workspace(), now=NOW)


def test_a_poll_says_until_when_and_is_refused_at_the_end(node: RunNode) -> None:
    node.approved()
    run, _ = node.started()
    standing = node.runs.standing(run, RUNNING, workspace=node.workspace(), now=NOW + 3599)
    assert standing.expires == NOW + 3600
    with pytest.raises(RunRefused, match="run_expired"):
        node.runs.standing(run, RUNNING, workspace=node.workspace(), now=NOW + 3600)
    with pytest.raises(RunRefused, match="run_closed"):
        node.runs.standing(run, RUNNING, workspace=node.workspace(), now=NOW)
    assert node.recorded("access.run")[-1]["reasons"] == ["run_expired"]


@pytest.mark.parametrize(("step", "by"), [(Step.REVOKE, "dora"), (Step.CLOSE, "grace")])
def test_a_run_ends_when_its_access_ends(node: RunNode, step: Step, by: str) -> None:
    request = node.approved()
    run, _ = node.started()
    node.access.take(request, step, by=by)
    with pytest.raises(RunRefused, match="grant_ended"):
        node.runs.standing(run, RUNNING, workspace=node.workspace(), now=NOW)


def changed(node: RunNode, **parts: Any) -> None:
    """Puts a policy of ds1 into force that differs so."""
    before = node.book.policy("ds1")
    assert before is not None
    node.book._policies = {"ds1": replace(before, **parts)}


def ended(node: RunNode, run: str, *, now: int = NOW) -> tuple[str, ...]:
    with pytest.raises(RunRefused) as refused:
        node.runs.standing(run, RUNNING, workspace=node.workspace(), now=now)
    assert node.recorded("access.run")[-1]["reasons"] == list(refused.value.reasons)
    return refused.value.reasons


AFFILIATED = VisaRule(VisaType.AFFILIATION_AND_ROLE, ("faculty@uni.example",), frozenset({"so"}))


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"excluded_people": frozenset({at("grace")})}, "excluded"),
        ({"windows": (Window(None, NOW),)}, "outside_window"),
        ({"workspaces": frozenset({"ws-other"})}, "workspace_not_named"),
        ({"conditions": {Level.CONTROLLED: (AFFILIATED,)}}, "policy_changed"),
        ({"excluded_visas": (AFFILIATED,)}, "policy_changed"),
        ({"grant_value": "https://elsewhere.example/ds1"}, "policy_changed"),
        ({"consent": Consent(frozenset({Condition(Term.NRES)}))}, "policy_changed"),
    ],
)
def test_a_run_ends_when_the_policy_no_longer_carries_it(
    node: RunNode, parts: dict[str, Any], reason: str
) -> None:
    node.approved()
    run, _ = node.started()
    changed(node, **parts)
    assert ended(node, run) == (reason,)


def test_a_window_that_closes_ends_a_run_without_any_change(node: RunNode) -> None:
    changed(node, windows=(Window(None, NOW + 60),))
    node.approved()
    run, _ = node.started()
    node.runs.standing(run, RUNNING, workspace=node.workspace(), now=NOW + 59)
    assert ended(node, run, now=NOW + 60) == ("outside_window",)


@pytest.mark.parametrize(
    "parts",
    [
        {"excluded_people": frozenset({at("mallory")})},
        {"windows": (Window(None, NOW, frozenset({Action.DISCOVER})),)},
        {"committee": (at("dora"),)},
        {"ceilings": {Level.CONTROLLED: Granularity.COUNT}},
        {"listed": False, "approvals": 2},
    ],
)
def test_a_change_that_does_not_touch_the_run_leaves_it(
    node: RunNode, parts: dict[str, Any]
) -> None:
    node.approved()
    run, _ = node.started()
    changed(node, **parts)
    assert node.runs.standing(run, RUNNING, workspace=node.workspace(), now=NOW).run == run


def test_a_run_ends_when_its_dataset_leaves_the_policies(node: RunNode) -> None:
    node.approved()
    run, _ = node.started()
    node.book._policies = {}
    assert ended(node, run) == ("dataset_closed",)


@pytest.mark.parametrize("now", ["v1-1", "v0-0", "none-0"])
def test_a_run_ends_when_a_person_withdraws_or_the_dataset_is_rolled_back(
    node: RunNode, now: str
) -> None:
    node.approved()
    run, _ = node.started()
    node.data = now
    assert ended(node, run) == ("data_changed",)
    assert node.started()[0] != run  # anew, over what there is now


def test_equal_rules_are_equal_in_whatever_order_they_were_written() -> None:
    terms = [Condition(Term.GRU), Condition(Term.DS, frozenset({"MONDO:1", "MONDO:2", "MONDO:3"}))]
    one, other = (
        replace(policy("ds1", "dora"), consent=Consent(frozenset(order)), committee=())
        for order in (terms, terms[::-1])
    )
    assert Footing.of(one, "v1-0") == Footing.of(other, "v1-0")
    assert Footing.of(replace(one, consent=None), "v1-0") != Footing.of(one, "v1-0")


def test_a_workspace_that_was_revoked_is_nobody(node: RunNode) -> None:
    node.approved()
    node.started()
    node.access.recipients.revoke(node.site.workspace_id, by=at("adam"), is_admin=True)
    assert node.access.recipients.approved(node.site.workspace_id, now=NOW) is None


def test_the_run_of_another_workspace_is_unknown(node: RunNode) -> None:
    node.approved()
    run, _ = node.started()
    other = node.registered()
    with pytest.raises(NoSuchThing):
        node.runs.standing(run, RUNNING, workspace=node.workspace(other), now=NOW)


def _receipt(at_node: RunNode, run: str, **more: Any) -> SignedReceipt:
    given: dict[str, Any] = {
        "run": run, "workspace": at_node.site.workspace_id, "node": URL, "outcome": "done",
        "started": NOW, "ended": NOW + 5, "files": 1, "plain_bytes": 10, "keys": (),
    }  # fmt: skip
    receipt = Receipt(**(given | more))
    signature = at_node.site.identity.sign(receipt.signed_bytes()).hex()
    return SignedReceipt(receipt=receipt, signature=signature)


def test_a_receipt_is_taken_once_and_stands_in_the_record(node: RunNode) -> None:
    node.approved()
    run, _ = node.started()
    node.runs.close(_receipt(node, run), workspace=node.workspace())
    assert node.recorded("access.run")[-1]["outcome"] == "done"
    with pytest.raises(StepNotPossible):
        node.runs.close(_receipt(node, run, outcome="killed"), workspace=node.workspace())


def test_a_poll_that_meets_the_end_of_its_run_says_nothing_after_it(
    node: RunNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workspace that ends while its poll is under way: the wipe is the last word."""
    node.approved()
    run, _ = node.started()
    active = node.runs.active

    def ending(run_id: str, **given: Any) -> Start:
        found = active(run_id, **given)
        node.runs.close(_receipt(node, run), workspace=node.workspace())
        return found

    monkeypatch.setattr(node.runs, "active", ending)
    with pytest.raises(RunRefused) as refused:
        node.runs.standing(run, RUNNING, workspace=node.workspace(), now=NOW)
    assert refused.value.reasons == ("run_closed",)
    assert node.recorded("access.run")[-1]["step"] == "wiped"


def test_a_receipt_that_the_identity_did_not_sign_is_refused(node: RunNode) -> None:
    node.approved()
    run, _ = node.started()
    good = _receipt(node, run)
    forged = good.model_copy(update={"receipt": good.receipt.model_copy(update={"plain_bytes": 0})})
    for bad in (forged, _receipt(node, run, node="https://other.example")):
        with pytest.raises(SignatureRefused):
            node.runs.close(bad, workspace=node.workspace())


@pytest.mark.parametrize(
    "more",
    [
        {"applications": ()},
        {"applications": (APPLICATION, APPLICATION)},
        {"applications": ("A" * 64,)},
        {"roster": ()},
        {"least_sites": 2, "roster": ("1" * 64, "2" * 64, "3" * 64)},
        {"least_sites": 4},
        {"outputs": ()},
        {"outputs": ("rows",)},
        {"seconds": 0},
        {"seconds": 10**9},
        {"privacy": {"epsilon": 0.5, "per_table": 1.0}},
        {"privacy": {"epsilon": float("inf"), "per_table": 1.0}},
    ],
)
def test_terms_that_do_not_hold_together_are_no_terms(more: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "applications": (APPLICATION,),
        "environment": ENVIRONMENT,
        "roster": ("1" * 64, "2" * 64, "3" * 64),
        "outputs": ("table",),
    }
    assert RunTerms(**good).least_sites == 3
    with pytest.raises(ValidationError):
        RunTerms(**(good | more))


@pytest.mark.parametrize(
    "more",
    [
        {"outputs": ("table",)},
        {"floors": {"cell": 9}},
        {"floors": {"labels": ("b", "r", "calls", "lines", "names")}},
        {"privacy": {"epsilon": 1.0, "per_table": 0.1}},
        {"releases": 99},
        {"release_bytes": 1},
        {"released_at": ("https://elsewhere.example",)},
        {"roster": ("1" * 64, "2" * 64, "3" * 64), "least_sites": 3},
    ],
)
def test_sites_agree_on_every_term_of_what_leaves(node: RunNode, more: dict[str, Any]) -> None:
    assert leaving(node.terms(**more)) != leaving(node.terms())


def test_how_long_and_how_much_is_each_sites_own(node: RunNode) -> None:
    ours, labels = node.terms(), ("r", "lines", "b", "calls")
    theirs = node.terms(seconds=7, data_bytes=8, floors={"labels": labels}, unconfined=True)
    assert leaving(ours) == leaving(theirs)


NOTHING = EVIDENCE.model_copy(update={"sandbox": None})


def test_without_a_sandbox_nothing_starts_unless_policy_and_committee_both_allow_it(
    node: RunNode,
) -> None:
    node.approved()
    assert refusal(node, evidence=NOTHING) == ("trials_not_allowed",)
    changed(node, unconfined_trials=True)
    assert refusal(node, evidence=NOTHING) == ("nothing_confines_it",)
    node.approved(node.terms(unconfined=True))
    changed(node, unconfined_trials=False)
    assert refusal(node, evidence=NOTHING) == ("trials_not_allowed",)


def test_a_trial_without_a_sandbox_is_in_the_record_and_ends_with_its_policy(
    node: RunNode,
) -> None:
    node.approved(node.terms(unconfined=True))
    changed(node, unconfined_trials=True)
    run, _ = node.started(evidence=NOTHING)
    assert node.recorded("access.run")[0]["sandbox"] == "none: nothing confines it"
    changed(node, unconfined_trials=False)
    assert ended(node, run) == ("policy_changed",)


def test_a_sandboxed_start_needs_no_leave_to_go_without(node: RunNode) -> None:
    node.approved(node.terms(unconfined=True))
    node.started()
    assert node.recorded("access.run")[0]["sandbox"] == EVIDENCE.sandbox
