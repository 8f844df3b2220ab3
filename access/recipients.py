"""Keeps the workspaces data may be sealed to: registered, proven, confirmed, revoked, expired.

A key is bound in three steps (RFC 7800 in spirit): the workspace's Ed25519 identity signs its
X25519 key, the workspace opens a challenge sealed to that key that names this node, and a node
admin confirms whose key it is. Approving datasets is the committee's, and never done by the
same person (four eyes).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func as sql
from sqlalchemy import update
from sqlmodel import Session, col, select

from access.errors import (
    NoSuchThing,
    ProofRefused,
    SeparationOfDuties,
    StepNotPossible,
    TooManyOpen,
    WorkspaceKeyInvalid,
)
from access.keys import check_identity_key, check_public_key
from access.linked import identities_of
from access.record.audit import Record
from access.requests.lifecycle import Step
from access.store import MAX_LISTED, Store
from access.tables import EventRow, RequestRow, WorkspaceRow
from schemas import challenge
from schemas.challenge import ChallengeText
from schemas.grants import WorkspaceKind
from schemas.messages import Message

CHALLENGE_SECONDS = 600
KEY_LIFE_SECONDS = 365 * 24 * 3600
MAX_WORKSPACES_PER_PERSON = 20

_APPROVED = (
    "SELECT w.name, w.public_key, s.public_key, w.identity_key, w.expires "
    "FROM access_workspace w LEFT JOIN access_start s ON s.workspace_id = w.workspace_id "
    "AND s.state = 'active' AND s.expires > :now "
    "WHERE w.workspace_id = :workspace AND w.state = 'confirmed' AND w.expires > :now"
)

SealChallenge = Callable[[bytes, bytes], bytes]


class KeyState(StrEnum):
    REGISTERED = "registered"
    PROVEN = "proven"
    CONFIRMED = "confirmed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A confirmed recipient: raw X25519 key, raw Ed25519 identity, good until `expires`."""

    id: str
    name: str
    public_key: bytes
    identity_key: bytes
    expires: int


@dataclass(frozen=True, slots=True)
class Registration(Workspace):
    """A workspace in any state, for its owner and the node admin."""

    owner: str
    state: KeyState

    @property
    def kind(self) -> WorkspaceKind:
        return WorkspaceKind.SKERRY if self.identity_key else WorkspaceKind.EXTERNAL

    @property
    def thumbprint(self) -> str:
        return hashlib.sha256(self.public_key).hexdigest()


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a workspace sends to register; nothing in it is believed yet. One of others has no
    identity: what its key opens is all that is known of it."""

    name: str
    public_key: bytes
    identity_key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SealedChallenge:
    workspace_id: str
    sealed: bytes
    expires: int


class Recipients:
    """Workspaces and their keys, in the control database of `store`."""

    def __init__(self, store: Store, *, record: Record) -> None:
        self._store = store
        self._record = record

    def register(
        self, new: NewKey, *, owner: str, audience: str, seal: SealChallenge, now: int
    ) -> SealedChallenge:
        """Keeps the key unproven and answers with a challenge sealed to it.

        `audience` is this node's public URL: a workspace answers only the node it speaks with.

        Raises WorkspaceKeyInvalid, and TooManyOpen at the cap per person."""
        check_key(new)
        text = ChallengeText(
            audience=audience,
            workspace_key=hashlib.sha256(new.public_key).hexdigest(),
            nonce=secrets.token_hex(32),
        ).sealed_bytes()
        sealed = seal(new.public_key, text)
        row = WorkspaceRow(
            workspace_id=f"ws-{secrets.token_hex(16)}",
            name=new.name,
            owner=owner,
            public_key=new.public_key.hex(),
            identity_key=new.identity_key.hex(),
            state=KeyState.REGISTERED,
            challenge_digest=hashlib.sha256(challenge.answer(text)).hexdigest(),
            challenge_expires=now + CHALLENGE_SECONDS,
            created=now,
            expires=now + KEY_LIFE_SECONDS,
        )
        workspace_id = row.workspace_id
        with self._store.writing() as session:
            _refuse_too_many(session, owner, now)
            session.add(row)
            session.flush()
            self._note("register", workspace_id, by=owner)
        return SealedChallenge(workspace_id, sealed, now + CHALLENGE_SECONDS)

    def prove(self, workspace_id: str, answer: bytes, *, owner: str, now: int) -> Registration:
        """Raises ProofRefused for a wrong or late answer, NoSuchThing for another's workspace."""
        with self._store.writing() as session:
            row = _locked(session, workspace_id)
            if row.owner != owner:
                raise NoSuchThing(detail="proof for another person's workspace")
            if row.state != KeyState.REGISTERED:
                raise StepNotPossible(Message("This key was proven before, or revoked."))
            given = hashlib.sha256(answer).hexdigest()
            right = hmac.compare_digest(given, row.challenge_digest)
            if not right or now >= row.challenge_expires:
                raise ProofRefused(
                    Message("The answer is not the challenge's, or it came too late.")
                )
            row.state = KeyState.PROVEN
            session.add(row)
            session.flush()
            self._note("prove", workspace_id, by=owner)
            return _registration(row)

    def confirm(self, workspace_id: str, *, admin: str, now: int) -> Registration:
        """The caller has checked that `admin` is one. Raises SeparationOfDuties for the owner
        and for anyone who approved a request that names this workspace."""
        with self._store.writing() as session:
            moved = session.exec(
                update(WorkspaceRow)
                .where(col(WorkspaceRow.workspace_id) == workspace_id)
                .where(col(WorkspaceRow.state) == KeyState.PROVEN)
                .values(
                    state=KeyState.CONFIRMED, confirmed_by=admin, expires=now + KEY_LIFE_SECONDS
                )
            )
            row = _locked(session, workspace_id)
            if moved.rowcount != 1:
                raise StepNotPossible(
                    Message("Only a key that was proven, and once, can be confirmed.")
                )
            same = identities_of(session, admin)
            if row.owner in same or _approved_a_request(session, workspace_id, same):
                raise SeparationOfDuties(
                    Message(
                        "Who registered a key, or approved a request for it, does not confirm it."
                    )
                )
            self._note("confirm", workspace_id, by=admin)
            return _registration(row)

    def revoke(self, workspace_id: str, *, by: str, is_admin: bool) -> Registration:
        """By its owner or an admin, at once and for good; for others it does not exist."""
        with self._store.writing() as session:
            row = _locked(session, workspace_id)
            if not is_admin and row.owner != by:
                raise NoSuchThing(detail="revocation of another person's workspace")
            if row.state == KeyState.REVOKED:
                raise StepNotPossible(Message("This key is revoked already."))
            row.state = KeyState.REVOKED
            session.add(row)
            session.flush()
            self._note("revoke", workspace_id, by=by)
            return _registration(row)

    def approved(self, workspace_id: str, *, now: int) -> Workspace | None:
        """The workspace if its key is confirmed, unrevoked and unexpired now; reads each time.
        While a run is on (`runs.starts`), its key is the one made for that start."""
        rows = self._store.find(_APPROVED, workspace=workspace_id, now=now)
        if not rows:
            return None
        name, registered, made_for_run, identity_key, expires = rows[0]
        key = bytes.fromhex(made_for_run or registered)
        return Workspace(workspace_id, name, key, bytes.fromhex(identity_key), expires)

    def ended(self, workspace_id: str) -> Workspace | None:
        """A workspace that was confirmed once and no longer is."""
        with self._store.reading() as session:
            row = session.get(WorkspaceRow, workspace_id)
            if row is None or row.confirmed_by is None:
                return None
            found = _registration(row)
        return Workspace(found.id, found.name, found.public_key, found.identity_key, found.expires)

    def registration(self, workspace_id: str) -> Registration | None:
        with self._store.reading() as session:
            row = session.get(WorkspaceRow, workspace_id)
            return None if row is None else _registration(row)

    def listed(self, *, owner: str | None) -> tuple[Registration, ...]:
        """One person's, or with None everyone's (for admins), newest first."""
        query = select(WorkspaceRow).order_by(col(WorkspaceRow.created).desc()).limit(MAX_LISTED)
        with self._store.reading() as session:
            mine = query if owner is None else query.where(WorkspaceRow.owner == owner)
            return tuple(_registration(row) for row in session.exec(mine).all())

    def _note(self, step: str, workspace_id: str, *, by: str) -> None:
        facts = {"step": step, "workspace": workspace_id, "by": self._record.pseudonym(by)}
        self._record.append("access.workspace", facts, durable=True)


