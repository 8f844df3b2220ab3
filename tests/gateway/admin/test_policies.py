"""Policies on the pages: tried before they hold, put in force, gone back from, confirmed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from access.policies.decision import Action
from gateway import policy_reading
from gateway.pages.admin.policies import MAX_TEXT_BYTES
from gateway.pages.admin.snippet import with_dataset
from tests.support.admin_node import NOW, POLICY, AdminNode, Browser, at, plain

pytestmark = pytest.mark.anyio

DRAFT = "/admin/policies/draft"
ISLE = dict(POLICY["datasets"][0])  # type: ignore[index]
OPEN: Mapping[str, object] = {
    "version": "two",
    "datasets": [{**ISLE, "level": "public", "profile": "open", "ceilings": {"public": "boolean"}}],
    "tests": [
        {"given": {"persona": "anonymous", "dataset": "isle"}, "expect": {"outcome": "permit"}}
    ],
}


def text_of(policy: Mapping[str, object]) -> str:
    return yaml.safe_dump(dict(policy), sort_keys=False)


async def hidden(browser: Browser, path: str = DRAFT) -> dict[str, str]:
    page = (await browser.get(path)).text
    return dict(re.findall(r'name="(opened|over)" value="([^"]*)"', page))


async def activate(browser: Browser, policy: Mapping[str, object], *, reason: str = "Why.") -> str:
    """Where the browser is sent."""
    fields = await hidden(browser)
    sent = {**fields, "text": text_of(policy), "reason": reason, "do": "activate"}
    answer = await browser.send(DRAFT, **sent)
    assert answer.status_code == 303, plain(answer.text)
    return answer.headers["location"]


def in_force(node: AdminNode) -> int | None:
    active = policy_reading.versions_of(node.home).active()
    return None if active is None else active.number


async def test_the_rule_in_force_stands_in_words(node: AdminNode) -> None:
    said = await node.browser().text("/admin/policies")
    assert "registered researchers: get counts" in said
    assert "anyone: get no answer" in said
    assert "No version was put in force yet" in said


async def test_a_text_is_tried_before_it_holds(node: AdminNode) -> None:
    for _ in range(3):
        node.node.book.consult(None, Action.DISCOVER, now=NOW)
    node.node.book.keep_facts(NOW)
    browser = node.browser()
    answer = await browser.send(DRAFT, text=text_of(OPEN), do="check", **await hidden(browser))
    said = plain(answer.text)
    assert "The test holds" in said
    assert "anyone: learn whether something is there" in said
    assert "3 past decisions were tried again; these would change" in said
    assert "isle questions 3 refused; they need to be registered researchers" in said
    assert "answered with yes or no; it answers anyone" in said
    assert "+version: two" in said
    assert in_force(node) is None


async def test_a_text_whose_test_fails_says_which_and_does_not_come_into_force(
    node: AdminNode,
) -> None:
    browser = node.browser()
    bad = {**OPEN, "datasets": [ISLE]}
    fields = await hidden(browser)
    tried = await browser.send(DRAFT, text=text_of(bad), do="check", **fields)
    assert "1 of 1 test fails" in plain(tried.text)
    answer = await browser.send(DRAFT, text=text_of(bad), do="activate", reason="Why.", **fields)
    assert answer.status_code == 400
    assert "expected permit, got deny" in answer.text
    assert in_force(node) is None
    assert node.recorded("admin.made") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("datasets: {}", "line 1"),
        ("version: '1'\ndatasets: []\nsurprise: 1", "line 3: surprise"),
        ("{[", "not YAML"),
        ("", "line 1"),
        ("a: &a [*a, *a]", "line 1"),
        ("\x00", "not YAML"),
    ],
)
async def test_a_text_that_cannot_be_read_keeps_its_words_and_names_the_line(
    node: AdminNode, text: str, said: str
) -> None:
    browser = node.browser()
    for do in ("check", "activate"):
        answer = await browser.send(DRAFT, text=text, do=do, reason="Why.", **await hidden(browser))
        assert answer.status_code == 400
        assert said in plain(answer.text)
    assert in_force(node) is None


async def test_a_policy_is_put_in_force_at_once_and_on_record(node: AdminNode) -> None:
    browser = node.browser()
    assert await activate(browser, OPEN) == "/admin/policies"
    assert in_force(node) == 1
    decided = node.node.book.decide(None, "isle", Action.DISCOVER, now=NOW)
    assert decided.allowed
    made = node.recorded("admin.made")
    assert [(facts["what"], facts["by"]) for facts in made] == [
        ("policy.activate", node.node.record.pseudonym(at("adam")))
    ]
    assert "Version 1 in force" in await browser.text("/admin/policies")
    assert yaml.safe_load(node.home.policies.read_text()) == OPEN


async def test_an_admin_goes_back_to_a_former_version(node: AdminNode) -> None:
    browser = node.browser()
    await activate(browser, POLICY)
    await activate(browser, OPEN)
    page = "/admin/policies/1"
    said = await browser.text(page)
    assert "anyone: get no answer" in said
    over = await hidden(browser, page)
    assert (await browser.send(page, reason="Too open.", **over)).status_code == 303
    assert in_force(node) == 1
    assert not node.node.book.decide(None, "isle", Action.DISCOVER, now=NOW).allowed
    assert "went back" not in (await browser.text("/admin/policies")).split("Version 1")[0]


async def test_of_two_admins_on_one_state_the_second_is_told(node: AdminNode) -> None:
    adam, anna = node.browser("adam"), node.browser("anna")
    stale = await hidden(anna)
    await activate(adam, OPEN)
    sent = {**stale, "text": text_of(POLICY), "reason": "Why.", "do": "activate"}
    answer = await anna.send(DRAFT, **sent)
    assert answer.status_code == 409
    assert "came into force meanwhile" in answer.text
    assert in_force(node) == 1


async def test_the_draft_is_kept_and_never_over_anothers(node: AdminNode) -> None:
    browser = node.browser()
    first = await browser.send(DRAFT, text=text_of(OPEN), do="keep", **await hidden(browser))
    assert first.status_code == 409  # no version in force: the file itself would hold
    await activate(browser, POLICY)
    stale = await hidden(browser)
    kept = await browser.send(DRAFT, text=text_of(OPEN), do="keep", **stale)
    assert kept.status_code == 303
    assert yaml.safe_load(node.home.policies.read_text()) == OPEN
    again = await browser.send(DRAFT, text=text_of(POLICY), do="keep", **stale)
    assert again.status_code == 409
    assert yaml.safe_load(node.home.policies.read_text()) == OPEN
    assert in_force(node) == 1


@pytest.mark.parametrize("reason", ["", "x" * 600, "two\nlines"])
async def test_a_reason_is_needed(node: AdminNode, reason: str) -> None:
    browser = node.browser()
    sent = {**await hidden(browser), "text": text_of(OPEN), "reason": reason, "do": "activate"}
    assert (await browser.send(DRAFT, **sent)).status_code == 400
    assert in_force(node) is None


async def test_what_is_too_large_is_refused_in_words(node: AdminNode) -> None:
    browser = node.browser()
    answer = await browser.send(DRAFT, text="#" * (MAX_TEXT_BYTES + 1), do="check")
    assert answer.status_code == 413
    assert (await browser.send(DRAFT, text="a", do="dance")).status_code == 400


@pytest.mark.parametrize("number", ["0", "7", "x", "01", "9" * 30])
async def test_a_version_that_is_not_there_is_not_found(node: AdminNode, number: str) -> None:
    browser = node.browser()
    assert (await browser.get(f"/admin/policies/{number}")).status_code == 404
    assert (await browser.send(f"/admin/policies/{number}", reason="x")).status_code == 404


@pytest.mark.parametrize("name", ["dora", "mallory"])
async def test_policies_are_the_admins_alone(node: AdminNode, name: str) -> None:
    browser = node.browser(name)
    for path in ("/admin/policies", DRAFT, "/admin/changes"):
        assert (await browser.get(path)).status_code == 404
    sent = {"text": text_of(OPEN), "reason": "Why.", "do": "activate", "over": "0" * 64}
    assert (await browser.send(DRAFT, **sent)).status_code == 404
    assert (await node.browser().send(DRAFT, csrf="", **sent)).status_code == 403
    assert in_force(node) is None


async def test_a_text_is_shown_as_text(node: AdminNode) -> None:
    sent = "version: '1' # </textarea><b>\ndatasets: []\n"
    answer = await node.browser().send(DRAFT, text=sent, do="check")
    assert "</textarea><b>" not in answer.text
    assert "&lt;/textarea&gt;&lt;b&gt;" in answer.text


@pytest.fixture
def four_eyes(tmp_path: Path) -> AdminNode:
    return AdminNode(tmp_path, policies={**POLICY, "second_person": ["policies"]})


async def test_with_four_eyes_a_policy_waits_for_another_admin(four_eyes: AdminNode) -> None:
    adam, anna = four_eyes.browser("adam"), four_eyes.browser("anna")
    page = await activate(adam, OPEN)
    assert page.startswith("/admin/changes/change-")
    assert in_force(four_eyes) is None
    assert "adam@https://signin.example proposed a change: Why." in await anna.text("/admin")
    shown = await anna.text(page)
    assert "version: two" in shown
    assert "The test holds" in shown
    assert "anyone: learn whether something is there" in shown
    assert (await adam.send(page, step="confirm")).status_code == 403
    assert in_force(four_eyes) is None
    assert (await anna.send(page, step="confirm")).status_code == 303
    assert in_force(four_eyes) == 1
    assert policy_reading.versions_of(four_eyes.home).history()[0].author == at("adam")
    assert (await anna.send(page, step="confirm")).status_code == 409
    assert "done" in await anna.text(page)
    confirmed = four_eyes.recorded("admin.confirmed")
    assert [facts["by"] for facts in confirmed] == [four_eyes.node.record.pseudonym(at("anna"))]
    await four_eyes.close()


async def test_a_proposal_on_a_state_that_is_gone_fails_and_says_so(four_eyes: AdminNode) -> None:
    adam, anna = four_eyes.browser("adam"), four_eyes.browser("anna")
    first = await activate(adam, {**OPEN, "second_person": ["policies"]})
    second = await activate(adam, POLICY)
    assert (await anna.send(first, step="confirm")).status_code == 303
    assert (await anna.send(second, step="confirm")).status_code == 409
    assert in_force(four_eyes) == 1
    assert "It failed" in await anna.text(second)
    await four_eyes.close()


async def test_a_proposal_is_withdrawn(four_eyes: AdminNode) -> None:
    adam = four_eyes.browser("adam")
    page = await activate(adam, OPEN)
    for wrong in ({"step": "dance"}, {}):
        assert (await adam.send(page, **wrong)).status_code == 400
    assert (await four_eyes.browser("dora").send(page, step="withdraw")).status_code == 404
    assert (await adam.send(page, step="withdraw")).status_code == 303
    assert (await four_eyes.browser("anna").send(page, step="confirm")).status_code == 409
    assert in_force(four_eyes) is None
    await four_eyes.close()


async def test_four_eyes_with_one_admin_is_said(tmp_path: Path) -> None:
    node = AdminNode(
        tmp_path, admins=(at("adam"),), policies={**POLICY, "second_person": ["policies"]}
    )
    assert "one admin only" in await node.browser().text("/admin")
    assert "nobody can confirm" in await node.browser().text("/admin/changes")
    await node.close()


@pytest.mark.parametrize(
    "text",
    [
        "version: '1'\ndatasets: []\n",
        "version: '1'\ndatasets:\n  - id: a\n    level: public  # kept\n",
        "datasets:\n# first\n- {id: a, level: public}\nversion: '1'\n",
        "datasets:  # none yet\n",
    ],
)
def test_a_closed_policy_is_added_where_the_author_lists_them(text: str) -> None:
    made = with_dataset(text, "new", public_url="https://n.example")
    read = yaml.safe_load(made)
    assert [one["level"] for one in read["datasets"] if one["id"] == "new"] == ["controlled"]
    assert len(read["datasets"]) == len(yaml.safe_load(text)["datasets"] or []) + 1
    assert ("# kept" in made) == ("# kept" in text)


@pytest.mark.parametrize(
    ("text", "dataset"),
    [
        ("version: '1'\ndatasets: [{id: a, level: public}]\n", "new"),
        ("version: '1'\n", "new"),
        ("datasets:\n  - id: new\n    level: public\n", "new"),
        ("datasets: []\n", 'x"\n- id: evil'),
    ],
)
def test_a_text_that_would_not_read_with_it_stays_as_it_is(text: str, dataset: str) -> None:
    assert with_dataset(text, dataset, public_url="https://n.example") == text
