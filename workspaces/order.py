"""What a workspace is going to run at its node, as whoever runs it says. Records only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from schemas.htsget import RegionAsked
from workspaces import private
from workspaces.engine.federation import SiteBundle
from workspaces.job import POLL_SECONDS
from workspaces.tickets import Kind


@dataclass(frozen=True, slots=True)
class Staged:
    """An object to bring in; its file is named as its id, with everything strange replaced."""

    object_id: str
    kind: Kind
    regions: tuple[RegionAsked, ...] = ()

    @property
    def file_name(self) -> str:
        return (
            re.sub(r"[^A-Za-z0-9._-]", "_", self.object_id.rpartition("/")[2]).lstrip(".")
            or "object"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a workspace is going to run: `application` and `environment` are digests, `site` what
    the federation's coordinator gave this site. Without `confined` no sandbox is used, if all who
    have a say allow it."""

    node_url: str
    dataset: str
    objects: tuple[Staged, ...]
    application: str
    environment: str
    site: SiteBundle
    memory_bytes: int = 8 << 30
    traffic_bytes: int = 4 << 30
    proxy: str = ""
    poll_seconds: float = POLL_SECONDS
    place: Path = private.PLACE
    confined: bool = True

    @property
    def roster(self) -> tuple[str, ...]:
        return tuple(sorted(self.site.roster.values()))
