"""Remembers which identities are one person, so that nobody is two where two people must agree.

GA4GH Passport 1.2.1 «LinkedIdentities»: a link counts once a passport with it was shown here, from
an issuer trusted to say so (`passports.judgement`), and from then on, whatever passport comes next.
It takes away and gives nothing: what a person may see or ask for stays with each identity.
"""

from __future__ import annotations

from collections.abc import Iterable

from anyio.to_thread import run_sync
from fastapi import Request
from sqlmodel import Session, col, select

from access.caller import Caller
from access.database import Database
from access.linked_table import LinkedRow
from passports.researcher import Researcher

MAX_IDENTITIES = 200  # of one person
MAX_NOTED = 10_000


class Linked:
    """Methods block."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self._noted: set[tuple[str, frozenset[str]]] = set()

    def knows(self, researcher: Researcher) -> bool:
        """Whether this process has noted just these links already."""
        return not researcher.linked or (researcher.identity, researcher.linked) in self._noted

    def note(self, researcher: Researcher) -> None:
        one, others = researcher.identity, researcher.linked
        pairs = {pair for other in others for pair in ((one, other), (other, one))}
        with self._store.writing() as session:
            for identity, other in sorted(pairs):
                if session.get(LinkedRow, (identity, other)) is None:
                    session.add(LinkedRow(identity=identity, other=other))
        if len(self._noted) >= MAX_NOTED:
            self._noted.clear()
        self._noted.add((one, others))

    def same(self, identity: str) -> frozenset[str]:
        """Every identity of the person, this one included."""
        with self._store.reading() as session:
            return identities_of(session, identity)

    def people(self, identities: Iterable[str]) -> int:
        """How many people they are."""
        return len({min(self.same(one)) for one in set(identities)})


def identities_of(session: Session, identity: str) -> frozenset[str]:
    """Every identity of the person, this one included, over any number of links."""
    found, fresh = {identity}, {identity}
    while fresh and len(found) < MAX_IDENTITIES:
        linked = select(LinkedRow.other).where(col(LinkedRow.identity).in_(sorted(fresh)))
        fresh = set(session.exec(linked.limit(MAX_IDENTITIES))) - found
        found |= fresh
    return frozenset(found)


def noting(caller: Caller, linked: Linked) -> Caller:
    """`caller`, and links that a passport brings are remembered before anything is done with it."""

    async def who(request: Request) -> Researcher | None:
        researcher = await caller(request)
        if researcher is not None and not linked.knows(researcher):
            await run_sync(linked.note, researcher)
        return researcher

    return who
