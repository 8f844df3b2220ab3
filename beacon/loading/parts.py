"""The sorted alleles of each variant file, kept until the load they belong to is whole.

A load that was cut goes on with the file it was in. A part counts only once its note is beside it,
and only for the very version it was read for, which stands for all content and who withdrew.
Reading a source is left to `beacon.loading.variant_files`, sorting to `beacon.loading.parquet`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from beacon import manifest
from beacon.errors import SourceRefused
from beacon.loading import parquet


@dataclass(frozen=True, slots=True)
class Part:
    """One file's alleles: where they lie, how many, what was left out of the file by reason, the
    first places where one came twice, and whether a load that was cut left them."""

    path: Path
    rows: int
    skipped: Counter[str]
    duplicates: tuple[tuple[str, int], ...] = ()
    kept: bool = False


@contextmanager
def parts(catalog_dir: Path, dataset: str, version: str) -> Generator[Parts]:
    """The parts of one version; what another left goes first. They are gone once the load is whole
    or its source was refused, and stay where anything else ended it."""
    folder = catalog_dir / f".{quote(dataset, safe='')}.parts"
    folder.mkdir(mode=0o700, exist_ok=True)
    for path in folder.iterdir():
        if not path.name.startswith(f"{version}.") or path.name.endswith(".tmp"):
            path.unlink(missing_ok=True)
    try:
        yield Parts(folder, version)
    except SourceRefused:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


class Parts:
    """Made by `parts`."""

    def __init__(self, folder: Path, version: str) -> None:
        self._folder, self._version = folder, version

    def part(
        self,
        number: int,
        rows: Iterable[parquet.Row],
        *,
        skipped: Counter[str],
        tell: Callable[[int], None],
    ) -> Part:
        """The part of file `number`, read from `rows` unless a load that was cut left it;
        reading them fills `skipped`."""
        path = self._folder / f"{self._version}.{number}.parquet"
        note = path.with_suffix(".json")
        if (left := _left(path, note)) is not None:
            tell(left.rows)
            return left
        path.unlink(missing_ok=True)
        written = parquet.write(rows, path, tell=tell)
        made = Part(path, written.rows, skipped, written.duplicates)
        if not made.duplicates:  # what is refused is read again
            stated = {"rows": made.rows, "skipped": made.skipped, "size": path.stat().st_size}
            manifest.write_json(note, stated)
        return made

    def joined(self, read: Sequence[Part], path: Path) -> parquet.Written:
        """All parts in order as the file `path`, which must not exist."""
        if len(read) == 1:
            os.link(read[0].path, path)
            return parquet.Written(read[0].rows, read[0].duplicates)
        return parquet.merge([part.path for part in read], path)


def _left(path: Path, note: Path) -> Part | None:
    try:
        stated = json.loads(note.read_bytes())
        if path.stat().st_size != stated["size"]:
            return None
        return Part(path, int(stated["rows"]), Counter(stated["skipped"]), kept=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None
