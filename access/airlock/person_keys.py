"""Keeps each person's Crypt4GH public key, to which results leave the airlock.

One key per person, replaced by registering another. A key that is not one's own lets nobody read
more: what is sealed to it was the person's to have, and they cannot open it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlmodel import col, delete

from access.errors import NoSuchThing
from access.keys import check_public_key
from access.record.audit import Record
from access.runs.tables import PersonKeyRow
from access.store import Store


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    public_key: bytes
    registered: int

    @property
    def thumbprint(self) -> str:
        return hashlib.sha256(self.public_key).hexdigest()


class PersonKeys:
    def __init__(self, store: Store, *, record: Record) -> None:
        self._store = store
        self._record = record

    def register(self, identity: str, public_key: bytes, *, now: int) -> RegisteredKey:
        """Raises WorkspaceKeyInvalid for a weak or malformed key."""
        check_public_key(public_key)
        made = RegisteredKey(public_key, now)
        with self._store.writing() as session:
            session.merge(
                PersonKeyRow(identity=identity, public_key=public_key.hex(), registered=now)
            )
            session.flush()
            self._note("register", identity, made)
        return made

    def forget(self, identity: str) -> None:
        """Raises NoSuchThing where there is none."""
        held = self.of(identity)
        if held is None:
            raise NoSuchThing(detail="no key to forget")
        with self._store.writing() as session:
            session.exec(delete(PersonKeyRow).where(col(PersonKeyRow.identity) == identity))
            self._note("forget", identity, held)

    def of(self, identity: str) -> RegisteredKey | None:
        with self._store.reading() as session:
            row = session.get(PersonKeyRow, identity)
            if row is None:
                return None
            return RegisteredKey(bytes.fromhex(row.public_key), row.registered)

    def _note(self, step: str, identity: str, key: RegisteredKey) -> None:
        facts = {
            "step": step,
            "by": self._record.pseudonym(identity),
            "thumbprint": key.thumbprint,
        }
        self._record.append("access.key", facts, durable=True)
