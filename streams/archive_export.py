"""Reads which bodies an archive holds and their headers, as a Sensitive Data Archive exports them.

A CSV with a head, of the archive's table `sda.files`: `stable_id` (the public id, such as EGAF…),
`archive_file_path` (the body, without a header), `submission_file_path` (whose ending says what it
is) and `header` (hex); `decrypted_sha256` where it is known. Others are read past. What is said of
bodies is proven by `adopting`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter, ValidationError

from schemas.wire import LocalId
from streams.errors import SourceRefused

MAX_ROWS = 1_000_000
_COLUMNS = ("stable_id", "archive_file_path", "submission_file_path", "header")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_ID: TypeAdapter[str] = TypeAdapter(LocalId)


@dataclass(frozen=True, slots=True)
class Exported:
    """One body, at `path` below the archive's root."""

    stable_id: str
    path: str
    name: str
    header: bytes
    sha256: str | None


def read_export(path: Path) -> Iterator[Exported]:
    """In the order of the file. Raises SourceRefused, naming the line."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise SourceRefused(f"{path}: expected a column {missing[0]}.")
            for number, row in enumerate(rows, 2):
                if number > MAX_ROWS + 1:
                    raise SourceRefused(f"{path}: an export has at most {MAX_ROWS} lines.")
                yield _exported(row, f"{path}, line {number}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceRefused(f"{path}: it cannot be read as a CSV of an archive.") from error


def _exported(row: Mapping[str, str | None], where: str) -> Exported:
    said = {name: (row.get(name) or "").strip() for name in (*_COLUMNS, "decrypted_sha256")}
    try:
        stable_id, header = _ID.validate_python(said["stable_id"]), bytes.fromhex(said["header"])
    except (ValidationError, ValueError) as error:
        raise SourceRefused(f"{where}: expected a stable id, and a header in hex.") from error
    digest = said["decrypted_sha256"]
    if not header or (digest and _DIGEST.fullmatch(digest) is None):
        raise SourceRefused(f"{where}: expected a header and, if any, a SHA-256 in hex.")
    place = PurePosixPath(said["archive_file_path"])
    if not place.parts or place.is_absolute() or ".." in place.parts:
        raise SourceRefused(f"{where}: expected a path below the archive's root.")
    name = PurePosixPath(said["submission_file_path"]).name
    return Exported(stable_id, str(place), name, header, digest.lower() or None)
