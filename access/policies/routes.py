"""What a caller may do and why: /access/check, /access/whoami, /access/explain.

`check` fits a proxy's sub-request: 200 entitled, 403 credential good but not entitled, 401 bad
credential, 400 malformed. A dataset that the caller may not know of and one that is not there get
the same answer by the same path. Rules are `policy`'s, words `explain`'s.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from access.caller import Caller
from access.errors import AdminsOnly, DatasetClosed, LevelNotReached, SignInNeeded
from access.policies.decision import Action, Decision, Level
from access.policies.explain import advice, explain, full
from access.policies.own_tests import persona
from access.policies.policy import PolicyBook
from access.record.audit import Record
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.decisions import (
    CheckQuery,
    Entitled,
    Explained,
    ExplainQuery,
    LevelReached,
    ObligationText,
    ReasonText,
)
from schemas.grants import DroppedView, VisaView, WhoAmI


@dataclass(frozen=True, slots=True)
class _Desk:
    book: PolicyBook
    record: Record
    admins: tuple[str, ...]
    clock: Callable[[], int]

    def check(self, who: Researcher | None, asked: CheckQuery) -> Entitled | LevelReached:
        now = self.clock()
        if asked.dataset is None:
            return self._level(who, asked.level or "registered", now=now)
        action = Action(asked.action or "discover")
        book = self.book.consult(who, action, now=now, dataset=asked.dataset)
        decision = book.decide(who, asked.dataset, action, now=now)
        self._note(who, decision, known=book.policy(asked.dataset) is not None)
        if not decision.allowed:
            raise DatasetClosed(" ".join(reason.text for reason in decision.reasons))
        return _entitled(decision)

    def _note(self, who: Researcher | None, decision: Decision, *, known: bool) -> None:
        """On record before the answer leaves; a name that no policy has is the caller's own text
        and stays out of it."""
        facts = {
            "caller": None if who is None else self.record.pseudonym(who.identity),
            "dataset": decision.dataset if known else None,
            "action": decision.action.value,
            "outcome": decision.outcome.value,
            "reasons": [reason.code for reason in decision.reasons],
            "policy_version": decision.policy_version,
        }
        self.record.append("access.check", facts)

    def _level(
        self, who: Researcher | None, wanted: Literal["public", "registered"], *, now: int
    ) -> LevelReached:
        book = self.book.current()
        reached = book.reached(who, now=now)
        if reached.level < Level[wanted.upper()]:
            raise LevelNotReached("You are not a registered researcher at this node.")
        return LevelReached(level=wanted, expires=reached.expires, policy_version=book.version)

    def explain(self, who: Researcher | None, asked: ExplainQuery) -> Explained:
        for_admins = asked.form == "full" or asked.persona is not None
        if for_admins and (who is None or who.identity not in self.admins):
            raise AdminsOnly("The full form and personas are for this node's admins.")
        now, book = self.clock(), self.book.current()
        if asked.persona is not None:
            policy = book.policy(asked.dataset)
            value = policy.grant_value if policy is not None else "urn:none"
            who = persona(asked.persona, value, now=now)
        action = Action(asked.action)
        entries = None if asked.entry is None else frozenset({asked.entry})
        found = explain(book, who, asked.dataset, action, now=now, entries=entries)
        return Explained(
            decision=_entitled(found.decision),
            advice=advice(found),
            rules=full(found) if asked.form == "full" else (),
        )

    def whoami(self, who: Researcher) -> WhoAmI:
        return WhoAmI(
            identity=who.identity,
            expires=who.expires,
            visas=tuple(_visa_view(visa) for visa in who.visas),
            dropped=tuple(
                DroppedView(reason=d.reason, type=d.type, issuer=d.issuer, ended=d.ended)
                for d in who.dropped
            ),
            committee_of=self.book.committee_of(who.identity),
            admin=who.identity in self.admins,
        )


def build(
    *,
    book: PolicyBook,
    record: Record,
    caller: Caller,
    admins: tuple[str, ...],
    clock: Callable[[], int],
) -> APIRouter:
    desk = _Desk(book, record, admins, clock)
    router = APIRouter(tags=["access"])

    @router.get("/access/check")
    async def check(
        asked: Annotated[CheckQuery, Query()],
        response: Response,
        who: Annotated[Researcher | None, Depends(caller)],
    ) -> Entitled | LevelReached:
        _private(response)
        return desk.check(who, asked)

    @router.get("/access/explain")
    async def explained(
        asked: Annotated[ExplainQuery, Query()],
        response: Response,
        who: Annotated[Researcher | None, Depends(caller)],
    ) -> Explained:
        _private(response)
        return desk.explain(who, asked)

    @router.get("/access/whoami")
    async def whoami(
        response: Response, who: Annotated[Researcher | None, Depends(caller)]
    ) -> WhoAmI:
        if who is None:
            raise SignInNeeded("Sign in first: this needs a passport.")
        _private(response)
        return desk.whoami(who)

    return router


def _private(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Authorization"


def _visa_view(visa: Visa) -> VisaView:
    return VisaView(
        type=visa.type,
        value=visa.value,
        issuer=visa.issuer,
        expires=visa.expires,
        source=visa.source,
        by=visa.by,
        asserted=visa.asserted,
    )


def _entitled(decision: Decision) -> Entitled:
    return Entitled(
        dataset=decision.dataset,
        action=decision.action.value,
        outcome=decision.outcome.value,
        level=decision.level.name.lower(),
        ceiling=None if decision.ceiling is None else decision.ceiling.wire,
        reasons=tuple(ReasonText(code=r.code, text=r.text) for r in decision.reasons),
        obligations=tuple(ObligationText(code=o.code, text=o.text) for o in decision.obligations),
        workspaces=tuple(sorted(decision.workspaces)),
        expires=decision.expires,
        policy_version=decision.policy_version,
    )
