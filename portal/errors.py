"""What can go wrong in the portal, under the families of schemas/errors.py.

InvalidInput
├── UnreadableQuestion   the typed text is not a question we can ask
├── AskedInCircles       the question came through this network before, or through too many
└── NodeRefused          a node did not take what was sent to it, and said why
Unauthenticated
└── SignInNeeded         the page is for people who signed in
Forbidden
├── ForgedForm           a form without this session's token
├── NotYours             a node says that this person may not
└── Suppressed
    └── NothingMayBeSaid every node that was asked may not answer at this level
NotFound
└── SearchGone           the search is over, unknown, or somebody else's
BadUpstream
├── NodeFailed           a node failed while it was asked for one thing
└── NoNodeAnswered       nothing is known, because nobody answered
SettingsError            the portal's settings cannot be used (at start)
"""

from __future__ import annotations

from schemas.errors import (
    BadUpstream,
    Forbidden,
    InvalidInput,
    NotFound,
    SkerryError,
    Suppressed,
    Unauthenticated,
)


class UnreadableQuestion(InvalidInput):
    code = "unreadable_question"


class AskedInCircles(InvalidInput):
    code = "asked_in_circles"


class NodeRefused(InvalidInput):
    code = "node_refused"


class SignInNeeded(Unauthenticated):
    code = "sign_in_needed"


class ForgedForm(Forbidden):
    code = "forged_form"


class NotYours(Forbidden):
    code = "not_yours"


class NothingMayBeSaid(Suppressed):
    """Keeps the family's code: it is what a Beacon client reads."""


class SearchGone(NotFound):
    code = "search_gone"


class NodeFailed(BadUpstream):
    code = "node_failed"


class NoNodeAnswered(BadUpstream):
    code = "no_node_answered"


class SettingsError(SkerryError):
    code = "settings"
