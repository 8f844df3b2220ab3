"""Walks the journeys of a running demo over real HTTP, a line each with what was seen.

Truth comes from `smoke.truth`, which shares no code with the servers. A journey that does not hold
says what was expected and what came; one whose programs are not installed, which they are.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable

import httpx

from gateway.demo import setup
from gateway.demo.people import People
from gateway.demo.preparing import Federation
from gateway.demo.smoke import beacon, portal, release, study, truth
from gateway.demo.smoke.truth import AlleleAsked
from gateway.demo.smoke.walk import Walk, files_of
from gateway.errors import Exit
from gateway.serving.processes import Processes
from schemas.errors import SkerryError
from workspaces.errors import EngineAbsent, PlaceRefused, SandboxRefused

Say = Callable[[str], None]


async def walk(
    federation: Federation, processes: Processes, chooser: random.Random, *, say: Say
) -> Exit:
    """OK where every journey held; each is tried even when one before it did not hold."""
    journeys: tuple[tuple[str, Callable[[Walk], Awaitable[str]]], ...] = (
        ("1 Beacon query", beacon.journey),
        ("2 Portal", portal.journey),
        ("3 Request to sealed stream", release.journey),
        ("4 Federated study", study.journey),
    )
    held = Exit.OK
    async with setup.client() as http:
        people = People(federation.addresses.signin, federation.client_secret, http)
        walking = Walk(federation, processes, http, people, chooser)
        for name, journey in journeys:
            started = time.monotonic()
            try:
                saw = await journey(walking)
            except (EngineAbsent, SandboxRefused, PlaceRefused) as absent:
                held = held or Exit.NOT_RUN
                say(f"journey {name}: not run: {absent.public}")
            except (SkerryError, httpx.HTTPError) as error:
                held = Exit.FAILED
                say(f"journey {name}: FAILED: {str(error) or type(error).__name__}")
            else:
                say(f"journey {name}: held in {time.monotonic() - started:.1f} s: {saw}")
    return held


def first_allele(federation: Federation) -> AlleleAsked:
    """An allele that every node's people carry."""
    every = [files_of(federation, node) for node in range(len(federation.plans))]
    return truth.pick_allele(every, random.Random(1))  # noqa: S311 - an example


def common_disease(federation: Federation) -> str:
    """The disease most people of the first node have."""
    counts = truth.diseases(files_of(federation, 0))
    return max(sorted(counts), key=lambda code: counts[code])
