"""The JSON doors of enquiries; every rule is `enquiries`'."""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends

from access.caller import Caller
from access.errors import NoSuchThing, SignInNeeded
from access.policies.policy import PolicyBook
from access.requests.enquiries import Enquiries
from passports.researcher import Researcher
from schemas.enquiries import EnquiryAnswer, EnquiryList, EnquiryView, NewEnquiry


def build(
    enquiries: Enquiries, *, book: PolicyBook, caller: Caller, clock: Callable[[], int]
) -> APIRouter:
    router = APIRouter()

    async def signed_in(who: Annotated[Researcher | None, Depends(caller)]) -> Researcher:
        if who is None:
            raise SignInNeeded("Sign in first: this needs a passport.")
        return who

    @router.post("/access/enquiries", status_code=201)
    def ask(new: NewEnquiry, who: Annotated[Researcher, Depends(signed_in)]) -> EnquiryView:
        now = clock()
        if not book.may_know(who, new.dataset, now=now):
            raise NoSuchThing(detail="enquiry about a dataset that may not be known")
        return enquiries.ask(new.dataset, new.text, asker=who.identity, now=now)

    @router.get("/access/enquiries")
    def listed(who: Annotated[Researcher, Depends(signed_in)]) -> EnquiryList:
        return enquiries.listed(who.identity)

    @router.post("/access/enquiries/{enquiry_id}/answer")
    def answer(
        enquiry_id: str, said: EnquiryAnswer, who: Annotated[Researcher, Depends(signed_in)]
    ) -> EnquiryView:
        return enquiries.answer(enquiry_id, said.text, member=who.identity, now=clock())

    return router
