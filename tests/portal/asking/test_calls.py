"""Calls leave a site by its proxy, and trust whom the site trusts (settled 22)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from portal.asking.answer import Outcome
from portal.asking.calls import Calls, NoReply, Reply
from portal.settings import Limits
from tests.support.loopback import unused_address
from tests.support.site_proxy import Authority, answering_under, proxied_to

pytestmark = [pytest.mark.anyio, pytest.mark.live]

NODE = "https://node.example.org"
VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


@asynccontextmanager
async def _calls() -> AsyncGenerator[Calls]:
    calls = Calls(Limits(deadline_seconds=60, connect_seconds=60, first_byte_seconds=60))
    try:
        yield calls
    finally:
        await calls.close()


async def _get(calls: Calls, url: str) -> Reply | NoReply:
    return await calls.send("GET", url, deadline=asyncio.get_running_loop().time() + 60)


async def test_a_node_is_reached_by_the_sites_proxy_and_known_by_the_sites_authority(
    site: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        answering_under(site, "node.example.org", b'{"id":"far"}') as port,
        proxied_to(port) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.address)
        async with _calls() as calls:
            reply = await _get(calls, f"{NODE}/beacon/info")
    assert reply == Reply(200, {"id": "far"}, 12)
    assert proxy.asked == ["node.example.org:443"]


async def test_a_certificate_of_no_authority_of_the_site_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    async with (
        answering_under(other, "node.example.org", b"{}") as port,
        proxied_to(port) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.address)
        async with _calls() as calls:
            reply = await _get(calls, NODE)
    assert reply == NoReply(Outcome.UNREACHABLE, "The node’s certificate is not one we trust.")


async def test_a_proxy_that_does_not_lead_there_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with proxied_to(1, status="403 Forbidden") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.address)
        async with _calls() as calls:
            reply = await _get(calls, NODE)
    assert reply == NoReply(Outcome.UNREACHABLE, "This site’s proxy does not lead to the node.")


async def test_a_proxy_that_is_down_is_not_taken_for_the_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", unused_address())
    async with _calls() as calls:
        reply = await _get(calls, NODE)
    assert reply == NoReply(Outcome.UNREACHABLE, "This site’s proxy does not accept connections.")


async def test_what_the_site_reaches_by_itself_goes_past_the_proxy(
    site: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering_under(site, "node.example.org", b"{}") as port, proxied_to(1) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,.example.net")
        async with _calls() as calls:
            reply = await _get(calls, f"https://127.0.0.1:{port}/")
    assert reply == Reply(200, {}, 2)
    assert proxy.asked == []


async def test_a_node_on_this_machine_is_never_asked_by_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with proxied_to(1) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.address)
        async with _calls() as calls:
            reply = await _get(calls, unused_address())
    assert reply == NoReply(Outcome.UNREACHABLE, "The node does not accept connections.")
    assert proxy.asked == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "\\ud800"}',
        b'{"id": "\\uDFFF\\uD800"}',
        b'{"\\udead": 1}',
        b'["\xed\xa0\x80"]',
        '["\ud800"]'.encode("utf-16-le", "surrogatepass"),
        b'{"id": "\xff"}',
        b'{"count": ' + b"9" * 5_000 + b"}",
        b"[" * 100_000,
        b"{} {}",
    ],
)
async def test_what_no_page_could_be_written_with_is_not_json(site: Authority, body: bytes) -> None:
    assert await _answered(site, body) == NoReply(Outcome.ERROR, "The answer is not JSON.")


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"id": "\\ud83e\\uddec"}', {"id": "\U0001f9ec"}),
        ('{"id": "\U0001f9ec\ud7ff"}'.encode(), {"id": "\U0001f9ec\ud7ff"}),
        (b'{"id": "C:\\\\ud800"}', {"id": "C:\\ud800"}),
        ('{"id": "é"}'.encode("utf-16"), {"id": "é"}),
    ],
)
async def test_whole_characters_are_read_however_they_are_written(
    site: Authority, body: bytes, document: object
) -> None:
    reply = await _answered(site, body)
    assert isinstance(reply, Reply)
    assert reply.document == document


async def _answered(site: Authority, body: bytes) -> Reply | NoReply:
    async with answering_under(site, "localhost", body) as port, _calls() as calls:
        return await _get(calls, f"https://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    "length", [b"", b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n"]
)
async def test_who_cuts_the_line_beneath_tls_makes_no_whole_answer_of_a_part(
    site: Authority, length: bytes
) -> None:
    """A body that ends with its connection is JSON only where all of it came."""

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        part = b'{"exists"' if b"chunked" not in length else b'9\r\n{"exists"\r\n'
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + part)
        await writer.drain()
        writer.transport.abort()  # without the farewell of TLS

    server = await asyncio.start_server(met, "127.0.0.1", 0, ssl=site.context("localhost"))
    async with server, _calls() as calls:
        port = server.sockets[0].getsockname()[1]
        reply = await _get(calls, f"https://127.0.0.1:{port}/")
    assert isinstance(reply, NoReply)
    assert reply.outcome is Outcome.ERROR
