"""The JSON door at which a registered caller reads what they have asked and what is left."""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends

from access.caller import Caller
from access.errors import SignInNeeded
from access.policies.policy import PolicyBook
from access.privacy.allowance import Balances
from passports.researcher import Researcher
from schemas.decisions import Allowances


def build(
    balances: Balances, *, book: PolicyBook, caller: Caller, clock: Callable[[], int]
) -> APIRouter:
    router = APIRouter()

    @router.get("/access/allowances")
    def allowances(who: Annotated[Researcher | None, Depends(caller)]) -> Allowances:
        if who is None:
            raise SignInNeeded("Sign in first: this needs a passport.")
        return Allowances(allowances=balances.of(who, book.current(), now=clock()))

    return router
