"""A trust table, and what it makes of a token, in words an operator can act on.

One line per thing that somebody may say, a note where something is allowed but seldom meant, and a
sentence for every reason there is. Prints nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from passports import revocation
from passports.errors import BadToken
from passports.researcher import Researcher
from passports.trust import Assertion, Broker, TrustTable, VisaIssuer
from schemas.passport import VisaType

_LAST_STAMP = 253_402_300_799  # the end of year 9999

SENTENCES: Mapping[str, str] = {
    "too_large": "longer than is taken",
    "malformed": "not a well-formed signed JWT",
    "wrong_token_type": "`typ` says another kind of token, or access tokens of this broker are "
    "not taken (no userinfo_url)",
    "wrong_algorithm": "signed with an algorithm that the entry does not list",
    "unknown_issuer": "`iss` (for a visa: `iss` with `jku`) is not in the table, byte for byte",
    "unknown_key": "`kid` names no usable key of the issuer",
    "keys_unavailable": "the issuer's keys could not be fetched",
    "bad_signature": "the signature does not verify",
    "bad_claim": "a claim is missing or of the wrong form",
    "disowned_by_broker": "the broker's userinfo does not know this token",
    "revoked": "listed as revoked",
    "unknown_session": "no such session",
    "expired": "its time is over, or it was asserted longer ago than max_age_days",
    "not_yet_valid": "`iat`, `nbf` or `asserted` lies in the future",
    "wrong_audience": "`aud` does not name this node",
    "type_not_allowed": "the issuer may not assert this type of visa",
    "source_not_allowed": "the issuer may not speak for this source",
    "value_not_allowed": "the value is outside the issuer's namespace, or not in its map",
    "by_not_allowed": "`by` is missing or not one the entry takes",
    "other_person": "it belongs to another identity: no subject_namespace and no link joins them",
    "bad_conditions": "its conditions are malformed",
    "conditions_unmet": "its conditions are not met by the other visas",
    "conditions_budget": "its conditions cost too much to weigh",
}


def of(table: TrustTable) -> Iterator[str]:
    """A line per thing that the table lets somebody say."""
    for broker in table.brokers:
        yield f"broker {broker.issuer}: {_keys(broker.jwks_url, broker)}; {_taken(broker)}"
    for issuer in table.visa_issuers:
        subjects = issuer.subject_namespace or "its own, joined by links"
        yield f"visa issuer {issuer.issuer}: {_keys(issuer.jku, issuer)}; subjects of {subjects}"
        for entry in issuer.may_assert:
            yield f"  may say {_said(entry)}"
    if table.revoked is not None:
        yield f"revoked: {len(revocation.read(table.revoked))} entries in {table.revoked}"


def doubtful(table: TrustTable) -> Iterator[str]:
    """What is allowed but seldom meant."""
    if not table.brokers:
        yield "no broker: every credential is refused"
    linkers = [i for i in table.visa_issuers if i.assertion(VisaType.LINKED_IDENTITIES)]
    for issuer in table.visa_issuers:
        namespace = issuer.subject_namespace or issuer.issuer
        if table.broker(namespace) is None and not linkers:
            yield (f"{issuer.issuer}: no subject_namespace and nobody may link identities, so its "
                   "visas belong to nobody")  # fmt: skip
        if issuer in linkers and issuer.assertion(VisaType.CONTROLLED_ACCESS):
            yield f"{issuer.issuer}: grants datasets and links identities; keep the two apart"
    for broker in table.brokers:
        if not broker.audience_required:
            yield f"{broker.issuer}: takes tokens that name no audience, so any holder can replay"


def _keys(url: str, entry: Broker | VisaIssuer) -> str:
    where = f"keys at {url}" if entry.keys is None else f"{len(entry.keys)} keys pinned"
    return f"{where}, {' or '.join(entry.algorithms)}"


def _taken(broker: Broker) -> str:
    forms = "Passports"
    if broker.userinfo_url is not None:
        forms += f" and access tokens shown to {broker.userinfo_url}"
    names = ["this node", *broker.audiences]
    if not broker.audience_required:
        names.append("nobody in particular")
    return f"{forms}, for {' or '.join(names)}"


def _said(entry: Assertion) -> str:
    parts = [entry.type.value, f"from {', '.join(entry.sources)}", f"of {', '.join(entry.values)}"]
    if entry.by is not None:
        parts.append(f"by {' or '.join(entry.by)}")
    if entry.value_map is not None:
        parts.append(f"renamed by {entry.value_map.mode}")
    if entry.max_age_days is not None:
        parts.append(f"for {entry.max_age_days} days")
    return " ".join(parts)


def judged(found: Researcher) -> dict[str, object]:
    return {
        "accepted": True,
        "who": found.identity,
        "until": _stamp(found.expires),
        "visas": [
            {"type": v.type.value, "issuer": v.issuer, "value": v.value, "source": v.source,
             "by": v.by, "until": _stamp(v.expires)}
            for v in found.visas
        ],
        "dropped": [
            {"type": d.type, "issuer": d.issuer, "reason": d.reason,
             "because": SENTENCES[d.reason]}
            for d in found.dropped
        ],
    }  # fmt: skip


def refused(refusal: BadToken) -> dict[str, object]:
    """For the operator at the terminal; over HTTP every refusal reads the same."""
    because = SENTENCES[refusal.reason]
    if refusal.detail != refusal.reason:
        because += f" ({refusal.detail})"
    return {"accepted": False, "reason": refusal.reason.value, "because": because}


def _stamp(seconds: int) -> str:
    return (
        datetime.fromtimestamp(min(seconds, _LAST_STAMP), tz=UTC).isoformat().replace("+00:00", "Z")
    )
