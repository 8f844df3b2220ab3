"""One table answers every error; each standard finds its own body under its own paths."""

from __future__ import annotations

from typing import Annotated

import httpx
import pytest
from fastapi import Body, FastAPI, Query, Request
from starlette.types import Message

from access.errors import SignInNeeded
from beacon.response import error_body as beacon_error
from gateway.http_errors import Body as MakesBody
from gateway.http_errors import ErrorTable
from gateway.pages.render import HEADERS, Pages
from passports.errors import BadToken, Reason, ScopeMissing
from schemas.errors import Conflict, Forbidden, NotFound, SkerryError, Unauthenticated, Unavailable
from streams.htsget.tickets import error_body as htsget_error
from tests.support.beacon_node import NODE

pytestmark = pytest.mark.anyio

RAISED: dict[str, type[SkerryError]] = {
    "401": Unauthenticated,
    "403": Forbidden,
    "404": NotFound,
    "409": Conflict,
    "503": Unavailable,
}
BODIES: dict[str, MakesBody] = {
    "/beacon": lambda _request, error: beacon_error(
        error.status, error.public, code=error.code, node=NODE
    ),
    "/htsget": lambda _request, error: htsget_error(error),
}


def application() -> FastAPI:
    app = FastAPI()
    for room in ("beacon", "htsget", "access"):

        @app.get(f"/{room}/raise/{{status}}")
        async def fail(status: str) -> None:
            raise RAISED[status]("No.", detail="person P1")

        @app.get(f"/{room}/crash")
        async def crash() -> None:
            raise ZeroDivisionError("person P1")

        @app.get(f"/{room}/number")
        async def number(value: Annotated[int, Query(le=9)]) -> int:
            return value

        @app.post(f"/{room}/body")
        async def body(given: Annotated[dict[str, int], Body()]) -> int:
            return len(given)

    page = Pages(node="Isle <One>").error_page(lambda _request: None)
    ErrorTable(bodies=BODIES, realm="org.example", page=page).install(app)
    return app


def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://node.example")


async def get(path: str) -> httpx.Response:
    async with client() as http:
        return await http.get(path)


@pytest.mark.parametrize("status", [*RAISED])
@pytest.mark.parametrize("room", ["beacon", "htsget", "access"])
async def test_an_error_of_ours_answers_its_status_without_its_detail(
    room: str, status: str
) -> None:
    answer = await get(f"/{room}/raise/{status}")
    assert answer.status_code == int(status)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "P1" not in answer.text


async def test_a_beacon_error_is_a_beacon_error() -> None:
    answer = (await get("/beacon/raise/403")).json()
    assert answer["error"] == {"errorCode": 403, "errorMessage": "No."}
    assert answer["meta"]["beaconId"] == NODE.id


async def test_an_htsget_error_names_one_of_the_standards_errors() -> None:
    answer = (await get("/htsget/raise/403")).json()
    assert answer["htsget"]["error"] == "PermissionDenied"


async def test_elsewhere_an_error_is_a_code_and_a_sentence() -> None:
    assert (await get("/access/raise/409")).json() == {"error": "conflict", "message": "No."}


@pytest.mark.parametrize("room", ["beacon", "htsget", "access"])
async def test_a_401_names_the_scheme_and_others_do_not(room: str) -> None:
    answer = await get(f"/{room}/raise/401")
    expected = 'Bearer realm="org.example", error="invalid_token"'
    assert answer.headers["WWW-Authenticate"] == expected
    assert "WWW-Authenticate" not in (await get(f"/{room}/raise/403")).headers


@pytest.mark.parametrize("room", ["beacon", "htsget", "access"])
async def test_what_nobody_expected_is_500_and_says_nothing(room: str) -> None:
    answer = await get(f"/{room}/crash")
    assert answer.status_code == 500
    assert "P1" not in answer.text
    assert "ZeroDivision" not in answer.text
    assert "this was logged" in answer.text


@pytest.mark.parametrize(
    ("path", "key"), [("/beacon/no", "error"), ("/htsget/no", "htsget"), ("/no", "message")]
)
async def test_a_path_that_is_not_there_answers_404_in_the_bodies_of_its_room(
    path: str, key: str
) -> None:
    answer = await get(path)
    assert answer.status_code == 404
    assert key in answer.json()


