"""POST /access/duo/check: what a dataset's terms say to a purpose, both as the caller states them.

Nothing of the node is read but its disease tables and its strictness; no dataset is named, so
nothing is revealed and nobody needs to sign in. Caps are those of the models; rules are `duo`'s.
"""

# Annotations are evaluated here and now: FastAPI reads them.
from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import APIRouter, Response

from access.policies.policy import PolicyBook
from access.purpose_check import PurposeCheck
from duo.consent import read_consent
from duo.purpose import read_purpose
from duo.report import report
from schemas.data_use import DataUseCheck, VerdictView


def build(*, check: PurposeCheck, book: PolicyBook, clock: Callable[[], int]) -> APIRouter:
    router = APIRouter()

    @router.post("/access/duo/check")
    def duo_check(sent: DataUseCheck, response: Response) -> VerdictView:
        today = sent.today or datetime.fromtimestamp(clock(), tz=UTC).date()
        # Without a term there is no profile at all.
        consent = read_consent(sent.dataset) if sent.dataset else None
        verdict = check.judge(consent, read_purpose(sent.request), today=today)
        response.headers["Cache-Control"] = "no-store"
        return report(verdict, policy=book.version)

    return router
