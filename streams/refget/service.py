"""What both refget services share: who serves, how answers may be cached, unknown parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from streams.errors import SubsequenceInvalid

# Reference sequences are public: any page may read the answers.
OPEN = {"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """Who serves, for both service-infos (GA4GH service-info 1.0.0)."""

    id: str
    name: str
    organization_name: str
    organization_url: str
    environment: Literal["prod", "test", "dev", "staging"]
    version: str

    def record(self, artifact: str, version: str) -> dict[str, object]:
        return {
            "id": f"{self.id}.{artifact}",
            "name": self.name,
            "type": {"group": "org.ga4gh", "artifact": artifact, "version": version},
            "organization": {"name": self.organization_name, "url": self.organization_url},
            "environment": self.environment,
            "version": self.version,
        }


def refuse_strange(given: Iterable[str], known: set[str]) -> None:
    if strange := sorted(set(given) - known):
        raise SubsequenceInvalid(f"Unknown parameter: {strange[0][:40]}.")
