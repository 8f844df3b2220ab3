"""Signing in to and out of a node's own pages, and who the browser is after that.

The flow is `passports.login`'s and the sessions are `passports.sessions`'; here they meet cookies
and forms. A form must carry the session's token and, where the browser says so, our own origin.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from access.errors import SignInNeeded
from gateway.pages.errors import ForgedForm
from gateway.pages.render import see
from passports.errors import SignInFailed
from passports.login import Login, SignedIn
from passports.logout import MAX_TOKEN_CHARS as MAX_LOGOUT_CHARS
from passports.sessions import PENDING_SECONDS, Session, Sessions, cookie_name
from schemas.messages import Message

MAX_TOKEN_CHARS = 200


class Desk:
    """Finds the session of a request; FastAPI dependencies are its methods."""

    def __init__(self, sessions: Sessions, *, public_url: str) -> None:
        self._sessions = sessions
        self._public_url = public_url
        self._cookie = cookie_name("node", public_url)
        self._pending_cookie = cookie_name("node-signin", public_url)
        self._secure = public_url.startswith("https://")

    def session(self, request: Request) -> Session | None:
        return self._sessions.get(request.cookies.get(self._cookie))

    async def visitor(self, request: Request) -> Session | None:
        return self.session(request)

    async def person(self, request: Request) -> Session:
        session = self.session(request)
        if session is None:
            raise SignInNeeded(Message("Sign in first."))
        return session

    async def sender(
        self, request: Request, csrf: Annotated[str, Form(max_length=MAX_TOKEN_CHARS)] = ""
    ) -> Session:
        """The person who sent a form from one of our pages."""
        session = await self.person(request)
        if not self.is_ours(request, session, csrf):
            raise ForgedForm(
                Message("This form did not come from your session here; open it again.")
            )
        return session

    def is_ours(self, request: Request, session: Session, csrf: str) -> bool:
        """Whether a form with this token came from a page of ours in that session."""
        origin = request.headers.get("origin", self._public_url)
        return origin == self._public_url and session.csrf_holds(csrf)

    def add_routes(
        self,
        router: APIRouter,
        *,
        login: Login,
        greet: Callable[[SignedIn], Awaitable[None]],
    ) -> None:
        """`greet` is told who has signed in, before they have a session; it may refuse."""

        @router.get("/signin", response_model=None)
        async def begin(
            next_path: Annotated[str, Query(alias="next", max_length=2048)] = "/",
        ) -> RedirectResponse:
            url, pending = await login.begin(next_path)
            answer = see(url)
            self._set(
                answer,
                self._pending_cookie,
                self._sessions.park(pending),
                max_age=PENDING_SECONDS,
            )
            return answer

        @router.get("/signin/done", response_model=None)
        async def done(request: Request) -> RedirectResponse:
            pending = self._sessions.unpark(request.cookies.get(self._pending_cookie))
            if pending is None:
                raise SignInFailed(
                    Message("the sign-in was not started in this browser; start again")
                )
            signed_in = await login.finish(pending, request.query_params)
            await greet(signed_in)
            self._sessions.drop(request.cookies.get(self._cookie))
            answer = see(pending.next_path)
            self._set(answer, self._cookie, self._sessions.create(signed_in), max_age=None)
            self._forget(answer, self._pending_cookie)
            return answer

        @router.post("/signout", response_model=None)
        async def out(
            request: Request, _session: Annotated[Session, Depends(self.sender)]
        ) -> RedirectResponse:
            self._sessions.drop(request.cookies.get(self._cookie))
            answer = see("/")
            self._forget(answer, self._cookie)
            return answer

        @router.post("/signin/logout", response_model=None)
        async def signed_out_elsewhere(
            logout_token: Annotated[str, Form(max_length=MAX_LOGOUT_CHARS)],
        ) -> Response:
            """OpenID Connect Back-Channel Logout 1.0: the provider's own request."""
            self._sessions.drop_person(await login.signed_out(logout_token))
            return Response(status_code=200, headers={"Cache-Control": "no-store"})

    def _set(self, answer: RedirectResponse, name: str, value: str, *, max_age: int | None) -> None:
        answer.set_cookie(
            name, value, max_age=max_age, path="/", secure=self._secure, httponly=True,
            samesite=_SAME_SITE,
        )  # fmt: skip

    def _forget(self, answer: RedirectResponse, name: str) -> None:
        answer.delete_cookie(
            name, path="/", secure=self._secure, httponly=True, samesite=_SAME_SITE
        )


# Lax, not strict: the provider's redirect back is a navigation from another site.
_SAME_SITE: Literal["lax"] = "lax"
