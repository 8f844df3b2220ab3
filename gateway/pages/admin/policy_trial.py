"""A policy text beside the one in force: its tests, the rule in words, past decisions, risk, lines.

What the editor, a version's page and a proposed change show alike; nothing here changes anything.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from access.policies.file import ReadFile, read_bytes
from access.policies.policy import PolicyBook
from access.privacy.terms import ALPHA
from gateway import policy_in_words, policy_reading, risk, risk_in_words
from gateway.pages.admin.rooms import Rooms
from gateway.replay_in_words import Line, line
from schemas.messages import Message

MAX_IN_WORDS = 50
MAX_DIFF_LINES = 400
REPLAYED = 2_000
MAX_REPLAYED = 100  # kinds of change on a page


@dataclass(frozen=True, slots=True)
class Tried:
    """A policy text beside the one in force; `words` are of the datasets that would change."""

    tests: int
    failures: tuple[str, ...]
    notes: list[str]
    words: Mapping[str, list[str]]
    gone: tuple[str, ...]
    unchanged: int
    asked: int
    replayed: tuple[Line, ...]
    risks: tuple[str, ...]
    changed: str


def tried(rooms: Rooms, read: ReadFile, text: str) -> Tried:
    holds = rooms.book.current()
    before, after = words_of(holds), words_of(read.book)
    again = policy_reading.compare(rooms.home, holds, read.book, last=REPLAYED)
    changed = {name: said for name, said in after.items() if before.get(name) != said}
    return Tried(
        tests=len(read.tests),
        failures=read.failures(),
        notes=policy_reading.notes(read, now=rooms.clock()),
        words=dict(list(changed.items())[:MAX_IN_WORDS]),
        gone=tuple(sorted(before.keys() - after.keys())),
        unchanged=len(after) - len(changed),
        asked=again.asked,
        replayed=tuple(line(one) for one in again.changes[:MAX_REPLAYED]),
        risks=tuple(_risks(rooms, holds, read.book)),
        changed=_diff(_in_force(rooms), text),
    )


def of_version(rooms: Rooms, number: int) -> tuple[str, Tried]:
    """A kept version's text, and what it would do now."""
    read = policy_reading.versions_of(rooms.home).read(number)
    path = rooms.home.policy_versions / f"{number:06d}.yaml"
    text = read_bytes(path).decode("utf-8", "replace")
    return text, tried(rooms, read, text)


def _risks(rooms: Rooms, before: PolicyBook, after: PolicyBook) -> Iterator[str]:
    """What attackers could find out, but for datasets new to the policy that tell them nothing."""
    for one in risk.changed(risk.under(before, rooms.home), risk.under(after, rooms.home)):
        if one.before is not None or (one.after or 0.0) > ALPHA:
            yield risk_in_words.change(one)


def words_of(book: PolicyBook) -> dict[str, list[str]]:
    """The rules of every dataset in words."""
    return {
        policy.dataset: policy_in_words.sentences(policy)
        for policy in policy_reading.policies_of(book)
    }


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "in force", "this text", lineterm="", n=2
    )
    found = list(lines)
    more = [Message("... and %(count)s lines more", count=len(found) - MAX_DIFF_LINES)] * (
        len(found) > MAX_DIFF_LINES
    )
    return "\n".join([*found[:MAX_DIFF_LINES], *more])


def _in_force(rooms: Rooms) -> str:
    active = policy_reading.versions_of(rooms.home).active()
    path = rooms.home.policies
    if active is not None:
        path = rooms.home.policy_versions / f"{active.number:06d}.yaml"
    return read_bytes(path).decode("utf-8", "replace")
