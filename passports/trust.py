"""The closed list of brokers and visa issuers, their key URLs, algorithms and what each may say.

GA4GH AAI 1.2.1 leaves trust to the clearinghouse; this is ours. Names are compared byte for byte,
nothing is discovered, and what is not listed is not trusted. The file is described in
docs/trust.md. Fetching keys is for `keys`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from passports.errors import BadTrustFile
from passports.visas import VisaType
from schemas.wire import canonical_json

MAX_TRUST_FILE_BYTES = 1024 * 1024
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# A namespace ends where the issuer's own names begin; these would let a value leave it again.
_ESCAPES = ("?", "#", "%", "\\", "//", "/./", "/../")

Url = Annotated[str, Field(min_length=1, max_length=255)]
Names = Annotated[tuple[Url, ...], Field(min_length=1)]
Algorithms = Annotated[tuple[Literal["RS256", "ES256"], ...], Field(min_length=1)]
By = Literal["self", "peer", "system", "so", "dac"]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Broker(_Entry):
    """An issuer of passports."""

    issuer: Url
    jwks_url: Url
    algorithms: Algorithms = ("RS256", "ES256")


class Assertion(_Entry):
    """One visa type an issuer may sign, for these sources and values; `by` left out allows all."""

    type: VisaType
    sources: Names
    values: Names
    by: tuple[By, ...] | None = None

    def allows_source(self, source: str) -> bool:
        return source in self.sources

    def allows_value(self, value: str) -> bool:
        return any(_within(value, rule) for rule in self.values)

    def allows_by(self, by: str | None) -> bool:
        return self.by is None or by in self.by


class VisaIssuer(_Entry):
    """An issuer of visas. `subject_namespace` names the broker whose subject ids it uses."""

    issuer: Url
    jku: Url
    algorithms: Algorithms = ("RS256", "ES256")
    subject_namespace: Url | None = None
    may_assert: Annotated[tuple[Assertion, ...], Field(min_length=1)]

    def assertion(self, visa_type: VisaType) -> Assertion | None:
        return next((entry for entry in self.may_assert if entry.type is visa_type), None)


class _TrustFile(_Entry):
    brokers: tuple[Broker, ...] = ()
    visa_issuers: tuple[VisaIssuer, ...] = ()


class TrustTable:
    """The list as looked up; `version` changes with any of its content."""

    def __init__(self, *, brokers: Sequence[Broker], visa_issuers: Sequence[VisaIssuer]) -> None:
        self._brokers = {broker.issuer: broker for broker in brokers}
        self._issuers = {(issuer.issuer, issuer.jku): issuer for issuer in visa_issuers}
        if len(self._brokers) != len(brokers) or len(self._issuers) != len(visa_issuers):
            raise BadTrustFile("an issuer is listed twice")
        for issuer in visa_issuers:
            _check_issuer(issuer, self._brokers)
        self.key_urls = frozenset(
            [broker.jwks_url for broker in brokers] + [issuer.jku for issuer in visa_issuers]
        )
        for url in sorted(self.key_urls):
            check_url(url)
        content = [entry.model_dump(mode="json") for entry in (*brokers, *visa_issuers)]
        self.version = hashlib.sha256(canonical_json(content)).hexdigest()[:16]

    def broker(self, issuer: object) -> Broker | None:
        return self._brokers.get(issuer) if isinstance(issuer, str) else None

    def visa_issuer(self, issuer: object, jku: object) -> VisaIssuer | None:
        """By the exact pair: asked before any key is fetched."""
        if isinstance(issuer, str) and isinstance(jku, str):
            return self._issuers.get((issuer, jku))
        return None


def load(path: Path) -> TrustTable:
    """The table in the YAML file `path`; `BadTrustFile` says where and what was expected."""
    try:
        if path.stat().st_size > MAX_TRUST_FILE_BYTES:
            raise BadTrustFile(f"{path}: larger than {MAX_TRUST_FILE_BYTES} bytes")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = _TrustFile.model_validate_json(canonical_json(content or {}))
    except (OSError, UnicodeDecodeError) as error:
        raise BadTrustFile(f"{path}: cannot be read; see docs/trust.md") from error
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise BadTrustFile(f"{path}: {_where(error)}; see docs/trust.md") from error
    return TrustTable(brokers=entries.brokers, visa_issuers=entries.visa_issuers)


def check_url(url: str) -> None:
    """https, or http on loopback; with a host and without credentials."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        loopback = parts.scheme == "http" and host in LOOPBACK
    except ValueError as error:
        raise BadTrustFile(f"{url}: not a URL") from error
    if not host or "@" in parts.netloc or not (parts.scheme == "https" or loopback):
        raise BadTrustFile(f"{url}: expected https, or http on loopback")


def _check_issuer(issuer: VisaIssuer, brokers: dict[str, Broker]) -> None:
    types = [entry.type for entry in issuer.may_assert]
    if len(set(types)) != len(types):
        raise BadTrustFile(f"{issuer.issuer}: a visa type is listed twice")
    if issuer.subject_namespace is not None and issuer.subject_namespace not in brokers:
        raise BadTrustFile(f"{issuer.issuer}: subject_namespace is not a broker of this file")
    for entry in issuer.may_assert:
        if any(rule.strip("*") == "" for rule in entry.values) and not _may_be_any(entry.type):
            raise BadTrustFile(f"{issuer.issuer}: {entry.type}: values may not be all there are")


def _may_be_any(visa_type: VisaType) -> bool:
    """The value of a link names other people's identities: there is no namespace to keep to."""
    return visa_type in {VisaType.LINKED_IDENTITIES, VisaType.AFFILIATION_AND_ROLE}


def _within(value: str, rule: str) -> bool:
    if rule == "*":
        return True
    if rule.startswith("*@"):
        return value.partition("@")[2] == rule[2:]
    if not rule.endswith("*"):
        return value == rule
    rest = value.removeprefix(rule[:-1])
    inside = value.startswith(rule[:-1]) and rest != ""
    return inside and not any(escape in f"/{rest}/" for escape in _ESCAPES)


def _where(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return "not YAML, or values that JSON does not have"
