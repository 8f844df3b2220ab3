"""What can go wrong while finding out who asks.

    Unauthenticated           401
    ├── BadToken              a passport or visa that fails a named check; carries a `Reason`
    └── SignInFailed          the browser's way back from the provider does not add up
        └── ProviderRefused   the provider said no, with an OAuth error
    Forbidden                 403
    └── ScopeMissing          an access token of ours that does not let us see visas
    InvalidInput              400
    ├── BadTrustFile          the trust file cannot be used; nothing of it is
    └── LogoutRefused         a logout token that is not the provider's, or not about that
    BadUpstream               502
    └── ProviderFailed        the sign-in provider failed or answered nonsense
    TooMany                   429
    └── TooManySessions       no room for another token session just now
    Unavailable               503
    ├── KeysUnavailable       an issuer's keys could not be fetched; nothing was decided
    ├── UserinfoUnavailable   the broker would not say who its token stands for
    ├── RevocationsUnavailable  the list of revoked tokens cannot be read
    └── KeptUnavailable       sessions cannot be looked up

A `BadToken` of a visa never leaves the room: the visa is dropped and its reason is kept.
"""

from __future__ import annotations

from enum import StrEnum

from schemas.errors import (
    BadUpstream,
    Forbidden,
    InvalidInput,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from schemas.messages import Message


class Reason(StrEnum):
    """Why a token was not accepted: stable, for the log, `explain` and tests."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    WRONG_TYPE = "wrong_token_type"
    WRONG_ALGORITHM = "wrong_algorithm"
    UNKNOWN_ISSUER = "unknown_issuer"
    UNKNOWN_KEY = "unknown_key"
    KEYS_UNAVAILABLE = "keys_unavailable"
    BAD_SIGNATURE = "bad_signature"
    BAD_CLAIM = "bad_claim"
    DISOWNED = "disowned_by_broker"
    REVOKED = "revoked"
    UNKNOWN_SESSION = "unknown_session"
    EXPIRED = "expired"
    NOT_YET = "not_yet_valid"
    WRONG_AUDIENCE = "wrong_audience"
    TYPE_NOT_ALLOWED = "type_not_allowed"
    SOURCE_NOT_ALLOWED = "source_not_allowed"
    VALUE_NOT_ALLOWED = "value_not_allowed"
    BY_NOT_ALLOWED = "by_not_allowed"
    OTHER_PERSON = "other_person"
    BAD_CONDITIONS = "bad_conditions"
    CONDITIONS_UNMET = "conditions_unmet"
    CONDITIONS_BUDGET = "conditions_budget"


class BadToken(Unauthenticated):
    """Public text is the same for every reason: a forger learns nothing from it. `ended` is when
    a genuine token expired (epoch seconds)."""

    code = "invalid_token"

    def __init__(self, reason: Reason, *, detail: str = "", ended: int | None = None) -> None:
        super().__init__(Message("the credential is not accepted"), detail=detail or reason.value)
        self.reason = reason
        self.ended = ended


class SignInFailed(Unauthenticated):
    code = "sign_in_failed"


class ProviderRefused(SignInFailed):
    """`error` is its code (RFC 6749 5.2, RFC 8628 3.5), or `refused` where it is none."""

    def __init__(self, error: str) -> None:
        super().__init__(Message("the sign-in provider refused; sign in again"), detail=error)
        self.error = error


class ScopeMissing(Forbidden):
    """RFC 6750 3.1."""

    code = "insufficient_scope"


class BadTrustFile(InvalidInput):
    code = "bad_trust_file"


class LogoutRefused(InvalidInput):
    """OpenID Connect Back-Channel Logout 1.0, 2.8: 400."""

    code = "invalid_request"


class ProviderFailed(BadUpstream):
    code = "provider_failed"


class KeysUnavailable(Unavailable):
    code = "keys_unavailable"


class UserinfoUnavailable(Unavailable):
    code = "userinfo_unavailable"


class RevocationsUnavailable(Unavailable):
    code = "revocations_unavailable"


class KeptUnavailable(Unavailable):
    code = "sessions_unavailable"


class TooManySessions(TooMany):
    code = "too_many_sessions"
