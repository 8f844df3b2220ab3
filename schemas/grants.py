"""Access requests, workspaces and permits as they travel; rules and rows are other classes."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from schemas.data_use import DataUseRequest, Day, ObligationView, VerdictView
from schemas.runs import RunClause, RunTerms
from schemas.wire import LocalId, OpenWire, Signable, Wire, Written

MAX_PURPOSE_BYTES = 4096
MAX_DATA_USE_BYTES = 32 * 1024
MAX_GRANTED = 50  # units and regions of one grant: each becomes a visa

Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# Pages make a link of it, whatever node said it.
RequestsAt = Annotated[str, StringConstraints(pattern=r"^https://[^\s@#]+$", max_length=500)]
Hex64 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


def _bounded_data_use(stated: DataUseRequest) -> DataUseRequest:
    if len(stated.model_dump_json(exclude_defaults=True).encode()) > MAX_DATA_USE_BYTES:
        raise ValueError(f"expected at most {MAX_DATA_USE_BYTES} bytes")
    return stated


OwedText = Annotated[Written, StringConstraints(min_length=1, max_length=500)]
DataUseStated = Annotated[DataUseRequest, AfterValidator(_bounded_data_use)]


class GrantedRegion(Wire):
    """[start0, end0) of a reference, zero-based half-open. `reference` is its name as the object's
    header has it, or its refget digest (`SQ.` or MD5)."""

    reference: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
    start0: Annotated[int, Field(ge=0, lt=2**32)]
    end0: Annotated[int, Field(gt=0, le=2**32)]

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.start0 >= self.end0:
            raise ValueError("expected a region that ends after it begins")
        return self


class Extent(Wire):
    """What of a dataset is granted, each an entitlement of its own: some of its objects whole, and
    regions of every other one. What no member names is not granted."""

    units: tuple[LocalId, ...] = ()
    regions: tuple[GrantedRegion, ...] = ()

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not 0 < len(self.units) + len(self.regions) <= MAX_GRANTED:
            raise ValueError(f"expected between 1 and {MAX_GRANTED} units and regions")
        return self

    def members(self) -> Iterator[str]:
        """Each unit and region in one word, as its visa names it."""
        yield from (f"unit={unit}" for unit in self.units)
        yield from (f"region={r.reference}:{r.start0}-{r.end0}" for r in self.regions)

    def gives(self, unit: str) -> bool:
        return bool(self.regions) or unit in self.units

    def regions_of(self, unit: str) -> tuple[GrantedRegion, ...] | None:
        """What of a unit that it gives; None is the whole."""
        return None if unit in self.units else self.regions


class Permit(Signable):
    """One recipient's right to named objects of one dataset until `expires`; where `regions` are
    named, to the records of these alone.

    `recipient` is the lower-case hex SHA-256 of the workspace's raw 32-byte X25519 public key
    (the confirmation key, `cnf`); times are epoch seconds. With `run` it is the right to one
    start of the workspace; it opens no object, each of which has a permit of its own.
    """

    permit_id: str
    subject: str  # keyed pseudonym of the researcher, never the plain subject
    audience: str  # the node's public URL
    dataset: LocalId
    objects: tuple[LocalId, ...]
    regions: tuple[GrantedRegion, ...] | None = None
    workspace: str
    recipient: str
    byte_budget: int
    issued: int
    expires: int
    run: RunClause | None = None


class SignedPermit(Wire):
    """A permit and the node's Ed25519 signature over `Permit.signed_bytes()`, in hex."""

    permit: Permit
    signature: str


class NewRequest(Wire):
    """What a researcher fills in; the workspace named here is the one the grant will name, and
    `extent` what of the dataset (None is all of it); `run` says what is to run there, if
    the data is analysed in a federation."""

    dataset: LocalId
    project: Annotated[Written, StringConstraints(min_length=1, max_length=200)]
    purpose: Annotated[Written, StringConstraints(min_length=1, max_length=4096)]
    workspace: LocalId
    months: Annotated[int, Field(ge=1, le=24)]
    data_use: DataUseStated = DataUseRequest()
    extent: Extent | None = None
    run: RunTerms | None = None

    @field_validator("purpose")
    @classmethod
    def _bounded_in_bytes(cls, purpose: str) -> str:
        if len(purpose.encode()) > MAX_PURPOSE_BYTES:
            raise ValueError(f"expected at most {MAX_PURPOSE_BYTES} bytes")
        return purpose


class StepBody(Wire):
    """What may go with a step, each refused elsewhere: `months` or `until` (the last day) shorten
    an approval and `obligations` add to what it owes; `data_use` replaces what a request states
    when it is submitted; `terms` is the digest of the dataset's terms, for who accepts them."""

    note: Annotated[Written, StringConstraints(max_length=2000)] = ""
    months: Annotated[int, Field(ge=1, le=24)] | None = None
    until: Day | None = None
    obligations: Annotated[tuple[OwedText, ...], Field(max_length=10)] = ()
    data_use: DataUseStated | None = None
    terms: Hex32 | None = None


