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

from access.policies.file import read_bytes, read_policies
from access.recipients import KeyState
from access.requests.lifecycle import State
from beacon import manifest
from gateway.holding.load_jobs import Job
from gateway.holding.processes import JobState
from gateway.pages.admin.rooms import Rooms
from passports import trust
from schemas.errors import SkerryError
from schemas.messages import Message, following, plural

SCARCE = 0.1  # of the disk
_NO_FILE = Message("a file cannot be read")
KEY_ENDS_SOON_SECONDS = 30 * 24 * 3600
KEYS_LATE_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Point:
    """`calm` may wait; anything else stands in somebody's way."""

    text: str
    link: str = ""
    calm: bool = False


Look = Callable[[Rooms], Iterator[Point]]


def points(rooms: Rooms, *, looks: tuple[tuple[str, Look], ...] | None = None) -> tuple[Point, ...]:
    found: list[Point] = []
    for what, look in looks or LOOKS:
        try:
            found += look(rooms)
        except (SkerryError, OSError) as error:
            said = error.public if isinstance(error, SkerryError) else _NO_FILE
            found.append(
                Point(Message("%(what)s: cannot be looked at now (%(why)s).", what=what, why=said))
            )
    return tuple(sorted(found, key=lambda point: point.calm))


def _requests(rooms: Rooms) -> Iterator[Point]:
    waiting = [
        one
        for one in rooms.store.requests_for(rooms.book.datasets())
        if one.state is State.SUBMITTED
    ]
    for dataset, count in sorted(Counter(one.dataset for one in waiting).items()):
        oldest = _day(min(one.updated for one in waiting if one.dataset == dataset))
        policy = rooms.book.policy(dataset)
        waits = plural(
            "%(count)s request for %(dataset)s waits for its committee, the oldest since %(day)s.",
            "%(count)s requests for %(dataset)s wait for its committee, the oldest since %(day)s.",
            count=count, dataset=dataset, day=oldest,
        )  # fmt: skip
        if policy is None or policy.committee:
            yield Point(waits, "/requests", calm=True)
        else:
            nobody = Message("It has no committee in force.")
            yield Point(following(waits, nobody), "/admin/policies")


def _workspace_keys(rooms: Rooms) -> Iterator[Point]:
    held, now = rooms.recipients.listed(owner=None), rooms.clock()
    proven = sum(one.state is KeyState.PROVEN for one in held)
    if proven:
        yield Point(
            plural(
                "%(count)s workspace key waits to be confirmed.",
                "%(count)s workspace keys wait to be confirmed.",
                count=proven,
            ),
            "/admin/workspaces",
        )
    ending = [
        one
        for one in held
        if one.state is KeyState.CONFIRMED and 0 < one.expires - now < KEY_ENDS_SOON_SECONDS
    ]
    for one in ending:
        yield Point(
            Message(
                "The key of workspace %(name)s ends on %(day)s.",
                name=one.name,
                day=_day(one.expires),
            ),
            "/admin/workspaces",
            calm=True,
        )


def _policies(rooms: Rooms) -> Iterator[Point]:
    path, url = rooms.home.policies, rooms.settings.public_url
    try:
        draft = read_policies(read_bytes(path), name=path.name, public_url=url)
    except SkerryError as error:
        said = Message("The draft cannot be used: %(problem)s", problem=error.public)
        yield Point(said, "/admin/policies")
        return
    failed = draft.failures()
    if failed:
        yield Point(
            plural(
                "%(count)s test of the draft fails.",
                "%(count)s tests of the draft fail.",
                count=len(failed),
            ),
            "/admin/policies",
        )
    if draft.book.version.rpartition("+")[2] != rooms.book.version.rpartition("+")[2]:
        differs = Message("The draft differs from the policy in force.")
        yield Point(differs, "/admin/policies", calm=True)


def _changes(rooms: Rooms) -> Iterator[Point]:
    for one in rooms.desk.changes.waiting(now=rooms.clock()):
        yield Point(
            Message(
                "%(admin)s proposed a change: %(reason)s",
                admin=one.proposed_by,
                reason=one.reason,
            ),
            f"/admin/changes/{one.id}",
        )
    if rooms.book.second_person and len(set(rooms.settings.admins)) < 2:
        yield Point(
            Message("The policy wants a second person, and this node has one admin only."),
            "/admin/changes",
        )


def _datasets(rooms: Rooms) -> Iterator[Point]:
    loaded, ruled = set(manifest.read(rooms.home.catalog)), set(rooms.book.datasets())
    for dataset in sorted(loaded - ruled):
        yield Point(
            Message("%(dataset)s has no policy: nobody is answered from it.", dataset=dataset),
            f"/admin/policies/draft?dataset={quote(dataset)}",
        )
    if not loaded:
        yield Point(Message("No dataset is loaded yet."), calm=True)


def _loads(rooms: Rooms) -> Iterator[Point]:
    for plan in rooms.jobs.plans.listed():
        for job in Job:
            found, link = rooms.jobs.progress(plan.id, job), f"/admin/onboarding/{plan.id}"
            if found.state is JobState.RUNNING:
                yield Point(_under_way(job, plan.dataset), link, calm=True)
            elif found.state is JobState.FAILED:
                yield Point(_failed(job, plan.dataset), link)


def _issuers(rooms: Rooms) -> Iterator[Point]:
    known, now = rooms.keys.fetched(), rooms.clock()
    if not known:
        yield Point(Message("The trust file names no issuer: every credential is refused."))
    if trust.load(rooms.home.trust).version != rooms.trust.version:
        changed = Message("The trust file has changed: restart the node to take it up.")
        yield Point(changed, "/admin/issuers")
    for one in known:
        if one.pinned or one.tried is None:
            continue
        if one.fetched is None:
            never = Message("The keys at %(url)s could never be fetched.", url=one.url)
            yield Point(never, "/admin/issuers")
        elif now - one.fetched > KEYS_LATE_SECONDS:
            late = Message("The keys at %(url)s could not be fetched for a day.", url=one.url)
            yield Point(late, "/admin/issuers")


def _disk(rooms: Rooms) -> Iterator[Point]:
    disk = shutil.disk_usage(rooms.home.root)
    if disk.free < SCARCE * disk.total:
        yield Point(
            Message("The disk is nearly full: %(size)s are free.", size=_gigabytes(disk.free))
        )


def _agent(rooms: Rooms) -> Iterator[Point]:
    if not rooms.home.agent_socket.is_socket():
        yield Point(Message("The key agent is down: nothing can be released."))


LOOKS: tuple[tuple[str, Look], ...] = (
    (Message("Requests"), _requests),
    (Message("Workspace keys"), _workspace_keys),
    (Message("Policies"), _policies),
    (Message("Changes"), _changes),
    (Message("Datasets"), _datasets),
    (Message("Loads"), _loads),
    (Message("Issuers"), _issuers),
    (Message("The disk"), _disk),
    (Message("The key agent"), _agent),
)


def _under_way(job: Job, dataset: str) -> Message:
    if job is Job.CHECK:
        return Message("A check of %(dataset)s is under way.", dataset=dataset)
    return Message("A load of %(dataset)s is under way.", dataset=dataset)


def _failed(job: Job, dataset: str) -> Message:
    if job is Job.CHECK:
        return Message("The check of %(dataset)s failed.", dataset=dataset)
    return Message("The load of %(dataset)s failed.", dataset=dataset)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
