"""A coordinator's folder: the federation's name, sites, keys and admitted applications.

federation.json   name, where it is reached, how few sites a sum may have
authority.*       signs the server's certificate; the key may be kept elsewhere
server.*          the coordinator's TLS
sites.json        names of sites by the fingerprint of their identity key
nodes.json        the engine's nodes of each site's present start
applications/     bundles by digest; nothing else is run
tokens.json       SHA-256 of the tokens of those who may submit
viewers.json      the same of those who may only look on, such as a portal
runs/             one folder per run (`kept_runs`)
bundles/          what each site is given
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, TypeAdapter

from schemas.wire import Wire
from workspaces.engine import bundle, certificates
from workspaces.engine.bundle import Bundle
from workspaces.engine.port import LEAST_SITES, fingerprint
from workspaces.engine.registering import trusting
from workspaces.errors import AlreadyThere, FederationInvalid

MAX_SITES = 255
_SITE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"

SiteName = Annotated[str, StringConstraints(pattern=_SITE)]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_SITES = TypeAdapter(dict[Hex32, SiteName])


class Described(Wire):
    """`federation.json`."""

    name: SiteName
    host: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)]
    least_sites: Annotated[int, Field(ge=LEAST_SITES, le=MAX_SITES)] = LEAST_SITES


class SiteBundle(Wire):
    """What a site needs to join: where to dial, whom to trust, who else is in. Holds no secret."""

    federation: SiteName
    site: SiteName
    coordinator: str
    registrar: str
    authority: str
    roster: dict[SiteName, Hex32]
    least_sites: Annotated[int, Field(ge=LEAST_SITES, le=MAX_SITES)]


@dataclass(frozen=True, slots=True)
class Federation:
    folder: Path
    described: Described
    sites: Mapping[str, str]  # names by fingerprint

    @property
    def authority(self) -> bytes:
        return (self.folder / "authority.pem").read_bytes()

    def admitted(self, digest: str) -> Path | None:
        place = self.folder / "applications" / f"{digest}.fab"
        return place if place.is_file() else None


def create(folder: Path, described: Described, identities: Mapping[str, bytes]) -> Federation:
    """A new folder, owner-only; `identities` are raw Ed25519 keys by site name. Raises
    `AlreadyThere` and never overwrites a key, `FederationInvalid` below three sites."""
    if (folder / "federation.json").exists():
        raise AlreadyThere(f"{folder} is a federation already; choose another folder.")
    names = {fingerprint(identity): name for name, identity in identities.items()}
    if len(names) < described.least_sites:
        raise FederationInvalid(
            f"A secure sum needs {described.least_sites} sites and {len(names)} are named: give "
            "--site NAME=KEY once for each, with keys of their own."
        )
    for place in (folder, folder / "applications", folder / "runs", folder / "bundles"):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    certificates.make(folder, described.host)
    _write(folder / "sites.json", names)
    _write(folder / "nodes.json", {})
    _write(folder / "tokens.json", {})
    _write(folder / "federation.json", described.model_dump())
    made = load(folder)
    for name in identities:
        _write(folder / "bundles" / f"{name}.json", site_bundle(made, name).model_dump())
    return made


def load(folder: Path) -> Federation:
    """Raises `FederationInvalid`."""
    try:
        described = Described.model_validate_json((folder / "federation.json").read_bytes())
        sites = _SITES.validate_json((folder / "sites.json").read_bytes())
    except (OSError, ValueError) as error:
        raise FederationInvalid(
            f"{folder} is no federation: make one with `skerry federation init`.", detail=str(error)
        ) from error
    return Federation(folder.absolute(), described, sites)


def site_bundle(of: Federation, site: str) -> SiteBundle:
    described = of.described
    return SiteBundle(
        federation=described.name,
        site=site,
        coordinator=f"{described.host}:{described.port}",
        registrar=f"https://{described.host}:{described.port}",
        authority=of.authority.decode("ascii"),
        roster={name: key for key, name in of.sites.items()},
        least_sites=described.least_sites,
    )


def read_site_bundle(path: Path) -> SiteBundle:
    """Raises `FederationInvalid`, also where it names no authority that could be trusted."""
    try:
        found = SiteBundle.model_validate_json(path.read_bytes())
        authority = found.authority.encode("ascii")
    except (OSError, ValueError) as error:
        raise FederationInvalid(f"{path} is no site bundle of a federation.") from error
    trusting(authority)
    return found


def admit(of: Federation, application: Bundle) -> Path:
    """The application may be submitted from now on; each site still judges by its own permit."""
    place = of.folder / "applications" / f"{application.digest}.fab"
    place.write_bytes(application.content)
    return place


def applications(of: Federation) -> list[Bundle]:
    """What is admitted, by name."""
    places = (of.folder / "applications").glob("*.fab")
    return sorted((bundle.bundle(place) for place in places),
                  key=lambda one: (one.name, one.version, one.digest))  # fmt: skip


class Role(StrEnum):
    """What a token is for; each kind has a file of its own, so neither can become the other."""

    SUBMIT = "tokens.json"
    VIEW = "viewers.json"


def new_token(of: Federation, person: str, *, role: Role = Role.SUBMIT) -> str:
    """A token for one who may submit, or only look on; its digest alone is kept. Another of that
    name and role ends."""
    token = secrets.token_urlsafe(32)
    known = _tokens(of, role) | {person: hashlib.sha256(token.encode()).hexdigest()}
    _write(of.folder / role, known)
    return token


def revoke(of: Federation, person: str) -> bool:
    """Ends every token of that name from now on; whether there was one."""
    found = [role for role in Role if person in _tokens(of, role)]
    for role in found:
        left = {name: kept for name, kept in _tokens(of, role).items() if name != person}
        _write(of.folder / role, left)
    return bool(found)


def person_of(of: Federation, token: str, *, role: Role = Role.SUBMIT) -> str | None:
    """Whose token of this role it is; None for nobody's."""
    shown = hashlib.sha256(token.encode()).hexdigest()
    found = [name for name, kept in _tokens(of, role).items()
             if secrets.compare_digest(kept, shown)]  # fmt: skip
    return found[0] if found else None


def _tokens(of: Federation, role: Role) -> dict[str, str]:
    try:
        return dict(json.loads((of.folder / role).read_bytes()))
    except FileNotFoundError:
        return {}


def _write(path: Path, document: Mapping[str, object]) -> None:
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)
