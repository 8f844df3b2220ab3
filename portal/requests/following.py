"""Where a request stands for the person it is for: what comes next, and how to fetch in the end.

Pure. Requests that were sent to many committees under one project are one project here; states
and steps are the node's (`access.requests.lifecycle`), and its committee decides.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from portal.nodes.node import Node
from portal.requests.applications import Held, ReleasableFile
from portal.settings import PortalSettings
from schemas.grants import RequestView
from schemas.messages import Message, following

_STATES: Mapping[str, str] = {
    "draft": Message("draft"),
    "submitted": Message("submitted"),
    "returned": Message("returned"),
    "approved": Message("approved"),
    "rejected": Message("rejected"),
    "revoked": Message("revoked"),
    "closed": Message("closed"),
    "expired": Message("expired"),
}
_WAITS = {
    "draft": Message("Send it to the committee when it is complete."),
    "returned": Message(
        "The committee asks for changes. Read its reason, change it and send it again."
    ),
    "rejected": Message("The committee said no; its reason is below. You may ask anew."),
    "revoked": Message("The committee ended the access; its reason is below."),
    "closed": Message("It was withdrawn or ended by its requester."),
    "expired": Message("The time granted has passed. Ask anew if you still need the data."),
}

PASSPORT_FILE = "passport.txt"  # in the lines for a shell


@dataclass(frozen=True, slots=True)
class Line:
    node: Node
    request: RequestView

    @property
    def path(self) -> str:
        return f"/requests/{self.node.slug}/{self.request.id}"


@dataclass(frozen=True, slots=True)
class Project:
    """Every committee's part of one project, the latest first."""

    name: str
    lines: tuple[Line, ...]

    @property
    def summary(self) -> Message:
        """How many requests are in which state."""
        states = [line.request.state for line in self.lines]
        counted = (
            Message("%(count)s %(state)s", count=states.count(one), state=_STATES.get(one, one))
            for one in dict.fromkeys(states)
        )
        return following(*counted, by=", ")


def projects(held: Sequence[Held]) -> list[Project]:
    """Those that changed last come first."""
    lines = [Line(one.node, request) for one in held for request in one.requests]
    lines.sort(key=lambda line: line.request.updated, reverse=True)
    named: dict[str, list[Line]] = {}
    for line in lines:
        named.setdefault(line.request.project, []).append(line)
    return [Project(name, tuple(found)) for name, found in named.items()]


def next_step(request: RequestView, *, person: str) -> Message:
    """One sentence for `person`, who asked or is named in it."""
    if "accept" in request.steps:
        return Message(
            "You are named in it. Read the terms and take part; access begins once approved."
        )
    if person != request.requester and request.state in ("draft", "returned"):
        return Message("It is with its requester.")
    match request.state:
        case "draft" if request.terms is not None:
            return Message("Read the terms below, accept them and send it.")
        case "submitted" if request.approvals_needed > 1:
            given, needed = request.approvals, request.approvals_needed
            return Message(
                "Wait for the committee: %(given)s of %(needed)s members have approved.",
                given=given,
                needed=needed,
            )
        case "submitted":
            return Message("Wait for the committee. You need not do anything.")
        case "approved":
            return _approved(request)
        case state:
            return _WAITS.get(state, Message("The node says no more of it."))


def _approved(request: RequestView) -> Message:
    if request.grant is None or request.grant.revoked:
        return Message(
            "It is approved. Your own access begins once you are named and have accepted."
        )
    until = datetime.fromtimestamp(request.grant.expires, UTC)
    return Message("Fetch the data into the workspace before %(until)s.", until=until)


def login_line(node: Node, settings: PortalSettings, *, token_file: str = PASSPORT_FILE) -> str:
    """How to get the Passport that `fetch_lines` name; empty where the provider knows no client for
    the command."""
    issuer, client_id = settings.signin_issuer, settings.command_client_id
    if issuer is None or not client_id:
        return ""
    return _line(
        "skerry", "login", "--issuer", issuer, "--client-id", client_id, "--node", node.url,
        "--token-file", token_file,
    )  # fmt: skip


def fetch_lines(node: Node, files: Sequence[ReleasableFile]) -> list[str]:
    """One command for each file, for the shell of the workspace whose folder is `workspace`."""
    return [
        _line(
            "skerry", "fetch", one.object_id, "--kind", one.kind, "--workspace", "workspace",
            "--node", node.url, "--token-file", PASSPORT_FILE,
        )
        for one in files
    ]  # fmt: skip


def _line(*words: str) -> str:
    return " ".join(shlex.quote(word) for word in words)
