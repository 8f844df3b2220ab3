"""Disclosure risk: what answers have given away, whom they tell most about, what was refused.

The report is that of `skerry risk show`; exposed people are `gateway.exposure`'s, refusals are
counted from the record.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from access.privacy.ledger import Ledger
from access.record import search
from access.record.search import Wanted
from gateway import exposure, risk, risk_in_words
from gateway.pages.admin.rooms import Rooms
from gateway.usage import MAX_ENTRIES
from passports.sessions import Session

DAYS = 30


def add(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/risk", response_model=None)
    def shown(session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        report, ledger = risk.now(rooms.home), Ledger(rooms.store)
        balances = {dataset: ledger.balances(dataset) for dataset in report}
        return rooms.show(
            "risk", session,
            report=report,
            lines={name: list(risk_in_words.said(one)) for name, one in report.items()},
            people={name: exposure.people(held) for name, held in balances.items()},
            spenders={name: exposure.spenders(held) for name, held in balances.items()},
            refused=_refused(rooms), reasons=risk_in_words.REFUSED, days=DAYS,
        )  # fmt: skip


def _refused(rooms: Rooms) -> list[tuple[str, int]]:
    """Questions of the last days that were refused, by the reason's code."""
    today = datetime.now(UTC).date()
    wanted = Wanted(first=today - timedelta(days=DAYS - 1), kind="beacon.answer")
    found: Counter[str] = Counter()
    for entry in search.last(rooms.tree, wanted, most=MAX_ENTRIES):
        facts = entry["facts"]
        if isinstance(facts, dict) and facts.get("outcome") != "answered":
            found[str(facts.get("outcome"))] += 1
    return found.most_common()
