"""Knows every sealed object of a node, and where its parts lie.

A body is content-addressed and immutable, its Crypt4GH header (v1.0, sealed to the node's key)
lies apart. Sealing is `streams.sealing`'s, opening headers `streams.agent`'s, sending `release`'s.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from schemas.wire import LocalId, Wire
from streams import places
from streams.envelope import BodyFacts, seal_body, segment_root
from streams.errors import SourceRefused, VaultBroken
from streams.header import seal_header
from streams.keys import thumbprint
from streams.listing import Listing
from streams.places import Place
from streams.sources import Kind
from streams.storage import LocalBodies, Source, file_source, replace_durably, shifted
from streams.unfinished import HALF
from streams.unfinished import sweep as sweep_halves


class SealedObject(Wire):
    """One release unit: what was sealed, and the header that only the node's key opens.

    Digests are lower-case hex; `segment_root` is the RFC 9162 tree head over `envelope.leaf`.
    `cleared` is of how many of its dataset's people who withdrew it is known to hold nothing;
    `columns` are what the node made it of, where it can make it again from its records.
    """

    object_id: LocalId
    dataset: LocalId
    kind: Kind
    format: str
    owner_ids: tuple[str, ...]
    body_size: int
    plain_sha256: str
    plain_size: int
    segment_root: str
    node_key: str
    header: str
    sliceable: bool = False  # a sealed chart lies in the vault
    place: Place | None = None  # of a body that lies elsewhere
    cleared: int = 0
    columns: tuple[str, ...] = ()

    @property
    def header_bytes(self) -> bytes:
        return bytes.fromhex(self.header)


class Vault:
    """The sealed objects below `root`. Many readers, and one writer at a time across processes."""

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root = root
        self._listing = Listing(root / "index.json", SealedObject, key=_object_id)
        self._digests = root / "segments"
        self._digests.mkdir(mode=0o700, exist_ok=True)
        self._charts = root / "charts"
        self._charts.mkdir(mode=0o700, exist_ok=True)
        self.bodies = LocalBodies(root / "bodies")
        self._swept = False

    def get(self, object_id: str) -> SealedObject | None:
        return self._listing.current().get(object_id)

    def objects(self, dataset: str) -> tuple[SealedObject, ...]:
        return tuple(
            found for found in self._listing.current().values() if found.dataset == dataset
        )

    def all(self) -> tuple[SealedObject, ...]:
        return tuple(self._listing.current().values())

    def segment_digests(self, sealed: SealedObject) -> tuple[bytes, ...]:
        """The ordered leaves of the body, checked against its root."""
        try:
            joined = (self._digests / f"{sealed.segment_root}.leaves").read_bytes()
        except OSError as error:
            raise VaultBroken("Segment digests cannot be read.", detail=str(error)) from error
        leaves = tuple(joined[at : at + 32] for at in range(0, len(joined), 32))
        if segment_root(leaves).hex() != sealed.segment_root:
            raise VaultBroken("Segment digests do not belong to their body.")
        return leaves

    def sealed_chart(self, sealed: SealedObject) -> bytes:
        """The chart of a sliceable object, as a Crypt4GH body under the object's data key."""
        try:
            return self._chart_path(sealed.segment_root).read_bytes()
        except OSError as error:
            raise VaultBroken("A sealed index cannot be read.", detail=str(error)) from error

    @contextmanager
    def reading(self, sealed: SealedObject) -> Generator[Source]:
        """The sealed body, wherever it lies. Raises VaultBroken, ObjectChanged."""
        if sealed.place is not None:
            with places.reading(sealed.place) as whole:
                yield shifted(whole, sealed.place.start0)
            return
        descriptor = self.bodies.open(sealed.segment_root, size=sealed.body_size)
        try:
            yield file_source(descriptor)
        finally:
            os.close(descriptor)

    # Writing

    def writing(self) -> AbstractContextManager[None]:
        return self._listing.writing()

    def keep(
        self,
        named: Mapping[str, object],
        facts: BodyFacts,
        data_keys: Sequence[bytes],
        *,
        chart: bytes | None,
        node_public: bytes,
        place: Place | None = None,
    ) -> SealedObject:
        """Takes a body into the listing that lies in its place already. Only within `writing`."""
        self.check_key(node_public)
        root = facts.root.hex()
        replace_durably(self._digests / f"{root}.leaves", b"".join(facts.segment_digests))
        if chart is not None:
            replace_durably(self._chart_path(root), _sealed(chart, data_keys[0]))
        header = seal_header(data_keys, [node_public])
        made_of = {"header": header.hex(), "sliceable": chart is not None, "place": place}
        made_of["node_key"] = thumbprint(node_public)
        kept = SealedObject.model_validate({**named, **_described(facts), **made_of})
        before = self.get(kept.object_id)
        self._listing.publish({**self._listing.current(), kept.object_id: kept}.values())
        if before is not None:
            self._shred(before)
        return kept

    def check_key(self, node_public: bytes) -> None:
        """One vault, one key: what was read before a rotation ended is not used after it."""
        used = next((sealed.node_key for sealed in self.all()), None)
        if used not in (None, thumbprint(node_public)):
            raise SourceRefused(
                "The vault is sealed to another storage key than this one: if it was just changed, "
                "load again; otherwise restore that key."
            )

    def mark(
        self, sealed: SealedObject, *, cleared: int, columns: tuple[str, ...] = ()
    ) -> SealedObject:
        """Notes of whom an object is free, and of what it was made; `sealed` is as it is now."""
        marked = sealed.model_copy(update={"cleared": cleared, "columns": columns})
        with self.writing():
            if self.get(sealed.object_id) != sealed:
                raise SourceRefused(f"{sealed.object_id}: it was just sealed anew. Try again.")
            if marked != sealed:
                listed = {**self._listing.current(), sealed.object_id: marked}
                self._listing.publish(listed.values())
        return marked

    def replace_headers(self, again: Callable[[SealedObject], SealedObject]) -> None:
        """All at once, or none where `again` raises."""
        with self._listing.writing():
            self._listing.publish([again(sealed) for sealed in self.all()])

    def sweep(self) -> None:
        """Removes, once, what a process that was killed has left and nobody goes on with: nothing
        in it can be opened. Only within `writing`."""
        if self._swept:
            return
        self._swept = True
        kept = {sealed.segment_root for sealed in self.all()}
        for folder in (self.bodies.folder, self._charts, self._digests):
            for path in folder.iterdir():
                if not path.name.startswith(HALF) and path.name.partition(".")[0] not in kept:
                    path.unlink(missing_ok=True)
        sweep_halves(self.bodies.folder)

    def _chart_path(self, root: str) -> Path:
        return self._charts / f"{root}.c4gh"

    def _shred(self, replaced: SealedObject) -> None:
        """The header went with the index; a running release keeps its open descriptor. A body
        that lies elsewhere stays, and so does what another object rests on."""
        if any(one.segment_root == replaced.segment_root for one in self.all()):
            return
        self.bodies.path(replaced.segment_root).unlink(missing_ok=True)
        self._chart_path(replaced.segment_root).unlink(missing_ok=True)
        (self._digests / f"{replaced.segment_root}.leaves").unlink(missing_ok=True)


def _sealed(content: bytes, data_key: bytes) -> bytes:
    sealed = io.BytesIO()
    seal_body(io.BytesIO(content), sealed, data_key)
    return sealed.getvalue()


def _object_id(sealed: SealedObject) -> str:
    return sealed.object_id


def _described(facts: BodyFacts) -> dict[str, object]:
    return {
        "body_size": facts.body_size,
        "plain_sha256": facts.plain_sha256.hex(),
        "plain_size": facts.plain_size,
        "segment_root": facts.root.hex(),
    }
