"""Runs in a workspace as they travel: the terms a committee approves, and what a workspace sends.

What is asked for with a request (`RunTerms`) stands unchanged in the permit of every start
(`RunClause`). Which words carry a right is `access`'s to say; figures are bounds, never wishes.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from schemas.wire import LocalId, OpenWire, Signable, Wire, Written

MAX_APPLICATIONS = 16
MAX_ROSTER = 64
MAX_RUN_SECONDS = 7 * 24 * 3600
MAX_RUN_BYTES = 1 << 42
MAX_RELEASES = 10_000
MAX_LABELS = 500
MAX_EPSILON = 20.0
MAX_DELTA = 1e-4
MIN_SUM_SITES = 3  # of a sum over two, each knows the other's part

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=0, le=1 << 40)]
LogField = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Label = Annotated[Written, StringConstraints(min_length=1, max_length=60)]
NodeUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@#?]{1,200}[^\s@#?/]$")]
OutputClass = Literal["table", "gwas-summary", "aggregate-model", "log", "plot", "other", "portal"]


class FloorTerms(Wire):
    """The bounds each output class is held to; the defaults are what most committees want. `labels`
    are the words of which names in outputs may consist, beside those that all statistics use."""

    cell: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    gwas_people: Whole = 500
    gwas_sites: Annotated[int, Field(ge=1, le=MAX_ROSTER)] = 3
    minor_count: Whole = 20
    significant_digits: Annotated[int, Field(ge=1, le=17)] = 4
    parameters_per_person: Annotated[Finite, Field(gt=0, le=1)] = 0.33
    model_norm: Annotated[Finite, Field(gt=0)] = 1e6
    log_fields: Annotated[tuple[LogField, ...], Field(max_length=40)] = (
        "round", "seconds", "sites", "status", "step",
    )  # fmt: skip
    labels: Annotated[tuple[Label, ...], Field(max_length=MAX_LABELS)] = ()


class PrivacyBudget(Wire):
    """Differential privacy of tables of counts: each one costs `per_table` and gets noise for it;
    `epsilon` is what all of them may cost together, read at `delta`: with 0 they add up plainly."""

    epsilon: Annotated[Finite, Field(gt=0, le=MAX_EPSILON)]
    per_table: Annotated[Finite, Field(ge=0.001, le=MAX_EPSILON)]
    delta: Annotated[Finite, Field(ge=0, le=MAX_DELTA)] = 0.0

    @model_validator(mode="after")
    def _pays_for_one(self) -> PrivacyBudget:
        if self.per_table > self.epsilon:
            raise ValueError("one table costs more than the whole budget")
        return self


class RunTerms(Wire):
    """What may run on a dataset, with whom, and what may leave.

    `applications` and `environment` are SHA-256 of bundles and of the engine's lock file, `roster`
    SHA-256 of every site's raw Ed25519 identity key, `configurations` SHA-256 of the plans that may
    be given to an application (none leaves them to it). `data_bytes` bounds what is brought in,
    `release_bytes` and `releases` what leaves over all starts, `seconds` one start. `portal` among
    `outputs` lets plots and top tables be shown there. `unconfined` lets a site run it without a
    sandbox, as a trial, where the dataset's policy allows that too. `released_at` are the public
    URLs of the nodes whose airlocks may release results (none: those of all sites).
    """

    applications: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=MAX_APPLICATIONS)]
    environment: Digest
    configurations: Annotated[tuple[Digest, ...], Field(max_length=MAX_APPLICATIONS)] = ()
    roster: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=MAX_ROSTER)]
    least_sites: Annotated[int, Field(ge=1, le=MAX_ROSTER)] = MIN_SUM_SITES
    outputs: Annotated[tuple[OutputClass, ...], Field(min_length=1, max_length=7)]
    floors: FloorTerms = FloorTerms()
    seconds: Annotated[int, Field(ge=1, le=MAX_RUN_SECONDS)] = 3600
    data_bytes: Annotated[int, Field(ge=1, le=MAX_RUN_BYTES)] = 1 << 30
    release_bytes: Annotated[int, Field(ge=1, le=MAX_RUN_BYTES)] = 64 << 20
    releases: Annotated[int, Field(ge=1, le=MAX_RELEASES)] = 100
    privacy: PrivacyBudget | None = None
    unconfined: bool = False
    released_at: Annotated[tuple[NodeUrl, ...], Field(max_length=MAX_ROSTER)] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> RunTerms:
        for name in ("applications", "roster", "outputs", "released_at"):
            given = getattr(self, name)
            if len(set(given)) != len(given):
                raise ValueError(f"{name} names one twice")
        if self.least_sites > len(self.roster):
            raise ValueError("least_sites is more than the roster has")
        if 1 < self.least_sites < MIN_SUM_SITES:
            raise ValueError("least_sites is 1, or 3 and more: a sum over two hides nothing")
        return self


class RunClause(Wire):
    """What a permit for a run says besides: the start it is for, the request it rests on, what the
    data may be used for, and the approved terms."""

    run: LocalId
    request: LocalId
    purpose: tuple[str, ...]
    terms: RunTerms


class Evidence(Wire):
    """What a site says of itself: SHA-256 of its sandbox's profile (None: nothing confines the run)
    and of the engine's lock file, the kernel, its boot. Software's word, not hardware's."""

    sandbox: Digest | None
    environment: Digest
    kernel: Annotated[str, StringConstraints(pattern=r"^[ -~]{1,200}$")]
    boot: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{1,64}$")]


