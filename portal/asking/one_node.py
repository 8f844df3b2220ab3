"""Asks one node one question: whether to ask it at all, as whom, and what its reply says.

A credential is obtained for this node alone and shown to no other. Which nodes are asked, and when,
is `fanout`'s; the call itself is `calls`'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from portal.asking.answer import NodeAnswer, Outcome, Reading
from portal.asking.breaker import FAILURES, Breakers
from portal.asking.calls import Calls, NoReply
from portal.asking.foreign import items, members
from portal.asking.hops import Journey
from portal.asking.pace import Paces
from portal.asking.reading import Asks, read
from portal.asking.recent import Got, Recent
from portal.metrics import Metrics
from portal.settings import Limits
from schemas.messages import Message
from schemas.wire import canonical_json


@dataclass(frozen=True, slots=True)
class Instead:
    """What one node is asked in place of the question: the same place in its own assembly."""

    body: Mapping[str, object]
    words: str


@dataclass(frozen=True, slots=True)
class Target:
    """One node to ask; `unsupported` is why it need not be asked at all, `edition` changes with the
    versions of its datasets; a foreign one is asked as anyone, in the older form."""

    url: str
    name: str
    unsupported: str = ""
    edition: str = ""
    foreign: bool = False
    id: str = ""  # as its own description says; empty where that is not known
    instead: Instead | None = None

    @property
    def root(self) -> str:
        """Of its Beacon."""
        return self.url if self.foreign else f"{self.url}/beacon"


@dataclass(frozen=True, slots=True)
class Credential:
    """What to show one node: a Passport made for it, or nothing; `asked_as` says which."""

    asked_as: str
    token: str | None = field(default=None, repr=False)


CredentialFor = Callable[[str], Awaitable[Credential]]


_ANONYMOUS = Credential(Message("anonymous"))


async def anonymous(_audience: str) -> Credential:
    return _ANONYMOUS


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as nodes get it; `path` is under a node's Beacon root.

    Beacon v2.2 nests a variant's parameters under `g_variant`; most older servers know them only
    `flat`, which is None where both forms are the same."""

    path: str
    body: bytes  # canonical JSON, so equal questions are equal bytes
    flat: bytes | None = None
    asks: Asks = field(default_factory=Asks)
    journey: Journey | None = None

    @classmethod
    def of(cls, path: str, body: Mapping[str, object], journey: Journey | None = None) -> Asked:
        query = members(body.get("query"))
        variant = members(members(query.get("requestParameters")).get("g_variant"))
        asks = Asks(variant=bool(variant), filters=len(items(query.get("filters"))))
        flat = None
        if variant:
            flat = canonical_json({**body, "query": {**query, "requestParameters": variant}})
        return cls(path, canonical_json(body), flat, asks, journey)


class Asking:
    def __init__(self, calls: Calls, limits: Limits, metrics: Metrics) -> None:
        self._calls = calls
        self._metrics = metrics
        self.paces = Paces()
        clock = _loop_time
        self._breakers = Breakers(limits, clock)
        self._recent = Recent(limits, clock)

    async def ask(
        self, target: Target, asked: Asked, *, credential: CredentialFor, deadline: float
    ) -> NodeAnswer:
        """One row by `deadline` (the event loop's clock), whatever the node does."""
        if target.unsupported:
            return NodeAnswer(
                target.url,
                target.name,
                Outcome.UNSUPPORTED,
                target.unsupported,
                0,
                Message("not asked"),
            )
        started = _loop_time()
        if target.instead is not None:
            asked = Asked.of(asked.path, target.instead.body, asked.journey)
        if target.foreign:
            credential = anonymous
        shown = await _obtain(credential, target.url, (started + deadline) / 2)

        async def call() -> Got:
            return await self._call(target, asked, token=shown.token, deadline=deadline)

        if shown.token is not None:
            got = await call()
        else:
            key = (target.url, target.edition, asked.path, asked.body)
            got = await self._recent.get(key, call)
        return _row(target, got, shown, taken=_loop_time() - started)

    async def _call(
        self, target: Target, asked: Asked, *, token: str | None, deadline: float
    ) -> Got:
        if (paused := self._breakers.refuses(target.url)) is not None:
            return Got(Reading(Outcome.UNREACHABLE, paused))
        started = _loop_time()
        try:
            got = await self._send(target, asked, token=token, deadline=deadline)
        except BaseException:
            self._breakers.gave_up(target.url)
            raise
        outcome, seconds = got.reading.outcome, _loop_time() - started
        self._breakers.saw(target.url, outcome)
        self.paces.saw(target.url, answered=outcome not in FAILURES, seconds=seconds)
        self._metrics.node(target.url, outcome, seconds)
        return got

    async def _send(
        self, target: Target, asked: Asked, *, token: str | None, deadline: float
    ) -> Got:
        forms = [asked.body]
        if target.foreign and asked.flat is not None:
            forms = [asked.flat, asked.body]
        extra = asked.journey.headers if asked.journey is not None else None
        got = Got(Reading(Outcome.ERROR, ""))
        for form in forms:
            reply = await self._calls.send(
                "POST", target.root + asked.path, deadline=deadline, token=token, body=form,
                extra=extra, again=True,
            )  # fmt: skip
            if isinstance(reply, NoReply):
                return Got(Reading(reply.outcome, reply.reason))
            got = Got(read(reply.status, reply.document, asked.asks), reply.size)
            if got.reading.outcome is not Outcome.UNSUPPORTED:
                break
        return got


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _row(target: Target, got: Got, shown: Credential, *, taken: float) -> NodeAnswer:
    seen = got.reading
    # Whose an answer is, is known by whom we asked, and never by what it calls itself.
    other = bool(target.id and seen.beacon_id and seen.beacon_id != target.id)
    lie = (
        Message(
            "It answers as %(other)s, and is known as %(name)s.",
            other=seen.beacon_id or "",
            name=target.id,
        )
        if other
        else ""
    )
    return NodeAnswer(
        url=target.url,
        name=target.name,
        outcome=seen.outcome,
        reason=seen.reason or lie,
        latency_ms=round(taken * 1000),
        asked_as=shown.asked_as,
        sets=seen.sets,
        withheld=seen.withheld,
        unserved=seen.unserved,
        beacon_id=target.id or seen.beacon_id,
        age_seconds=round(got.age),
        lifted=target.instead.words if target.instead is not None else "",
    )


async def _obtain(credential: CredentialFor, audience: str, until: float) -> Credential:
    """Half of the time may go into the exchange; then the node is asked as anyone would be."""
    if credential is anonymous:
        return _ANONYMOUS
    try:
        async with asyncio.timeout_at(until):
            return await credential(audience)
    except TimeoutError:
        return Credential(Message("anonymous, the sign-in service was too slow"))
