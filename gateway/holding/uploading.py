"""Takes a file from a browser's form (RFC 7578) into the import folder, part by part.

The form's fields come first, so whoever may not send is refused before the file is read. It is
written under a hidden name that no page lists, and gets its own name when it is whole; nothing that
lies there is overwritten. Only a part of it is ever in memory.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.errors import LoadRefused
from gateway.holding import import_folder
from gateway.holding.import_folder import MAX_UPLOAD_BYTES
from schemas.errors import InvalidInput, TooLarge
from schemas.messages import Message

MAX_FIELDS = 5
MAX_FIELD_BYTES = 4 * 1024
MAX_NAME_CHARS = 150
LEFT_SECONDS = 24 * 3600
_UNFINISHED = ".upload-"


async def take(
    chunks: AsyncIterator[bytes],
    content_type: str,
    *,
    root: Path,
    check: Callable[[Mapping[str, str]], None],
) -> str:
    """The name that the file has in the import folder. `check` raises for fields that may not send;
    raises `InvalidInput`, `TooLarge` or `LoadRefused`, and leaves nothing behind."""
    form, file = _Form(_boundary(content_type)), None
    try:
        async for chunk in chunks:
            form.feed(chunk)
            if form.file_name is None:
                continue
            if file is None:
                check(form.fields)
                file = _Arriving(root, form.fields.get("folder", ""), form.file_name)
            await asyncio.to_thread(file.write, form.taken())
        if file is None or not form.whole:
            raise InvalidInput(Message("No whole file arrived: choose one and send it again."))
        return await asyncio.to_thread(file.keep)
    finally:
        if file is not None:
            file.drop()


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 70:
        raise InvalidInput(Message("A file is sent by the form of this page."))
    return boundary


class _Form:
    """`fields` are whole once `file_name` is there: the file comes last."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None
        self.whole = False
        self._content = bytearray()
        self._head: list[tuple[bytearray, bytearray]] = []
        self._name = ""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._head.clear,
                "on_header_begin": lambda: self._head.append((bytearray(), bytearray())),
                "on_header_field": lambda data, start, end: self._headed(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._headed(1, data[start:end]),
                "on_headers_finished": self._begin,
                "on_part_data": lambda data, start, end: self._data(data[start:end]),
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidInput(Message("The form is malformed; open the page again.")) from error

    def taken(self) -> bytes:
        """What of the file has arrived since."""
        content = bytes(self._content)
        self._content.clear()
        return content

    def _headed(self, which: int, part: bytes) -> None:
        self._head[-1][which].extend(part)

    def _begin(self) -> None:
        heads = {bytes(name).lower(): bytes(value) for name, value in self._head}
        _, options = parse_options_header(heads.get(b"content-disposition", b""))
        if self.file_name is not None or len(self.fields) >= MAX_FIELDS:
            raise InvalidInput(Message("One file at a time, as the last field of the form."))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if (file_name := options.get(b"filename")) is not None:
            self.file_name = file_name.decode("utf-8", "replace")

    def _data(self, part: bytes) -> None:
        self._content += part
        if self.file_name is None and len(self._content) > MAX_FIELD_BYTES:
            raise TooLarge(Message("A field of the form is too large."))

    def _part_end(self) -> None:
        if self.file_name is None:
            self.fields[self._name] = self.taken().decode("utf-8", "replace")

    def _end(self) -> None:
        self.whole = True


class _Arriving:
    """One file on its way into a folder of the import folder. Its steps are threads' and may go on
    when who awaited them has been cancelled, so each is taken under a lock: none finds the file
    closed, and its number perhaps another's by then."""

    def __init__(self, root: Path, folder: str, name: str) -> None:
        if folder not in import_folder.folders(root):
            raise LoadRefused(Message("There is no such folder to load from."))
        if not _plain(name):
            raise InvalidInput(
                Message(
                    "The file's name: expected 1 to %(most)s printable characters that "
                    "begin with no dot and name no folder.",
                    most=MAX_NAME_CHARS,
                )
            )
        self._name = f"{folder}/{name}" if folder else name
        self._final = root / self._name
        if os.path.lexists(self._final):
            raise LoadRefused(
                Message("%(name)s is there already; it is not overwritten.", name=self._name)
            )
        _sweep(self._final.parent)
        self._path = self._final.with_name(_UNFINISHED + secrets.token_hex(8))
        try:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise LoadRefused(
                Message("The import folder cannot be written to by this node.")
            ) from error
        self._size = 0
        self._open, self._step = True, Lock()

    def write(self, content: bytes) -> None:
        self._size += len(content)
        if self._size > MAX_UPLOAD_BYTES:
            raise TooLarge(
                Message(
                    "A page takes %(most)s GiB; bring it otherwise.",
                    most=MAX_UPLOAD_BYTES // 2**30,
                )
            )
        view = memoryview(content)
        with self._step:
            try:
                while view and self._open:
                    view = view[os.write(self._file, view) :]
            except OSError as error:
                raise LoadRefused(Message("The import folder has no room for the file.")) from error

    def keep(self) -> str:
        with self._step:
            if self._open:
                self._keep()
        return self._name

    def _keep(self) -> None:
        try:
            os.fsync(self._file)
            os.link(self._path, self._final)  # unlike a renaming, it takes nobody's place
        except FileExistsError as error:
            raise LoadRefused(
                Message("%(name)s is there already; it is not overwritten.", name=self._name)
            ) from error
        except OSError as error:
            raise LoadRefused(
                Message("The import folder cannot be written to by this node.")
            ) from error

    def drop(self) -> None:
        """The hidden name; what was kept stays under its own."""
        with self._step:
            self._open = False
            os.close(self._file)
            self._path.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """What a node that was killed left half-way."""
    for old in folder.glob(f"{_UNFINISHED}*"):
        with suppress(FileNotFoundError):
            if time.time() - old.stat().st_mtime > LEFT_SECONDS:
                old.unlink()


def _plain(name: str) -> bool:
    return (
        0 < len(name) <= MAX_NAME_CHARS
        and name.isprintable()
        and not name.startswith(".")
        and not set(name) & set("/\\")
    )
