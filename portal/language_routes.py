"""The door at which a reader chooses the language of the pages; portal and node have the same.

The choice is a cookie that says nothing but the language, so it is set for anyone, by a form.
"""

# Annotations are evaluated here and now: FastAPI reads the form from them.
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse

from portal.catalogues import catalogues
from portal.languages import CHOICE_SECONDS, COOKIE
from schemas.errors import InvalidInput
from schemas.messages import Message

_MAX_PATH_CHARS = 2_000


def build(*, secure: bool) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.post("/language")
    async def choose(
        language: Annotated[str, Form(max_length=20)],
        back: Annotated[str, Form(max_length=_MAX_PATH_CHARS)] = "/",
    ) -> RedirectResponse:
        if language not in catalogues():
            raise InvalidInput(Message("Choose one of the languages at the foot of the page."))
        response = RedirectResponse(_here(back), status_code=303)
        response.set_cookie(
            f"__Host-{COOKIE}" if secure else COOKIE,
            language,
            max_age=CHOICE_SECONDS,
            path="/",
            secure=secure,
            httponly=True,
            samesite="lax",
        )
        return response

    return router


def _here(path: str) -> str:
    """A path of ours to go back to; anything that a browser could read as elsewhere is `/`."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if ours else "/"
