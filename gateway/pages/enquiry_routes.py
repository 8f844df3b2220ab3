"""The form with which a committee answers an enquiry; `request_routes` lists them."""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse

from access.requests.enquiries import Enquiries
from gateway.pages.render import see
from gateway.pages.signin import Desk
from passports.sessions import Session
from schemas.enquiries import EnquiryAnswer
from schemas.errors import InvalidInput
from schemas.messages import Message


def build(router: APIRouter, enquiries: Enquiries, *, door: Desk, clock: Callable[[], int]) -> None:
    @router.post("/enquiries/{enquiry_id}", response_model=None)
    def answer(
        enquiry_id: str,
        session: Annotated[Session, Depends(door.sender)],
        text: Annotated[str, Form()] = "",
    ) -> RedirectResponse:
        try:
            said = EnquiryAnswer(text=text)
        except ValueError as error:
            raise InvalidInput(Message("Write an answer of up to 2,000 characters.")) from error
        member = session.signed_in.identity
        enquiries.answer(enquiry_id, said.text, member=member, now=clock())
        return see("/requests")
