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
from schemas.messages import Message, either, following, plural
from schemas.passport import VisaType

_LAST_STAMP = 253_402_300_799  # the end of year 9999

SENTENCES: Mapping[str, str] = {
    "too_large": Message("longer than is taken"),
    "malformed": Message("not a well-formed signed JWT"),
    "wrong_token_type": Message(
        "`typ` says another kind of token, or access tokens of this broker are "
        "not taken (no userinfo_url)"
    ),
    "wrong_algorithm": Message("signed with an algorithm that the entry does not list"),
    "unknown_issuer": Message(
        "`iss` (for a visa: `iss` with `jku`) is not in the table, byte for byte"
    ),
    "unknown_key": Message("`kid` names no usable key of the issuer"),
    "keys_unavailable": Message("the issuer's keys could not be fetched"),
    "bad_signature": Message("the signature does not verify"),
    "bad_claim": Message("a claim is missing or of the wrong form"),
    "disowned_by_broker": Message("the broker's userinfo does not know this token"),
    "revoked": Message("listed as revoked"),
    "unknown_session": Message("no such session"),
    "expired": Message("its time is over, or it was asserted longer ago than max_age_days"),
    "not_yet_valid": Message("`iat`, `nbf` or `asserted` lies in the future"),
    "wrong_audience": Message("`aud` does not name this node"),
    "type_not_allowed": Message("the issuer may not assert this type of visa"),
    "source_not_allowed": Message("the issuer may not speak for this source"),
    "value_not_allowed": Message("the value is outside the issuer's namespace, or not in its map"),
    "by_not_allowed": Message("`by` is missing or not one the entry takes"),
    "other_person": Message(
        "it belongs to another identity: no subject_namespace and no link joins them"
    ),
    "bad_conditions": Message("its conditions are malformed"),
    "conditions_unmet": Message("its conditions are not met by the other visas"),
    "conditions_budget": Message("its conditions cost too much to weigh"),
}


def of(table: TrustTable) -> Iterator[str]:
    """A line per thing that the table lets somebody say."""
    for broker in table.brokers:
        yield Message(
            "broker %(issuer)s: %(keys)s; %(taken)s",
            issuer=broker.issuer, keys=_keys(broker.jwks_url, broker), taken=_taken(broker),
        )  # fmt: skip
    for issuer in table.visa_issuers:
        yield Message(
            "visa issuer %(issuer)s: %(keys)s; %(subjects)s",
            issuer=issuer.issuer, keys=_keys(issuer.jku, issuer), subjects=_subjects(issuer),
        )  # fmt: skip
        for entry in issuer.may_assert:
            yield Message("  may say %(said)s", said=_said(entry))
    if table.revoked is not None:
        yield Message(
            "revoked: %(entries)s entries in %(file)s",
            entries=len(revocation.read(table.revoked)), file=str(table.revoked),
        )  # fmt: skip


def doubtful(table: TrustTable) -> Iterator[str]:
    """What is allowed but seldom meant."""
    if not table.brokers:
        yield Message("no broker: every credential is refused")
    linkers = [i for i in table.visa_issuers if i.assertion(VisaType.LINKED_IDENTITIES)]
    for issuer in table.visa_issuers:
        namespace = issuer.subject_namespace or issuer.issuer
        if table.broker(namespace) is None and not linkers:
            yield Message(
                "%(issuer)s: no subject_namespace and nobody may link identities, so its visas "
                "belong to nobody",
                issuer=issuer.issuer,
            )
        if issuer in linkers and issuer.assertion(VisaType.CONTROLLED_ACCESS):
            yield Message(
                "%(issuer)s: grants datasets and links identities; keep the two apart",
                issuer=issuer.issuer,
            )
    for broker in table.brokers:
        if not broker.audience_required:
            yield Message(
                "%(issuer)s: takes tokens that name no audience, so any holder can replay",
                issuer=broker.issuer,
            )


def _keys(url: str, entry: Broker | VisaIssuer) -> str:
    algorithms = either(*entry.algorithms)
    if entry.keys is None:
        return Message("keys at %(url)s, %(algorithms)s", url=url, algorithms=algorithms)
    return plural(
        "%(count)s key pinned, %(algorithms)s",
        "%(count)s keys pinned, %(algorithms)s",
        count=len(entry.keys), algorithms=algorithms,
    )  # fmt: skip


def _subjects(issuer: VisaIssuer) -> str:
    if issuer.subject_namespace is None:
        return Message("subjects of its own, joined by links")
    return Message("subjects of %(namespace)s", namespace=issuer.subject_namespace)


def _taken(broker: Broker) -> str:
    names: list[str] = [Message("this node"), *broker.audiences]
    if not broker.audience_required:
        names.append(Message("nobody in particular"))
    if broker.userinfo_url is None:
        return Message("Passports, for %(audiences)s", audiences=either(*names))
    return Message(
        "Passports and access tokens shown to %(address)s, for %(audiences)s",
        address=broker.userinfo_url, audiences=either(*names),
    )  # fmt: skip


def _said(entry: Assertion) -> str:
    parts: list[str] = [
        entry.type.value,
        Message("from %(sources)s", sources=", ".join(entry.sources)),
        Message("of %(values)s", values=", ".join(entry.values)),
    ]
    if entry.by is not None:
        parts.append(Message("by %(by)s", by=either(*entry.by)))
    if entry.value_map is not None:
        parts.append(Message("renamed by %(mode)s", mode=entry.value_map.mode))
    if entry.max_age_days is not None:
        parts.append(Message("for %(days)s days", days=entry.max_age_days))
    return following(*parts)


def judged(found: Researcher) -> dict[str, object]:
    return {
        "accepted": True,
        "who": found.identity,
        **_until(found.expires),
        "visas": [
            {"type": v.type.value, "issuer": v.issuer, "value": v.value, "source": v.source,
             "by": v.by, **_until(v.expires)}
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
        because = following(because, f"({refusal.detail})")
    return {"accepted": False, "reason": refusal.reason.value, "because": because}


def _until(seconds: int) -> dict[str, object]:
    """In ISO 8601 for programs, and in epoch seconds, which a page writes as its reader does."""
    shown = min(seconds, _LAST_STAMP)
    said = datetime.fromtimestamp(shown, tz=UTC).isoformat().replace("+00:00", "Z")
    return {"until": said, "expires": shown}
