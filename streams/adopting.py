"""Takes Crypt4GH bodies into the vault's listing where they lie: a file, or an object of a store.

Crypt4GH v1.0. No second copy is made. The header comes with the file or apart, for a key that is
at hand, and is made again for the storage key; the body is read once to its last MAC, so that its
digests can be signed. What hides bytes or has no one submitter is refused, as `inputs` refuses it.
Its data key is the submitter's: who has it can open this body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from schemas.wire import LocalId
from streams import envelope, places
from streams.envelope import BodyFacts, Progress, open_body
from streams.errors import (
    EnvelopeInvalid,
    KeyInvalid,
    ObjectChanged,
    SegmentInvalid,
    SourceRefused,
)
from streams.header import OpenedHeader, open_header, read_header
from streams.inputs import Input, check_submitter, plain_path, told_digest
from streams.keyring import Secrets
from streams.keys import thumbprint
from streams.opened_source import OpenedSource
from streams.places import Place
from streams.sealing import chart_of, check_read
from streams.sources import Kind, check_content
from streams.storage import Source, shifted, streamed
from streams.vault import SealedObject, Vault


@dataclass(frozen=True, slots=True)
class Adoptee:
    """What is to be known of one body. Without a `header` it begins with its own; `sha256` is
    that of the plain bytes, where it is known."""

    at: str
    object_id: LocalId
    dataset: LocalId
    kind: Kind
    form: str
    header: bytes | None = None
    sha256: str | None = None


def adopt(
    vault: Vault,
    wanted: Adoptee,
    *,
    secrets: Secrets,
    node_public: bytes,
    progress: Progress | None = None,
) -> SealedObject:
    """Raises SourceRefused with the reason, ObjectChanged and StoreUnavailable; then nothing was
    taken in. What was taken in before, as it is, is left alone."""
    found = places.looked_at(wanted.at)
    with places.reading(found) as whole, vault.writing():
        place, opened, given = _opened(found, whole, wanted, secrets)
        named = {
            "object_id": wanted.object_id,
            "dataset": wanted.dataset,
            "kind": wanted.kind,
            "format": wanted.form,
            "owner_ids": (),
        }
        before = vault.get(wanted.object_id)
        if before is not None and _is_same(before, named, place, opened, secrets, node_public):
            return before
        facts = _read(given, streamed(shifted(whole, place.start0)), wanted, opened, progress)
        chart = chart_of(given, wanted.kind, wanted.form)
        if places.looked_at(wanted.at) != found:
            raise ObjectChanged(f"{wanted.at}: it changed while it was read. Try again.")
        return vault.keep(
            named, facts, opened.data_keys, chart=chart, node_public=node_public, place=place
        )


def _opened(
    found: Place, whole: Source, wanted: Adoptee, secrets: Secrets
) -> tuple[Place, OpenedHeader, Input]:
    try:
        header = wanted.header or read_header(streamed(whole))
        start0 = 0 if wanted.header is not None else len(header)
        opened = open_header(header, secrets())
        size = envelope.plain_size(found.size - start0)
    except (EnvelopeInvalid, KeyInvalid) as error:
        raise SourceRefused(
            f"{wanted.at}: it cannot be opened here: {error.public} Its header must be sealed to "
            "this node's storage key, or to the key given with --adopt-key."
        ) from error
    check_submitter(wanted.at, opened)
    at = OpenedSource(shifted(whole, start0), opened.data_keys, plain_size=size)
    path = plain_path(Path(wanted.at))
    expected = wanted.sha256
    if expected is None and found.etag is None:
        expected = told_digest(path)
    given = Input(path, size, at, sealed=True, expected_sha256=expected)
    return found.model_copy(update={"start0": start0}), opened, given


def _read(
    given: Input,
    body: BinaryIO,
    wanted: Adoptee,
    opened: OpenedHeader,
    progress: Progress | None,
) -> BodyFacts:
    """All of it, to the last MAC."""
    try:
        check_content(wanted.at, given.at, given.size, kind=wanted.kind, form=wanted.form)
        nowhere = _Nowhere(progress)
        facts = open_body(body, nowhere, opened)  # type: ignore[arg-type]  # all it does is write
    except SegmentInvalid as error:
        raise SourceRefused(f"{wanted.at}: {error.public}") from error
    check_read(given, facts)
    return facts


def _is_same(
    before: SealedObject,
    named: Mapping[str, object],
    place: Place,
    opened: OpenedHeader,
    secrets: Secrets,
    node_public: bytes,
) -> bool:
    same_names = all(getattr(before, name) == value for name, value in named.items())
    if not same_names or before.place != place or before.node_key != thumbprint(node_public):
        return False
    return open_header(before.header_bytes, secrets()).data_keys == opened.data_keys


@dataclass(slots=True)
class _Nowhere:
    """Where plain bytes go that only had to be seen."""

    progress: Progress | None
    done: int = field(default=0)

    def write(self, piece: memoryview) -> None:
        self.done += len(piece)
        if self.progress is not None:
            self.progress(self.done)
