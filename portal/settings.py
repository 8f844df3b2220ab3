"""The portal's settings: one frozen record, given by its caller or read from SKERRY_PORTAL_*.

A node's settings are another room's (gateway.config); limits of the portal are here, by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from portal.errors import UnreadableQuestion
from portal.questions.question import parse

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def public_url(value: str) -> str:
    """An address of ours or of a node; raises `ValueError`."""
    parts = urlsplit(value)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("must be https://, or http:// on loopback")
    if value.endswith("/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must not have a trailing slash, query, fragment or user")
    return value


PublicUrl = Annotated[str, AfterValidator(public_url)]
# Of a node's identity key (RFC 7638, SHA-256).
THUMBPRINT = r"^[A-Za-z0-9_-]{43}$"
Thumbprint = Annotated[str, Field(pattern=THUMBPRINT)]
Degrees90 = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Degrees180 = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Limits:
    """Every cap of the portal, each with a name."""

    deadline_seconds: float = 5.0
    connect_seconds: float = 1.0
    first_byte_seconds: float = 4.0
    look_seconds: float = 2.0
    slice_size: int = 25
    answer_bytes: int = 4 * 1024 * 1024
    refresh_seconds: float = 60.0
    search_seconds: float = 300.0
    open_searches: int = 2_000
    results_bytes: int = 32 * 1024 * 1024
    question_chars: int = 500
    form_bytes: int = 64 * 1024
    attachment_bytes: int = 4 * 1024 * 1024
    passport_seconds: float = 60.0
    passports: int = 5_000
    # A node that failed so often in a row is left alone for the pause.
    failures: int = 5
    pause_seconds: float = 30.0
    # Anonymous answers are kept this long, one of at most, all together at most.
    kept_seconds: float = 30.0
    kept_answer_bytes: int = 64 * 1024
    kept_bytes: int = 32 * 1024 * 1024


class ChainFile(BaseModel):
    """A UCSC chain file from one assembly to another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["GRCh37", "GRCh38"]
    target: Literal["GRCh37", "GRCh38"]
    path: Path


class CoordinatorSettings(BaseModel):
    """A federation's coordinator: where it is, which authority its TLS is of (a federation has its
    own), and the file with the token that it gave this portal to look on with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    url: PublicUrl
    authority: Path | None = None
    token_file: Path


class PortalSettings(BaseSettings):
    """What an operator decides: where the portal is, which nodes it asks, who signs people in."""

    model_config = SettingsConfigDict(
        env_prefix="SKERRY_PORTAL_", frozen=True, extra="forbid", env_ignore_empty=True
    )

    public_url: PublicUrl
    nodes: tuple[PublicUrl, ...] = Field(max_length=1000)
    # Roots of others' Beacons (any Beacon v2 server), asked as anyone.
    beacons: tuple[PublicUrl, ...] = Field(default=(), max_length=1000)
    signin_issuer: PublicUrl | None = None
    client_id: str = "skerry-portal"
    client_secret: SecretStr | None = None
    # As what `skerry login` is registered there; pages then show that line ready to copy.
    command_client_id: str = Field(default="", max_length=200)
    # A P-256 key in PEM: the portal signs Passports with it where the broker cannot exchange.
    passport_key: Path | None = None
    # An SQLite file in which every look at a node is kept for 30 days.
    health_file: Path | None = None
    # Which key each of them must prove; of others the first one they show counts.
    node_keys: dict[PublicUrl, Thumbprint] = Field(default={}, max_length=1000)
    # An SQLite file of the keys that nodes are held to, of nodes that ask to join and of those
    # admitted, and who admits them (sub@iss).
    nodes_file: Path | None = None
    admins: tuple[str, ...] = Field(default=(), max_length=100)
    # An SQLite file for the searches that people ask to keep; without it nobody can.
    searches_file: Path | None = None
    # By which a question goes to nodes whose data are on another assembly.
    chain_files: tuple[ChainFile, ...] = Field(default=(), max_length=2)
    # Whose runs people who signed in may follow.
    coordinators: tuple[CoordinatorSettings, ...] = Field(default=(), max_length=50)
    # Where nodes are, for the map: address to degrees north and east.
    places: dict[PublicUrl, tuple[Degrees90, Degrees180]] = Field(default={}, max_length=1000)
    name: str = Field(default="Skerry", min_length=1, max_length=80)
    organization_id: str = Field(default="skerry", min_length=1, max_length=200)
    organization_name: str = Field(default="Skerry portal", min_length=1, max_length=200)
    deadline_seconds: float = Field(default=5.0, gt=0, le=60)
    # Questions to try, under the box: `variant`, `region`, `terms` or `variant; terms`.
    examples: tuple[str, ...] = Field(default=(), max_length=6)
    host: str = "127.0.0.1"
    # Where a TLS proxy has the port of `public_url`; else that one is listened on.
    port: int | None = Field(default=None, ge=1, le=65535)

    @model_validator(mode="after")
    def _no_node_twice(self) -> PortalSettings:
        every = (*self.nodes, *self.beacons)
        if len(set(every)) != len(every):
            raise ValueError("nodes: the same address twice")
        if self.public_url in every or f"{self.public_url}/beacon" in every:
            raise ValueError("nodes: the portal may not be its own node")
        if not self.node_keys.keys() <= set(self.nodes):
            raise ValueError("node_keys: each must be of one of the nodes")
        return self

    @field_validator("coordinators")
    @classmethod
    def _no_name_twice(
        cls, coordinators: tuple[CoordinatorSettings, ...]
    ) -> tuple[CoordinatorSettings, ...]:
        if len({one.name for one in coordinators}) != len(coordinators):
            raise ValueError("the same name twice")
        return coordinators

    @field_validator("examples")
    @classmethod
    def _understood(cls, examples: tuple[str, ...]) -> tuple[str, ...]:
        for number, one in enumerate(examples, start=1):
            first, _, rest = one.partition(";")
            try:
                parse(first, terms=rest)
            except UnreadableQuestion as wrong:
                raise ValueError(f"number {number}: {wrong.public}") from wrong
        return examples

    @property
    def network_id(self) -> str:
        """Under which all nodes together are one Beacon."""
        return f"{self.organization_id}.network"

    @property
    def limits(self) -> Limits:
        """Shares of the time in which an answer ends; it begins in four fifths of it."""
        whole = self.deadline_seconds
        return Limits(
            deadline_seconds=whole, connect_seconds=0.2 * whole, first_byte_seconds=0.8 * whole,
            look_seconds=0.4 * whole,
        )  # fmt: skip

    @property
    def listened(self) -> int:
        if self.port is not None:
            return self.port
        parts = urlsplit(self.public_url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https://")
