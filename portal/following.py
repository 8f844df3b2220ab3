"""Where a request stands for the person it is for: what comes next, and how to fetch in the end.

Pure. Requests that were sent to many committees under one project are one project here; states
and steps are the node's (`access.lifecycle`), and its committee decides.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from portal.applications import Held, ReleasableFile
from portal.node import Node
from portal.settings import PortalSettings
from schemas.grants import RequestView

_WAITS = {
    "draft": "Send it to the committee when it is complete.",
    "returned": "The committee asks for changes. Read its reason, change it and send it again.",
    "rejected": "The committee said no; its reason is below. You may ask anew.",
    "revoked": "The committee ended the access; its reason is below.",
    "closed": "It was withdrawn or ended by its requester.",
    "expired": "The time granted has passed. Ask anew if you still need the data.",
}


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
    def summary(self) -> str:
        """How many requests are in which state."""
        states = [line.request.state for line in self.lines]
        return ", ".join(f"{states.count(one)} {one}" for one in dict.fromkeys(states))


def projects(held: Sequence[Held]) -> list[Project]:
    """Those that changed last come first."""
    lines = [Line(one.node, request) for one in held for request in one.requests]
    lines.sort(key=lambda line: line.request.updated, reverse=True)
    named: dict[str, list[Line]] = {}
    for line in lines:
        named.setdefault(line.request.project, []).append(line)
    return [Project(name, tuple(found)) for name, found in named.items()]


def next_step(request: RequestView, *, person: str) -> str:
    """One sentence for `person`, who asked or is named in it."""
    if "accept" in request.steps:
        return "You are named in it. Read the terms and take part; access begins once approved."
    if person != request.requester and request.state in ("draft", "returned"):
        return "It is with its requester."
    match request.state:
        case "draft" if request.terms is not None:
            return "Read the terms below, accept them and send it."
        case "submitted" if request.approvals_needed > 1:
            given, needed = request.approvals, request.approvals_needed
            return f"Wait for the committee: {given} of {needed} members have approved."
        case "submitted":
            return "Wait for the committee. You need not do anything."
        case "approved":
            return _approved(request)
        case state:
            return _WAITS.get(state, "The node says no more of it.")


def _approved(request: RequestView) -> str:
    if request.grant is None or request.grant.revoked:
        return "It is approved. Your own access begins once you are named and have accepted."
    until = datetime.fromtimestamp(request.grant.expires, UTC).strftime("%-d %B %Y, %H:%M UTC")
    return f"Fetch the data into the workspace before {until}."


def login_line(node: Node, settings: PortalSettings) -> str:
    """How to get the Passport that `fetch_lines` name; empty where the provider knows no client for
    the command."""
    issuer, client_id = settings.signin_issuer, settings.command_client_id
    if issuer is None or not client_id:
        return ""
    return _line(
        "skerry", "login", "--issuer", issuer, "--client-id", client_id, "--node", node.url,
        "--token-file", "passport.txt",
    )  # fmt: skip


def fetch_lines(node: Node, files: Sequence[ReleasableFile]) -> list[str]:
    """One command for each file, for the shell of the workspace whose folder is `workspace`."""
    return [
        _line(
            "skerry", "fetch", one.object_id, "--kind", one.kind, "--workspace", "workspace",
            "--node", node.url, "--token-file", "passport.txt",
        )
        for one in files
    ]  # fmt: skip


def _line(*words: str) -> str:
    return " ".join(shlex.quote(word) for word in words)
