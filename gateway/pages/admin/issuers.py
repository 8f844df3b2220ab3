"""Whose word about people the node takes: the trust list in words, keys, and a token tried.

The list itself is a file (docs/trust.md) read at start. A tried token goes through a clearinghouse
of its own, so that nothing of it is remembered; it is never logged, recorded or shown again.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
import time
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse

from gateway import trust_in_words
from gateway.pages.admin.rooms import Fields, Rooms
from gateway.pages.render import see
from passports.errors import BadToken
from passports.passport import Clearinghouse
from passports.sessions import Session
from passports.userinfo import Userinfo
from schemas.errors import InvalidInput, SkerryError
from schemas.messages import Message

MAX_TOKEN_CHARS = 256 * 1024


def add(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/issuers", response_model=None)
    def listed(session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        return _page(rooms, session)

    @router.post("/issuers/refresh", response_model=None)
    async def refresh(
        session: Annotated[Session, Depends(rooms.sender)], fields: Fields
    ) -> RedirectResponse:
        known = {one.url for one in rooms.keys.fetched() if not one.pinned}
        if fields.get("url") not in known:
            raise InvalidInput(Message("The trust list has no such address of keys."))
        await rooms.keys.refresh(fields["url"])
        return see("/admin/issuers")

    @router.post("/issuers/test", response_model=None)
    async def try_token(
        session: Annotated[Session, Depends(rooms.sender)], fields: Fields
    ) -> HTMLResponse:
        token = fields.get("token", "").strip()
        if not 0 < len(token) <= MAX_TOKEN_CHARS or not token.isascii():
            problem = InvalidInput(
                Message("Expected a token of at most %(most)s characters.", most=MAX_TOKEN_CHARS)
            )
            return _page(rooms, session, problem=problem)
        try:
            return _page(rooms, session, judged=await _judged(rooms, token))
        except SkerryError as problem:
            return _page(rooms, session, problem=problem)


async def _judged(rooms: Rooms, token: str) -> Mapping[str, object]:
    try:
        found = await Clearinghouse(
            trust=rooms.trust,
            keys=rooms.keys,
            userinfo=Userinfo(http=rooms.http, clock=time.time),
            audience=rooms.settings.public_url,
            clock=rooms.clock,
        ).admit(token)
    except BadToken as refused:
        return trust_in_words.refused(refused)
    return trust_in_words.judged(found)


def _page(
    rooms: Rooms,
    session: Session,
    *,
    judged: Mapping[str, object] | None = None,
    problem: SkerryError | None = None,
) -> HTMLResponse:
    return rooms.show(
        "issuers", session, problem=problem,
        rules=list(trust_in_words.of(rooms.trust)),
        doubts=list(trust_in_words.doubtful(rooms.trust)),
        version=rooms.trust.version, keys=rooms.keys.fetched(), judged=judged,
        max_token=MAX_TOKEN_CHARS,
    )  # fmt: skip
