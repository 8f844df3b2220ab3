"""The closed list of brokers and visa issuers, their key URLs, algorithms and what each may say.

GA4GH AAI 1.2.1 leaves trust to the clearinghouse; this is ours. Names are compared byte for byte,
nothing is discovered, and what is not listed is not trusted. The file is described in
docs/trust.md. Fetching keys is for `keys`, the values' namespaces for `values`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from passports import revocation
from passports.errors import BadTrustFile
from passports.jwks import MAX_KEYS, PublicKey, usable_keys
from passports.outbound import is_safe_url
from passports.values import MAX_VALUE_CHARS, ValueMap, within
from schemas import yaml_text
from schemas.passport import VisaType
from schemas.wire import canonical_json
from schemas.yaml_text import NotYaml

MAX_TRUST_FILE_BYTES = 1024 * 1024

Url = Annotated[str, Field(min_length=1, max_length=255)]
Names = Annotated[tuple[Url, ...], Field(min_length=1)]
Algorithms = Annotated[tuple[Literal["RS256", "ES256"], ...], Field(min_length=1)]
By = Literal["self", "peer", "system", "so", "dac"]
Pinned = Annotated[tuple[Mapping[str, Any], ...], Field(min_length=1, max_length=MAX_KEYS)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Broker(_Entry):
    """An issuer of passports; with `userinfo_url`, of access tokens that are shown there.

    `access_token_typ` is what its access tokens call themselves (RFC 9068 4, AAI 1.2.1);
    `audiences` are names besides the node's address by which its tokens may call the node.
    `subject_namespace` names the broker whose people this one speaks of, when it wraps their visas.
    """

    issuer: Url
    jwks_url: Url
    keys: Pinned | None = None
    algorithms: Algorithms = ("RS256", "ES256")
    userinfo_url: Url | None = None
    access_token_typ: Literal["at+jwt", "JWT"] = "at+jwt"  # noqa: S105 - a type, not a secret
    audiences: tuple[Url, ...] = ()
    audience_required: bool = True
    subject_namespace: Url | None = None


class Assertion(_Entry):
    """One visa type an issuer may sign, for these sources and values; `by` left out allows all.

    `max_age_days` ends a visa that long after it was asserted, whatever expiry it carries.
    """

    type: VisaType
    sources: Names
    values: Names
    by: tuple[By, ...] | None = None
    value_map: ValueMap | None = None
    max_age_days: Annotated[int, Field(ge=1, le=36_500)] | None = None

    def allows_source(self, source: str) -> bool:
        return source in self.sources

    def allows_value(self, value: str) -> bool:
        return any(within(value, rule) for rule in self.values)

    def allows_by(self, by: str | None) -> bool:
        return self.by is None or by in self.by

    def ours(self, value: str) -> str | None:
        """What an allowed value is called here; None where the map has no name for it."""
        if self.value_map is None:
            return value
        mapped = self.value_map.apply(value)
        return mapped if mapped is not None and len(mapped) <= MAX_VALUE_CHARS else None


class VisaIssuer(_Entry):
    """An issuer of visas. `subject_namespace` names the broker whose subject ids it uses."""

    issuer: Url
    jku: Url
    keys: Pinned | None = None
    algorithms: Algorithms = ("RS256", "ES256")
    subject_namespace: Url | None = None
    may_assert: Annotated[tuple[Assertion, ...], Field(min_length=1)]

    def assertion(self, visa_type: VisaType) -> Assertion | None:
        return next((entry for entry in self.may_assert if entry.type is visa_type), None)


class _TrustFile(_Entry):
    brokers: tuple[Broker, ...] = ()
    visa_issuers: tuple[VisaIssuer, ...] = ()
    revoked: Url | None = None


class TrustTable:
    """The list as looked up; `version` changes with any of its content.

    `key_urls` are all there are, `pinned` the keys of those that are never fetched.
    """

    def __init__(
        self,
        *,
        brokers: Sequence[Broker],
        visa_issuers: Sequence[VisaIssuer],
        revoked: Path | None = None,
    ) -> None:
        self.brokers, self.visa_issuers, self.revoked = brokers, visa_issuers, revoked
        self._brokers = {broker.issuer: broker for broker in brokers}
        self._issuers = {(issuer.issuer, issuer.jku): issuer for issuer in visa_issuers}
        if len(self._brokers) != len(brokers) or len(self._issuers) != len(visa_issuers):
            raise BadTrustFile("an issuer is listed twice")
        for broker in brokers:
            _check_namespace(broker, self._brokers)
        for issuer in visa_issuers:
            _check_issuer(issuer, self._brokers)
        sources = [(broker.jwks_url, broker.keys) for broker in brokers]
        sources += [(issuer.jku, issuer.keys) for issuer in visa_issuers]
        self.key_urls = frozenset(url for url, _ in sources)
        self.pinned = _pinned(sources)
        for url in sorted(self.key_urls | {b.userinfo_url for b in brokers if b.userinfo_url}):
            if not is_safe_url(url):
                raise BadTrustFile(f"{url}: expected https, or http on loopback")
        content = [entry.model_dump(mode="json") for entry in (*brokers, *visa_issuers)]
        self.version = hashlib.sha256(canonical_json(content)).hexdigest()[:16]

    @property
    def tells_of_links(self) -> bool:
        """Whether anybody is trusted to say that two identities are one person."""
        kinds = (entry.type for issuer in self.visa_issuers for entry in issuer.may_assert)
        return VisaType.LINKED_IDENTITIES in kinds

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
        content = yaml_text.read(path.read_bytes()).content
        entries = _TrustFile.model_validate_json(canonical_json(content or {}))
    except OSError as error:
        raise BadTrustFile(f"{path}: cannot be read; see docs/trust.md") from error
    except (NotYaml, TypeError, ValueError, RecursionError) as error:
        raise BadTrustFile(f"{path}: {_where(error)}; see docs/trust.md") from error
    revoked = None if entries.revoked is None else path.parent / entries.revoked
    if revoked is not None:
        revocation.read(revoked)
    return TrustTable(brokers=entries.brokers, visa_issuers=entries.visa_issuers, revoked=revoked)


def _check_namespace(broker: Broker, brokers: Mapping[str, Broker]) -> None:
    name = broker.subject_namespace
    if name is None:
        return
    if name == broker.issuer or name not in brokers or brokers[name].subject_namespace is not None:
        raise BadTrustFile(f"{broker.issuer}: subject_namespace is not another broker of this file")


def _check_issuer(issuer: VisaIssuer, brokers: Mapping[str, Broker]) -> None:
    types = [entry.type for entry in issuer.may_assert]
    if len(set(types)) != len(types):
        raise BadTrustFile(f"{issuer.issuer}: a visa type is listed twice")
    if issuer.subject_namespace is not None and issuer.subject_namespace not in brokers:
        raise BadTrustFile(f"{issuer.issuer}: subject_namespace is not a broker of this file")
    for entry in issuer.may_assert:
        if any(rule.strip("*") == "" for rule in entry.values) and not _may_be_any(entry):
            raise BadTrustFile(f"{issuer.issuer}: {entry.type}: values may not be all there are")
        if entry.type is VisaType.LINKED_IDENTITIES and entry.value_map is not None:
            raise BadTrustFile(f"{issuer.issuer}: {entry.type}: identities are not mapped")


def _may_be_any(entry: Assertion) -> bool:
    """A link names other people's identities, a table its own values: neither has a namespace."""
    unnamed = {VisaType.LINKED_IDENTITIES, VisaType.AFFILIATION_AND_ROLE}
    return entry.type in unnamed or (
        entry.value_map is not None and entry.value_map.mode == "table"
    )


def _pinned(sources: Iterable[tuple[str, Pinned | None]]) -> Mapping[str, Mapping[str, PublicKey]]:
    """By key URL. Two entries of one URL must pin the same, or one would loosen the other."""
    given: dict[str, Pinned | None] = {}
    for url, keys in sources:
        if given.setdefault(url, keys) != keys:
            raise BadTrustFile(f"{url}: two entries name different keys for it")
    found: dict[str, Mapping[str, PublicKey]] = {}
    for url, keys in given.items():
        if keys is not None:
            found[url] = usable_keys({"keys": list(keys)})
            if len(found[url]) != len(keys):
                raise BadTrustFile(
                    f"{url}: each of `keys` must be a public RSA key of 2048 bits or more or a "
                    "P-256 key, with a `kid` of its own"
                )
    return found


def _where(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return error.public if isinstance(error, NotYaml) else "values that JSON does not have"