class PreCheck(Wire):
    """A request that is not made yet, as far as the conditions of data use look at it."""

    dataset: LocalId
    months: Annotated[int, Field(ge=1, le=24)]
    data_use: DataUseStated = DataUseRequest()


class AttachmentView(OpenWire):
    """A document that goes with a request; its bytes are read at a door of their own."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str


class EventFacts(OpenWire):
    """What one step changed: the state after it, the form as it was made, edited or sent, until
    when (epoch seconds) and for what an approval was given, the digest of the terms accepted, the
    file attached or taken away, the reason of a reminder."""

    state: str | None = None
    form: NewRequest | None = None
    until: int | None = None
    obligations: tuple[ObligationView, ...] = ()
    terms: str | None = None
    attachment: AttachmentView | None = None
    reminder: str | None = None


class EventView(OpenWire):
    at: int
    step: str
    by: str  # an identity for the committee, a role for the others
    note: str
    facts: EventFacts = EventFacts()


class MemberView(OpenWire):
    """Somebody named in a request; `accepted` where they accepted the terms as they are."""

    identity: str
    accepted: bool


class TermsView(OpenWire):
    """What everybody named must accept, by sending `digest` with the step."""

    text: str
    digest: str


class GrantView(OpenWire):
    id: str
    dataset: str
    workspace: str
    issued: int
    expires: int
    revoked: bool
    obligations: tuple[ObligationView, ...] = ()
    extent: Extent | None = None


class RequestView(OpenWire):
    id: str
    dataset: str
    project: str
    purpose: str
    workspace: str
    months: int
    state: str
    requester: str
    created: int
    updated: int
    events: tuple[EventView, ...]
    grant: GrantView | None
    members: tuple[MemberView, ...] = ()
    approvals: int = 0
    approvals_needed: int = 1
    terms: TermsView | None = None
    attachments: tuple[AttachmentView, ...] = ()
    steps: tuple[str, ...] = ()  # what the caller may do now
    data_use: DataUseRequest = DataUseRequest()
    extent: Extent | None = None
    run: RunTerms | None = None
    verdict: VerdictView | None = None  # of one request that is not decided yet


class Asking(OpenWire):
    """How a dataset is asked for: here, or at an address that keeps track of it itself."""

    dataset: str
    requests_at: RequestsAt | None
    approvals: int
    terms: TermsView | None


class RequestList(OpenWire):
    requests: tuple[RequestView, ...]


class WorkspaceKind(StrEnum):
    """Ours, with an identity that signs; or an environment of others, which has its Crypt4GH key
    alone and runs nothing for a federation."""

    SKERRY = "skerry"
    EXTERNAL = "external"


class NewWorkspace(Wire):
    """Keys are raw and in hex; the signature is the identity key's over the raw public key. One of
    kind external has neither identity nor signature."""

    name: Annotated[Written, StringConstraints(min_length=1, max_length=100)]
    kind: WorkspaceKind = WorkspaceKind.SKERRY
    public_key: Hex32
    identity_key: Hex32 | None = None
    signature: Hex64 | None = None

    @model_validator(mode="after")
    def _signs_if_ours(self) -> Self:
        ours = self.kind is WorkspaceKind.SKERRY
        if (self.identity_key is not None) != ours or (self.signature is not None) != ours:
            raise ValueError("expected identity_key and signature of a workspace of kind skerry")
        return self


class Challenge(Wire):
    """`challenge` is base64 of a Crypt4GH file of a `ChallengeText`, for the registered key."""

    id: str
    challenge: str
    expires: int


class Proof(Wire):
    """The SHA-256 of the opened challenge."""

    answer: Hex32


class WorkspaceView(OpenWire):
    id: str
    name: str
    kind: WorkspaceKind = WorkspaceKind.SKERRY
    owner: str
    public_key: str
    thumbprint: str
    state: str
    expires: int


class WorkspaceList(OpenWire):
    workspaces: tuple[WorkspaceView, ...]


class Visas(Wire):
    """The form in which brokers fetch visas, and in which passports carry them."""

    ga4gh_passport_v1: tuple[str, ...]


class VisaView(OpenWire):
    type: str
    value: str
    issuer: str
    expires: int
    source: str | None = None
    by: str | None = None
    asserted: int | None = None


class DroppedView(OpenWire):
    reason: str
    type: str | None
    issuer: str | None
    ended: int | None = None


class WhoAmI(OpenWire):
    identity: str
    expires: int
    visas: tuple[VisaView, ...]
    dropped: tuple[DroppedView, ...]
    committee_of: tuple[str, ...]
    admin: bool