class StartAsked(Wire):
    """One start of a workspace: the key made for it, and what it is going to run with whom."""

    dataset: LocalId
    public_key: Digest  # raw X25519, in hex
    application: Digest
    roster: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=MAX_ROSTER)]
    evidence: Evidence


class StartChallenge(Wire):
    """`challenge` is base64 of a Crypt4GH file for the key of this start."""

    run: LocalId
    challenge: str
    expires: int


class Phase(Wire):
    """Where a run is, as its workspace says with every poll; `engine_key` names the key that the
    engine made for this start."""

    phase: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,20}$")]
    engine_key: Digest | None = None


class Standing(Wire):
    """The answer to a poll: the run may go on until then (epoch seconds), as far as known now."""

    run: LocalId
    expires: int


class Receipt(Signable):
    """What a workspace signs when a run is over: what it had, that it is gone, and how it ended."""

    run: LocalId
    workspace: LocalId
    node: str
    outcome: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
    started: int
    ended: int
    files: Whole
    plain_bytes: Annotated[int, Field(ge=0)]
    keys: tuple[Digest, ...]  # thumbprints of the keys that were dropped


class SignedReceipt(Wire):
    """A receipt and the workspace identity's Ed25519 signature over it, in hex."""

    receipt: Receipt
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


class RunView(OpenWire):
    """One start, for those who asked for it and those who approved it. `seen` is when it was heard
    of last, `evidence` what its site said of itself."""

    id: LocalId
    request: LocalId
    dataset: LocalId
    workspace: LocalId
    application: Digest
    state: str
    phase: str
    evidence: Evidence
    created: int
    expires: int
    seen: int
    receipt: SignedReceipt | None


class Spent(OpenWire):
    """So much of what there is."""

    spent: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(ge=0)]


class PrivacySpent(OpenWire):
    """Of the permit's epsilon, read at its `delta`, for so many `tables` that were given noise."""

    spent: Annotated[Finite, Field(ge=0)]
    of: Annotated[Finite, Field(ge=0)]
    delta: Annotated[Finite, Field(ge=0)]
    tables: Annotated[int, Field(ge=0)]


class RunBudget(OpenWire):
    """What all runs of one request have spent so far of what its committee approved: outputs and
    bytes that were released, and of privacy (null where the permit sets no such budget)."""

    request: LocalId
    releases: Spent
    bytes: Spent
    privacy: PrivacySpent | None = None


class RunList(OpenWire):
    """`budgets` are of the requests that `runs` rest on, each once."""

    runs: tuple[RunView, ...]
    budgets: tuple[RunBudget, ...] = ()


class CandidateView(OpenWire):
    """One output at the airlock; `reasons` name rules and places, never values. Digests of what did
    not leave are for its workspace and its reviewers: of a small table they tell it all."""

    id: LocalId
    run: LocalId
    dataset: LocalId
    kind: str
    state: str
    offered: int
    size: int
    sha256: Digest | None = None
    released_sha256: str | None = None
    reasons: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()  # what the caller may do now
    events: tuple[CandidateEvent, ...] = ()


class CandidateEvent(OpenWire):
    at: int
    step: str
    by: str  # a part, never a name, but for the committee
    note: str = ""


class CandidateList(OpenWire):
    candidates: tuple[CandidateView, ...]


class CandidateStep(Wire):
    """The reason is read by the others, and asked of everybody who decides."""

    note: Annotated[Written, StringConstraints(min_length=1, max_length=2000)]


class ResultManifest(Signable):
    """What a node says of a released result; `recipient` is the thumbprint of the requester's key
    it was sealed to."""

    version: Literal[1] = 1
    node: str
    candidate: LocalId
    run: LocalId
    dataset: LocalId
    kind: str
    sha256: Digest
    size: int
    recipient: Digest
    issued: int


class SealedResult(Wire):
    """`sealed` is base64 of a Crypt4GH file for the requester's key; the signature is the node's,
    Ed25519 in hex, over the manifest."""

    manifest: ResultManifest
    signature: str
    sealed: str


class PersonKey(Wire):
    """A person's Crypt4GH public key, raw in hex, to which results are sealed."""

    public_key: Digest


class PersonKeyView(OpenWire):
    public_key: str
    thumbprint: str
    registered: int


CandidateView.model_rebuild()
