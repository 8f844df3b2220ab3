"""A coordinator's folder: the federation's name, sites, keys and admitted applications.

federation.json   name, where it is reached, how few sites a sum may have
authority.*       signs the server's certificate; the key may be kept elsewhere
server.*          the coordinator's TLS
sites.json        names of sites by the fingerprint of their identity key
nodes.json        the engine's nodes of each site's present start
applications/     bundles by digest; nothing else is run
tokens.json       SHA-256 of the tokens of those who may submit
bundles/          what each site is given
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from pydantic import Field, StringConstraints, ValidationError

from schemas.wire import Wire
from workspaces.engine.bundle import Bundle
from workspaces.engine.port import LEAST_SITES, fingerprint
from workspaces.errors import AlreadyThere, FederationInvalid

MAX_SITES = 255
_DAYS = 825
_SITE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"

SiteName = Annotated[str, StringConstraints(pattern=_SITE)]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


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
    _make_certificates(folder, described.host)
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
        sites = json.loads((folder / "sites.json").read_bytes())
    except (OSError, ValidationError, ValueError) as error:
        raise FederationInvalid(
            f"{folder} is no federation: make one with `skerry federation init`.", detail=str(error)
        ) from error
    return Federation(
        folder.absolute(), described, {str(key): str(name) for key, name in sites.items()}
    )


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
    """Raises `FederationInvalid`."""
    try:
        return SiteBundle.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise FederationInvalid(f"{path} is no site bundle of a federation.") from error


def admit(of: Federation, application: Bundle) -> Path:
    """The application may be submitted from now on; each site still judges by its own permit."""
    place = of.folder / "applications" / f"{application.digest}.fab"
    place.write_bytes(application.content)
    return place


def new_token(of: Federation, person: str) -> str:
    """A token for one who may submit; only its digest is kept. Another of that name ends."""
    token = secrets.token_urlsafe(32)
    known = json.loads((of.folder / "tokens.json").read_bytes())
    known[person] = hashlib.sha256(token.encode()).hexdigest()
    _write(of.folder / "tokens.json", known)
    return token


def person_of(of: Federation, token: str) -> str | None:
    """Whose token this is; None for nobody's."""
    shown = hashlib.sha256(token.encode()).hexdigest()
    known = json.loads((of.folder / "tokens.json").read_bytes())
    found = [name for name, kept in known.items() if secrets.compare_digest(kept, shown)]
    return found[0] if found else None


def _make_certificates(folder: Path, host: str) -> None:
    """An authority of this federation's own, and the server's certificate. The sandbox's side dials
    127.0.0.1, where its forwarder listens, so that is one of the server's names."""
    now = datetime.datetime.now(datetime.UTC)
    key, server = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP384R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Skerry federation authority")])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    authority = (
        _bare(subject, subject, now)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, SHA256())
    )
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    issued = (
        _bare(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])]), subject, now)
        .public_key(server.public_key())
        .add_extension(x509.SubjectAlternativeName([*names, *_alternative(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
        .sign(key, SHA256())
    )
    for name, certificate, secret in (("authority", authority, key), ("server", issued, server)):
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        place = folder / f"{name}.key"
        place.touch(mode=0o600)
        pem = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        place.write_bytes(pem)


def _bare(subject: x509.Name, issuer: x509.Name, now: datetime.datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
    )


def _alternative(host: str) -> list[x509.GeneralName]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return [] if host == "localhost" else [x509.DNSName(host)]
    return [] if address == ipaddress.ip_address("127.0.0.1") else [x509.IPAddress(address)]


def _write(path: Path, document: Mapping[str, object]) -> None:
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)
