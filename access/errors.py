"""The errors of the policy engine. "No" is a `Decision`, not an error.

SkerryError
├── InvalidInput
│   ├── PolicyInvalid          the policy file does not say what it must, or fails its tests
│   ├── CredentialMisplaced    a credential in the wrong place, or more than one
│   ├── CheckpointRefused      a checkpoint that is malformed or not signed by the node's key
│   ├── CandidateRefused       an output that the airlock cannot read, or has too many of
│   ├── AttachmentRefused      a file that is too large, too many or not what it says
│   └── WorkspaceKeyInvalid    a key that is malformed, weak or not signed by its identity
├── Unauthenticated
│   ├── CredentialUnreadable   an Authorization header that holds no bearer token
│   ├── SignInNeeded           nobody is asking
│   ├── SignatureRefused       a workspace's request that its identity did not sign, or long ago
│   └── NotTheBroker           the broker's secret is absent or wrong
├── Forbidden
│   ├── SeparationOfDuties     one person would play two parts
│   ├── NotYourStep            the step belongs to the other side
│   ├── DataUseDenied          the dataset's conditions of data use say no to the purpose
│   ├── ProofRefused           the answer to a key challenge is wrong or too late
│   ├── DatasetClosed          /access/check: not for this caller, or no such dataset
│   ├── LevelNotReached        /access/check: the caller is not known well enough
│   ├── AdminsOnly             a form or a persona that only a node's admins may ask for
│   ├── PermitNotIssued        a decision, workspace or budget that carries no permit
│   ├── RunRefused             a start that its permit does not cover, or no longer
│   └── PermitRefused          a permit that is forged, expired or for another node
├── Suppressed
│   └── NotAnswerable          protect() was asked about a decision that is not a permit
├── NotFound
│   ├── NoSuchVersion          a policy version that was never numbered
│   └── NoSuchThing            unknown, or not yours to know of: one answer
├── Conflict
│   └── StepNotPossible        the state does not allow this step
├── TooMany
│   ├── BudgetSpent            what a run may release, in bytes, outputs or epsilon, is used up
│   ├── TooManyOpen            a person's cap on open requests or workspaces
│   └── TooFast                more requests in a while than the caller's rate allows
├── Unavailable
│   ├── UnknownSchema          the control database is of a version we do not know
│   ├── StoreUnavailable       the control database can't be reached or is locked
│   └── RecordUnavailable      the record can't be written, so nothing may leave
│       └── RecordBroken       the record on disk does not verify; it is never continued
├── BadUpstream
│   └── NotDelivered           a mail or webhook that was not taken; tried again later
├── FactRefused                a fact that must not enter the record (ours to fix)
└── InconsistentAnswer         presence and count disagree (ours to fix)
"""

from __future__ import annotations

from schemas.errors import (
    BadUpstream,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    SkerryError,
    Suppressed,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from schemas.messages import Message


class PolicyInvalid(InvalidInput):
    code = "policy_invalid"


class CredentialMisplaced(InvalidInput):
    code = "invalid_request"


class CheckpointRefused(InvalidInput):
    code = "checkpoint_refused"


class CredentialUnreadable(Unauthenticated):
    code = "invalid_token"


class NotAnswerable(Suppressed):
    """The decision did not permit an answer."""


class RecordUnavailable(Unavailable):
    code = "record_unavailable"


class RecordBroken(RecordUnavailable):
    code = "record_broken"


class NotDelivered(BadUpstream):
    code = "not_delivered"


class FactRefused(SkerryError):
    code = "fact_refused"


class InconsistentAnswer(SkerryError):
    code = "inconsistent_answer"


class AttachmentRefused(InvalidInput):
    code = "attachment_refused"


class CandidateRefused(InvalidInput):
    code = "candidate_refused"


class WorkspaceKeyInvalid(InvalidInput):
    code = "workspace_key_invalid"


class SignInNeeded(Unauthenticated):
    code = "sign_in_needed"


class NotTheBroker(Unauthenticated):
    code = "invalid_token"


class SignatureRefused(Unauthenticated):
    code = "signature_refused"

    def __init__(self, *, detail: str = "") -> None:
        super().__init__(
            Message("This request is not signed by a workspace known here."), detail=detail
        )


class SeparationOfDuties(Forbidden):
    code = "separation_of_duties"


class NotYourStep(Forbidden):
    code = "not_your_step"


class DataUseDenied(Forbidden):
    code = "data_use_denied"


class ProofRefused(Forbidden):
    code = "proof_refused"


class DatasetClosed(Forbidden):
    code = "dataset_closed"


class LevelNotReached(Forbidden):
    code = "level_not_reached"


class AdminsOnly(Forbidden):
    code = "admins_only"


class PermitNotIssued(Forbidden):
    code = "permit_not_issued"


class RunRefused(Forbidden):
    """`reasons` are stable codes."""

    code = "run_refused"

    def __init__(self, *reasons: str) -> None:
        super().__init__(Message("This run may not be: %(reasons)s.", reasons=", ".join(reasons)))
        self.reasons = reasons


class PermitRefused(Forbidden):
    code = "permit_refused"


class NoSuchVersion(NotFound):
    code = "no_such_version"


class NoSuchThing(NotFound):
    """Unknown and not-yours share this class, its sentence and its body."""

    def __init__(self, *, detail: str = "") -> None:
        super().__init__(
            Message("There is nothing of that name here that you may see."), detail=detail
        )


class StepNotPossible(Conflict):
    code = "step_not_possible"


class TooFast(TooMany):
    code = "too_fast"

    def __init__(self, *, wait_seconds: int) -> None:
        super().__init__(
            Message(
                "Too many requests: wait %(wait_seconds)s s before the next.",
                wait_seconds=wait_seconds,
            )
        )
        self.wait_seconds = wait_seconds


class BudgetSpent(TooMany):
    code = "budget_spent"


class TooManyOpen(TooMany):
    code = "too_many_open"


class UnknownSchema(Unavailable):
    code = "unknown_schema"


class StoreUnavailable(Unavailable):
    code = "store_unavailable"
