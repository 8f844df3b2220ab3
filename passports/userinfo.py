"""Shows an access token to its own broker's userinfo and takes the visas it answers with.

GA4GH AAI 1.2.1 and OpenID Connect Core 5.3. Only brokers whose `userinfo_url` stands in the trust
table are asked, with a token that was verified as theirs; one that fails is left alone for a while,
so that nobody waits for it. Leaves the visas to the clearinghouse.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from passports.compact import strict_object
from passports.errors import BadToken, Reason, UserinfoUnavailable
from passports.outbound import NoAnswer, ask
from schemas.messages import Message

ASK_SECONDS = 3.0
COOL_DOWN_SECONDS = 30
MAX_ANSWER_BYTES = 512 * 1024
MAX_IN_FLIGHT = 32
_DISOWNS = frozenset({400, 401, 403})


@dataclass(slots=True)
class _Door:
    """One broker's userinfo."""

    closed_until: float = 0.0
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_IN_FLIGHT))


class Userinfo:
    """Safe to share between requests of one event loop."""

    def __init__(self, *, http: httpx.AsyncClient, clock: Callable[[], float]) -> None:
        self._http = http
        self._clock = clock
        self._doors: dict[str, _Door] = {}

    async def claims(self, userinfo_url: str, raw_token: str) -> Mapping[str, object]:
        """`BadToken` when the broker disowns the token, `UserinfoUnavailable` when it is silent.

        `raw_token` must be the verified token of the broker whose `userinfo_url` this is.
        """
        door = self._doors.setdefault(userinfo_url, _Door())
        if self._clock() < door.closed_until or door.places.locked():
            raise UserinfoUnavailable(Message("the sign-in provider does not answer just now"))
        headers = {"Authorization": f"Bearer {raw_token}"}
        request = self._http.build_request(
            "GET", userinfo_url, headers=headers, timeout=ASK_SECONDS
        )
        async with door.places:
            try:
                answer = await ask(self._http, request, seconds=ASK_SECONDS, cap=MAX_ANSWER_BYTES)
            except NoAnswer as error:
                door.closed_until = self._clock() + COOL_DOWN_SECONDS
                raise UserinfoUnavailable(
                    Message("the sign-in provider does not answer")
                ) from error
        if answer.status in _DISOWNS:
            raise BadToken(Reason.DISOWNED)
        if answer.status != httpx.codes.OK:
            raise UserinfoUnavailable(
                Message("the sign-in provider failed"), detail=str(answer.status)
            )
        try:
            return strict_object(answer.body)
        except BadToken as error:
            raise UserinfoUnavailable(Message("the sign-in provider answered nonsense")) from error
