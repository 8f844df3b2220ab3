"""Threat: getting data whose conditions of use deny the purpose, by stating it another way.

What the node knows stands above what is stated; a statement does not change once it is submitted;
the conditions of the day of the decision count, and no committee member can set them aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from access.errors import DataUseDenied, StepNotPossible
from access.policies.policy import PolicyBook
from access.requests.desk import RequestDesk
from access.requests.lifecycle import SECONDS_PER_MONTH, State, Step
from duo.consent import Condition, Consent
from duo.terms import Term
from schemas.data_use import DataUseRequest
from schemas.grants import NewRequest, StepBody
from tests.support.access_node import AccessNode, at, policy

GRU = frozenset({Condition(Term.GRU)})
CONSENTS = {
    "free": Consent(GRU),
    "rosas": Consent(GRU, frozenset({Condition(Term.US, values=frozenset({at("rosa")}))})),
    "timed": Consent(GRU, frozenset({Condition(Term.TS, months=1)})),
}
COMPANY = {
    "purpose": {"codes": ["general"]},
    "requester": {"organisation": {"type": "for_profit"}},
}
ACADEMY = COMPANY | {"requester": {"organisation": {"type": "not_for_profit"}}}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path, consents=CONSENTS)
    yield made
    made.close()


def draft(node: AccessNode, dataset: str, sent: object) -> str:
    new = NewRequest(
        dataset=dataset,
        project="Sight",
        purpose="Eyes.",
        workspace=node.workspace(),
        months=1,
        data_use=DataUseRequest.model_validate(sent),
    )
    return node.desk.create(new, requester=at("grace"), now=node.clock()).request_id


def test_claiming_to_be_the_approved_user_is_of_no_use(node: AccessNode) -> None:
    claimed = {"purpose": {"codes": ["general"]}, "requester": {"identity": at("rosa")}}
    with pytest.raises(DataUseDenied):
        node.take(draft(node, "rosas", claimed), Step.SUBMIT, by="grace")


def test_claiming_that_no_month_was_used_is_of_no_use(node: AccessNode) -> None:
    claimed = {"purpose": {"codes": ["general"]}, "project": {"months_used": 0, "months": 1}}
    first = draft(node, "timed", claimed)
    node.take(first, Step.SUBMIT, by="grace")
    node.take(first, Step.APPROVE, by="dora")
    node.clock.now += 2 * SECONDS_PER_MONTH
    with pytest.raises(DataUseDenied):
        node.take(draft(node, "timed", claimed), Step.SUBMIT, by="grace")


def test_a_statement_cannot_be_changed_behind_the_committees_back(node: AccessNode) -> None:
    request_id = draft(node, "free", ACADEMY)
    node.take(request_id, Step.SUBMIT, by="grace")
    changed = StepBody(data_use=DataUseRequest.model_validate(COMPANY))
    with pytest.raises(StepNotPossible):
        node.take(request_id, Step.SUBMIT, by="grace", body=changed)
    seen = node.desk.see(request_id, viewer=at("dora"))
    assert seen.request.data_use == DataUseRequest.model_validate(ACADEMY)


@pytest.mark.parametrize("member", ["dora", "emil"])
def test_conditions_that_were_tightened_since_bind_every_member(
    node: AccessNode, member: str
) -> None:
    request_id = draft(node, "free", COMPANY)
    node.take(request_id, Step.SUBMIT, by="grace")
    tightened = Consent(GRU, frozenset({Condition(Term.NPU)}))
    book = PolicyBook((policy("free", "dora", "emil", consent=tightened),), version="2")
    desk = RequestDesk(
        node.store,
        recipients=node.recipients,
        book=book,
        record=node.record,
        check=node.check,
    )
    with pytest.raises(DataUseDenied):
        desk.take(request_id, Step.APPROVE, StepBody(), actor=at(member), now=node.clock())
    assert desk.see(request_id, viewer=at(member)).request.state is State.SUBMITTED
    assert node.store.grants_of(request_id) == ()
    assert '"data_use":"deny"' in node.kinds()[-1]
    assert '"policy":"2"' in node.kinds()[-1]
