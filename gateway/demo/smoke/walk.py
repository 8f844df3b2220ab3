"""What the journeys of `skerry demo --smoke` share: the running demo, and how they look at it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from gateway.demo.people import People
from gateway.demo.preparing import Federation
from gateway.demo.smoke.truth import AlleleAsked, Files
from gateway.errors import DemoError
from gateway.serving.processes import Processes


@dataclass(frozen=True, slots=True)
class Walk:
    """What every journey needs."""

    federation: Federation
    processes: Processes
    http: httpx.AsyncClient
    people: People
    chooser: random.Random

    @property
    def urls(self) -> tuple[str, ...]:
        return self.federation.addresses.node_urls

    def files(self) -> list[Files]:
        return [files_of(self.federation, node) for node in range(len(self.urls))]


def files_of(federation: Federation, node: int) -> Files:
    """The input files of a node's first dataset; `node` counts from 0."""
    source = federation.plans[node][0].source
    if source.individuals is None:
        raise DemoError("the first dataset of a node has no people")
    return Files(source.individuals, source.vcfs[0], source.keep_people)


def expect(what: str, expected: object, got: object) -> None:
    """Raises `DemoError` with both unless they are equal."""
    if expected != got:
        raise DemoError(f"{what}: expected {expected!r}, got {got!r}")


def allele_parameters(walk: Walk, asked: AlleleAsked, node: int) -> dict[str, str]:
    """The exact-allele question as Beacon GET parameters, in the node's own assembly."""
    return {
        "referenceName": asked.chrom,
        "assemblyId": walk.federation.plans[node][0].source.assembly,
        "start": str(asked.start0),
        "referenceBases": asked.ref,
        "alternateBases": asked.alt,
        "requestedGranularity": "count",
    }


def summary(answer: Mapping[str, Any]) -> tuple[object, object]:
    """(exists, numTotalResults or None) of a Beacon answer."""
    said = answer["responseSummary"]
    return said["exists"], said.get("numTotalResults")


def name_of(asked: AlleleAsked) -> str:
    """As people type it, one-based."""
    return f"{asked.chrom}-{asked.start0 + 1}-{asked.ref}-{asked.alt}"


async def json_of(asking: Awaitable[httpx.Response]) -> Mapping[str, Any]:
    """The answer's JSON object; raises `DemoError` with its own words when it is no success."""
    answer = await asking
    if not answer.is_success:
        raise DemoError(f"{answer.url.path} answered {answer.status_code}: {answer.text[:300]}")
    found: Mapping[str, Any] = answer.json()
    return found
