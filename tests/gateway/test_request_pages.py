"""The pages of requests: ask, change, attach, accept, decide; for nobody else, without a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from access.policies.policy import PolicyBook
from access.requests.approval import terms_digest
from access.requests.desk import RequestDesk
from access.requests.lifecycle import State, Step
from schemas.data_use import DataUseRequest
from schemas.grants import NewRequest, StepBody
from tests.gateway.test_pages import Pages, token_on
from tests.support.access_node import NOW, URL, AccessNode, at, policy
from tests.support.grants import active_grant

pytestmark = pytest.mark.anyio

TERMS = "Never try to recognise <participants>."
REMS = "https://rems.example.org/apply-for?resource=far"
PDF = b"%PDF-1.7\nvote"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    made.book = PolicyBook(
        (
            replace(policy("ds1", "dora", "emil"), approvals=2, terms=TERMS),
            policy("ds2", "emil"),
            policy("hidden", "dora", listed=False),
            replace(policy("far", "dora"), requests_at=REMS),
        ),
        version="1",
    )
    made.desk = RequestDesk(
        made.store,
        recipients=made.recipients,
        book=made.book,
        record=made.record,
        check=made.check,
    )
    yield made
    made.close()


@pytest.fixture
def pages(node: AccessNode) -> Pages:
    return Pages(node)


def form(node: AccessNode, **changed: str) -> dict[str, str]:
    fields = {
        "dataset": "ds1",
        "project": "Hearts <b>",
        "purpose": "To learn.",
        "workspace": node.workspace(),
        "months": "6",
        "codes": "disease",
        "organisation_type": "not_for_profit",
        "members": at("rosa"),
    }
    return fields | changed


async def send(
    browser: httpx.AsyncClient, path: str, fields: dict[str, str], *, seen_on: str = "/requests"
) -> httpx.Response:
    csrf = await token_on(browser, seen_on)
    return await browser.post(path, data=fields | {"csrf": csrf}, headers={"origin": URL})


async def made(pages: Pages, node: AccessNode, **changed: str) -> str:
    answer = await send(pages.browser("grace"), "/requests/new", form(node, **changed))
    assert answer.status_code == 303
    return str(answer.headers["location"])


async def test_the_state_of_a_request_and_of_its_workspace_is_said_in_german(
    node: AccessNode, pages: Pages
) -> None:
    path = await made(pages, node, dataset="ds2", members="")
    emil, grace = pages.browser("emil"), pages.browser("grace")
    assert (await send(grace, path, {"step": "submit"})).status_code == 303
    emil.headers["accept-language"] = "de"
    for page in ("/requests", path):
        assert '<span class="chip submitted">eingereicht</span>' in (await emil.get(page)).text
    assert "(bestätigt), Schlüssel" in (await emil.get(path)).text
    assert '<span class="chip submitted">submitted</span>' in (await grace.get(path)).text


async def test_from_form_to_grant_by_pages_alone(node: AccessNode, pages: Pages) -> None:
    path = await made(pages, node)
    grace, rosa = pages.browser("grace"), pages.browser("rosa")
    dora, emil = pages.browser("dora"), pages.browser("emil")
    page = (await grace.get(path)).text
    assert "Hearts &lt;b&gt;" in page
    assert "&lt;participants&gt;" in page
    upload = await grace.post(
        f"{path}/attachments",
        data={"csrf": await token_on(grace, path)},
        files={"file": ("vote.pdf", PDF, "text/html")},
        headers={"origin": URL},
    )
    assert upload.status_code == 303
    refused = await send(grace, path, {"step": "submit"})
    assert refused.status_code == 400
    assert "terms" in refused.text
    digest = terms_digest(TERMS)
    assert (await send(grace, path, {"step": "submit", "terms": digest})).status_code == 303
    (link,) = re.findall(r'href="(/requests/[^"]+/attachments/[^"]+)"', (await dora.get(path)).text)
    read = await dora.get(link)
    assert (read.content, read.headers["content-type"]) == (PDF, "application/octet-stream")
    assert (await rosa.get(link)).status_code == 404
    assert (await send(rosa, path, {"step": "accept", "terms": digest})).status_code == 303
    await send(dora, path, {"step": "approve", "months": "3", "obligations": "Report.\nCite."})
    assert "1 of 2 approvals" in (await emil.get(path)).text
    await send(emil, path, {"step": "approve", "months": "6"})
    assert active_grant(node.store, at("rosa"), "ds1", now=NOW) is not None
    own = (await grace.get(path)).text
    assert "Report." in own
    assert at("dora") not in own
    assert at("dora") in (await emil.get(path)).text


async def test_a_check_keeps_nothing_and_gives_the_form_back(
    node: AccessNode, pages: Pages
) -> None:
    answer = await send(
        pages.browser("grace"), "/requests/new", form(node, do="check", diseases="MONDO:1")
    )
    assert answer.status_code == 200
    assert "A person must judge" in answer.text
    assert 'value="MONDO:1"' in answer.text
    assert node.store.requests_of(at("grace")) == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"months": "99"}, "months"),
        ({"ethics_until": "soon"}, "valid_until"),
        ({"members": "Rosa"}, "sub@issuer"),
        ({"workspace": "ws-unknown"}, "not registered"),
        ({"project": ""}, "project"),
    ],
)
async def test_a_form_that_cannot_be_kept_comes_back_filled_and_says_why(
    node: AccessNode, pages: Pages, changed: dict[str, str], said: str
) -> None:
    answer = await send(pages.browser("grace"), "/requests/new", form(node, **changed))
    assert answer.status_code == 400
    assert said in answer.text
    assert "To learn." in answer.text
    assert node.store.requests_of(at("grace")) == ()


@pytest.mark.parametrize("dataset", ["hidden", "nowhere", ""])
async def test_a_dataset_that_is_not_listed_has_no_form(
    node: AccessNode, pages: Pages, dataset: str
) -> None:
    grace = pages.browser("grace")
    shown = await grace.get("/requests/new", params={"dataset": dataset})
    sent = await send(grace, "/requests/new", form(node, dataset=dataset))
    assert (shown.status_code, sent.status_code) == (404, 404)
    assert ">hidden<" not in (await grace.get("/requests")).text


async def test_what_is_asked_elsewhere_leads_there(node: AccessNode, pages: Pages) -> None:
    page = (await pages.browser("grace").get("/requests")).text
    assert f'href="{REMS}"' in page
    assert "tracked there" in page
    sent = await send(pages.browser("grace"), "/requests/new", form(node, dataset="far"))
    assert sent.status_code == 400
    assert node.store.requests_of(at("grace")) == ()


async def test_a_draft_is_changed_on_its_page_until_it_is_sent(
    node: AccessNode, pages: Pages
) -> None:
    path, grace = await made(pages, node, dataset="ds2"), pages.browser("grace")
    shown = (await grace.get(f"{path}/edit")).text
    assert "checked" in shown
    assert at("rosa") in shown
    changed = form(node, dataset="ds1", project="Eyes")
    assert (await send(grace, f"{path}/edit", changed)).status_code == 303
    request = node.store.request(path.rpartition("/")[2])
    assert request is not None
    assert (request.dataset, request.project) == ("ds2", "Eyes")
    await send(grace, path, {"step": "submit"})
    assert (await grace.get(f"{path}/edit")).status_code == 400
    assert (await send(grace, f"{path}/edit", changed)).status_code == 400


@pytest.mark.parametrize("step", ["return", "reject", "revoke"])
async def test_a_no_needs_its_reason(node: AccessNode, pages: Pages, step: str) -> None:
    path = await made(pages, node, dataset="ds2")
    await send(pages.browser("grace"), path, {"step": "submit"})
    answer = await send(pages.browser("emil"), path, {"step": step, "note": "  "})
    assert answer.status_code == 400
    assert "reason" in answer.text
    assert '<a href="/requests">Back</a>' in answer.text


@pytest.mark.parametrize("step", ["", "expire", "create", "edit", "attach", "nonsense", "remind"])
async def test_a_step_that_is_nobodys_button_is_refused(
    node: AccessNode, pages: Pages, step: str
) -> None:
    path = await made(pages, node, dataset="ds2")
    answer = await send(pages.browser("grace"), path, {"step": step})
    assert 400 <= answer.status_code < 500
    request = node.store.request(path.rpartition("/")[2])
    assert request is not None
    assert (request.state, len(request.events)) == (State.DRAFT, 1)


@pytest.mark.parametrize("field", ["months", "until", "obligations"])
@pytest.mark.parametrize("value", ["9" * 5000, "-1", "x" * 600])
async def test_an_absurd_approval_is_refused_in_words(
    node: AccessNode, pages: Pages, field: str, value: str
) -> None:
    path = await made(pages, node, dataset="ds2")
    await send(pages.browser("grace"), path, {"step": "submit"})
    emil = pages.browser("emil")
    answer = await send(emil, path, {"step": "approve", field: value})
    if (field, value) == ("obligations", "-1"):
        assert answer.status_code == 303
        return
    assert answer.status_code == 400
    assert active_grant(node.store, at("grace"), "ds2", now=NOW) is None


@pytest.mark.parametrize(
    "path", ["", "/edit", "/attachments", "/attachments/att-1/remove"], ids=str
)
@pytest.mark.parametrize("fault", ["token", "origin"])
async def test_no_form_is_taken_without_its_token_or_from_elsewhere(
    node: AccessNode, pages: Pages, path: str, fault: str
) -> None:
    place, grace = await made(pages, node), pages.browser("grace")
    fields = form(node, step="close")
    if fault == "origin":
        fields["csrf"] = await token_on(grace, place)
    origin = "https://evil.example" if fault == "origin" else URL
    answer = await grace.post(place + path, data=fields, headers={"origin": origin})
    assert answer.status_code == 403
    request = node.store.request(place.rpartition("/")[2])
    assert request is not None
    assert len(request.events) == 1


@pytest.mark.parametrize("path", ["", "/print", "/export", "/edit"])
async def test_every_page_of_a_request_is_for_who_may_see_it(
    node: AccessNode, pages: Pages, path: str
) -> None:
    place = await made(pages, node)
    for name in ("dora", "rosa", "adam", "frank"):  # a draft is its author's alone
        browser = pages.browser(name)
        theirs = await browser.get(place + path)
        unknown = await browser.get("/requests/req-unknown" + path)
        # The choice of languages leads back to the address that was asked for.
        asked = theirs.text.replace(place, "/requests/req-unknown")
        assert (theirs.status_code, asked) == (404, unknown.text)
    answer = await pages.browser().get(place + path, follow_redirects=False)
    assert answer.headers["location"].startswith("/signin?next=")
    assert (await pages.browser("grace").get(place + path)).status_code == 200


async def test_print_and_export_hold_the_whole_request(node: AccessNode, pages: Pages) -> None:
    path, grace = await made(pages, node), pages.browser("grace")
    await grace.post(
        f"{path}/attachments",
        data={"csrf": await token_on(grace, path)},
        files={"file": ("vote.pdf", PDF)},
        headers={"origin": URL},
    )
    printed = (await grace.get(f"{path}/print")).text
    for part in ("To learn.", "Not for profit", at("rosa"), "vote.pdf", "SHA-256", "Draft made"):
        assert part in printed
    exported = await grace.get(f"{path}/export")
    assert exported.headers["content-disposition"].startswith("attachment")
    assert [event["step"] for event in exported.json()["events"]] == ["create", "attach"]


async def test_pages_need_no_script_and_carry_the_strict_headers(
    node: AccessNode, pages: Pages
) -> None:
    path, grace = await made(pages, node), pages.browser("grace")
    for one in ("/requests", "/requests/new?dataset=ds1", path, f"{path}/edit", f"{path}/print"):
        page = await grace.get(one)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:", page.text)
        assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_a_file_that_is_not_what_it_says_is_refused_in_words(
    node: AccessNode, pages: Pages
) -> None:
    path, grace = await made(pages, node), pages.browser("grace")
    for name, body in (("vote.pdf", b"MZ"), ("../vote.pdf", PDF), ("page.html", b"<script>")):
        answer = await grace.post(
            f"{path}/attachments",
            data={"csrf": await token_on(grace, path)},
            files={"file": (name, body)},
            headers={"origin": URL},
        )
        assert answer.status_code == 400
    nothing = await send(grace, f"{path}/attachments", {})
    assert nothing.status_code == 400
    assert not (node.folder / "attachments").exists()


async def test_an_attached_name_is_text_on_every_page(node: AccessNode, pages: Pages) -> None:
    new = NewRequest(
        dataset="ds2",
        project="<script>alert(1)</script>",
        purpose="<img src=x onerror=alert(1)>",
        workspace=node.workspace(),
        months=1,
        data_use=DataUseRequest.model_validate({"ethics": {"ref": "<i>IRB</i>"}}),
    )
    made_one = node.desk.create(new, requester=at("grace"), now=NOW)
    path = f"/requests/{made_one.request_id}"
    node.take(made_one.request_id, Step.SUBMIT, by="grace", body=StepBody(note="<u>now</u>"))
    for name, page in (("grace", path), ("emil", path), ("emil", f"{path}/print")):
        text = (await pages.browser(name).get(page)).text
        for raw in ("<script>", "<img src=x", "<i>IRB", "<u>now"):
            assert raw not in text


async def test_a_part_is_asked_for_in_the_form_and_decided_on_in_words(
    node: AccessNode, pages: Pages
) -> None:
    part = {"units": "ds2/trio.bam", "regions": "chr17:43,044,295-43,125,364"}
    path = await made(pages, node, dataset="ds2", **part)
    grace, emil = pages.browser("grace"), pages.browser("emil")
    form_again = (await grace.get(f"{path}/edit")).text
    assert "chr17:43044295-43125364</textarea>" in form_again
    assert "ds2/trio.bam</textarea>" in form_again
    await send(grace, path, {"step": "submit"})
    read = (await emil.get(path)).text
    assert "the whole of ds2/trio.bam" in read
    assert "from 43,044,295 to 43,125,364 of chr17 (both included)" in read
    await send(emil, path, {"step": "approve"})
    grant = active_grant(node.store, at("grace"), "ds2", unit="ds2/other.bam", now=NOW)
    assert grant is not None
    (region,) = grant.regions_of("ds2/other.bam") or ()
    assert (region.start0, region.end0) == (43_044_294, 43_125_364)
    assert grant.regions_of("ds2/trio.bam") is None


async def test_a_part_that_cannot_be_read_comes_back_and_is_never_the_whole(
    node: AccessNode, pages: Pages
) -> None:
    for part in ({"regions": "chr17:9-5"}, {"regions": "<b>"}, {"units": "../ds1"}):
        answer = await send(pages.browser("grace"), "/requests/new", form(node, **part))
        assert answer.status_code == 400
        assert "Please look at" in answer.text
        assert "<b>" not in answer.text
    assert node.store.requests_of(at("grace")) == ()


async def test_who_asks_for_no_part_asks_for_all_and_the_committee_reads_so(
    node: AccessNode, pages: Pages
) -> None:
    path = await made(pages, node, dataset="ds2", units=" ", regions="")
    assert "<li>all of it</li>" in (await pages.browser("grace").get(path)).text
