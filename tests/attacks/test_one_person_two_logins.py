"""Somebody with two logins, whom the node knows to be one, is one person where two must agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from access.admin_changes import AdminChanges
from access.airlock.life import AirlockStep, CandidateState
from access.errors import SeparationOfDuties
from access.linked import MAX_IDENTITIES, Linked, at_sign_in
from access.policies.policy import PolicyBook
from access.requests.lifecycle import Step
from access.runs.rules import REVIEWERS
from gateway.http_errors import ErrorTable
from gateway.pages.signin import Desk
from passports.sessions import Sessions, cookie_name
from schemas.errors import InvalidInput
from schemas.grants import NewRequest
from tests.support.access_node import NOW, AccessNode, at, policy, researcher
from tests.support.broker import BROKER, NODE, Clock, Federation, streamed
from tests.support.grants import active_grant
from tests.support.hostile_provider import ISSUER, HostileProvider
from tests.support.run_node import RunNode


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    policies = [replace(policy("ds1", "dora", "dora2", "emil"), approvals=2)]
    made.book = PolicyBook(policies, version="2")
    made.desk._book = made.book
    yield made
    made.close()


def link(node: AccessNode, one: str, *others: str) -> None:
    """As a passport that brings links is seen at a door."""
    linked = frozenset(at(other) for other in others)
    Linked(node.store).note(replace(researcher(one), linked=linked))


def granted(node: AccessNode, person: str = "grace") -> bool:
    return active_grant(node.store, at(person), "ds1", now=NOW) is not None


def test_two_logins_of_a_member_are_one_approval(node: AccessNode) -> None:
    link(node, "dora", "dora2")
    request = node.submitted(node.workspace())
    node.take(request, Step.APPROVE, by="dora")
    with pytest.raises(SeparationOfDuties, match="another member"):
        node.take(request, Step.APPROVE, by="dora2")
    assert Step.APPROVE not in node.desk.see(request, viewer=at("dora2")).steps
    assert not granted(node)
    node.take(request, Step.APPROVE, by="emil")
    assert granted(node)


def test_two_people_whom_nothing_links_are_two(node: AccessNode) -> None:
    request = node.submitted(node.workspace())
    node.take(request, Step.APPROVE, by="dora")
    node.take(request, Step.APPROVE, by="dora2")
    assert granted(node)


def test_approvals_of_before_the_link_was_known_count_once(node: AccessNode) -> None:
    node.book = PolicyBook(
        [replace(policy("ds1", "dora", "dora2", "emil", "finn"), approvals=3)], version="3"
    )
    node.desk._book = node.book
    request = node.submitted(node.workspace())
    for member in ("dora", "dora2"):
        node.take(request, Step.APPROVE, by=member)
    link(node, "dora2", "dora")
    node.take(request, Step.APPROVE, by="emil")
    assert not granted(node)
    node.take(request, Step.APPROVE, by="finn")
    assert granted(node)


@pytest.mark.parametrize("step", [Step.APPROVE, Step.REJECT, Step.RETURN])
def test_nobody_decides_by_a_second_login_on_a_request_of_their_own(
    node: AccessNode, step: Step
) -> None:
    link(node, "grace", "dora2")
    request = node.submitted(node.workspace())
    assert step not in node.desk.see(request, viewer=at("dora2")).steps
    with pytest.raises(SeparationOfDuties, match="of their own"):
        node.take(request, step, by="dora2")
    assert any(f"refused {step}" in line for line in node.kinds())


def test_links_over_several_logins_are_followed(node: AccessNode) -> None:
    link(node, "a", "b")
    link(node, "c", "b")
    linked = Linked(node.store)
    assert linked.same(at("a")) == {at("a"), at("b"), at("c")}
    assert linked.same(at("z")) == {at("z")}
    assert linked.people([at("a"), at("c"), at("z")]) == 2


def test_many_logins_that_each_tell_of_all_hide_none_that_only_one_tells_of(
    node: AccessNode,
) -> None:
    logins = [f"n{number}" for number in range(30)]
    for one in logins:
        link(node, one, *(other for other in logins if other != one))
    link(node, logins[-1], "last")
    assert Linked(node.store).same(at("n0")) == {at(one) for one in (*logins, "last")}


def test_of_more_links_than_are_followed_nobody_says_that_two_agree(node: AccessNode) -> None:
    linked = Linked(node.store)
    linked.join(at("dora"), frozenset(at(f"n{number}") for number in range(MAX_IDENTITIES - 1)))
    assert len(linked.same(at("n0"))) == MAX_IDENTITIES
    request = node.submitted(node.workspace())
    node.take(request, Step.APPROVE, by="emil")
    linked.join(at("n7"), frozenset({at("dora2")}))
    for one in ("dora", "dora2"):
        with pytest.raises(SeparationOfDuties, match="More than 200"):
            node.take(request, Step.APPROVE, by=one)
        with pytest.raises(SeparationOfDuties, match="More than 200"):
            linked.people([at("emil"), at(one)])
    assert not granted(node)


def test_an_endless_chain_ends(node: AccessNode) -> None:
    for number in range(MAX_IDENTITIES + 1):
        link(node, f"n{number}", f"n{number + 1}")
    with pytest.raises(SeparationOfDuties):
        Linked(node.store).same(at("n0"))


def test_a_link_gives_no_right_to_see_or_ask(node: AccessNode) -> None:
    link(node, "mallory", "grace")
    node.submitted(node.workspace())
    assert node.desk.listed(at("mallory")) == ()


def test_a_workspaces_key_is_not_confirmed_by_its_owners_other_login(node: AccessNode) -> None:
    link(node, "adam", "grace")
    workspace = node.workspace(confirmed_by=None)
    with pytest.raises(SeparationOfDuties):
        node.recipients.confirm(workspace, admin=at("adam"), now=NOW)


def test_who_confirmed_a_key_does_not_approve_for_it_by_another_login(node: AccessNode) -> None:
    link(node, "adam", "dora")
    request = node.submitted(node.workspace())
    with pytest.raises(SeparationOfDuties):
        node.take(request, Step.APPROVE, by="dora")


def test_who_approved_does_not_confirm_the_key_by_another_login(node: AccessNode) -> None:
    link(node, "adam", "dora")
    workspace = node.workspace(confirmed_by=None)
    node.take(node.submitted(workspace), Step.APPROVE, by="dora")
    with pytest.raises(SeparationOfDuties):
        node.recipients.confirm(workspace, admin=at("adam"), now=NOW)


def test_an_admins_change_is_not_confirmed_by_their_other_login(node: AccessNode) -> None:
    link(node, "adam", "anna")
    changes = AdminChanges(node.store, record=node.record)
    change = changes.propose("dataset.remove", {"x": "y"}, reason="Old.", by=at("adam"), now=NOW)
    with pytest.raises(SeparationOfDuties):
        changes.confirm(change.id, by=at("anna"), now=NOW, make=lambda _: pytest.fail("made"))


@pytest.fixture
def run_node(tmp_path: Path) -> Iterator[RunNode]:
    """Its committee is dora, emil and vera."""
    made = RunNode(tmp_path)
    yield made
    made.close()


def test_a_committee_of_two_logins_cannot_approve_what_is_to_run(run_node: RunNode) -> None:
    found = run_node.book.policy("ds1")
    assert found is not None
    two = replace(found, committee=(at("dora"), at("emil")))
    run_node.access.desk._book = PolicyBook([two], version="2")
    link(run_node.access, "dora", "fred")
    link(run_node.access, "emil", "fred")
    new = NewRequest(
        dataset="ds1", project="Sight", purpose="Eyes.", months=6, run=run_node.terms(),
        workspace=run_node.registered().workspace_id,
    )  # fmt: skip
    with pytest.raises(InvalidInput, match=f"{REVIEWERS} of a committee"):
        run_node.access.desk.create(new, requester=at("grace"), now=NOW)


def waiting(node: RunNode) -> str:
    """An output that two people decide on."""
    node.approved(node.terms())
    figure = {"kind": "other", "description": "a figure", "content": "eA=="}
    run, _ = node.started()
    found = node.airlock.offer(
        run, json.dumps(figure).encode(), workspace=node.workspace(), now=NOW
    )
    assert found.state is CandidateState.WAITING, found.reasons
    return found.candidate_id


def decide(node: RunNode, output: str, step: AirlockStep, by: str) -> CandidateState:
    seen = node.airlock.take_step(output, step, "because", actor=at(by), now=NOW)
    return seen.candidate.state


def test_an_output_is_not_released_by_two_logins_of_one_member(run_node: RunNode) -> None:
    output = waiting(run_node)
    link(run_node.access, "emil", "dora")
    assert decide(run_node, output, AirlockStep.APPROVE, "dora") is CandidateState.WAITING
    with pytest.raises(SeparationOfDuties, match="another member"):
        decide(run_node, output, AirlockStep.APPROVE, "emil")
    seen = run_node.airlock.see(output, viewer=at("emil"))
    assert AirlockStep.APPROVE not in seen.steps
    assert decide(run_node, output, AirlockStep.APPROVE, "vera") is CandidateState.RELEASED


@pytest.mark.parametrize("step", [AirlockStep.APPROVE, AirlockStep.REFUSE])
def test_nobody_decides_by_a_second_login_on_an_output_of_their_own(
    run_node: RunNode, step: AirlockStep
) -> None:
    output = waiting(run_node)
    link(run_node.access, "grace", "vera")
    assert run_node.airlock.see(output, viewer=at("vera")).steps == ()
    with pytest.raises(SeparationOfDuties, match="of their own"):
        decide(run_node, output, step, "vera")


# Where links come from


def _value(*identities: tuple[str, str]) -> str:
    return ";".join(f"{quote(sub, safe='')},{quote(iss, safe='')}" for sub, iss in identities)


@pytest.mark.anyio
async def test_a_trusted_link_in_a_passport_is_told_and_an_untrusted_one_is_not() -> None:
    federation = Federation()
    uni = "https://uni.example"
    told = federation.broker.visa("LinkedIdentities", _value(("r-17", uni)), by="system")
    other = federation.broker.visa(
        "LinkedIdentities", _value(("x", uni)), sub="somebody", by="system"
    )
    forged = federation.node.visa("LinkedIdentities", _value(("y", uni)), by="system")
    house = federation.clearinghouse()
    found = await house.admit(federation.passport([told, other, forged]))
    assert found.linked == {f"r-17@{uni}"}
    assert found.identity == f"rosa@{BROKER}"
    assert (await house.admit(federation.passport([forged]))).linked == frozenset()


@pytest.mark.anyio
async def test_a_link_is_kept_at_the_door_before_anything_is_done(node: AccessNode) -> None:
    linked = Linked(node.store)
    shown = replace(researcher("dora"), linked=frozenset({at("dora2")}))

    assert await linked.noted(shown) == await linked.noted(shown) == shown
    assert linked.knows(shown)
    assert Linked(node.store).same(at("dora2")) == {at("dora"), at("dora2")}


@pytest.mark.anyio
async def test_the_unlinked_leave_nothing(node: AccessNode) -> None:
    linked = Linked(node.store)
    await linked.noted(researcher("dora"))
    assert linked.same(at("dora")) == {at("dora")}


USERINFO = f"{ISSUER}/userinfo"


class SigningIn:
    """A node's sign-in; its provider's userinfo brings visas that `federation` is asked about."""

    def __init__(self, node: AccessNode, *, userinfo: str | None = USERINFO) -> None:
        discovery = {} if userinfo is None else {"userinfo_endpoint": userinfo}
        self.federation = Federation()
        self.provider = HostileProvider(**discovery)
        self.sessions, self.asked = Sessions(Clock()), 0
        self.visas, self.status = list[str](), 200
        self.provider.network.serve(USERINFO, self._userinfo)
        self.linked = Linked(node.store)

    def _userinfo(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        body = {"sub": "rosa", "ga4gh_passport_v1": self.visas}
        return streamed(body) if self.status == 200 else httpx.Response(self.status)

    async def finished(self) -> httpx.Response:
        router, app = APIRouter(), FastAPI()
        login, trust = self.provider.login, self.federation.trust()
        house = self.federation.clearinghouse()
        greet = at_sign_in(login, trust=trust, house=house, linked=self.linked)
        Desk(self.sessions, public_url=NODE).add_routes(router, login=login, greet=greet)
        app.include_router(router)
        ErrorTable(bodies={}, realm="test").install(app)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=NODE) as browser:
            begun = await browser.get("/signin")
            sent = dict(parse_qsl(urlsplit(begun.headers["location"]).query))
            self.provider.claims = {"nonce": sent["nonce"]}
            back = {"state": sent["state"], "iss": ISSUER, "code": "code"}
            return await browser.get("/signin/done", params=back)

    def link(self, *others: str, by: str = "system", sub: str = "rosa") -> str:
        """Signed by the federation's broker, for its own `sub`."""
        value = _value(*((other, ISSUER) for other in others))
        return self.federation.broker.visa("LinkedIdentities", value, by=by, sub=sub)


