"""Remembers which identities are one person, so that nobody is two where two people must agree.

GA4GH Passport 1.2.1 «LinkedIdentities»: a link counts once a visa with it was shown here, in a
passport or at a sign-in in a browser, from an issuer trusted to say so (`passports.judgement`), and
from then on, whatever comes next.
It takes away and gives nothing: what a person may see or ask for stays with each identity.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from anyio.to_thread import run_sync
from sqlalchemy import literal
from sqlmodel import Session, col, select

from access.database import Database
from access.errors import SeparationOfDuties
from access.linked_table import LinkedRow
from passports.identities import Identity
from passports.login import Login, SignedIn
from passports.passport import Clearinghouse
from passports.researcher import Researcher
from passports.trust import TrustTable
from schemas.messages import Message

MAX_IDENTITIES = 200  # of one person; whoever has more agrees with nobody
MAX_NOTED = 10_000


class Linked:
    """Methods block."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self._noted: set[tuple[str, frozenset[str]]] = set()

    def knows(self, researcher: Researcher) -> bool:
        """Whether this process has noted just these links already."""
        return not researcher.linked or (researcher.identity, researcher.linked) in self._noted

    async def noted(self, researcher: Researcher) -> Researcher:
        """The same, once the links that a passport brings are remembered."""
        if not self.knows(researcher):
            await run_sync(self.note, researcher)
        return researcher

    def note(self, researcher: Researcher) -> None:
        """From a passport."""
        self.join(researcher.identity, researcher.linked)
        if len(self._noted) >= MAX_NOTED:
            self._noted.clear()
        self._noted.add((researcher.identity, researcher.linked))

    def join(self, one: str, others: frozenset[str]) -> None:
        """They are one person from now on."""
        pairs = {pair for other in others for pair in ((one, other), (other, one))}
        with self._store.writing() as session:
            for identity, other in sorted(pairs):
                if session.get(LinkedRow, (identity, other)) is None:
                    session.add(LinkedRow(identity=identity, other=other))

    def same(self, identity: str) -> frozenset[str]:
        """As `identities_of`."""
        with self._store.reading() as session:
            return identities_of(session, identity)

    def people(self, identities: Iterable[str]) -> int:
        """How many people they are. Raises as `identities_of` does."""
        return len({min(self.same(one)) for one in set(identities)})


def identities_of(session: Session, identity: str) -> frozenset[str]:
    """Every identity of the person, this one included, over any number of links. Raises
    `SeparationOfDuties` where they are too many: of a part, nobody can say that it is all."""
    found = select(literal(identity).label("identity")).cte(recursive=True)
    further = select(LinkedRow.other).join(found, col(LinkedRow.identity) == found.c.identity)
    every = session.exec(select(found.union(further).c.identity).limit(MAX_IDENTITIES + 1)).all()
    if len(every) > MAX_IDENTITIES:
        raise SeparationOfDuties(
            Message(
                "More than %(most)s identities are linked to this one, so nobody can say who"
                " agrees with whom.",
                most=MAX_IDENTITIES,
            )
        )
    return frozenset(every)


def at_sign_in(
    login: Login, *, trust: TrustTable, house: Clearinghouse, linked: Linked
) -> Callable[[SignedIn], Awaitable[None]]:
    """What is done with who has signed in, before anything else: the provider is asked for their
    visas, where anybody is trusted to link. Raises what `Login.visas` does: nobody is let in whose
    links cannot be known just now, or a crowded provider would make two people of one."""

    async def note(signed_in: SignedIn) -> None:
        if not trust.tells_of_links or not await login.tells_visas():
            return
        visas = await login.visas(signed_in)
        others = await house.linked(Identity(signed_in.subject, signed_in.issuer), visas)
        if others:
            await run_sync(linked.join, signed_in.identity, others)

    return note
