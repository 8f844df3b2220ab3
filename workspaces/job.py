"""The states of a run at one site, and when it must stop. Pure.

    asked ─> staging ─> running ─> offering ─> wiped
       └────────┴──────────┴──────────┘   whatever happens, the wipe comes last

A node's no counts at once; its silence for `SILENCE_SECONDS`; time is the wall clock's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

POLL_SECONDS = 10.0
MAX_POLL_SECONDS = 30.0
SILENCE_SECONDS = 60.0
STOP_SECONDS = 9.0  # from knowing to stopped: less than the ten that a permit demands


class Phase(StrEnum):
    ASKED = "asked"
    STAGING = "staging"
    RUNNING = "running"
    OFFERING = "offering"
    WIPED = "wiped"


class Outcome(StrEnum):
    """How a run ended, as its receipt says."""

    DONE = "done"
    STOPPED = "stopped"  # by who runs the workspace
    REFUSED = "refused"  # by the node: revoked, expired, or another start has taken over
    UNHEARD = "unheard"  # the node was silent for too long
    OUT_OF_TIME = "out_of_time"
    FAILED = "failed"
    KILLED = "killed"  # found by the next start


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of the node's word: when it last said yes, until when it reaches, and whether
    it has said no. Epoch seconds."""

    heard: float
    expires: float
    refused: bool = False


def must_stop(watched: Watched, *, now: float) -> Outcome | None:
    if watched.refused:
        return Outcome.REFUSED
    if now >= watched.expires:
        return Outcome.OUT_OF_TIME
    if now - watched.heard >= SILENCE_SECONDS:
        return Outcome.UNHEARD
    return None
