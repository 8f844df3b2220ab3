"""What is loaded, as plain bytes by their place: a file as it lies, or a submitter's Crypt4GH file.

Crypt4GH v1.0. Of a sealed file nothing plain is written anywhere; it must be by one submitter (one
writer key) for the node's own key, without an edit list. `NAME.sha256` beside a file is what
`sha256sum` writes, of the sealed file or of the plain one. What the bytes are is `sources`'.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from streams import envelope
from streams.errors import EnvelopeInvalid, KeyInvalid, SourceRefused
from streams.header import OpenedHeader, open_header, read_header
from streams.keyring import Secrets
from streams.opened_source import OpenedSource
from streams.storage import Source, file_source, streamed

ENDING = ".c4gh"
MAX_DIGEST_FILE = 4096
HASH_STEP = 1024 * 1024

_MAGIC = b"crypt4gh"
_DIGEST = re.compile(rb"([0-9a-fA-F]{64})(\s|\Z)")


@dataclass(frozen=True, slots=True)
class Input:
    """`path` names the plain file, which is there only where `sealed` is false."""

    path: Path
    size: int
    at: Source
    sealed: bool
    expected_sha256: str | None

    def stream(self) -> BinaryIO:
        """From its beginning to its end."""
        if not self.sealed:
            return self.path.open("rb", buffering=0)  # straight into the caller's buffer
        return streamed(self.at)


@contextmanager
def open_input(path: Path, secrets: Secrets | None) -> Generator[Input]:
    """Raises SourceRefused with the reason and the next step."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise SourceRefused(f"{path}: there is no such file. Check the path.") from error
    with file:
        if file.read(len(_MAGIC)) != _MAGIC:
            yield _as_it_lies(path, file)
            return
        file.seek(0)
        _check_digest(path, file)
        yield _opened(path, file, secrets)


def plain_path(path: Path) -> Path:
    """The name that a file has once it is open."""
    return path.with_suffix("") if path.suffix == ENDING else path


def _as_it_lies(path: Path, file: BinaryIO) -> Input:
    size = os.fstat(file.fileno()).st_size
    at, expected = file_source(file.fileno()), told_digest(path)
    return Input(path, size, at, sealed=False, expected_sha256=expected)


def _opened(path: Path, file: BinaryIO, secrets: Secrets | None) -> Input:
    try:
        header = read_header(file)
        opened = open_header(header, () if secrets is None else secrets())
        size = envelope.plain_size(os.fstat(file.fileno()).st_size - len(header))
    except (EnvelopeInvalid, KeyInvalid) as error:
        raise SourceRefused(
            f"{path}: this Crypt4GH file cannot be opened here: {error.public} "
            "It must be sealed to this node's storage key."
        ) from error
    check_submitter(path, opened)
    body = partial(_body_at, file.fileno(), len(header))
    at = OpenedSource(body, opened.data_keys, plain_size=size)
    plain = plain_path(path)
    return Input(plain, size, at, sealed=True, expected_sha256=told_digest(plain))


def check_submitter(path: Path | str, opened: OpenedHeader) -> None:
    """Raises SourceRefused for a header that nobody answers for, or that hides bytes."""
    if opened.edit_list is not None:
        raise SourceRefused(
            f"{path}: it has an edit list, which hides bytes that every reader can open. "
            "Ask for the file without one."
        )
    if len(opened.writers) != 1:
        raise SourceRefused(
            f"{path}: its header was written with {len(opened.writers)} keys, so that nobody "
            "answers for the whole. Ask for a file sealed by one submitter."
        )


def _body_at(descriptor: int, offset: int, size: int, start0: int) -> bytes:
    return os.pread(descriptor, size, offset + start0)


def told_digest(path: Path) -> str | None:
    """The digest that lies beside a file. Raises SourceRefused for one that is none."""
    beside = path.with_name(f"{path.name}.sha256")
    try:
        with beside.open("rb") as file:
            found = _DIGEST.match(file.read(MAX_DIGEST_FILE))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SourceRefused(f"{beside}: cannot be read: {error.strerror}.") from error
    if found is None:
        raise SourceRefused(f"{beside}: expected a SHA-256 in hex, as sha256sum writes it.")
    return found[1].decode().lower()


def _check_digest(path: Path, file: BinaryIO) -> None:
    expected = told_digest(path)
    if expected is None:
        return
    digest = hashlib.sha256()
    while step := file.read(HASH_STEP):
        digest.update(step)
    if digest.hexdigest() != expected:
        raise SourceRefused(f"{path}: it is not the file of {path.name}.sha256. Send it again.")
    file.seek(0)
