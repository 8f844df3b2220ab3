"""Answers a ticket request: the steps of a release in their order, and a record of each refusal.

htsget 1.3.0; settled rule: the answer is the release. Each step is another module's.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from anyio.to_thread import run_sync

from access.errors import SignInNeeded
from access.permits import PermitOffice
from access.record.audit import Record
from passports.researcher import Researcher
from schemas.errors import InvalidInput, SkerryError
from schemas.grants import SignedPermit
from schemas.htsget import TicketAnswer, TicketUrl
from schemas.wire import LocalId
from streams.clear import ONLY_SEALED, ClearDoor, choose
from streams.entitlement import Entitlement, Entitlements
from streams.errors import KeyInvalid, NoSuchObject, ReleaseRefused
from streams.granted import by_md5
from streams.htsget.questions import Query
from streams.htsget.tickets import (
    CLEAR_PART_BYTES,
    Address,
    Part,
    check_format,
    clear_ticket,
    parts,
    sign,
    ticket,
)
from streams.in_place import Accel, range_of
from streams.keys import check_public_bytes, parse_public_key
from streams.refget.sequences import Sequences
from streams.release import Opened, Releases, byte_budget
from streams.sessions import Session
from streams.shelf import ClearObject
from streams.sources import Kind

KEY_HEADERS = ("htsget-context-public-key", "x-c4gh-public-key", "client-public-key")
MAX_KEY_HEADER = 8192


@dataclass(frozen=True, slots=True)
class Wanted:
    """One ticket request, read but not judged."""

    kind: Kind
    object_id: LocalId
    query: Query
    client_key: bytes | None


@dataclass(frozen=True, slots=True)
class Permitted:
    """What a caller may have, and the permit for it."""

    asked: Entitlement
    signed: SignedPermit


def read_client_key(headers: Mapping[str, str]) -> bytes | None:
    """The raw key a client names, from base64 of its key file or of the raw key.

    Never trusted: it must equal the registered one. Raises InvalidInput, KeyInvalid.
    """
    sent = [headers[name] for name in KEY_HEADERS if name in headers]
    if not sent:
        return None
    if len(sent) > 1:
        raise InvalidInput(f"Send at most one of {', '.join(KEY_HEADERS)}.")
    if len(sent[0]) > MAX_KEY_HEADER:
        raise KeyInvalid(f"A public key header has at most {MAX_KEY_HEADER} bytes.")
    try:
        decoded = base64.b64decode(sent[0].strip(), validate=True)
    except binascii.Error as error:
        raise KeyInvalid("The public key header must be base64 of the key file.") from error
    return check_public_bytes(decoded) if len(decoded) == 32 else parse_public_key(decoded)


@dataclass(frozen=True, slots=True)
class TicketDesk:
    entitlements: Entitlements
    clear: ClearDoor
    releases: Releases
    permits: PermitOffice
    record: Record
    public_url: str
    clock: Callable[[], float]
    sequences: Sequences | None = None
    accel: Accel | None = None

    async def ticket(self, researcher: Researcher | None, wanted: Wanted) -> TicketAnswer:
        """Raises whatever stands against it; then nothing has left."""
        found = await run_sync(self._found, researcher, wanted)
        if isinstance(found, Permitted):
            return await self._release(found, wanted.query)
        return await self._clear_ticket(researcher, wanted, choose(found, wanted.query.form))

    async def entitled(self, researcher: Researcher | None, wanted: Wanted) -> Entitlement:
        """What the caller may have now, sealed. Raises whatever stands against it."""
        return await run_sync(self._entitled, researcher, wanted)

    async def release(self, researcher: Researcher, wanted: Wanted) -> TicketAnswer:
        """As `ticket`, of a sealed object. Raises; then nothing has left."""
        return await self._release(
            await run_sync(self._permitted, researcher, wanted), wanted.query
        )

    async def _release(self, found: Permitted, query: Query) -> TicketAnswer:
        """Opens the release and says where its body lies."""
        opened = await self._opened(found, query)
        pieces = parts(opened.session.body.size)
        addresses = [self._address(opened.session, part) for part in pieces]
        form = found.asked.sealed.format
        return ticket(form, opened.header, addresses, manifest=opened.manifest)

    async def _clear_ticket(
        self, researcher: Researcher | None, wanted: Wanted, found: ClearObject
    ) -> TicketAnswer:
        query = wanted.query.of(found.format)
        body = await run_sync(
            partial(
                self.clear.plan,
                found,
                query.regions,
                header_only=query.header_only,
                columns=query.columns,
            )
        )
        session = await self.releases.open_clear(
            body, researcher, still=partial(self.clear.still_holds, found)
        )
        pieces = parts(body.size, each=CLEAR_PART_BYTES)
        return clear_ticket(
            found.format,
            [self._address(session, part) for part in pieces],
            md5=found.md5 if query.is_whole else None,
        )

    def _found(
        self, researcher: Researcher | None, wanted: Wanted
    ) -> Mapping[str, ClearObject] | Permitted:
        now = int(self.clock())
        if wanted.query.sealed is not True:
            forms = self.clear.offered(researcher, wanted.kind, wanted.object_id, now=now)
            if forms:
                return forms
        return self._permitted(researcher, wanted)

    def _unknown_to_nobody(self, object_id: str) -> SkerryError:
        """Under a dataset that anyone may stream, what is not there is not there for anyone."""
        dataset = self.entitlements.named(object_id)
        if dataset is not None and self.clear.is_open(dataset, now=int(self.clock())):
            return NoSuchObject(reasons=("unknown_object",))
        return SignInNeeded("Send a GA4GH Passport for this node as a bearer token.")

    async def refused(
        self,
        error: SkerryError,
        researcher: Researcher | None,
        *,
        door: str,
        object_id: str | None,
    ) -> None:
        """Puts a refusal on record. Raises RecordUnavailable."""
        reasons = getattr(error, "reasons", None) or (error.code,)
        known = object_id is not None and await run_sync(self._is_known, object_id)
        facts = {
            "door": door,
            "by": self.record.pseudonym(researcher.identity) if researcher else None,
            "object": object_id if known else None,  # foreign text stays out of the record
            "reasons": reasons,
            "status": error.status,
        }
        await run_sync(self.record.append, "release.refused", facts)

    async def _opened(self, found: Permitted, query: Query) -> Opened:
        asked, signed = found.asked, found.signed
        query = query.of(asked.sealed.format)
        still, known = self.entitlements.still_holds, self.entitlements.known_to_hold
        if query.is_whole and asked.regions is None:
            return await self.releases.open(asked, signed, still=still, known=known)
        regions = () if query.header_only else query.regions
        return await self.releases.open_slice(
            asked, signed, regions, columns=query.columns, still=still, known=known
        )

    def _permitted(self, researcher: Researcher | None, wanted: Wanted) -> Permitted:
        asked = self._entitled(researcher, wanted)
        return Permitted(asked, self._permit(asked))

    def _entitled(self, researcher: Researcher | None, wanted: Wanted) -> Entitlement:
        if researcher is None:
            raise self._unknown_to_nobody(wanted.object_id)
        key, now = wanted.client_key, int(self.clock())
        asked = self.entitlements.find(
            researcher, wanted.object_id, wanted.kind, client_key=key, now=now
        )
        if wanted.query.sealed is False:
            raise ReleaseRefused(ONLY_SEALED, reasons=("not_in_the_clear",))
        check_format(wanted.query.form, asked.sealed.format)
        return asked

    def _permit(self, asked: Entitlement) -> SignedPermit:
        return self.permits.issue(
            researcher=asked.researcher,
            decision=asked.decision,
            dataset=asked.sealed.dataset,
            objects=(asked.sealed.object_id,),
            regions=by_md5(asked.regions, self.sequences),
            workspace=asked.workspace,
            byte_budget=byte_budget(asked.sealed),
            now=int(self.clock()),
        )

    def _address(self, session: Session, part: Part) -> TicketUrl:
        address = Address(
            session=session.session_id,
            object_id=session.body.object_id,
            caller=session.terms.subject or "",
            part=part,
            expires=session.expires,
        )
        signature = sign(address, self.releases.address_key)
        in_place = self.accel is not None and self.accel.location(session.body) is not None
        where = f"{session.session_id}/{part.start0}-{part.end0}{'/in-place' if in_place else ''}"
        query = f"expires={session.expires}&signature={signature}"
        return TicketUrl(
            url=f"{self.public_url}/htsget/blocks/{where}?{query}",
            headers=range_of(part) if in_place else None,
        )

    def _is_known(self, object_id: str) -> bool:
        on_shelf = any(self.clear.shelf.forms(kind, object_id) for kind in Kind)
        return on_shelf or self.entitlements.vault.get(object_id) is not None
