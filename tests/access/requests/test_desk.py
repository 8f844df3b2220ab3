"""The whole life of a request at the desk: members, four eyes, ends, reminders, history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.errors import NoSuchThing, NotYourStep, SeparationOfDuties, StepNotPossible
from access.policies.policy import DatasetPolicy, PolicyBook
from access.requests.approval import terms_digest
from access.requests.desk import RequestDesk
from access.requests.lifecycle import (
    MAX_MEMBERS,
    NODE,
    SECONDS_PER_MONTH,
    State,
    Step,
    after,
    begun,
)
from access.requests.seen import Seen
from access.requests.upkeep import DAY, MAX_REMINDERS
from schemas.data_use import DataUseRequest
from schemas.errors import InvalidInput, SkerryError
from schemas.grants import NewRequest, StepBody
from tests.support.access_node import NOW, AccessNode, at, policy
from tests.support.grants import active_grant

TERMS = "Never try to recognise a participant."
ACCEPTED = StepBody(terms=terms_digest(TERMS))


class Office:
    """A node whose committee works with four eyes and with terms."""

    def __init__(self, node: AccessNode) -> None:
        self.node = node
        self.workspace = node.workspace()
        self.rule(
            replace(policy("careful", "dora", "emil"), approvals=2, terms=TERMS),
            policy("plain", "dora"),
            replace(policy("rems", "dora"), requests_at="https://rems.example.org/apply"),
        )

    def rule(self, *policies: DatasetPolicy) -> None:
        self.book = PolicyBook(policies, version="2")
        self.desk = RequestDesk(
            self.node.store,
            recipients=self.node.recipients,
            book=self.book,
            record=self.node.record,
            check=self.node.check,
        )

    def form(self, *members: str, dataset: str = "careful", months: int = 6) -> NewRequest:
        named = [{"identity": at(member)} for member in members]
        return NewRequest(
            dataset=dataset,
            project="Sight",
            purpose="Eyes.",
            workspace=self.workspace,
            months=months,
            data_use=DataUseRequest.model_validate({"collaborators": named}),
        )

    def draft(self, *members: str, dataset: str = "careful", months: int = 6) -> str:
        form = self.form(*members, dataset=dataset, months=months)
        return self.desk.create(form, requester=at("grace"), now=self.node.clock()).request_id

    def submitted(self, *members: str, dataset: str = "careful", months: int = 6) -> str:
        request_id = self.draft(*members, dataset=dataset, months=months)
        self.take(request_id, Step.SUBMIT, "grace", ACCEPTED if dataset == "careful" else None)
        return request_id

    def take(self, request_id: str, step: Step, by: str, body: StepBody | None = None) -> Seen:
        now = self.node.clock()
        return self.desk.take(request_id, step, body or StepBody(), actor=at(by), now=now)

    def see(self, request_id: str, by: str = "grace") -> Seen:
        return self.desk.see(request_id, viewer=at(by))

    def holders(self, request_id: str) -> list[str]:
        return [grant.identity for grant in self.node.store.grants_of(request_id)]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    node = AccessNode(tmp_path)
    yield Office(node)
    node.close()


# Four eyes


def test_one_of_two_approvals_opens_nothing(office: Office) -> None:
    request_id = office.submitted()
    seen = office.take(request_id, Step.APPROVE, "dora")
    assert seen.request.state is State.SUBMITTED
    assert office.holders(request_id) == []
    assert Step.APPROVE not in seen.steps
    assert Step.APPROVE in office.see(request_id, "emil").steps


def test_the_same_member_twice_is_one(office: Office) -> None:
    request_id = office.submitted()
    office.take(request_id, Step.APPROVE, "dora")
    with pytest.raises(SeparationOfDuties, match="another member"):
        office.take(request_id, Step.APPROVE, "dora")
    assert office.holders(request_id) == []
    assert any("refused approve" in line for line in office.node.kinds())


def test_the_second_member_approves(office: Office) -> None:
    request_id = office.submitted()
    office.take(request_id, Step.APPROVE, "dora", StepBody(months=3, obligations=("Report.",)))
    seen = office.take(request_id, Step.APPROVE, "emil", StepBody(months=2, obligations=("Cite.",)))
    assert seen.request.state is State.APPROVED
    (grant,) = seen.grants
    assert grant.expires == NOW + 2 * SECONDS_PER_MONTH
    assert {owed.text for owed in grant.obligations} == {"Report.", "Cite."}


def test_an_approval_of_what_was_said_before_counts_for_nothing(office: Office) -> None:
    request_id = office.submitted()
    office.take(request_id, Step.APPROVE, "dora")
    office.take(request_id, Step.RETURN, "emil")
    office.take(request_id, Step.SUBMIT, "grace", ACCEPTED)
    seen = office.take(request_id, Step.APPROVE, "emil")
    assert seen.request.state is State.SUBMITTED
    assert office.holders(request_id) == []


def test_one_member_rejects_alone(office: Office) -> None:
    request_id = office.submitted()
    office.take(request_id, Step.APPROVE, "dora")
    assert office.take(request_id, Step.REJECT, "emil").request.state is State.REJECTED
    assert office.holders(request_id) == []


def test_who_confirmed_the_key_is_not_even_the_first_of_two(tmp_path: Path) -> None:
    node = AccessNode(tmp_path, admins=(at("dora"),))
    office = Office(node)
    workspace = node.workspace(confirmed_by="dora")
    office.workspace = workspace
    request_id = office.submitted()
    with pytest.raises(SeparationOfDuties):
        office.take(request_id, Step.APPROVE, "dora")
    node.close()


# Members and terms


def test_without_accepting_the_terms_nothing_is_sent(office: Office) -> None:
    request_id = office.draft()
    for body in (StepBody(), StepBody(terms=terms_digest("Something else."))):
        with pytest.raises(InvalidInput, match="terms"):
            office.take(request_id, Step.SUBMIT, "grace", body)
    assert office.see(request_id).request.state is State.DRAFT


def test_terms_are_not_accepted_where_there_are_none(office: Office) -> None:
    with pytest.raises(InvalidInput, match="no terms"):
        office.take(office.draft(dataset="plain"), Step.SUBMIT, "grace", ACCEPTED)


def test_only_members_who_accepted_are_granted(office: Office) -> None:
    request_id = office.submitted("rosa", "frank")
    office.take(request_id, Step.ACCEPT, "rosa", ACCEPTED)
    office.take(request_id, Step.APPROVE, "dora")
    office.take(request_id, Step.APPROVE, "emil")
    assert sorted(office.holders(request_id)) == [at("grace"), at("rosa")]
    late = office.take(request_id, Step.ACCEPT, "frank", ACCEPTED)
    assert late.grant is not None
    assert late.grant.expires == office.see(request_id).grant.expires  # type: ignore[union-attr]


def test_revoking_ends_everybodys_grant(office: Office) -> None:
    request_id = office.submitted("rosa", dataset="plain")
    office.take(request_id, Step.ACCEPT, "rosa")
    office.take(request_id, Step.APPROVE, "dora")
    assert active_grant(office.node.store, at("rosa"), "plain", now=NOW) is not None
    office.take(request_id, Step.REVOKE, "dora")
    for name in ("rosa", "grace"):
        assert active_grant(office.node.store, at(name), "plain", now=NOW) is None
    with pytest.raises(StepNotPossible):
        office.take(request_id, Step.ACCEPT, "rosa")


def test_terms_that_changed_must_be_accepted_again(office: Office) -> None:
    request_id = office.submitted("rosa")
    office.take(request_id, Step.ACCEPT, "rosa", ACCEPTED)
    office.rule(replace(policy("careful", "dora"), terms="Others."))
    with pytest.raises(InvalidInput):
        office.take(request_id, Step.ACCEPT, "rosa", ACCEPTED)
    office.take(request_id, Step.APPROVE, "dora")
    assert office.holders(request_id) == [at("grace")]


def test_nobody_accepts_for_another(office: Office) -> None:
    request_id = office.submitted("rosa")
    with pytest.raises(NotYourStep):
        office.take(request_id, Step.ACCEPT, "grace", ACCEPTED)
    with pytest.raises(NoSuchThing):
        office.take(request_id, Step.ACCEPT, "frank", ACCEPTED)


def test_a_member_sees_it_once_sent_and_decides_nothing(office: Office) -> None:
    request_id = office.draft("rosa", "dora")
    with pytest.raises(NoSuchThing):
        office.see(request_id, "rosa")
    assert office.desk.listed(at("rosa")) == ()
    office.take(request_id, Step.SUBMIT, "grace", ACCEPTED)
    assert [one.part for one in office.desk.listed(at("rosa"))] == ["member"]
    for step in (Step.APPROVE, Step.REJECT, Step.RETURN):
        with pytest.raises(SeparationOfDuties):
            office.take(request_id, step, "dora")  # of the committee, but named in it
    for step in (Step.CLOSE, Step.SUBMIT):
        with pytest.raises(SkerryError):
            office.take(request_id, step, "rosa", ACCEPTED if step is Step.SUBMIT else None)


def test_a_member_taken_out_again_sees_nothing_more(office: Office) -> None:
    request_id = office.submitted("rosa")
    office.take(request_id, Step.RETURN, "dora")
    office.desk.edit(request_id, office.form(), actor=at("grace"), now=NOW)
    with pytest.raises(NoSuchThing):
        office.see(request_id, "rosa")
    assert office.desk.listed(at("rosa")) == ()


@pytest.mark.parametrize("names", [["x" * 5 + str(n) for n in range(MAX_MEMBERS + 1)]])
def test_too_many_members_are_refused(office: Office, names: list[str]) -> None:
    with pytest.raises(InvalidInput, match="at most"):
        office.draft(*names)


def test_a_member_without_an_issuer_is_refused(office: Office) -> None:
    named = DataUseRequest.model_validate({"collaborators": [{"identity": "Rosa"}]})
    form = office.form().model_copy(update={"data_use": named})
    with pytest.raises(InvalidInput, match="sub@issuer"):
        office.desk.create(form, requester=at("grace"), now=NOW)


# Drafts


def test_a_draft_is_edited_by_its_author_only_and_never_once_sent(office: Office) -> None:
    request_id = office.draft(dataset="plain")
    form = office.form(dataset="plain", months=2)
    assert office.desk.edit(request_id, form, actor=at("grace"), now=NOW).request.months == 2
    with pytest.raises(NoSuchThing):
        office.desk.edit(request_id, form, actor=at("dora"), now=NOW)
    office.take(request_id, Step.SUBMIT, "grace")
    with pytest.raises(StepNotPossible):
        office.desk.edit(request_id, form, actor=at("grace"), now=NOW)
    with pytest.raises(NotYourStep):
        office.desk.take(request_id, Step.CLOSE, StepBody(), actor=at("dora"), now=NOW)


def test_a_request_does_not_move_to_another_dataset(office: Office) -> None:
    request_id = office.draft(dataset="plain")
    with pytest.raises(InvalidInput, match="its dataset"):
        office.desk.edit(request_id, office.form(), actor=at("grace"), now=NOW)


def test_an_edit_does_not_bring_in_anothers_workspace(office: Office) -> None:
    request_id = office.draft(dataset="plain")
    theirs = office.node.workspace("rosa")
    form = office.form(dataset="plain").model_copy(update={"workspace": theirs})
    with pytest.raises(InvalidInput, match="not registered"):
        office.desk.edit(request_id, form, actor=at("grace"), now=NOW)


def test_a_dataset_with_an_address_elsewhere_takes_no_request_here(office: Office) -> None:
    with pytest.raises(InvalidInput, match=r"https://rems\.example\.org/apply"):
        office.draft(dataset="rems")


def test_edits_have_an_end(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.requests.desk.MAX_EVENTS", 5)
    request_id = office.draft(dataset="plain")
    form = office.form(dataset="plain")
    for _ in range(4):
        office.desk.edit(request_id, form, actor=at("grace"), now=NOW)
    with pytest.raises(StepNotPossible, match="steps"):
        office.desk.edit(request_id, form, actor=at("grace"), now=NOW)
    assert office.take(request_id, Step.CLOSE, "grace").request.state is State.CLOSED


# Ends


def day(days: int) -> str:
    return (datetime.fromtimestamp(NOW, UTC) + timedelta(days=days)).date().isoformat()


def test_a_last_day_shortens_an_approval_and_never_lengthens_it(office: Office) -> None:
    for days, most in ((10, 11 * DAY), (400, 6 * SECONDS_PER_MONTH)):
        request_id = office.submitted(dataset="plain")
        body = StepBody.model_validate({"until": day(days)})
        (grant,) = office.take(request_id, Step.APPROVE, "dora", body).grants
        assert NOW + 10 * DAY < grant.expires <= NOW + most
        assert days == 400 or grant.expires % DAY == 0


def test_a_last_day_that_has_passed_is_refused(office: Office) -> None:
    request_id = office.submitted(dataset="plain")
    with pytest.raises(InvalidInput, match="passed"):
        office.take(request_id, Step.APPROVE, "dora", StepBody.model_validate({"until": day(-1)}))
    assert office.holders(request_id) == []


@pytest.mark.parametrize("step", [Step.RETURN, Step.REJECT])
@pytest.mark.parametrize("body", [{"months": 1}, {"until": "2030-01-01"}, {"obligations": ["x"]}])
def test_what_belongs_to_an_approval_is_refused_elsewhere(
    office: Office, step: Step, body: dict[str, object]
) -> None:
    request_id = office.submitted(dataset="plain")
    with pytest.raises(InvalidInput, match="approval only"):
        office.take(request_id, step, "dora", StepBody.model_validate(body))


def test_a_grant_that_ended_expires_its_request_once(office: Office) -> None:
    request_id = office.submitted(dataset="plain", months=1)
    office.take(request_id, Step.APPROVE, "dora")
    office.node.clock.now += SECONDS_PER_MONTH - 1
    office.desk.attend(now=office.node.clock())
    assert office.see(request_id).request.state is State.APPROVED
    office.node.clock.now += 1
    assert office.desk.attend(now=office.node.clock()) == 1
    assert office.desk.attend(now=office.node.clock()) == 0
    seen = office.see(request_id)
    assert seen.request.state is State.EXPIRED
    assert (seen.request.events[-1].step, seen.request.events[-1].actor) == ("expire", NODE)
    assert '"by":"node"' in office.node.kinds()[-1]
    with pytest.raises(StepNotPossible):
        office.take(request_id, Step.REVOKE, "dora")


@pytest.mark.parametrize("step", [Step.EXPIRE, Step.REMIND])
@pytest.mark.parametrize("person", ["grace", "dora"])
def test_nobody_takes_the_nodes_own_steps(office: Office, step: Step, person: str) -> None:
    request_id = office.submitted(dataset="plain")
    office.take(request_id, Step.APPROVE, "dora")
    with pytest.raises(NotYourStep):
        office.take(request_id, step, person)


# Reminders


def reminders(office: Office, request_id: str) -> int:
    return sum(e.step == Step.REMIND for e in office.see(request_id).request.events)


def test_a_committee_is_reminded_week_by_week_and_not_for_ever(office: Office) -> None:
    request_id = office.submitted(dataset="plain")
    for _ in range(3):
        office.node.clock.now += 6 * DAY
        office.desk.attend(now=office.node.clock())
    assert reminders(office, request_id) == 1
    for _ in range(30):
        office.node.clock.now += 7 * DAY
        office.desk.attend(now=office.node.clock())
    assert reminders(office, request_id) == MAX_REMINDERS


def test_drafts_and_decided_requests_remind_nobody(office: Office) -> None:
    left, rejected = office.draft(dataset="plain"), office.submitted(dataset="plain")
    office.take(rejected, Step.REJECT, "dora")
    office.node.clock.now += 60 * DAY
    assert office.desk.attend(now=office.node.clock()) == 0
    assert reminders(office, left) == reminders(office, rejected) == 0


def test_an_end_is_announced_a_month_and_a_week_before(office: Office) -> None:
    request_id = office.submitted(dataset="plain", months=3)
    office.take(request_id, Step.APPROVE, "dora")
    said = []
    for days in (59, 60, 61, 82, 83, 84, 89):
        office.node.clock.now = NOW + days * DAY
        office.desk.attend(now=office.node.clock())
        said.append(reminders(office, request_id))
    assert said == [0, 1, 1, 1, 2, 2, 2]


# History


@given(st.data())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_the_database_says_is_what_the_events_add_up_to(
    office: Office, data: st.DataObject
) -> None:
    """Whatever is tried, by whomever: the row is the fold of the history."""
    request_id = office.draft("rosa", dataset="plain")
    steps = st.tuples(st.sampled_from(list(Step)), st.sampled_from(["grace", "rosa", "dora"]))
    for step, person in data.draw(st.lists(steps, max_size=12)):
        office.node.clock.now += 1
        try:
            if step is Step.EDIT:
                months = data.draw(st.integers(1, 24))
                form = office.form(dataset="plain", months=months)
                office.desk.edit(request_id, form, actor=at(person), now=office.node.clock())
            else:
                office.take(request_id, step, person)
        except SkerryError:
            continue
    kept = office.node.store.request(request_id)
    assert kept is not None
    first, *rest = kept.events
    assert reduce(after, rest, begun(request_id, first)) == kept
    office.take(request_id, Step.CLOSE, "grace") if kept.state in {
        State.DRAFT, State.SUBMITTED, State.RETURNED, State.APPROVED,
    } else None  # fmt: skip


def test_of_two_who_act_on_the_same_history_the_second_is_refused(office: Office) -> None:
    request_id = office.submitted("rosa", dataset="plain")
    stale = office.see(request_id, "dora").request
    office.take(request_id, Step.ACCEPT, "rosa")
    event = replace(stale.events[-1], step=Step.REJECT)
    with pytest.raises(StepNotPossible, match="moved on"):
        office.node.store.take_step(stale, event, before_commit=lambda: None)


# Asked for elsewhere


@pytest.mark.anyio
async def test_how_a_dataset_is_asked_for_is_told_to_who_may_know_of_it(office: Office) -> None:
    node = office.node
    node.desk, node.book = office.desk, office.book
    transport = httpx.ASGITransport(node.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://node") as http:
        said = {}
        for dataset in ("careful", "plain", "rems", "nowhere"):
            answer = await http.get(
                "/access/asking", params={"dataset": dataset}, headers={"x-test-person": "grace"}
            )
            said[dataset] = answer.json()
        nobody = await http.get("/access/asking", params={"dataset": "plain"})
    assert said["rems"]["requests_at"] == "https://rems.example.org/apply"
    assert (said["careful"]["approvals"], said["careful"]["terms"]["text"]) == (2, TERMS)
    assert (said["plain"]["requests_at"], said["plain"]["terms"]) == (None, None)
    assert said["nowhere"]["error"] == "not_found"
    assert nobody.status_code == 401
