"""Seals what is loaded into release units, and knows every sealed object of a node.

A body is content-addressed and immutable, its Crypt4GH header (v1.0, sealed to the node's key)
lies apart; every object has a data key of its own, since a key, once out, opens all it covers.
Plaintext is read and never written. Opening headers is `streams.agent`'s, sending `release`'s.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.wire import LocalId, Wire
from streams.envelope import BodyFacts, seal_body, segment_root
from streams.errors import SourceRefused, VaultBroken
from streams.header import seal_header
from streams.keys import thumbprint
from streams.listing import Listing
from streams.sources import FORMATS, Kind, check_source
from streams.storage import LocalBodies, replace_durably, settle, temporary_beside

HASH_STEP = 1024 * 1024


class SealedObject(Wire):
    """One release unit: what was sealed, and the header that only the node's key opens.

    Digests are lower-case hex; `segment_root` is the RFC 9162 tree head over `envelope.leaf`.
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
    sliceable: bool = False  # a sealed chart lies beside the body

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

    def get(self, object_id: str) -> SealedObject | None:
        return self._listing.current().get(object_id)

    def objects(self, dataset: str) -> tuple[SealedObject, ...]:
        return tuple(
            found for found in self._listing.current().values() if found.dataset == dataset
        )

    def seal(
        self,
        source: Path,
        *,
        object_id: str,
        dataset: str,
        kind: Kind | str,
        format: str,  # noqa: A002 - the field's word
        owner_ids: Sequence[str],
        node_public: bytes,
    ) -> SealedObject:
        """Seals `source` under a fresh key; the same content under the same names is left alone.

        What slicing needs is charted and sealed too, where the file has an index or can have one.

        Raises SourceRefused for what is truncated or not what it says, before anything changes.
        """
        kind, form = _known_kind(source, kind), format.upper()
        check_source(source, kind=kind, form=form)
        with self._listing.writing():
            before = self.get(object_id)
            unsealed = {
                "object_id": object_id,
                "dataset": dataset,
                "kind": kind,
                "format": form,
                "owner_ids": tuple(owner_ids),
                "node_key": thumbprint(node_public),
            }
            if before is not None and _is_same(before, unsealed, source):
                return before
            sealed = self._seal_body(source, unsealed, node_public)
            self._listing.publish({**self._listing.current(), object_id: sealed}.values())
            if before is not None:
                self._shred(before)
            return sealed

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
        """The chart of a sliceable object, as a Crypt4GH file for the node's key."""
        try:
            return self._chart_path(sealed.segment_root).read_bytes()
        except OSError as error:
            raise VaultBroken("A sealed index cannot be read.", detail=str(error)) from error

    # Writing

    def _seal_body(
        self, source: Path, unsealed: Mapping[str, object], node_public: bytes
    ) -> SealedObject:
        data_key = os.urandom(32)
        chart = _chart(source, unsealed)
        with (
            source.open("rb") as plain,
            temporary_beside(self.bodies.path("new")) as (file, made),
        ):
            size_before = os.fstat(plain.fileno()).st_size
            facts = seal_body(plain, file, data_key)
            if facts.plain_size != size_before:
                raise SourceRefused(f"{source}: the file changed while it was read. Try again.")
            leaves = b"".join(facts.segment_digests)
            replace_durably(self._digests / f"{facts.root.hex()}.leaves", leaves)
            if chart is not None:
                path = self._chart_path(facts.root.hex())
                replace_durably(path, seal_bytes(chart, node_public))
            settle(file, made, self.bodies.path(facts.root.hex()))
        header = seal_header([data_key], [node_public])
        made_of = {"header": header.hex(), "sliceable": chart is not None}
        return SealedObject.model_validate({**unsealed, **_described(facts), **made_of})

    def _chart_path(self, root: str) -> Path:
        return self._charts / f"{root}.c4gh"

    def _shred(self, replaced: SealedObject) -> None:
        """The header went with the index; a running release keeps its open descriptor."""
        self.bodies.path(replaced.segment_root).unlink(missing_ok=True)
        self._chart_path(replaced.segment_root).unlink(missing_ok=True)
        (self._digests / f"{replaced.segment_root}.leaves").unlink(missing_ok=True)


def seal_bytes(content: bytes, node_public: bytes) -> bytes:
    """A whole Crypt4GH file in memory, under a key of its own."""
    data_key, sealed = os.urandom(32), io.BytesIO()
    seal_body(io.BytesIO(content), sealed, data_key)
    return seal_header([data_key], [node_public]) + sealed.getvalue()


def _chart(source: Path, unsealed: Mapping[str, object]) -> bytes | None:
    """None for what cannot be sliced: another sort of file, or one that is not sorted."""
    if unsealed["kind"] not in FORMATS:
        return None
    # Here, so that the process that holds the node's key loads no parser of foreign files.
    from streams.slices.chart import dump
    from streams.slices.survey import survey

    try:
        return dump(survey(source, str(unsealed["format"])))
    except SourceRefused:
        return None


def _object_id(sealed: SealedObject) -> str:
    return sealed.object_id


def _described(facts: BodyFacts) -> dict[str, object]:
    return {
        "body_size": facts.body_size,
        "plain_sha256": facts.plain_sha256.hex(),
        "plain_size": facts.plain_size,
        "segment_root": facts.root.hex(),
    }


def _known_kind(source: Path, kind: Kind | str) -> Kind:
    try:
        return Kind(kind)
    except ValueError as error:
        known = ", ".join(Kind)
        raise SourceRefused(f"{source}: expected one of {known} as kind, got {kind}.") from error


def _is_same(before: SealedObject, unsealed: Mapping[str, object], source: Path) -> bool:
    same_names = all(getattr(before, name) == value for name, value in unsealed.items())
    if not same_names or source.stat().st_size != before.plain_size:
        return False
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while step := file.read(HASH_STEP):
            digest.update(step)
    return digest.hexdigest() == before.plain_sha256