def check_key(new: NewKey) -> None:
    """Sound keys of 32 bytes, the one signed by the identity that comes with it."""
    check_public_key(new.public_key)
    if not new.identity_key and not new.signature:
        return  # of kind external
    check_identity_key(new.identity_key)
    try:
        identity = Ed25519PublicKey.from_public_bytes(new.identity_key)
        identity.verify(new.signature, new.public_key)
    except (ValueError, InvalidSignature) as problem:
        raise WorkspaceKeyInvalid(
            Message("The identity key did not sign this X25519 public key.")
        ) from problem


def _refuse_too_many(session: Session, owner: str, now: int) -> None:
    lapsed = (col(WorkspaceRow.state) == KeyState.REGISTERED) & (
        col(WorkspaceRow.challenge_expires) <= now
    )
    held = session.exec(
        select(sql.count())
        .select_from(WorkspaceRow)
        .where(WorkspaceRow.owner == owner)
        .where(WorkspaceRow.state != KeyState.REVOKED)
        .where(~lapsed)
    ).one()
    if held >= MAX_WORKSPACES_PER_PERSON:
        raise TooManyOpen(
            Message(
                "At most %(most)s workspaces per person.",
                most=MAX_WORKSPACES_PER_PERSON,
            )
        )


def _locked(session: Session, workspace_id: str) -> WorkspaceRow:
    row = session.exec(
        select(WorkspaceRow).where(WorkspaceRow.workspace_id == workspace_id).with_for_update()
    ).first()
    if row is None:
        raise NoSuchThing(detail="unknown workspace")
    return row


def _approved_a_request(session: Session, workspace_id: str, same: frozenset[str]) -> bool:
    found = session.exec(
        select(EventRow.number)
        .join(RequestRow, col(RequestRow.request_id) == col(EventRow.request_id))
        .where(RequestRow.workspace == workspace_id)
        .where(EventRow.step == Step.APPROVE)
        .where(col(EventRow.actor).in_(sorted(same)))
    ).first()
    return found is not None


def _registration(row: WorkspaceRow) -> Registration:
    return Registration(
        id=row.workspace_id,
        name=row.name,
        public_key=bytes.fromhex(row.public_key),
        identity_key=bytes.fromhex(row.identity_key),
        expires=row.expires,
        owner=row.owner,
        state=KeyState(row.state),
    )
