"""The admin confirms and revokes the keys of workspaces; nobody else, and not who approved."""

from __future__ import annotations

import pytest

from access.errors import SeparationOfDuties
from access.recipients import NewKey, Recipients
from access.requests.lifecycle import Step
from schemas import challenge
from schemas.grants import NewRequest, StepBody
from tests.support.access_node import signed_key
from tests.support.admin_node import NOW, AdminNode, at

pytestmark = pytest.mark.anyio


def proven(node: AdminNode, owner: str = "grace") -> str:
    """A workspace whose key is proven and waits to be confirmed."""
    recipients = Recipients(node.node.store, record=node.node.record)
    kept: list[bytes] = []

    def seal(_key: bytes, text: bytes) -> bytes:
        kept.append(text)
        return b"sealed"

    new: NewKey = signed_key(bytes([7]) * 32)
    url = node.settings.public_url
    made = recipients.register(new, owner=at(owner), audience=url, seal=seal, now=NOW)
    recipients.prove(made.workspace_id, challenge.answer(kept[0]), owner=at(owner), now=NOW)
    return made.workspace_id


def usable(node: AdminNode, workspace: str) -> bool:
    recipients = Recipients(node.node.store, record=node.node.record)
    return recipients.approved(workspace, now=NOW) is not None


async def test_an_empty_page_says_how_a_workspace_comes(node: AdminNode) -> None:
    assert "skerry workspace register" in await node.browser().text("/admin/workspaces")


async def test_the_state_of_a_key_is_said_in_the_language_of_whoever_reads(
    node: AdminNode,
) -> None:
    workspace, browser = proven(node), node.browser()
    assert " proven " in await browser.text("/admin/workspaces")
    browser.http.headers["accept-language"] = "de"
    assert " nachgewiesen " in await browser.text("/admin/workspaces")
    await browser.send(f"/admin/workspaces/{workspace}", step="confirm")
    assert " bestätigt " in await browser.text("/admin/workspaces")


async def test_an_admin_confirms_and_revokes_a_workspace(node: AdminNode) -> None:
    workspace, browser = proven(node), node.browser()
    assert "1 workspace key waits to be confirmed." in await browser.text("/admin")
    path = f"/admin/workspaces/{workspace}"
    assert (await browser.send(path, step="confirm")).status_code == 303
    assert usable(node, workspace)
    assert (await browser.send(path, step="revoke")).status_code == 303
    assert not usable(node, workspace)
    steps = [facts["step"] for facts in node.recorded("access.workspace")]
    assert steps == ["register", "prove", "confirm", "revoke"]


@pytest.mark.parametrize("name", ["dora", "grace", "rosa"])
async def test_workspaces_are_the_admins_alone(node: AdminNode, name: str) -> None:
    workspace, browser = proven(node), node.browser(name)
    assert (await browser.get("/admin/workspaces")).status_code == 404
    answer = await browser.send(f"/admin/workspaces/{workspace}", step="confirm")
    assert answer.status_code == 404
    assert not usable(node, workspace)


@pytest.mark.parametrize("fields", [{"csrf": ""}, {"csrf": "wrong"}])
async def test_a_forged_form_changes_nothing(node: AdminNode, fields: dict[str, str]) -> None:
    workspace = proven(node)
    path = f"/admin/workspaces/{workspace}"
    assert (await node.browser().send(path, step="confirm", **fields)).status_code == 403
    assert (await node.browser(None).send(path, step="confirm")).status_code == 401
    assert not usable(node, workspace)


@pytest.mark.parametrize("step", ["", "approve"])
async def test_an_unknown_step_is_a_page_in_words(node: AdminNode, step: str) -> None:
    answer = await node.browser().send(f"/admin/workspaces/{proven(node)}", step=step)
    assert answer.status_code == 400
    assert "Choose what to do" in answer.text


async def test_the_owner_cannot_confirm_even_as_admin(node: AdminNode) -> None:
    workspace = proven(node, owner="adam")
    answer = await node.browser().send(f"/admin/workspaces/{workspace}", step="confirm")
    assert answer.status_code == 403
    assert not usable(node, workspace)
    assert (await node.browser("anna").send(
        f"/admin/workspaces/{workspace}", step="confirm"
    )).status_code == 303  # fmt: skip


async def test_who_approved_cannot_confirm_even_as_admin(node: AdminNode) -> None:
    workspace = proven(node)
    new = NewRequest(
        dataset="isle", project="Sight", purpose="Eyes.", workspace=workspace, months=6
    )
    desk = node.node.requests
    made = desk.create(new, requester=at("grace"), now=NOW)
    desk.take(made.request_id, Step.SUBMIT, StepBody(), actor=at("grace"), now=NOW)
    assert "1 request for isle waits for its committee" in await node.browser().text("/admin")
    desk.take(made.request_id, Step.APPROVE, StepBody(), actor=at("dora"), now=NOW)
    both = Recipients(node.node.store, record=node.node.record)
    with pytest.raises(SeparationOfDuties, match="approved a request"):
        both.confirm(workspace, admin=at("dora"), now=NOW)
    assert not usable(node, workspace)
