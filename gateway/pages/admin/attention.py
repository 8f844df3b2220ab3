"""What of a node needs its admin's attention: one sentence each, with where to go.

Looks and changes nothing. A part that cannot be looked at is itself worth attention; it never
passes as well.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from access.lifecycle import State
from access.policy_file import read_bytes, read_policies
from access.recipients import KeyState
from beacon import manifest
from gateway.load_jobs import Job, JobState
from gateway.pages.admin.rooms import Rooms
from passports import trust
from schemas.errors import SkerryError

SCARCE = 0.1  # of the disk
KEY_ENDS_SOON_SECONDS = 30 * 24 * 3600
KEYS_LATE_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Point:
    """`calm` may wait; anything else stands in somebody's way."""

    text: str
    link: str = ""
    calm: bool = False


Look = Callable[[Rooms], Iterator[Point]]


def points(rooms: Rooms, *, looks: tuple[Look, ...] | None = None) -> tuple[Point, ...]:
    found: list[Point] = []
    for look in looks or LOOKS:
        try:
            found += look(rooms)
        except (SkerryError, OSError) as error:
            said = error.public if isinstance(error, SkerryError) else "a file cannot be read"
            what = (look.__doc__ or "").rstrip(".")
            found.append(Point(f"{what}: cannot be looked at now ({said})."))
    return tuple(sorted(found, key=lambda point: point.calm))


def _requests(rooms: Rooms) -> Iterator[Point]:
    """Requests."""
    waiting = [
        one
        for one in rooms.store.requests_for(rooms.book.datasets())
        if one.state is State.SUBMITTED
    ]
    for dataset, count in sorted(Counter(one.dataset for one in waiting).items()):
        oldest = _day(min(one.updated for one in waiting if one.dataset == dataset))
        policy = rooms.book.policy(dataset)
        nobody = "" if policy is None or policy.committee else " It has no committee in force."
        yield Point(
            f"{_many(count, 'request')} for {dataset} {_wait(count)} for its committee, "
            f"the oldest since {oldest}.{nobody}",
            "/admin/policies" if nobody else "/requests",
            calm=not nobody,
        )


def _workspace_keys(rooms: Rooms) -> Iterator[Point]:
    """Workspace keys."""
    held, now = rooms.recipients.listed(owner=None), rooms.clock()
    proven = sum(one.state is KeyState.PROVEN for one in held)
    if proven:
        yield Point(
            f"{_many(proven, 'workspace key')} {_wait(proven)} to be confirmed.",
            "/admin/workspaces",
        )
    ending = [
        one
        for one in held
        if one.state is KeyState.CONFIRMED and 0 < one.expires - now < KEY_ENDS_SOON_SECONDS
    ]
    for one in ending:
        yield Point(
            f"The key of workspace {one.name} ends on {_day(one.expires)}.",
            "/admin/workspaces",
            calm=True,
        )


def _policies(rooms: Rooms) -> Iterator[Point]:
    """Policies."""
    path, url = rooms.home.policies, rooms.settings.public_url
    try:
        draft = read_policies(read_bytes(path), name=path.name, public_url=url)
    except SkerryError as error:
        yield Point(f"The draft cannot be used: {error.public}", "/admin/policies")
        return
    failed = draft.failures()
    if failed:
        yield Point(
            f"{_many(len(failed), 'test')} of the draft {'fails' if len(failed) == 1 else 'fail'}.",
            "/admin/policies",
        )
    if draft.book.version.rpartition("+")[2] != rooms.book.version.rpartition("+")[2]:
        yield Point("The draft differs from the policy in force.", "/admin/policies", calm=True)


def _changes(rooms: Rooms) -> Iterator[Point]:
    """Changes."""
    for one in rooms.desk.changes.waiting(now=rooms.clock()):
        yield Point(
            f"{one.proposed_by} proposed a change: {one.reason}", f"/admin/changes/{one.id}"
        )
    if rooms.book.second_person and len(set(rooms.settings.admins)) < 2:
        yield Point(
            "The policy wants a second person, and this node has one admin only.", "/admin/changes"
        )


def _datasets(rooms: Rooms) -> Iterator[Point]:
    """Datasets."""
    loaded, ruled = set(manifest.read(rooms.home.catalog)), set(rooms.book.datasets())
    for dataset in sorted(loaded - ruled):
        yield Point(
            f"{dataset} has no policy: nobody is answered from it.",
            f"/admin/policies/draft?dataset={quote(dataset)}",
        )
    if not loaded:
        yield Point("No dataset is loaded yet.", calm=True)


def _loads(rooms: Rooms) -> Iterator[Point]:
    """Loads."""
    for plan in rooms.jobs.plans.listed():
        for job in Job:
            found, link = rooms.jobs.progress(plan.id, job), f"/admin/onboarding/{plan.id}"
            what = "check" if job is Job.CHECK else "load"
            if found.state is JobState.RUNNING:
                yield Point(f"A {what} of {plan.dataset} is under way.", link, calm=True)
            elif found.state is JobState.FAILED:
                yield Point(f"The {what} of {plan.dataset} failed.", link)


def _issuers(rooms: Rooms) -> Iterator[Point]:
    """Issuers."""
    known, now = rooms.keys.fetched(), rooms.clock()
    if not known:
        yield Point("The trust file names no issuer: every credential is refused.")
    if trust.load(rooms.home.trust).version != rooms.trust.version:
        yield Point("The trust file has changed: restart the node to take it up.", "/admin/issuers")
    for one in known:
        if one.pinned or one.tried is None:
            continue
        if one.fetched is None:
            yield Point(f"The keys at {one.url} could never be fetched.", "/admin/issuers")
        elif now - one.fetched > KEYS_LATE_SECONDS:
            yield Point(f"The keys at {one.url} could not be fetched for a day.", "/admin/issuers")


def _disk(rooms: Rooms) -> Iterator[Point]:
    """The disk."""
    disk = shutil.disk_usage(rooms.home.root)
    if disk.free < SCARCE * disk.total:
        yield Point(f"The disk is nearly full: {_gigabytes(disk.free)} are free.")


def _agent(rooms: Rooms) -> Iterator[Point]:
    """The key agent."""
    if not rooms.home.agent_socket.is_socket():
        yield Point("The key agent is down: nothing can be released.")


LOOKS: tuple[Look, ...] = (
    _requests,
    _workspace_keys,
    _policies,
    _changes,
    _datasets,
    _loads,
    _issuers,
    _disk,
    _agent,
)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
