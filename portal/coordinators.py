"""What coordinators tell of their federations: sites, runs and the news of a run.

Their door for those who look on (docs/workspaces.md), with a token that gives no order and sees no
result, over TLS that the federation's own authority vouches for. What is told is read past members
we do not know; what is shown of it, and to whom, is `federation_routes`'.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import httpx
from pydantic import Field, StringConstraints, ValidationError

from portal.errors import NodeFailed, SettingsError
from portal.settings import CoordinatorSettings, Limits
from schemas.errors import NotFound, SkerryError, TooMany
from schemas.messages import Message
from schemas.wire import OpenWire

MAX_SITES = 255
MAX_RUNS = 200
MAX_FOLLOWING = 50  # pages that follow runs by events at a time
MAX_OF_ONE = 6  # of one person: as many as a browser has connections for
SILENCE_SECONDS = 60.0  # a coordinator says every 15 s that it lives
_LAST_SECOND = 253_402_300_799  # of the year 9999

Short = Annotated[str, StringConstraints(max_length=300)]
Sentence = Annotated[str, StringConstraints(max_length=2_000)]
Seconds = Annotated[int, Field(ge=0, le=_LAST_SECOND)]
Told = TypeVar("Told", bound=OpenWire)
Amount = Annotated[int, Field(ge=0, le=2**63)]


class Application(OpenWire):
    """One that may be submitted; `discloses` says what its sums tell."""

    name: Short
    version: Short
    digest: Short
    outputs: Annotated[tuple[Short, ...], Field(max_length=50)] = ()
    discloses: Sentence = ""


class Federation(OpenWire):
    """`sites` says of each by name whether it is connected now."""

    name: Short
    least_sites: Annotated[int, Field(ge=1, le=MAX_SITES)]
    sites: Annotated[dict[Short, bool], Field(max_length=MAX_SITES)]
    applications: Annotated[tuple[Application, ...], Field(max_length=500)] = ()


class Round(OpenWire):
    """A sum that was opened: what it was about, of how many sites."""

    about: Sentence
    sites: Annotated[int, Field(ge=0, le=MAX_SITES)]


class Budget(OpenWire):
    """Of one site's start: bytes both ways and until when, and what this run's messages used."""

    bytes: Amount = 0
    until: Seconds = 0
    used: Amount = 0


class Run(OpenWire):
    """Times are epoch seconds, 0 where there is none yet."""

    run: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
    state: Short
    round: Sentence = ""
    present: Annotated[tuple[Short, ...], Field(max_length=MAX_SITES)] = ()
    missing: Annotated[dict[Short, Sentence], Field(default_factory=dict, max_length=MAX_SITES)]
    reason: Sentence = ""
    application: Short = ""
    submitted: Seconds = 0
    ended: Seconds = 0
    sums: Amount = 0
    rounds: Annotated[tuple[Round, ...], Field(max_length=100)] = ()
    budgets: Annotated[dict[Short, Budget], Field(default_factory=dict, max_length=MAX_SITES)]

    @property
    def under_way(self) -> bool:
        return self.state in ("waiting", "running")


class _Federations(OpenWire):
    federations: Annotated[tuple[Federation, ...], Field(min_length=1, max_length=1)]


class _Runs(OpenWire):
    runs: Annotated[tuple[Run, ...], Field(max_length=MAX_RUNS)]


class Coordinators:
    """Those of the settings, by the name they have there; `close()` at the end."""

    def __init__(self, settings: Sequence[CoordinatorSettings], *, limits: Limits) -> None:
        """Raises `SettingsError` where a file cannot be read."""
        self._limits = limits
        self._clients = {one.name: _client(one, limits) for one in settings}
        self._following: Counter[str] = Counter()  # pages, by who looks

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._clients)

    async def federation(self, name: str) -> Federation:
        """Each of these raises `NotFound`, or `NodeFailed` with what the coordinator said."""
        return _as(_Federations, await self._read(name, "/federations")).federations[0]

    async def runs(self, name: str) -> tuple[Run, ...]:
        """The newest first."""
        return _as(_Runs, await self._read(name, "/runs")).runs

    async def run(self, name: str, number: str) -> Run:
        return _as(Run, await self._read(name, f"/runs/{_numbered(number)}"))

    async def news(self, name: str, number: str, *, viewer: str) -> AsyncGenerator[Run, None]:
        """The run whenever there is news of it, until it has ended."""
        if self._following[viewer] >= MAX_OF_ONE:
            raise TooMany(Message("You follow a run in too many pages; close some of them."))
        if self._following.total() >= MAX_FOLLOWING:
            raise TooMany(
                Message("Too many follow a run at this portal just now; load the page again.")
            )
        self._following[viewer] += 1
        try:
            path = f"/runs/{_numbered(number)}/events"
            async with self._answer(name, path, seconds=SILENCE_SECONDS) as answer:
                async for data in _events(answer, most=self._limits.answer_bytes):
                    yield _as(Run, data)
        except (httpx.HTTPError, TimeoutError) as error:
            raise NodeFailed(Message("The coordinator fell silent.")) from error
        finally:
            self._following -= Counter((viewer,))  # who follows nothing is not kept

    async def _read(self, name: str, path: str) -> bytes:
        seconds = self._limits.deadline_seconds
        try:
            async with (
                asyncio.timeout(seconds),
                self._answer(name, path, seconds=seconds) as answer,
            ):
                return await _body(answer, most=self._limits.answer_bytes)
        except (httpx.HTTPError, TimeoutError) as error:
            raise NodeFailed(
                Message("The coordinator gave no answer within %(seconds)s s.", seconds=seconds)
            ) from error

    @asynccontextmanager
    async def _answer(
        self, name: str, path: str, *, seconds: float
    ) -> AsyncIterator[httpx.Response]:
        client = self._clients.get(name)
        if client is None:
            raise NotFound(Message("This portal knows no federation of that name."))
        async with client.stream("GET", path, timeout=seconds) as answer:
            if answer.status_code != 200:
                raise _refusal(answer.status_code, await _body(answer, most=64 * 1024))
            yield answer

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


def _client(settings: CoordinatorSettings, limits: Limits) -> httpx.AsyncClient:
    try:
        token = settings.token_file.read_text(encoding="ascii").strip()
        trusted = ssl.create_default_context(
            cafile=str(settings.authority) if settings.authority else None
        )
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"coordinators: {settings.name}: its token_file or authority cannot be read"
        ) from error
    if not token or not token.isprintable():
        raise SettingsError(f"coordinators: {settings.name}: token_file: expected one token")
    return httpx.AsyncClient(
        base_url=settings.url,
        headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"},
        verify=trusted,
        follow_redirects=False,
        timeout=limits.deadline_seconds,
    )


async def _body(answer: httpx.Response, *, most: int) -> bytes:
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > most:
            raise NodeFailed(Message("The coordinator’s answer is too large."))
    return bytes(body)


async def _events(answer: httpx.Response, *, most: int) -> AsyncIterator[bytes]:
    """The `data` of each server-sent event (WHATWG HTML 9.2), which here is one line."""
    line = bytearray()
    async for part in answer.aiter_raw():
        *whole, rest = part.split(b"\n")
        for ending in whole:
            line += ending
            if line.startswith(b"data: "):
                yield bytes(line[6:])
            line.clear()
        line += rest
        if len(line) > most:
            raise NodeFailed(Message("The coordinator’s answer is too large."))


def _as(form: type[Told], body: bytes) -> Told:
    try:
        return form.model_validate_json(body)
    except ValidationError as error:
        raise NodeFailed(Message("The coordinator’s answer is not what one tells.")) from error


def _numbered(number: str) -> str:
    if not (number.isascii() and number.isdigit() and len(number) <= 20):
        raise NotFound(Message("There is no run of that number."))
    return number


def _refusal(status: int, body: bytes) -> SkerryError:
    if status == 404:
        return NotFound(Message("There is no run of that number."))
    if status == 401:
        return NodeFailed(Message("The coordinator does not take this portal’s token any more."))
    try:
        told: object = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    said = told.get("message") if isinstance(told, Mapping) else None
    words = (
        said[:300]
        if isinstance(said, str) and said
        else Message("It answered HTTP %(status)s.", status=str(status))
    )
    return NodeFailed(Message("The coordinator cannot tell: %(words)s", words=words))
