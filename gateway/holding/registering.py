"""The door at which an admin registers objects that may leave in the clear, as `skerry load` does.

Only what lies below the places that the settings name is taken, so that an admin's token publishes
no other file of the machine. The rules are `loading.shelve_file`'s; each registration is recorded.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Annotated

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request
from pydantic import Field

from access.errors import NotYourStep, SignInNeeded
from access.record.audit import Record
from gateway.errors import SourceNotNamed
from gateway.holding import clearance, loading
from gateway.home import NodeHome
from passports.researcher import Researcher
from schemas.errors import InvalidInput
from schemas.wire import LocalId, Wire
from streams.remote import SCHEME, RemoteFile

AT_ONCE = 1  # looking through a file takes its time


class ToRegister(Wire):
    """`place` is a path on the node's machine or `s3://BUCKET/KEY`; an index lies beside it."""

    dataset: LocalId
    place: str = Field(min_length=1, max_length=2048)


class RegisteredView(Wire):
    """`withheld` where it may hold somebody who withdrew, so that it does not leave yet."""

    object_id: str
    dataset: str
    kind: str
    format: str
    size: int
    withheld: bool = False


def build(
    *,
    home: NodeHome,
    sources: Sequence[str],
    caller: Callable[[Request], Awaitable[Researcher | None]],
    admins: Sequence[str],
    record: Record,
) -> APIRouter:
    router, limiter = APIRouter(tags=["htsget"]), CapacityLimiter(AT_ONCE)

    async def admin(request: Request) -> Researcher:
        researcher = await caller(request)
        if researcher is None:
            raise SignInNeeded("Send a GA4GH Passport for this node as a bearer token.")
        if researcher.identity not in admins:
            raise NotYourStep("A node admin registers objects.")
        return researcher

    @router.post("/streams/objects", status_code=201)
    async def register(
        asked: ToRegister, who: Annotated[Researcher, Depends(admin)]
    ) -> RegisteredView:
        source = allowed(asked.place, sources)
        found = await run_sync(
            partial(loading.shelve_file, home, source, dataset=asked.dataset), limiter=limiter
        )
        facts = {
            "by": record.pseudonym(who.identity),
            "dataset": found.dataset,
            "object": found.object_id,
            "format": found.format,
            "size": found.size,
        }
        await run_sync(partial(record.append, "release.registered", facts, durable=True))
        return RegisteredView(
            object_id=found.object_id,
            dataset=found.dataset,
            kind=found.kind,
            format=found.format,
            size=found.size,
            withheld=not clearance.is_clear(home, found),
        )

    return router


def allowed(place: str, sources: Sequence[str]) -> Path | RemoteFile:
    """Raises SourceNotNamed for what lies elsewhere, links followed; InvalidInput for no place."""
    if place.startswith(SCHEME):
        if ".." in PurePosixPath(place).parts:
            raise InvalidInput("Write s3://BUCKET/KEY.")
        if any(place.startswith(source.rstrip("/") + "/") for source in sources):
            return RemoteFile(place)
        raise _elsewhere()
    if not place.startswith("/") or "\x00" in place:
        raise InvalidInput("A place is an absolute path of the node's machine, or s3://BUCKET/KEY.")
    path = Path(place).resolve()
    folders = [Path(source).resolve() for source in sources if not source.startswith(SCHEME)]
    if any(path.is_relative_to(folder) for folder in folders):
        return path
    raise _elsewhere()


def _elsewhere() -> SourceNotNamed:
    return SourceNotNamed(
        "Objects are registered from the places that the node's setting register_from names."
    )