def at_provider(name: str) -> str:
    return f"{name}@{ISSUER}"


@pytest.mark.anyio
async def test_a_link_is_known_from_a_sign_in_in_a_browser_too(node: AccessNode) -> None:
    browser = SigningIn(node)
    browser.visas = [browser.link("rosa", "dora2"), browser.link("x", "y", sub="other")]
    answer = await browser.finished()
    assert answer.status_code == 303
    assert cookie_name("node", NODE) in answer.cookies
    same = {at_provider("rosa"), at_provider("dora2"), f"rosa@{BROKER}"}
    assert browser.linked.same(at_provider("dora2")) == same
    assert browser.linked.same(at_provider("x")) == {at_provider("x")}


@pytest.mark.anyio
async def test_a_forged_link_at_a_sign_in_is_none(node: AccessNode) -> None:
    browser = SigningIn(node)
    value = _value(("rosa", ISSUER), ("dora2", ISSUER))
    browser.visas = [browser.federation.node.visa("LinkedIdentities", value, by="system"), "x.y.z"]
    assert (await browser.finished()).status_code == 303
    assert browser.linked.same(at_provider("rosa")) == {at_provider("rosa")}


@pytest.mark.anyio
@pytest.mark.parametrize("status", [500, 503, 401, 302])
async def test_nobody_is_let_in_whose_links_cannot_be_known(node: AccessNode, status: int) -> None:
    browser = SigningIn(node)
    browser.visas, browser.status = [browser.link("rosa", "dora2")], status
    answer = await browser.finished()
    assert 400 <= answer.status_code <= 503
    assert browser.asked == 1
    assert cookie_name("node", NODE) not in answer.cookies


@pytest.mark.anyio
async def test_where_nobody_is_trusted_to_link_the_provider_is_not_asked(node: AccessNode) -> None:
    browser = SigningIn(node)
    browser.federation.visa_issuers = browser.federation.visa_issuers[1:]
    browser.status = 500
    assert (await browser.finished()).status_code == 303
    assert browser.asked == 0


@pytest.mark.anyio
async def test_a_provider_without_userinfo_lets_in_as_before(node: AccessNode) -> None:
    browser = SigningIn(node, userinfo=None)
    assert (await browser.finished()).status_code == 303
    assert browser.asked == 0
