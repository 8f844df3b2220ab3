"""The unsealed objects of datasets whose policy lets them leave in the clear.

Files stay where they lie and are only read; what slicing needs of them is charted once, at
registration. A file that is no longer the one registered is not served. Whether a dataset may
stand here is the policy's to say, each time one is asked for: see `streams.clear`.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from schemas.wire import LocalId, Wire
from streams.errors import ObjectChanged, SourceRefused, VaultBroken
from streams.listing import Listing
from streams.slices.chart import Chart, dump, load
from streams.slices.survey import survey
from streams.sources import FORMATS, Kind, check_source
from streams.storage import replace_durably

MAX_OPEN_CHARTS = 256
HASH_STEP = 1024 * 1024

Name = tuple[Kind, str, str]


class ClearObject(Wire):
    """One file as it was registered; `chart` names what slicing needs, None for other files."""

    object_id: LocalId
    dataset: LocalId
    kind: Kind
    format: str
    path: str
    size: int = Field(ge=0)
    mtime_ns: int
    md5: str
    chart: str | None


class Shelf:
    """The registered files below `root`. Thread-safe."""

    def __init__(self, root: Path) -> None:
        self._charts = root / "charts"
        self._charts.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._listing = Listing(root / "index.json", ClearObject, key=_name)
        self._open: OrderedDict[str, Chart] = OrderedDict()
        self._lock = threading.Lock()

    def forms(self, kind: Kind, object_id: str) -> Mapping[str, ClearObject]:
        """What there is of one object, by format."""
        objects = self._listing.current()
        names = [(kind, object_id, form) for form in FORMATS.get(kind, ("FILE", "FASTA"))]
        return {name[2]: objects[name] for name in names if name in objects}

    def is_current(self, found: ClearObject) -> bool:
        """Whether the object is still registered as it was."""
        return self._listing.current().get(_name(found)) == found

    def register(
        self,
        source: Path,
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
        source = source.resolve()
        check_source(source, kind=kind, form=form)
        before = source.stat()
        chart = None
        if kind in FORMATS:
            content = dump(survey(source, form, index=index))
            chart = f"{hashlib.sha256(content).hexdigest()}.chart"
            replace_durably(self._charts / chart, content)
        found = ClearObject(
            object_id=object_id,
            dataset=dataset,
            kind=kind,
            format=form,
            path=str(source),
            size=before.st_size,
            mtime_ns=before.st_mtime_ns,
            md5=_md5(source),
            chart=chart,
        )
        after = source.stat()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise SourceRefused(f"{source}: the file changed while it was read. Try again.")
        with self._listing.writing():
            objects = {**self._listing.current(), _name(found): found}
            self._listing.publish(objects.values())
            kept = {one.chart for one in objects.values()}
            for stale in self._charts.glob("*.chart"):
                if stale.name not in kept:
                    stale.unlink()
        return found

    def chart(self, found: ClearObject) -> Chart:
        """The chart of an object that has one; mapped once, then at hand. Raises VaultBroken."""
        if found.chart is None:
            raise VaultBroken("This object has no chart.")
        with self._lock:
            at_hand = self._open.get(found.chart)
            if at_hand is not None:
                self._open.move_to_end(found.chart)
                return at_hand
        chart = load(_mapped(self._charts / found.chart))
        with self._lock:
            self._open[found.chart] = chart
            if len(self._open) > MAX_OPEN_CHARTS:
                self._open.popitem(last=False)
        return chart

    def open(self, found: ClearObject) -> int:
        """A descriptor that the caller closes. Raises ObjectChanged."""
        try:
            descriptor = os.open(found.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ObjectChanged("The object's file cannot be read.", detail=str(error)) from error
        facts = os.fstat(descriptor)
        if (facts.st_size, facts.st_mtime_ns) != (found.size, found.mtime_ns):
            os.close(descriptor)
            raise ObjectChanged(
                "The object's file has changed since it was registered; it must be loaded again."
            )
        return descriptor


def _name(found: ClearObject) -> Name:
    return found.kind, found.object_id, found.format


def _mapped(path: Path) -> memoryview:
    try:
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise VaultBroken("A stored index cannot be read.", detail=str(error)) from error


def _md5(source: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)  # htsget's ticket field
    with source.open("rb") as file:
        while step := file.read(HASH_STEP):
            digest.update(step)
    return digest.hexdigest()
