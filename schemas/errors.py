"""The root of every error of ours, and what its families mean on the wire.

    SkerryError                 500  our own fault
    ├── InvalidInput            400  the question is malformed or unsupported
    ├── Unauthenticated         401  a credential was sent and is not good, or one is needed
    ├── Forbidden               403  the credential is good, the right is missing
    │   └── Suppressed          403  an answer exists but may not be given at this level
    ├── NotFound                404  nothing of that name that the caller may know of
    ├── Conflict                409  the state of the thing does not allow this step
    ├── TooLarge                413  a named cap was passed
    ├── TooMany                 429  an allowance or rate is spent
    ├── BadUpstream             502  another server failed or answered nonsense
    └── Unavailable             503  a part of ours is down; nothing was decided

Each room draws its own tree under these. `public` may be shown to anyone; `detail` goes to the
log only. Neither ever holds a token, a key, a person or a row.
"""

from __future__ import annotations

from typing import ClassVar


class SkerryError(Exception):
    """Carries a public code and sentence, and a private detail."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"

    def __init__(self, public: str, *, detail: str = "") -> None:
        super().__init__(public)
        self.public = public
        self.detail = detail


class InvalidInput(SkerryError):
    status = 400
    code = "invalid_input"


class Unauthenticated(SkerryError):
    status = 401
    code = "unauthenticated"


class Forbidden(SkerryError):
    status = 403
    code = "forbidden"


class Suppressed(Forbidden):
    """Settled rule: whether this happens never depends on the data."""

    code = "suppressed"


class NotFound(SkerryError):
    status = 404
    code = "not_found"


class Conflict(SkerryError):
    status = 409
    code = "conflict"


class TooLarge(SkerryError):
    status = 413
    code = "too_large"


class TooMany(SkerryError):
    status = 429
    code = "too_many"


class BadUpstream(SkerryError):
    status = 502
    code = "bad_upstream"


class Unavailable(SkerryError):
    status = 503
    code = "unavailable"
