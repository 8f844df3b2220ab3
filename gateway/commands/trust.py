"""`skerry trust`: what a trust file says in words, and what it would make of a token.

Both use the node's own code and change nothing. A token is judged live, or offline with key sets
and a userinfo answer from files. Leaves the rules to `passports`.
"""

# ruff: noqa: T201

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.printed import AsJson
from gateway.errors import Exit, LoadRefused

if TYPE_CHECKING:
    import httpx

    from passports.researcher import Researcher
    from passports.trust import TrustTable

MAX_INPUT_BYTES = 1024 * 1024
_SECONDS = 3.0

app = typer.Typer(no_args_is_help=True, help="Whose word about people a node takes.")

Trust = Annotated[Path, typer.Argument(help="a trust file, or a node's folder")]


@dataclass(frozen=True, slots=True)
class Offline:
    """Answers by address; with `live`, other addresses of the table are really asked."""

    answers: Mapping[str, bytes]
    live: bool


@app.command()
def check(trust_file: Trust, *, as_json: AsJson = False) -> None:
    """Validates a trust file and says what it means; refuses what `skerry serve` would refuse."""
    from gateway import trust_in_words as words

    table, _ = _table(trust_file)
    lines, doubts = list(words.of(table)), list(words.doubtful(table))
    if as_json:
        print(json.dumps({"version": table.version, "rules": lines, "doubts": doubts}))
        return
    for line in lines:
        print(line)
    for doubt in doubts:
        print(f"note: {doubt}")
    print(f"trust file good; version {table.version}")


@app.command("test")
def judge(
    trust_file: Trust,
    *,
    token: Annotated[Path, typer.Option(help="a file with a Passport or an access token")],
    audience: Annotated[str, typer.Option(help="the node's public URL; a folder knows it")] = "",
    keys: Annotated[list[str] | None, typer.Option(help="URL=FILE: a key set; repeatable")] = None,
    userinfo: Annotated[str, typer.Option(help="URL=FILE: a broker's answer")] = "",
    offline: Annotated[bool, typer.Option("--offline", help="ask nobody")] = False,
    at: Annotated[str, typer.Option(help="as of this time, e.g. 2026-06-01T12:00:00Z")] = "",
    as_json: AsJson = False,
) -> None:
    """Shows what a node with this file would accept of a token, and why not the rest."""
    from gateway import trust_in_words as words
    from passports.errors import BadToken

    table, known_audience = _table(trust_file)
    named = audience or known_audience
    if not named:
        raise LoadRefused("--audience: say the node's public URL, or name its folder")
    files = [*(keys or ()), *([userinfo] if userinfo else ())]
    sources = Offline(dict(_answer(pair) for pair in files), live=not offline)
    raw_token = _read(token).decode("ascii", "replace").strip()
    try:
        found = asyncio.run(_admit(table, raw_token, named, sources=sources, now=_moment(at)))
    except BadToken as refused:
        _show(words.refused(refused), as_json=as_json)
        raise SystemExit(Exit.REFUSED) from None
    _show(words.judged(found), as_json=as_json)


def _table(path: Path) -> tuple[TrustTable, str]:
    """The table, and the audience where `path` is a node's folder."""
    from gateway import config
    from gateway.home import NodeHome
    from passports import trust

    if path.is_dir():
        home = NodeHome(path)
        return trust.load(home.trust), config.load(home.settings).public_url
    return trust.load(path), ""


async def _admit(
    table: TrustTable, raw_token: str, audience: str, *, sources: Offline, now: int
) -> Researcher:
    from passports.keys import KeyStore
    from passports.passport import Clearinghouse
    from passports.userinfo import Userinfo

    async with _client(sources) as http:
        return await Clearinghouse(
            trust=table,
            keys=KeyStore(table, http=http, clock=time.time),
            userinfo=Userinfo(http=http, clock=time.time),
            audience=audience,
            clock=lambda: now,
        ).admit(raw_token)


def _client(sources: Offline) -> httpx.AsyncClient:
    import httpx

    network = httpx.AsyncHTTPTransport()

    async def answer(request: httpx.Request) -> httpx.Response:
        known = sources.answers.get(str(request.url))
        if known is not None:
            return httpx.Response(200, stream=httpx.ByteStream(known))
        if not sources.live:
            raise httpx.ConnectError("offline", request=request)
        return await network.handle_async_request(request)

    return httpx.AsyncClient(transport=httpx.MockTransport(answer), timeout=_SECONDS)


def _show(judged: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(judged))
    elif not judged["accepted"]:
        print(f"refused: {judged['reason']}: {judged['because']}")
    else:
        print(f"accepted: {judged['who']} until {judged['until']}")
        for visa in _rows(judged["visas"]):
            print(f"visa {visa['type']} of {visa['issuer']}: holds, {visa['value']} from "
                  f"{visa['source']} by {visa['by']} until {visa['until']}")  # fmt: skip
        for drop in _rows(judged["dropped"]):
            print(f"visa {drop['type']} of {drop['issuer']}: dropped, {drop['reason']}: "
                  f"{drop['because']}")  # fmt: skip


def _rows(value: object) -> list[Mapping[str, object]]:
    return value if isinstance(value, list) else []


def _answer(pair: str) -> tuple[str, bytes]:
    url, equals, name = pair.rpartition("=")
    if not equals:
        raise LoadRefused("--keys and --userinfo are URL=FILE")
    return url, _read(Path(name))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_INPUT_BYTES + 1)
    except OSError as error:
        raise LoadRefused(f"{path}: cannot be read") from error
    if len(data) > MAX_INPUT_BYTES:
        raise LoadRefused(f"{path}: larger than {MAX_INPUT_BYTES} bytes")
    return data


def _moment(text: str) -> int:
    if not text:
        return int(time.time())
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise LoadRefused("--at: expected a time like 2026-06-01T12:00:00Z") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