async def test_a_method_that_is_not_offered_answers_405() -> None:
    async with client() as http:
        answer = await http.delete("/beacon/crash")
    assert (answer.status_code, answer.json()["error"]["errorCode"]) == (405, 405)


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


async def asked(
    path: str, accept: str, *, method: str = "GET", language: str = "en"
) -> httpx.Response:
    headers = {"accept": accept, "accept-language": language}
    async with client() as http:
        return await http.request(method, path, headers=headers)


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/no", 404, "There is nothing at this path."),
        ("GET", "/no/<script>alert(1)</script>", 404, "There is nothing at this path."),
        ("DELETE", "/access/crash", 405, "This method is not offered at this path."),
        ("GET", "/access/raise/403", 403, "No."),
        ("GET", "/access/raise/401", 401, "No."),
        ("GET", "/access/number?value=P1", 400, "Malformed or unknown: query.value."),
        ("GET", "/access/crash", 500, "The server failed; this was logged."),
    ],
)
async def test_a_browser_gets_the_nodes_own_page_with_the_headers_of_pages(
    method: str, path: str, status: int, said: str
) -> None:
    answer = await asked(path, BROWSER, method=method)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert f'<p role="alert">{said}</p>' in answer.text
    assert "Isle &lt;One&gt;" in answer.text
    assert "person P1" not in answer.text
    assert "<script>alert" not in answer.text
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


async def test_a_browser_reads_a_refusal_in_its_language_and_still_learns_what_is_allowed() -> None:
    answer = await asked("/access/crash", BROWSER, method="DELETE", language="de")
    assert "Diese Methode wird unter diesem Pfad nicht angeboten." in answer.text
    assert 'lang="de"' in answer.text
    assert answer.headers["Allow"] == "GET"


@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/json", "", "application/json, text/html", "text/html, application/json"],
)
async def test_a_program_still_gets_json(accept: str) -> None:
    answer = await asked("/no", accept)
    message = "There is nothing at this path."
    assert answer.json() == {"error": "not_found", "message": message}
    assert "Content-Security-Policy" not in answer.headers


@pytest.mark.parametrize("path", ["/beacon/no", "/beacon/raise/403", "/htsget/no"])
async def test_under_a_standards_paths_a_browser_too_gets_the_standards_body(path: str) -> None:
    answer = await asked(path, BROWSER)
    assert answer.headers["Content-Type"] == "application/json"


async def test_a_malformed_value_is_named_and_not_repeated() -> None:
    answer = await get("/access/number?value=P1")
    assert answer.status_code == 400
    assert answer.json()["message"] == "Malformed or unknown: query.value."


@pytest.mark.parametrize("sent", [b"{", b"[1]", b"\xff", b'{"a": "P1"}'])
async def test_a_malformed_body_is_refused_without_repeating_it(sent: bytes) -> None:
    async with client() as http:
        answer = await http.post(
            "/access/body", content=sent, headers={"Content-Type": "application/json"}
        )
    assert answer.status_code == 400
    assert "P1" not in answer.text


@pytest.mark.parametrize(
    ("error", "challenge"),
    [
        (SignInNeeded("x"), 'Bearer realm="isle"'),
        (BadToken(Reason.EXPIRED), 'Bearer realm="isle", error="invalid_token"'),
        (
            ScopeMissing("x"),
            'Bearer realm="isle", error="insufficient_scope", scope="openid ga4gh_passport_v1"',
        ),
    ],
)
async def test_a_challenge_says_what_is_wrong_and_nothing_when_nothing_was_sent(
    error: SkerryError, challenge: str
) -> None:
    app = FastAPI()

    @app.get("/")
    async def route() -> None:
        raise error

    ErrorTable(bodies={}, realm="isle").install(app)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://node"
    ) as http:
        answer = await http.get("/")
    assert answer.headers["WWW-Authenticate"] == challenge


async def test_a_client_that_goes_away_in_the_middle_is_no_failure_of_ours() -> None:
    app, sent = FastAPI(), []
    ErrorTable(bodies={}, realm="test").install(app)

    @app.post("/read")
    async def read(request: Request) -> None:
        await request.body()

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/read", "headers": [], "query_string": b""}
    await app(scope, receive, send)
    assert sent[0]["status"] == 400
