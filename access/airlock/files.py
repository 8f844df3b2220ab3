"""The sealed files of the airlock: what was offered, and the form that was released.

Both lie sealed to a key of the node's own, as attachments do, and are opened for who may see them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from access.errors import NoSuchThing

Seal = Callable[[bytes], bytes]
Form = Literal["offered", "released"]


class AirlockFiles:
    """`seal` and `unseal` turn a whole document into a sealed file and back. Methods block."""

    def __init__(self, folder: Path, *, seal: Seal, unseal: Seal) -> None:
        self._folder = folder
        self._seal = seal
        self._unseal = unseal

    def keep(self, candidate_id: str, form: Form, content: bytes) -> None:
        """On the disk before anything says so; a second writing of one form replaces the first,
        which nothing named."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._path(candidate_id, form)
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(self._seal(content))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def read(self, candidate_id: str, form: Form) -> bytes:
        try:
            return self._unseal(self._path(candidate_id, form).read_bytes())
        except FileNotFoundError as error:
            raise NoSuchThing(detail="the sealed file of an output is gone") from error

    def drop(self, candidate_id: str) -> None:
        for form in ("offered", "released"):
            (self._folder / f"{candidate_id}.{form}").unlink(missing_ok=True)

    def _path(self, candidate_id: str, form: Form) -> Path:
        # The id was made here; what a caller sends is only ever compared with it.
        return self._folder / f"{candidate_id}.{form}"
