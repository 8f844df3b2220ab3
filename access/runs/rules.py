"""Decides whether what a workspace is about to run is what its committee approved. Pure.

Asked by the node when a start is asked for, and by the workspace itself of the permit it was given:
neither relies on the other. Every reason is a stable code.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from schemas.runs import RunTerms
from schemas.wire import canonical_json

REVIEWERS = 2  # of a committee approve what is to run
_LEAVING = (
    "outputs", "floors", "privacy", "releases", "release_bytes", "released_at", "least_sites",
)  # fmt: skip
# Before the bytes of a permit for a run, which so passes for none that opens objects.
SIGNED_AS = b"skerry run permit\n"


@dataclass(frozen=True, slots=True)
class Intent:
    """SHA-256 throughout: of the bundle, of the engine's lock file, and of each site's identity
    key, `site` being one's own; and whether a sandbox confines it."""

    application: str
    environment: str
    roster: frozenset[str]
    site: str
    confined: bool = True


def against(terms: RunTerms, intent: Intent) -> tuple[str, ...]:
    """Every reason that speaks against it; none means it may run."""
    speaks = {
        "application_other": intent.application not in terms.applications,
        "environment_other": intent.environment != terms.environment,
        "roster_other": intent.roster != frozenset(terms.roster),
        "site_not_in_roster": intent.site not in intent.roster,
        "too_few_sites": len(intent.roster) < terms.least_sites,
        "nothing_confines_it": not (intent.confined or terms.unconfined),
    }
    return tuple(code for code, holds in speaks.items() if holds)


def leaving(terms: RunTerms) -> str:
    """SHA-256 of what a committee approved for whatever leaves. A result of several sites rests on
    all of them and is released at one: each takes part only with sites whose committees approved
    the same, so that the airlock which releases is bound as their own would be."""
    said = terms.model_dump(mode="json", include=set(_LEAVING)) | {"roster": sorted(terms.roster)}
    said["outputs"], said["released_at"] = sorted(terms.outputs), sorted(terms.released_at)
    for name in ("labels", "log_fields"):
        said["floors"][name].sort()
    return hashlib.sha256(canonical_json(said)).hexdigest()
