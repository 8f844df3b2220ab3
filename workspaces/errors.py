"""The errors of the receiving side. Each of them means: nothing was opened, nothing is kept.

SkerryError
├── InvalidInput
│   ├── FolderInvalid        a folder that is no workspace, or holds unreadable settings
│   ├── NodeNotPinned        a node whose signing key this workspace was never told
│   ├── AddressInvalid       a node address that is no https (or loopback http) URL
│   ├── CandidateUnreadable  an output that has no shape the airlock knows
│   ├── RegionInvalid        a region that cannot be read
│   ├── ApplicationInvalid   what is offered as a federated application is none
│   ├── PlotRefused          a drawing of something that was not released, or has no such form
│   ├── LinkageRefused       a question or answer of linkage beyond what the permit lets pass
│   ├── TwinsRefused         synthetic sites of a shape that cannot be made
│   ├── FederationInvalid    a federation's folder or site bundle that cannot be used
│   ├── PlaceRefused         plaintext asked for outside the workspace's own data folder
│   └── PermitUnfit          a permit that the pinned node did not sign, or for another run
├── Unavailable
│   ├── PlaceFull            what arrived cannot be written here
│   ├── SandboxRefused       this machine cannot shut a program in, so none is run
│   └── EngineAbsent         the federated-learning engine is not installed here
├── Conflict
│   └── AlreadyThere         a workspace, pin or file that would be replaced
├── Forbidden
│   ├── NodeRefused          the node answered no, in its own words
│   └── EngineRefused        the coordinator or the engine answered no; says the next step
└── BadUpstream
    ├── NodeSilent           the node did not answer, or not to the end
    ├── CoordinatorLost      the coordinator ended under a run, and may be there again
    ├── ReleaseUntrue        what arrived is not what the pinned node signed for this key
    └── CrateUntrue          a crate that does not hold what it says, or was not signed for it
"""

from __future__ import annotations

from schemas.errors import BadUpstream, Conflict, Forbidden, InvalidInput, Unavailable


class FolderInvalid(InvalidInput):
    code = "workspace_folder_invalid"


class NodeNotPinned(InvalidInput):
    code = "node_not_pinned"


class AddressInvalid(InvalidInput):
    code = "node_address_invalid"


class CandidateUnreadable(InvalidInput):
    code = "candidate_unreadable"


class RegionInvalid(InvalidInput):
    code = "region_invalid"


class CoordinatorLost(BadUpstream):
    code = "coordinator_lost"


class PlaceRefused(InvalidInput):
    code = "place_refused"


class PermitUnfit(InvalidInput):
    """`reasons` are stable codes."""

    code = "permit_unfit"

    def __init__(self, *reasons: str) -> None:
        super().__init__(f"The permit does not cover this run: {', '.join(reasons)}.")
        self.reasons = reasons


class AlreadyThere(Conflict):
    code = "already_there"


class NodeRefused(Forbidden):
    """`upstream` is the node's HTTP status."""

    code = "node_refused"

    def __init__(self, public: str, *, upstream: int) -> None:
        super().__init__(public)
        self.upstream = upstream


class NodeSilent(BadUpstream):
    code = "node_silent"


class CrateUntrue(BadUpstream):
    code = "crate_untrue"


class ReleaseUntrue(BadUpstream):
    code = "release_untrue"


class PlaceFull(Unavailable):
    code = "place_full"


class SandboxRefused(Unavailable):
    code = "sandbox_refused"


class EngineAbsent(Unavailable):
    code = "engine_absent"


class EngineRefused(Forbidden):
    code = "engine_refused"


class ApplicationInvalid(InvalidInput):
    code = "application_invalid"


class LinkageRefused(InvalidInput):
    code = "linkage_refused"


class PlotRefused(InvalidInput):
    code = "plot_refused"


class FederationInvalid(InvalidInput):
    code = "federation_invalid"


class TwinsRefused(InvalidInput):
    code = "twins_refused"
