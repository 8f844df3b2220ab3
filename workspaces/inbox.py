"""Opens a sealed release inside the workspace: ticket, parts, proof, and only then a file.

htsget 1.3.0 with Crypt4GH v1.0 and the node's signed manifest (`manifest`). Plaintext is written
to a hidden file in the workspace's data folder and gets its name after the last MAC, digest and
size; elsewhere only with `insecure_plaintext_path`, which is recorded. Who may receive what is
decided at the node.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import httpx

from schemas.htsget import (
    Manifest,
    RegionAsked,
    SliceManifest,
)
from streams.envelope import BodyFacts
from streams.errors import EnvelopeInvalid
from streams.header import open_header
from streams.opening import open_parts
from workspaces import deliveries, keys, manifest, openings, settings, tickets, wire
from workspaces.deliveries import Delivery
from workspaces.errors import AlreadyThere, NodeRefused, PlaceFull, PlaceRefused, ReleaseUntrue
from workspaces.keys import WorkspaceKeys
from workspaces.manifest import Asked
from workspaces.parcel import Parcel
from workspaces.tickets import Kind, Wanted

__all__ = ["Kind", "fetch"]

MAX_TICKETS = 3  # a session that ends while parts are fetched is asked for again this often

_log = logging.getLogger(__name__)


class Progress(Protocol):
    """Hears how much of a stage is done, in bytes."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def _untold(stage: str, done: int, total: int) -> None:
    """For who does not want to know."""


def fetch(
    *,
    folder: Path,
    node_url: str,
    object_id: str,
    kind: Kind,
    token: str,
    regions: Sequence[RegionAsked] = (),
    out: Path | None = None,
    insecure_plaintext_path: bool = False,
    progress: Progress = _untold,
    http: httpx.Client | None = None,
    clock: Callable[[], float] = time.time,
) -> Delivery:
    """One object of one pinned node, opened into `folder`/data/`out` (by default: its name).

    With `regions` (zero-based half-open) only the records that overlap them, as a file of their
    own; without, and where the grant names regions, those of the grant.

    Raises NodeRefused for a no, NodeSilent for what may be tried again (parts are kept),
    ReleaseUntrue for anything that differs from what the node signed (nothing is kept).
    """
    held = keys.load(folder)
    openings.sweep(settings.data_folder(folder))
    url = settings.node_address(node_url)
    target, outside = _target(
        folder, out or Path(_file_name(object_id)), insecure=insecure_plaintext_path
    )
    if outside:
        openings.sweep_beside(target)
        _log.warning("plaintext leaves the workspace folder: insecure_plaintext_path was given")
    wanted = Wanted(url, object_id, kind, tuple(regions) or None)
    with wire.client(http) as line:
        proven, facts = receive(
            held, wanted, target, token=token, progress=progress, http=line, clock=clock
        )
    delivery = Delivery(
        object_id=object_id,
        dataset=proven.dataset,
        format=proven.format,
        node_url=url,
        permit_id=proven.permit_id,
        path=str(target if outside else target.relative_to(settings.data_folder(folder).resolve())),
        outside=outside,
        plain_size=proven.plain_size,
        plain_sha256=facts.plain_sha256.hex(),
        regions=proven.regions if isinstance(proven, SliceManifest) else None,
        segments=len(facts.segment_digests),
        received=int(clock()),
    )
    deliveries.keep(folder, delivery)
    return delivery


def receive(
    held: WorkspaceKeys,
    wanted: Wanted,
    target: Path,
    *,
    token: str,
    http: httpx.Client,
    clock: Callable[[], float],
    most_bytes: int = manifest.MAX_BODY,
    progress: Progress = _untold,
) -> tuple[Manifest | SliceManifest, BodyFacts]:
    """Opens one release into `target`, with the secret of `held`. Raises as `fetch`, and PlaceFull
    before a byte is fetched where the object has more than `most_bytes`."""
    proven, header, parcel = _collect(
        held,
        wanted,
        token=token,
        progress=progress,
        http=http,
        clock=clock,
        most_bytes=most_bytes,
    )
    try:
        return proven, _open_into_place(
            held, target, proven, header=header, parcel=parcel, progress=progress
        )
    finally:
        parcel.discard()  # opened or untrue: either way these bytes are not wanted again


def _collect(
    held: WorkspaceKeys,
    wanted: Wanted,
    *,
    token: str,
    progress: Progress,
    http: httpx.Client,
    clock: Callable[[], float],
    most_bytes: int,
) -> tuple[Manifest | SliceManifest, bytes, Parcel]:
    node_key = bytes.fromhex(held.settings.node(wanted.node_url).manifest_key)
    asked = Asked(wanted.object_id, held.public_key, wanted.regions)
    for attempt in range(1, MAX_TICKETS + 1):
        answer = tickets.redeemed(http, held, wanted, token=token)
        proven, header = manifest.verify(answer, asked, node_key=node_key, now=int(clock()))
        if proven.plain_size > most_bytes:
            raise PlaceFull(
                f"The object has {proven.plain_size} bytes; {most_bytes} may still be brought in."
            )
        parts = answer.urls[1:]
        # A slice is sealed anew for every ticket: parts of two do not go together.
        body = proven.segment_root if isinstance(proven, Manifest) else proven.header_sha256
        parcel = Parcel(
            held.folder / "incoming" / f"{body}-{len(parts)}",
            size=proven.body_size,
            progress=partial(progress, "fetching", total=proven.body_size),
        )
        try:
            parcel.collect(parts, origin=wanted.node_url, http=http)
        except NodeRefused as error:
            if isinstance(proven, SliceManifest):
                parcel.discard()
            if attempt == MAX_TICKETS or error.upstream not in {403, 404, 410}:
                raise
            continue  # the session ended: what arrived stays, a new ticket goes on from there
        except ReleaseUntrue:
            parcel.discard()
            raise
        return proven, header, parcel
    raise AssertionError("the last attempt returns or raises")


def _open_into_place(
    held: WorkspaceKeys,
    target: Path,
    proven: Manifest | SliceManifest,
    *,
    header: bytes,
    parcel: Parcel,
    progress: Progress,
) -> BodyFacts:
    try:
        opened = open_header(header, [held.secret])
        if opened.edit_list is not None:
            raise ReleaseUntrue("Releases with an edit list are unsupported by this version.")
        with openings.file_in_place(target) as sink:
            numbered = isinstance(proven, SliceManifest)
            told = partial(progress, "opening", total=proven.plain_size)
            facts = open_parts(parcel.parts(), sink, opened, numbered=numbered, progress=told)
            manifest.check_body(proven, facts)
    except EnvelopeInvalid as error:
        raise ReleaseUntrue("What arrived does not open as what the node signed.") from error
    except OSError as error:
        raise PlaceFull(
            f"What arrived could not be written: {error.strerror}. Make room and fetch again."
        ) from error
    return facts


def _target(folder: Path, out: Path, *, insecure: bool) -> tuple[Path, bool]:
    data = settings.data_folder(folder).resolve()
    target = data / out
    if target.name == ".." or target == data:
        raise PlaceRefused("Name a file, not a folder.")
    target = target.parent.resolve() / target.name
    outside = not target.is_relative_to(data)
    if outside and not insecure:
        raise PlaceRefused(f"Plaintext stays in {data}. Name a file inside it.")
    if not target.parent.is_dir():
        raise PlaceRefused(f"There is no folder {target.parent}.")
    if os.path.lexists(target):
        raise AlreadyThere(f"{target} is there already; choose another name with --out.")
    return target, outside


def _file_name(object_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", object_id).lstrip(".") or "object"
