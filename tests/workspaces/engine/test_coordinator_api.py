"""The coordinator's two kinds of caller, and everybody else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.federation import keys, raw
from workspaces.engine import bundle, coordinator_api, federation
from workspaces.engine.environment import Environment
from workspaces.engine.federated import frames
from workspaces.engine.federation import Described, Federation
from workspaces.engine.registering import signed_text
from workspaces.engine.superlink import Superlink

SITES = keys(["praha", "tartu", "porto"])
DOWN = "The engine is not running."  # behind every check: what was accepted ends there


@pytest.fixture
def of(tmp_path: Path) -> Federation:
    described = Described(name="t", host="localhost", port=1)
    return federation.create(tmp_path / "federation", described, raw(SITES))


def submitted(content: bytes, plan: object = None) -> bytes:
    stated = {} if plan is None else plan
    return frames.pack({"plan": stated}, {"bundle": content})


class Line:
    """One caller of the API, in this process."""

    def __init__(self, of: Federation) -> None:
        link = Superlink(of, Environment(Path("/nowhere"), "0" * 64))
        self._transport = httpx.ASGITransport(coordinator_api.build(link, of))

    def request(self, method: str, path: str, **what: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            address = "https://coordinator"
            async with httpx.AsyncClient(transport=self._transport, base_url=address) as client:
                return await client.request(method, path, **what)

        return asyncio.run(ask())

    def post(self, path: str, **what: Any) -> httpx.Response:
        return self.request("POST", path, **what)


@pytest.fixture
def line(of: Federation) -> Line:
    return Line(of)


def public_key() -> str:
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def signed(
    key: Ed25519PrivateKey, *, action: str = "register", at: float | None = None
) -> dict[str, Any]:
    stated = int(time.time() if at is None else at)
    public = public_key()
    text = signed_text(action=action, public_key=public, at=stated)
    return {
        "identity": key.public_key().public_bytes_raw().hex(),
        "public_key": public,
        "at": stated,
        "signature": key.sign(text).hex(),
    }


def said(line: Line, body: object, action: str = "register") -> tuple[int, str]:
    answer = line.post(f"/nodes/{action}", json=body)
    return answer.status_code, answer.json().get("message", "")


def test_a_site_of_the_federation_is_passed_on_to_the_engine(line: Line) -> None:
    assert said(line, signed(SITES["praha"])) == (502, DOWN)


def test_a_request_is_good_once(line: Line) -> None:
    body = signed(SITES["praha"])
    said(line, body)
    assert said(line, body) == (403, "That request was made before.")


def test_a_stranger_s_key_is_refused(line: Line) -> None:
    status, words = said(line, signed(Ed25519PrivateKey.generate()))
    assert (status, words) == (403, "That identity is no site of this federation.")


@pytest.mark.parametrize("member", ["public_key", "at", "identity", "signature"])
def test_a_request_changed_on_the_way_is_refused(line: Line, member: str) -> None:
    body, other = signed(SITES["praha"]), signed(SITES["tartu"], at=time.time() - 5)
    assert said(line, body | {member: other[member]})[0] == 403


def test_a_request_to_register_does_not_unregister(line: Line) -> None:
    assert said(line, signed(SITES["praha"]), action="unregister")[0] == 403


@pytest.mark.parametrize("seconds", [-3_600, -121, 125, 3_600])
def test_a_request_of_another_time_is_refused(line: Line, seconds: int) -> None:
    status, words = said(line, signed(SITES["praha"], at=time.time() + seconds))
    assert status == 403
    assert "set the site's clock" in words


@pytest.mark.parametrize(
    "change",
    [{"identity": "zz"}, {"public_key": "ssh-rsa AAAA"}, {"at": -1}, {"signature": ""},
     {"more": 1}, {"public_key": "ecdsa-sha2-nistp384 " + "A" * 400}],
)  # fmt: skip
def test_a_malformed_request_is_refused(line: Line, change: dict[str, Any]) -> None:
    assert line.post("/nodes/register", json=signed(SITES["praha"]) | change).status_code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/sites"), ("POST", "/runs"), ("GET", "/runs/1"), ("GET", "/runs/1/log"),
     ("GET", "/runs/1/result"), ("POST", "/runs/1/stop")],
)  # fmt: skip
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nobody", "Basic nobody"])
def test_without_a_token_nothing_is_said(line: Line, method: str, path: str, header: str) -> None:
    answer = line.request(method, path, headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert "token" in answer.json()["message"]


@pytest.fixture
def person(of: Federation) -> dict[str, str]:
    return {"Authorization": f"Bearer {federation.new_token(of, 'eva')}"}


def test_an_application_that_was_not_admitted_is_not_run(
    line: Line, person: dict[str, str]
) -> None:
    answer = line.post("/runs", content=submitted(bundle.bundle("summary").content), headers=person)
    assert answer.status_code == 403
    assert "is not admitted here" in answer.json()["message"]


def test_an_admitted_application_is_passed_on_to_the_engine(
    line: Line, of: Federation, person: dict[str, str]
) -> None:
    admitted = bundle.bundle("summary")
    federation.admit(of, admitted)
    answer = line.post("/runs", content=submitted(admitted.content), headers=person)
    assert (answer.status_code, answer.json()["message"]) == (502, DOWN)


@pytest.mark.parametrize("plan", [[], 5, "x", True])
def test_a_plan_that_is_no_object_is_refused(
    line: Line, of: Federation, person: dict[str, str], plan: object
) -> None:
    content = submitted(bundle.bundle("summary").content, plan)
    assert line.post("/runs", content=content, headers=person).status_code == 400


@pytest.mark.parametrize("resume", [1, "yes", None, []])
def test_whether_to_resume_is_said_as_true_or_false(
    line: Line, person: dict[str, str], resume: object
) -> None:
    head = {"plan": {}, "resume": resume}
    content = frames.pack(head, {"bundle": bundle.bundle("summary").content})
    answer = line.post("/runs", content=content, headers=person)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"[" * 100_000])
def test_a_plan_that_is_no_json_is_refused(
    line: Line, person: dict[str, str], number: bytes
) -> None:
    head = b'{"head":{"plan":{"a":' + number + b'}},"parts":[["bundle",0]]}'
    content = len(head).to_bytes(4, "big") + head
    assert line.post("/runs", content=content, headers=person).status_code == 400


def test_a_plan_that_is_too_large_is_refused(
    line: Line, of: Federation, person: dict[str, str]
) -> None:
    admitted = bundle.bundle("summary")
    federation.admit(of, admitted)
    content = submitted(admitted.content, {"what": "x" * 300_000})
    answer = line.post("/runs", content=content, headers=person)
    assert (answer.status_code, "letters" in answer.json()["message"]) == (403, True)


def test_what_is_no_bundle_is_refused(line: Line, person: dict[str, str]) -> None:
    assert line.post("/runs", content=submitted(b"rm -rf"), headers=person).status_code == 400
    assert line.post("/runs", content=b"rm -rf", headers=person).status_code == 400


def test_a_body_that_is_too_large_is_not_read(line: Line, person: dict[str, str]) -> None:
    length = {"Content-Length": str(coordinator_api.MAX_BODY + 1)}
    assert line.post("/runs", content=b"x", headers={**person, **length}).status_code == 413


@pytest.mark.parametrize("run", ["x", "-1", "1" * 30, "..%2F..", "%C2%B2"])
def test_a_run_has_a_number(line: Line, person: dict[str, str], run: str) -> None:
    assert line.request("GET", f"/runs/{run}", headers=person).status_code in (403, 404)


def test_a_body_of_no_stated_length_is_not_read(line: Line) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536

    assert line.post("/nodes/register", content=endless()).status_code == 413


def test_a_site_s_request_is_small(line: Line) -> None:
    body = signed(SITES["praha"]) | {"identity": "a" * 10_000}
    assert line.post("/nodes/register", json=body).status_code == 413


@pytest.mark.parametrize("length", ["", "-1", "x", "\u0663", "9" * 40, "0" * 12 + "9" * 9])
def test_a_length_that_is_none_is_refused(line: Line, length: str) -> None:
    headers = {"Content-Length": length.encode()}
    assert line.post("/nodes/register", content=b"{}", headers=headers).status_code == 413
