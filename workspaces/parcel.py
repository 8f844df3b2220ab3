"""Collects the sealed parts of one body, each into a file of its own, and resumes where it broke.

Parts are ciphertext and may lie on disk; a finished part is never asked for twice, a broken one
goes on with `Range` (RFC 9110 section 14.2) from its last byte. Nothing here is believed yet: the
whole is proven by `manifest` while `inbox` opens it.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from schemas.htsget import TicketUrl
from workspaces.errors import NodeSilent, ReleaseUntrue
from workspaces.wire import MAX_REFUSAL, read_capped, refusal

MAX_ATTEMPTS = 5
PAUSE_SECONDS = 0.2
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})", re.ASCII)


class Parcel:
    """The parts of the body with this digest and size, under `folder`."""

    def __init__(
        self,
        folder: Path,
        *,
        size: int,
        pause: Callable[[float], None] = time.sleep,
        progress: Callable[[int], None] = lambda _held: None,
    ) -> None:
        """`progress` hears how many bytes of the body are here."""
        self._folder = folder
        self._size = size
        self._pause = pause
        self._progress = progress
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def collect(self, parts: Sequence[TicketUrl], *, origin: str, http: httpx.Client) -> None:
        """Raises NodeRefused (ask for a new ticket), NodeSilent (try again) or ReleaseUntrue."""
        urls = [_Address.of(part) for part in parts]
        for address in urls:
            _check_origin(address.url, origin)
        held = 0
        for number, address in enumerate(urls):
            done = self._done(number)
            if not done.exists():
                self._collect_one(number, address, before=held, http=http)
            held += done.stat().st_size
            if held > self._size:
                raise ReleaseUntrue("The parts are longer together than the node signed.")
        for stray in set(self._folder.iterdir()) - {self._done(n) for n in range(len(urls))}:
            stray.unlink()

    def parts(self) -> list[Path]:
        """The files of the body, in order."""
        return sorted(self._folder.glob("*.sealed"))

    def discard(self) -> None:
        shutil.rmtree(self._folder)

    def _done(self, number: int) -> Path:
        return self._folder / f"{number:06d}.sealed"

    def _collect_one(
        self, number: int, address: _Address, *, before: int, http: httpx.Client
    ) -> None:
        part = self._folder / f"{number:06d}.part"
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                for held in _go_on(address, part, most=self._size - before, http=http):
                    self._progress(before + held)
            except httpx.TransportError as error:
                if attempt == MAX_ATTEMPTS:
                    raise NodeSilent(
                        "The node stopped sending. What arrived is kept: fetch again to go on.",
                        detail=type(error).__name__,
                    ) from error
                self._pause(PAUSE_SECONDS * 2**attempt)
            else:
                part.rename(self._done(number))
                return


@dataclass(frozen=True, slots=True)
class _Address:
    """Where a part is, from byte `start0` on and, where it is one of a longer body, to `last`."""

    url: str
    start0: int = 0
    last: int | None = None

    @classmethod
    def of(cls, part: TicketUrl) -> _Address:
        """Of the headers of a ticket only a range is ever sent."""
        stated = (part.headers or {}).get("Range")
        if stated is None:
            return cls(part.url)
        found = _RANGE.fullmatch(stated)
        if found is None:
            raise ReleaseUntrue("The ticket gives a range that cannot be asked for.")
        return cls(part.url, int(found[1]), int(found[2]))

    def headers(self, held: int) -> dict[str, str]:
        """What asks for the rest."""
        headers = {"Accept-Encoding": "identity"}
        if held or self.last is not None:
            last = "" if self.last is None else self.last
            headers["Range"] = f"bytes={self.start0 + held}-{last}"
        return headers

    def is_all(self, held: int) -> bool:
        return self.last is not None and self.start0 + held > self.last


def _go_on(address: _Address, part: Path, *, most: int, http: httpx.Client) -> Iterator[int]:
    """How many bytes are here, as they come."""
    held = part.stat().st_size if part.exists() else 0
    if held and address.is_all(held):
        return
    with http.stream("GET", address.url, headers=address.headers(held)) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and held:
            return  # the last attempt broke after the last byte; the digests decide
        if not response.is_success:
            raise refusal(response.status_code, read_capped(response, MAX_REFUSAL))
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            if address.last is not None:
                raise ReleaseUntrue("The node sent more than the range it gave.")
            held = 0
        else:
            sent = response.headers.get("Content-Range", "")
            if not sent.startswith(f"bytes {address.start0 + held}-"):
                raise ReleaseUntrue("The node sent another range than the one asked for.")
        with part.open("r+b" if held else "wb") as file:
            file.seek(held)
            for piece in response.iter_raw():
                held += len(piece)
                if held > most:
                    raise ReleaseUntrue("The node sent more than it signed.")
                file.write(piece)
                yield held


def _check_origin(url: str, origin: str) -> None:
    """Body addresses stay at the node: a ticket sends this workspace nowhere else."""
    if urlsplit(url)[:2] != urlsplit(origin)[:2]:
        raise ReleaseUntrue("The ticket names an address that is not the node's.")
