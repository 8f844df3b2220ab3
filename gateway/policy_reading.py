"""Reads a node's policy versions, says what a file says in vain, and replays past decisions.

For `skerry policy` and the admin's pages alike. Rules are `access`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from access.policies import decision_facts, replay
from access.policies.decision import DatasetPolicy
from access.policies.doubts import doubts
from access.policies.file import ReadFile, read_bytes, read_policies
from access.policies.policy import PolicyBook
from access.policies.replay import Replay
from access.policies.versions import PolicyVersions
from access.record.audit import pseudonym
from gateway import config
from gateway.home import NodeHome
from schemas.messages import following


def versions_of(home: NodeHome) -> PolicyVersions:
    url = config.load(home.settings).public_url
    return PolicyVersions(home.policy_versions, public_url=url)


def read(home: NodeHome, which: str) -> ReadFile:
    """A numbered version, what is in force, the node's file as it is now, or any other file."""
    versions = versions_of(home)
    active = versions.active()
    if which == "active" and active is not None:
        return versions.read(active.number)
    if which.isdecimal():
        return versions.read(int(which))
    path = home.policies if which in {"active", "draft"} else Path(which)
    return read_text(home, read_bytes(path), name=str(path))


def read_text(home: NodeHome, raw: bytes, *, name: str) -> ReadFile:
    """These bytes as the node would read them; raises `PolicyInvalid`."""
    return read_policies(raw, name=name, public_url=config.load(home.settings).public_url)


def policies_of(book: PolicyBook) -> Iterator[DatasetPolicy]:
    yield from (policy for name in book.datasets() if (policy := book.policy(name)) is not None)


def notes(read: ReadFile, *, now: int) -> list[str]:
    """What the file says in vain."""
    policies = policies_of(read.book)
    return [
        following(f"{policy.dataset}:", doubt)
        for policy in policies
        for doubt in doubts(policy, now=now)
    ]


def compare(home: NodeHome, old: PolicyBook, new: PolicyBook, *, last: int) -> Replay:
    """Which of the last decisions would change; on what they rested on, never a question."""
    key = home.secret("pseudonym")
    return replay.compare(
        decision_facts.last(home.decision_facts, last),
        old,
        new,
        pseudonym=lambda identity: pseudonym(key, identity),
    )
