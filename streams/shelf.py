"""The unsealed objects of datasets whose policy lets them leave in the clear.

Files stay where they lie and are only read; what slicing needs of them is charted once, at
registration. A file that is no longer the one registered is not served. Whether a dataset may
stand here is the policy's to say, each time one is asked for: see `streams.clear`.
"""

from __future__ import annotations

import hashlib
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import Field

from schemas.wire import LocalId, Wire
from streams import places
from streams.errors import SourceRefused, VaultBroken
from streams.listing import Listing
from streams.places import Place
from streams.remote import RemoteFile, RemoteSource
from streams.slices.chart import Chart, dump, open_stored
from streams.slices.stored import Held
from streams.slices.survey import survey, survey_remote
from streams.sources import FORMATS, Kind, check_content, check_source
from streams.storage import Source, file_source, read_range, replace_durably

MAX_OPEN_CHARTS = 256
MAX_HELD_BYTES = 256 * 1024 * 1024  # of what was read of them: all of two dozen 30x genomes
HASH_STEP = 1024 * 1024

Name = tuple[Kind, str, str]


class ClearObject(Wire):
    """One file as it was registered, on a disk or (then with an `etag`) in an object store.

    `chart` names what slicing needs, None for other files; `cleared` is of how many of its
    dataset's people who withdrew it is known to hold nothing."""

    object_id: LocalId
    dataset: LocalId
    kind: Kind
    format: str
    path: str
    size: int = Field(ge=0)
    mtime_ns: int = 0
    etag: str | None = None
    md5: str | None
    chart: str | None
    cleared: int = 0

    @cached_property
    def place(self) -> Place:
        return Place(at=self.path, size=self.size, mtime_ns=self.mtime_ns, etag=self.etag)

    @property
    def known_by(self) -> str:
        """Differs wherever the content does."""
        if self.etag is None and self.md5 is not None:
            return self.md5
        return hashlib.sha256(f"{self.path} {self.etag}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Looked:
    """A file that was found good, to be registered as `found`; and its chart."""

    found: ClearObject
    chart: bytes | None


class Shelf:
    """The registered files below `root`. Thread-safe."""

    def __init__(self, root: Path) -> None:
        self._charts = root / "charts"
        self._charts.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._listing = Listing(root / "index.json", ClearObject, key=_name)
        self._open: OrderedDict[str, Chart] = OrderedDict()
        self._held = Held(MAX_HELD_BYTES)
        self._lock = threading.Lock()
        self.changes = 0  # by this process

    def forms(self, kind: Kind, object_id: str) -> Mapping[str, ClearObject]:
        """What there is of one object, by format."""
        objects = self._listing.current()
        names = [(kind, object_id, form) for form in FORMATS.get(kind, ("FILE", "FASTA"))]
        return {name[2]: objects[name] for name in names if name in objects}

    def objects(self, dataset: str) -> tuple[ClearObject, ...]:
        found = self._listing.current().values()
        return tuple(one for one in found if one.dataset == dataset)

    def listed(self, found: ClearObject) -> ClearObject | None:
        """The object as it stands in the list now; None where another file stands for it."""
        current = self._listing.current().get(_name(found))
        if current is None or current is found:
            return current
        same = current.model_copy(update={"cleared": found.cleared}) == found
        return current if same else None

    def mark(self, found: ClearObject, *, cleared: int) -> ClearObject:
        """Notes of whom an object is free. Raises SourceRefused where it is another file now."""
        with self._listing.writing():
            if self.listed(found) is None:
                raise SourceRefused(f"{found.object_id}: it was just loaded anew. Try again.")
            marked = found.model_copy(update={"cleared": cleared})
            self._listing.publish({**self._listing.current(), _name(found): marked}.values())
        self.changes += 1
        return marked

    def register(
        self,
        source: Path | RemoteFile,
        *,
        object_id: str,
        dataset: str,
        kind: Kind,
        form: str,
        index: Path | None = None,
    ) -> ClearObject:
        """Checks and charts `source`; what it replaces is gone when this returns.

        Raises SourceRefused and IndexRefused, and then nothing has changed.
        """
        named = looked_at(
            source, object_id=object_id, dataset=dataset, kind=kind, form=form, index=index
        )
        return self.register_all([named])[0]

    def register_all(self, looked: Sequence[Looked]) -> list[ClearObject]:
        """All of them at once. Raises SourceRefused where two would be one object, and then
        nothing has changed."""
        named = {_name(one.found): one for one in looked}
        if len(named) < len(looked):
            twice = next(one.found for one in looked if named[_name(one.found)] is not one)
            raise SourceRefused(
                f"{twice.object_id}: two files would be this object as {twice.format}. Rename one."
            )
        with self._listing.writing():
            for one in looked:
                if one.chart is not None and one.found.chart is not None:
                    replace_durably(self._charts / one.found.chart, one.chart)
            found = {name: one.found for name, one in named.items()}
            objects = {**self._listing.current(), **found}
            self._listing.publish(objects.values())
            kept = {one.chart for one in objects.values()}
            for stale in self._charts.glob("*.chart"):
                if stale.name not in kept:
                    stale.unlink()
        self.changes += 1
        return [one.found for one in looked]

    def chart(self, found: ClearObject) -> Chart:
        """The chart of an object that has one; opened once, then at hand. Raises VaultBroken, and
        so may what is asked of it."""
        if found.chart is None:
            raise VaultBroken("This object has no chart.")
        with self._lock:
            at_hand = self._open.get(found.chart)
            if at_hand is not None:
                self._open.move_to_end(found.chart)
                return at_hand
        stored = _Stored(self._charts / found.chart)
        chart = open_stored(stored.read, name=found.chart, held=self._held)
        with self._lock:
            self._open[found.chart] = chart
            if len(self._open) > MAX_OPEN_CHARTS:
                self._open.popitem(last=False)
        return chart

    def remote(self, found: ClearObject) -> RemoteSource | None:
        """The object where it lies in a store; None for a local one."""
        return places.remote_source(found.place)

    def reading(self, found: ClearObject) -> AbstractContextManager[Source]:
        """Raises ObjectChanged."""
        return places.reading(found.place)

    def open(self, found: ClearObject) -> int:
        """A descriptor of a local object, which the caller closes. Raises ObjectChanged."""
        return places.open_file(found.place)


def looked_at(
    source: Path | RemoteFile,
    *,
    object_id: str,
    dataset: str,
    kind: Kind,
    form: str,
    index: Path | None = None,
) -> Looked:
    """Raises SourceRefused and IndexRefused. Changes nothing."""
    if isinstance(source, RemoteFile):
        facts, charted = _looked_at_remote(source, kind=kind, form=form)
    else:
        facts, charted = _looked_at(source.resolve(), index, kind=kind, form=form)
    content = None if charted is None else dump(charted)
    chart = None if content is None else f"{hashlib.sha256(content).hexdigest()}.chart"
    named = {"object_id": object_id, "dataset": dataset, "kind": kind, "format": form}
    return Looked(ClearObject.model_validate({**named, **facts, "chart": chart}), content)


def _name(found: ClearObject) -> Name:
    return found.kind, found.object_id, found.format


def _looked_at(
    source: Path, index: Path | None, *, kind: Kind, form: str
) -> tuple[dict[str, object], Chart | None]:
    check_source(source, kind=kind, form=form)
    before = source.stat()
    chart = survey(source, form, index=index) if kind in FORMATS else None
    facts: dict[str, object] = {
        "path": str(source),
        "size": before.st_size,
        "mtime_ns": before.st_mtime_ns,
        "md5": _md5(source),
    }
    after = source.stat()
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise SourceRefused(f"{source}: the file changed while it was read. Try again.")
    return facts, chart


def _looked_at_remote(
    source: RemoteFile, *, kind: Kind, form: str
) -> tuple[dict[str, object], Chart | None]:
    """With an md5 where it is stated, or all of the object had to be read anyway."""
    found = source.facts()
    if found is None:
        raise SourceRefused(f"{source.url}: there is no such object. Check the address.")
    read = RemoteSource(source, found)
    check_content(source.url, read, found.size, kind=kind, form=form)
    chart, computed = survey_remote(source, found, form) if kind in FORMATS else (None, None)
    md5 = computed or source.stated_md5(found)
    return {"path": source.url, "size": found.size, "etag": found.etag, "md5": md5}, chart


class _Stored:
    """A file that stays open as long as somebody may read it, though it be replaced."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise VaultBroken("A stored index cannot be read.", detail=str(error)) from error
        weakref.finalize(self, os.close, self._file)
        self._size = os.fstat(self._file).st_size

    def read(self, start0: int, end0: int) -> bytes:
        """What the file says of itself may be wrong, and no reason to make room for it."""
        if not start0 <= end0 <= self._size:
            raise VaultBroken("A stored index is damaged.")
        try:
            return read_range(file_source(self._file), start0, end0)
        except OSError as error:
            raise VaultBroken("A stored index cannot be read.", detail=str(error)) from error


def _md5(source: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)  # htsget's ticket field
    with source.open("rb") as file:
        while step := file.read(HASH_STEP):
            digest.update(step)
    return digest.hexdigest()
