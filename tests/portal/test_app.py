"""The portal as people and machines meet it, over nodes on loopback."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from portal.app import create_app
from portal.settings import PortalSettings
from tests.support.loopback import served, unused_address
from tests.support.readiness import ready

pytestmark = [pytest.mark.live, pytest.mark.anyio]


def _node(name: str, count: int | None) -> Starlette:
    """A Beacon of one dataset that answers every question with `count`, or with a plain yes."""

    async def ask(request: Request) -> Response:
        assert request.headers.get("authorization") is None
        one: dict[str, object] = {"id": "x", "setType": "dataset", "exists": count != 0}
        if count is not None:
            one |= {"resultsCount": count, "countPrecision": "exact"}
        return JSONResponse(
            {
                "meta": {"beaconId": name},
                "responseSummary": {"exists": count != 0},
                "response": {"resultSets": [one]},
            }
        )

    async def info(_request: Request) -> Response:
        return JSONResponse({"response": {"id": name, "name": f"<b>{name}</b>"}})

    async def datasets(_request: Request) -> Response:
        return JSONResponse({"response": {"collections": [{"id": "x", "name": "Cohort X"}]}})

    async def terms(_request: Request) -> Response:
        term = {"id": "MONDO:1", "type": "ontologyTerm", "label": "ill", "scopes": ["individual"]}
        worse = {**term, "id": "MONDO:2", "label": "very bad", "parents": ["MONDO:1", 7, None]}
        return JSONResponse({"response": {"filteringTerms": [term, worse]}})

    return Starlette(
        routes=[
            Route("/beacon/individuals", ask, methods=["POST"]),
            Route("/beacon/g_variants", ask, methods=["POST"]),
            Route("/beacon/info", info),
            Route("/beacon/datasets", datasets),
            Route("/beacon/filtering_terms", terms),
        ]
    )


@asynccontextmanager
async def _browser(*nodes: str) -> AsyncGenerator[httpx.AsyncClient, None]:
    settings = PortalSettings(
        public_url="http://127.0.0.1:8080", nodes=nodes, deadline_seconds=60, client_secret=None
    )
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=settings.public_url) as browser,
    ):
        await ready(browser)
        yield browser


async def test_without_script_one_post_shows_every_row_and_names_the_stopped_node() -> None:
    stopped = unused_address()
    async with (
        served(_node("one", 3)) as one,
        served(_node("two", 4)) as two,
        _browser(one, two, stopped) as browser,
    ):
        page = await browser.post("/search", data={"q": "MONDO:1"})
    assert page.status_code == 200
    assert "7 people from 2 of 3 nodes, an exact count." in page.text
    assert "does not accept connections" in page.text
    assert page.text.count('<th scope="row" data-label="Node">') == 3 + 2  # rows, then bars
    assert "People by dataset" in page.text


async def test_with_script_rows_come_one_by_one_then_done_and_only_once() -> None:
    async with (
        served(_node("one", 3)) as one,
        served(_node("two", None)) as two,
        _browser(one, two) as browser,
    ):
        live = await browser.post(
            "/search", data={"q": "1:10177 A>AC"}, headers={"hx-request": "true"}
        )
        found = re.search(r'sse-connect="([^"]+)"', live.text)
        assert found is not None
        stream = await browser.get(found[1])
        again = await browser.get(found[1])
    events = re.findall(r"^event: (\w+)$", stream.text, re.MULTILINE)
    assert events == ["row", "total", "row", "total", "filter", "drawn", "done"]
    assert "gave only a yes or no" in stream.text
    assert again.status_code == 404


async def test_a_search_belongs_to_the_browser_that_asked() -> None:
    async with served(_node("one", 3)) as one, _browser(one) as browser:
        live = await browser.post("/search", data={"q": "MONDO:1"}, headers={"hx-request": "true"})
        found = re.search(r'sse-connect="([^"]+)"', live.text)
        assert found is not None
        browser.cookies.clear()
        assert (await browser.get(found[1])).status_code == 404


async def test_a_nodes_words_are_text_and_never_markup() -> None:
    async with served(_node("one", 3)) as one, _browser(one) as browser:
        page = await browser.post("/search", data={"q": "MONDO:1"})
    assert "<b>one</b>" not in page.text
    assert "&lt;b&gt;one&lt;/b&gt;" in page.text


@pytest.mark.parametrize("typed", ["", "<script>", "1:0 A>C", ","])
async def test_what_cannot_be_asked_is_not_sent(typed: str) -> None:
    async with _browser(unused_address()) as browser:
        page = await browser.post("/search", data={"q": typed})
    assert page.status_code == 400
    assert "Not asked." in page.text
    assert "<script>" not in page.text.replace("<script src", "")


async def test_a_shared_link_fills_the_form_and_asks_nobody() -> None:
    async with _browser(unused_address()) as browser:
        page = await browser.get("/search", params={"q": "MONDO:1"})
    assert 'value="MONDO:1"' in page.text
    assert "Answers" not in page.text


async def test_every_answer_has_the_strict_headers_and_no_inline_code() -> None:
    async with served(_node("one", 3)) as one, _browser(one) as browser:
        for path in ("/", "/search", "/datasets", "/network", "/requests", "/nothing"):
            page = await browser.get(path)
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert page.headers["cache-control"] == "no-store"
            assert re.search(r"<script(?! src)|<style| style=| on\w+=", page.text) is None


@pytest.mark.parametrize("path", ["/datasets/no/x", "/datasets/no-such-node/x", "/nothing"])
async def test_what_is_not_there_is_a_page_that_says_so(path: str) -> None:
    async with _browser(unused_address()) as browser:
        page = await browser.get(path)
    assert page.status_code == 404
    assert "Nothing here" in page.text


async def test_asking_for_access_needs_a_sign_in() -> None:
    async with served(_node("one", 3)) as one, _browser(one) as browser:
        assert (await browser.post("/requests", data={"dataset": "x"})).status_code == 401


async def test_a_callback_that_was_not_begun_here_signs_nobody_in() -> None:
    async with _browser(unused_address()) as browser:
        page = await browser.get("/auth/callback?code=x&state=y")
    assert page.status_code == 403
    assert "skerry-portal-8080" not in page.cookies


async def test_a_form_above_the_cap_is_refused() -> None:
    async with _browser(unused_address()) as browser:
        page = await browser.post("/search", data={"q": "x" * 70_000})
    assert page.status_code == 413


async def test_the_network_is_one_beacon_that_names_who_is_missing() -> None:
    async with (
        served(_node("one", 3)) as one,
        served(_node("two", 4)) as two,
        _browser(one, two, unused_address()) as browser,
    ):
        reply = await browser.get(
            "/beacon/individuals",
            params={"filters": "MONDO:1", "requestedGranularity": "count"},
        )
    body = reply.json()
    summary = {"exists": True, "numTotalResults": 7, "countPrecision": "exact"}
    assert body["responseSummary"] == summary
    assert body["info"]["nodes"] == {
        "asked": 3, "answered": 2, "late": 0, "failed": 1, "refused": 0,
    }  # fmt: skip
    assert [one["status"] for one in body["info"]["missing"]] == ["unreachable"]
    assert {one["beaconId"] for one in body["response"]["resultSets"]} == {"one", "two"}


async def test_a_hidden_count_makes_the_networks_answer_boolean() -> None:
    async with (
        served(_node("one", 3)) as one,
        served(_node("two", None)) as two,
        _browser(one, two) as browser,
    ):
        reply = await browser.post(
            "/beacon/individuals",
            json={"meta": {"apiVersion": "2.0"}, "query": {"requestedGranularity": "count"}},
        )
    assert reply.json()["responseSummary"] == {"exists": True}
    assert reply.json()["meta"]["returnedGranularity"] == "boolean"


async def test_nobody_answering_is_an_error_and_never_a_no() -> None:
    async with _browser(unused_address()) as browser:
        reply = await browser.get("/beacon/g_variants?referenceName=1&start=1&alternateBases=A")
    assert reply.status_code == 502
    assert "responseSummary" not in reply.json()


@pytest.mark.parametrize(
    "query", ["unknown=1", "start=x", "start=1&start=2", "skip=1", "requestedGranularity=all"]
)
async def test_a_question_the_network_does_not_serve_is_refused(query: str) -> None:
    async with _browser(unused_address()) as browser:
        reply = await browser.get(f"/beacon/g_variants?{query}")
    assert reply.status_code == 400
    assert reply.json()["error"]["errorCode"] == 400


async def test_a_token_shown_to_the_network_is_refused_and_never_forwarded() -> None:
    async with served(_node("one", 3)) as one, _browser(one) as browser:
        reply = await browser.get("/beacon/individuals", headers={"Authorization": "Bearer x"})
    assert reply.status_code == 401


async def test_machines_learn_the_nodes_and_that_one_is_missing() -> None:
    stopped = unused_address()
    async with served(_node("one", 3)) as one, _browser(one, stopped) as browser:
        nodes = (await browser.get("/api/nodes")).json()
        services = (await browser.get("/services")).json()
        terms = (await browser.get("/beacon/filtering_terms")).json()
        unknown = await browser.get("/services/none")
    assert [node["status"] for node in nodes] == ["ready", "missing"]
    assert services[0]["type"]["artifact"] == "beacon"
    assert terms["response"]["filteringTerms"][0]["id"] == "MONDO:1"
    assert unknown.status_code == 404


@pytest.mark.parametrize("path", ["info", "map", "configuration", "entry_types"])
async def test_the_networks_self_description_is_served(path: str) -> None:
    async with _browser(unused_address()) as browser:
        reply = await browser.get(f"/beacon/{path}")
    assert reply.status_code == 200
    assert set(reply.json()["meta"]) == {"beaconId", "apiVersion", "returnedSchemas"}


async def test_metrics_count_rows_by_node_and_outcome_and_name_no_question() -> None:
    stopped = unused_address()
    async with served(_node("one", 3)) as one, _browser(one, stopped) as browser:
        await browser.post("/search", data={"q": "MONDO:1"})
        counted = (await browser.get("/metrics")).text
    assert f'skerry_portal_node_answers_total{{node="{one}",outcome="ok"}} 1.0' in counted
    assert f'node="{stopped}",outcome="unreachable"}} 1.0' in counted
    assert 'skerry_portal_requests_total{door="/search",status="200"} 1.0' in counted
    assert "MONDO" not in counted


async def test_a_finished_result_can_be_kept_by_the_browser_that_asked() -> None:
    async with served(_node("one", 3)) as one, _browser(one, unused_address()) as browser:
        page = await browser.post("/search", data={"q": "MONDO:1"})
        found = re.search(r'href="(/search/[\w-]+/answers)\.csv"', page.text)
        assert found is not None
        as_csv = await browser.get(f"{found[1]}.csv")
        as_json = await browser.get(f"{found[1]}.json")
        browser.cookies.clear()
        stolen = await browser.get(f"{found[1]}.json")
    states = [line.split(",")[3] for line in as_csv.text.splitlines()]
    assert (states[0], set(states[1:])) == ("status", {"ok", "unreachable"})
    assert as_json.json()["answer"]["nodes"]["asked"] == 2
    assert "attachment" in as_csv.headers["content-disposition"]
    assert stolen.status_code == 404


async def test_a_stream_that_ran_to_its_end_can_be_kept_too() -> None:
    async with served(_node("one", 3)) as one, _browser(one) as browser:
        live = await browser.post("/search", data={"q": "MONDO:1"}, headers={"hx-request": "true"})
        found = re.search(r'sse-connect="(/search/[^/]+)/events"', live.text)
        assert found is not None
        assert (await browser.get(f"{found[1]}/answers.json")).status_code == 404
        await browser.get(f"{found[1]}/events")
        assert (await browser.get(f"{found[1]}/answers.json")).status_code == 200


async def test_a_node_has_its_own_page_and_an_unknown_one_has_none() -> None:
    async with served(_node("one", 3)) as one, _browser(one) as browser:
        listed = (await browser.get("/network")).text
        found = re.search(r'href="(/network/[^"]+)"', listed)
        assert found is not None
        page = await browser.get(found[1])
        none = await browser.get("/network/nowhere")
    assert "Cohort X" in page.text
    assert "&lt;b&gt;one&lt;/b&gt;" in page.text
    assert none.status_code == 404


async def test_rights_are_a_signed_in_persons() -> None:
    async with _browser() as browser:
        page = await browser.get("/me")
    assert page.status_code == 200
    assert "Rights belong to a person" in page.text


async def test_before_it_is_sent_the_page_says_who_can_answer_and_asks_nobody() -> None:
    async with served(_node("one", 3)) as one, _browser(one, unused_address()) as browser:
        page = await browser.post(
            "/search/preview", data={"q": "1:10177 A>AC", "terms": "sex=male"}
        )
        counted = (await browser.get("/metrics")).text
    assert "1 of 2 nodes can answer" in page.text
    assert "People with sex = male" in page.text
    assert "does not accept connections" in page.text
    assert "skerry_portal_node_answers_total{" not in counted


async def test_a_preview_of_nothing_is_empty_and_of_nonsense_says_so() -> None:
    async with _browser(unused_address()) as browser:
        headers = {"hx-request": "true"}
        empty = await browser.post("/search/preview", data={"q": " "}, headers=headers)
        wrong = await browser.post("/search/preview", data={"q": "1:0 A>C"}, headers=headers)
    assert (empty.status_code, empty.text) == (200, "")
    assert wrong.status_code == 400
    assert "Not asked." in wrong.text


async def test_terms_are_offered_while_typing_and_no_address_holds_what_was_typed() -> None:
    async with served(_node("one", 3)) as one, _browser(one) as browser:
        found = await browser.post("/search/terms", data={"typed": "il"})
        by_get = await browser.get("/search/terms", params={"typed": "il"})
    note = "at 1 node, and 1 term below it"
    assert found.json() == [{"typed": "MONDO:1", "label": "ill", "note": note}]
    assert by_get.status_code == 405


async def test_without_script_words_get_terms_to_choose_and_a_term_says_what_it_covers() -> None:
    typed = {"terms": "sex = male, il", "q": "1:10177 A>AC", "assembly": "GRCh38"}
    async with served(_node("one", 3)) as one, _browser(one) as browser:
        unread = await browser.post("/search/preview", data=typed)
        chosen = re.search(r'<button name="terms" value="([^"]+)">ill</button>', unread.text)
        assert chosen is not None
        preview = await browser.post("/search/preview", data=typed | {"terms": chosen[1]})
        answer = await browser.post("/search", data={"terms": "MONDO:1, MONDO:9"})
        nothing = await browser.post("/search/preview", data={"terms": "<b>no such</b>"})
    assert unread.status_code == 400
    assert "Terms that fit «il»" in unread.text
    assert '<input type="hidden" name="q" value="1:10177 A&gt;AC">' in unread.text
    assert chosen[1] == "sex = male, MONDO:1"
    covered = "<code>MONDO:1</code> ill <small>at 1 node, and 1 term below it</small>"
    assert covered in preview.text
    assert covered in answer.text
    assert (nothing.status_code, "Terms that fit" in nothing.text) == (400, False)


async def test_a_part_of_what_was_understood_can_be_changed() -> None:
    async with served(_node("one", 3)) as one, _browser(one) as browser:
        parts = {"chrom": "2", "first": "500", "ref": "A", "alt": "T", "assembly": "GRCh38"}
        page = await browser.post("/search", data=parts)
        region = await browser.post("/search", data={"chrom": "2", "first": "5", "last": "9"})
        wrong = await browser.post("/search", data={"chrom": "2", "first": "x", "ref": "A"})
    assert "Variant 2:500 A&gt;T, GRCh38" in page.text
    assert "Variants that overlap 2:5–9" in region.text
    assert wrong.status_code == 400


async def test_one_node_can_be_asked_again_and_the_total_follows() -> None:
    answers = [500, 200]

    async def ask(_request: Request) -> Response:
        summary = {"exists": True, "numTotalResults": 2, "countPrecision": "exact"}
        return JSONResponse({"responseSummary": summary}, status_code=answers.pop(0))

    async def info(_request: Request) -> Response:
        return JSONResponse({"response": {"id": "two", "name": "Second"}})

    shaky = Starlette(
        routes=[
            Route("/beacon/individuals", ask, methods=["POST"]),
            Route("/beacon/info", info),
        ]
    )
    async with served(_node("one", 3)) as one, served(shaky) as two, _browser(one, two) as browser:
        page = await browser.post("/search", data={"q": "MONDO:1"})
        found = re.search(
            r'action="(/search/[^"]+/retry)".*?name="node" value="([^"]+)"', page.text
        )
        assert found is not None
        assert "3 people from 1 of 2 nodes" in page.text
        live = {"hx-request": "true"}
        again = await browser.post(found[1], data={"node": found[2]}, headers=live)
        unknown = await browser.post(found[1], data={"node": "nowhere"})
        browser.cookies.clear()
        stolen = await browser.post(found[1], data={"node": found[2]})
    assert "5 people from all 2 nodes" in again.text
    assert again.text.count("<tbody") == 1
    assert unknown.status_code == stolen.status_code == 404


async def test_whoever_stops_waiting_gets_the_rows_there_are_and_the_rest_named() -> None:
    asked = asyncio.Event()

    async def never(_request: Request) -> Response:
        asked.set()
        await asyncio.Event().wait()
        return JSONResponse({})

    slow = Starlette(routes=[Route("/beacon/individuals", never, methods=["POST"])])
    async with served(_node("one", 3)) as one, served(slow) as two, _browser(one, two) as browser:
        live = await browser.post("/search", data={"q": "MONDO:1"}, headers={"hx-request": "true"})
        found = re.search(r'sse-connect="(/search/[^/]+)/events"', live.text)
        assert found is not None
        early = await browser.post(f"{found[1]}/stop")
        stream = asyncio.create_task(browser.get(f"{found[1]}/events"))
        async with asyncio.timeout(600):
            await asked.wait()
            answered = f'{{node="{one}",outcome="ok"}} 1.0'
            while answered not in (await browser.get("/metrics")).text:  # noqa: ASYNC110 - over HTTP
                await asyncio.sleep(0.02)
        stopped = await browser.post(f"{found[1]}/stop")
        rows = await asyncio.wait_for(stream, 600)  # the deadline is later
        kept = await browser.get(f"{found[1]}/answers.json")
    assert (early.status_code, stopped.status_code) == (404, 204)
    assert "You stopped before it answered." in rows.text
    assert kept.json()["answer"]["nodes"] == {
        "asked": 2, "answered": 1, "late": 1, "failed": 0, "refused": 0,
    }  # fmt: skip


async def test_a_node_that_says_it_cannot_is_not_asked() -> None:
    async def info(_request: Request) -> Response:
        said = {"referenceNames": ["22"]}
        return JSONResponse({"response": {"id": "one", "name": "One", "info": said}})

    app = Starlette(routes=[Route("/beacon/info", info)])
    async with served(app) as one, _browser(one) as browser:
        page = await browser.post("/search", data={"q": "1:10177 A>AC"})
    assert "Holds no data on chromosome 1." in page.text
    assert "No node answered" in page.text


@pytest.mark.parametrize("example", ["", "1:0 A>C", "what", "22:100 A>G; nonsense"])
def test_an_example_nobody_could_ask_stops_the_portal_at_its_start(example: str) -> None:
    with pytest.raises(ValidationError, match="examples"):
        PortalSettings(public_url="http://127.0.0.1:1", nodes=(), examples=(example,))


async def test_networks_that_list_each_other_do_not_ask_in_circles() -> None:
    journeys = []

    async def info(_request: Request) -> Response:
        return JSONResponse({"response": {"id": "org.other.network", "name": "Other"}})

    async def ask(request: Request) -> Response:
        journeys.append(request.headers["beacon-hops"])
        sent = {"beacon-hops": request.headers["beacon-hops"]}
        back = await loop.browser.get("/beacon/individuals", headers=sent)
        return JSONResponse(back.json(), back.status_code)

    class loop:  # noqa: N801 - one name for what is made later
        browser: httpx.AsyncClient

    other = Starlette(
        routes=[Route("/beacon/individuals", ask, methods=["POST"]), Route("/beacon/info", info)]
    )
    async with served(other) as one, _browser(one) as browser:
        loop.browser = browser
        reply = await asyncio.wait_for(browser.get("/beacon/individuals?filters=MONDO:1"), 600)
    assert journeys == ["skerry.network"]
    assert reply.status_code == 400
    assert "came through this network before" in reply.json()["error"]["errorMessage"]


async def test_a_network_that_was_given_itself_as_a_node_says_so() -> None:
    async def info(_request: Request) -> Response:
        return JSONResponse({"response": {"id": "skerry.network", "name": "Mirror"}})

    mirror = Starlette(routes=[Route("/beacon/info", info)])
    async with served(mirror) as one, _browser(one) as browser:
        (node,) = (await browser.get("/api/nodes")).json()
    assert (node["status"], node["problem"][:28]) == ("missing", "It is this network itself, a")


async def test_the_networks_terms_are_united_with_their_scopes_and_values() -> None:
    def node(*terms: Mapping[str, object]) -> Starlette:
        async def info(_request: Request) -> Response:
            return JSONResponse({"response": {"id": "n", "name": "N"}})

        async def listed(_request: Request) -> Response:
            return JSONResponse({"response": {"filteringTerms": list(terms)}})

        return Starlette(
            routes=[Route("/beacon/info", info), Route("/beacon/filtering_terms", listed)]
        )

    bmi = {"id": "LOINC:1", "type": "ontologyTerm", "scopes": ["individual"]}
    sex = {"id": "sex", "type": "alphanumeric", "scopes": ["individual"], "values": ["male"]}
    async with (
        served(node(bmi, sex)) as one,
        served(
            node(
                bmi | {"scopes": ["biosample"], "label": "BMI"},
                bmi | {"type": "alphanumeric"},
                sex | {"values": ["female"]},
            )
        ) as two,
        _browser(one, two) as browser,
    ):
        terms = (await browser.get("/beacon/filtering_terms")).json()["response"]["filteringTerms"]
    assert terms == [
        {"id": "LOINC:1", "type": "alphanumeric", "scopes": ["individual"]},
        {"id": "LOINC:1", "type": "ontologyTerm", "label": "BMI",
         "scopes": ["individual", "biosample"]},
        {"id": "sex", "type": "alphanumeric", "values": ["female", "male"],
         "scopes": ["individual"]},
    ]  # fmt: skip


async def test_a_basket_names_its_datasets_and_sends_nothing_for_a_stranger() -> None:
    async with served(_node("one", 3)) as one, _browser(one) as browser:
        (node,) = (await browser.get("/api/nodes")).json()
        chosen = {"dataset": [f"{node['slug']}/x", f"{node['slug']}/x"]}
        page = await browser.get("/basket", params=chosen)
        empty = await browser.get("/basket")
        unknown = await browser.get("/basket", params={"dataset": f"{node['slug']}/none"})
        many = await browser.get("/basket", params={"dataset": ["a/b"] * 21})
        sent = await browser.post("/basket", data={"dataset": f"{node['slug']}/x"})
    assert page.text.count("Cohort X") == 1
    assert "Nothing is chosen" in empty.text
    assert (unknown.status_code, many.status_code, sent.status_code) == (404, 400, 401)


async def test_frequencies_are_asked_for_on_request_and_drawn_by_population() -> None:
    asked: list[str] = []

    async def ask(request: Request) -> Response:
        granularity = (await request.json())["query"]["requestedGranularity"]
        asked.append(granularity)
        one: dict[str, object] = {"id": "x", "exists": True, "resultsCount": 1}
        if granularity == "record":
            frequencies = [{"population": "<NFE>", "alleleFrequency": 0.25}]
            one["results"] = [{"frequencyInPopulations": [{"frequencies": frequencies}]}]
        sets = {"resultSets": [one]}
        return JSONResponse({"responseSummary": {"exists": True}, "response": sets})

    app = Starlette(routes=[Route("/beacon/g_variants", ask, methods=["POST"])])
    async with served(app) as one, served(_node("two", 1)) as two, _browser(one, two) as browser:
        page = await browser.post("/search", data={"q": "1:10177 A>AC"})
        found = re.search(r'action="(/search/[\w-]+/frequencies)"', page.text)
        assert found is not None
        drawn = await browser.post(found[1])
        part = await browser.post(found[1], headers={"hx-request": "true"})
        region = await browser.post("/search", data={"q": "1:10177-10200"})
        browser.cookies.clear()
        stolen = await browser.post(found[1])
    assert asked[:2] == ["count", "record"]
    assert "&lt;NFE&gt;" in drawn.text
    assert "0.25" in drawn.text
    assert "<html" in drawn.text
    assert "<html" not in part.text
    assert "/frequencies" not in region.text
    assert stolen.status_code in (403, 404)


async def test_where_nobody_gives_records_that_is_what_is_said() -> None:
    async with served(_node("one", 1)) as one, _browser(one) as browser:
        page = await browser.post("/search", data={"q": "1:10177 A>AC"})
        found = re.search(r'action="(/search/[\w-]+/frequencies)"', page.text)
        assert found is not None
        drawn = await browser.post(found[1])
    assert "None of the 1 nodes gave you a record with frequencies." in drawn.text


async def test_a_datasets_people_are_a_part_of_its_page_or_a_page_of_their_own() -> None:
    async with served(_node("one", 3)) as one, _browser(one) as browser:
        slug = (await browser.get("/api/nodes")).json()[0]["slug"]
        page = await browser.get(f"/datasets/{slug}/x")
        part = await browser.get(f"/people/{slug}/x", headers={"hx-request": "true"})
        whole = await browser.get(f"/people/{slug}/x")
    assert f'hx-get="/people/{slug}/x"' in page.text
    assert f'href="/people/{slug}/x"' in page.text
    assert "<html" not in part.text
    assert "People by disease" in part.text
    assert "<h1>Its people</h1>" in whole.text


async def test_what_is_the_same_for_everyone_comes_packed_and_may_be_kept() -> None:
    async with _browser(unused_address()) as browser:
        style = await browser.get("/static/style.css")
        page = await browser.get("/search")
    assert style.headers["content-encoding"] == "gzip"
    assert style.headers["cache-control"] == "public, max-age=3600"
    assert "content-encoding" not in page.headers
    assert page.headers["cache-control"] == "no-store"


async def test_a_result_is_shown_in_part_and_its_total_stays_whole() -> None:
    async with (
        served(_node("one", 3)) as one,
        served(_node("two", None)) as two,
        _browser(one, two) as browser,
    ):
        page = (await browser.post("/search", data={"q": "MONDO:1"})).text
        found = re.search(r'<form class="filters" method="get" action="([^"]+)"', page)
        assert found is not None
        some = await browser.get(found[1], params={"number": "exact"})
        part = await browser.get(
            found[1], params={"number": "hidden"}, headers={"hx-request": "true"}
        )
        wrong = await browser.get(found[1], params={"number": "every"})
        browser.cookies.clear()
        others = await browser.get(found[1])
    total = re.search(r'<p class="sentence">[^<]+</p>', page)
    assert total is not None
    assert total[0] in some.text
    assert "1 of 2 rows are shown." in some.text
    assert '<option value="exact" selected>' in some.text
    assert "1 of 2 rows are shown." in part.text
    assert "<html" not in part.text
    assert "number hidden" in part.text
    assert (wrong.status_code, others.status_code) == (400, 404)
