"""A small typed client of a Beacon v2.2, of a portal that answers as one, and of htsget beside it.

    from portal.client import BeaconClient, allele

    with BeaconClient("https://portal.example.org/beacon") as client:
        answer = client.ask(allele("22", 15280, reference="C", alternate="A"))

Two transports over httpx that carry the same questions (`client_calls`). Part of the base install:
imports nothing of ours but `schemas`. Opening what was sealed is `skerry fetch`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import BinaryIO, Self, TypedDict

import httpx

from portal.client_calls import (
    Answer,
    BeaconAnswer,
    Call,
    ClientError,
    Dataset,
    Part,
    SetCount,
    Ticket,
    allele,
    datasets,
    individuals,
    region,
    ticket,
)

__all__ = [
    "AsyncBeaconClient",
    "BeaconAnswer",
    "BeaconClient",
    "ClientError",
    "Dataset",
    "SetCount",
    "Ticket",
    "allele",
    "datasets",
    "individuals",
    "region",
    "ticket",
]

MAX_ANSWER_BYTES = 16 * 1024 * 1024
MAX_FILE_BYTES = 1024**4
SECONDS = 30.0


class _Line:
    """Where the questions go. `root` ends in `/beacon`; `token` is shown to that server alone, and
    never at the address of a ticket's part; no redirect is followed."""

    def __init__(self, root: str, *, token: str | None) -> None:
        self._root = root.rstrip("/")
        self._token = token

    def _url(self, call: Call[Answer]) -> str:
        return (self._root.removesuffix("/beacon") if call.beside else self._root) + call.path

    def _headers(self) -> dict[str, str]:
        shown = {"Authorization": f"Bearer {self._token}"} if self._token is not None else {}
        return {"Accept": "application/json"} | shown

    def _part(self, part: Part) -> tuple[str, Mapping[str, str]]:
        """Address and headers of a part that lies elsewhere."""
        if not part.url.startswith(("https://", "http://")):
            raise ClientError("A part of the ticket lies at no web address.")
        if self._root.startswith("https://") and not part.url.startswith("https://"):
            raise ClientError("A part of the ticket would come unprotected.")
        return part.url, part.headers


class BeaconClient(_Line):
    """For programs that do one thing after another."""

    def __init__(
        self, root: str, *, token: str | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        super().__init__(root, token=token)
        self._http = httpx.Client(**_SETTINGS, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def ask(self, call: Call[Answer]) -> Answer:
        """Raises `ClientError`, or `Suppressed` where an answer may not be given."""
        raw = bytearray()
        try:
            with self._http.stream(
                call.method, self._url(call), json=call.body, headers=self._headers()
            ) as response:
                for piece in response.iter_bytes():
                    _add(raw, piece)
        except httpx.HTTPError as error:
            raise _silent(error) from error
        return call.read(response.status_code, bytes(raw))

    def fetch(self, found: Ticket, into: BinaryIO, *, most: int = MAX_FILE_BYTES) -> int:
        """Writes the ticket's parts one after another; how many bytes they were."""
        written = 0
        for part in found.parts:
            if part.inline is not None:
                written = _write(into, part.inline, written, most=most)
                continue
            url, headers = self._part(part)
            try:
                with self._http.stream("GET", url, headers=headers) as response:
                    _refuse_other(response)
                    for piece in response.iter_bytes():
                        written = _write(into, piece, written, most=most)
            except httpx.HTTPError as error:
                raise _silent(error) from error
        return written


class AsyncBeaconClient(_Line):
    """For programs that wait for many things at once."""

    def __init__(
        self,
        root: str,
        *,
        token: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(root, token=token)
        self._http = httpx.AsyncClient(**_SETTINGS, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, call: Call[Answer]) -> Answer:
        """Raises `ClientError`, or `Suppressed` where an answer may not be given."""
        raw = bytearray()
        try:
            async with self._http.stream(
                call.method, self._url(call), json=call.body, headers=self._headers()
            ) as response:
                async for piece in response.aiter_bytes():
                    _add(raw, piece)
        except httpx.HTTPError as error:
            raise _silent(error) from error
        return call.read(response.status_code, bytes(raw))

    async def fetch(self, found: Ticket, into: BinaryIO, *, most: int = MAX_FILE_BYTES) -> int:
        """Writes the ticket's parts one after another; how many bytes they were."""
        written = 0
        for part in found.parts:
            if part.inline is not None:
                written = _write(into, part.inline, written, most=most)
                continue
            url, headers = self._part(part)
            try:
                async with self._http.stream("GET", url, headers=headers) as response:
                    _refuse_other(response)
                    async for piece in response.aiter_bytes():
                        written = _write(into, piece, written, most=most)
            except httpx.HTTPError as error:
                raise _silent(error) from error
        return written


class _Settings(TypedDict):
    headers: dict[str, str]
    timeout: float
    follow_redirects: bool


_SETTINGS: _Settings = {
    "headers": {"User-Agent": "skerry-client"},
    "timeout": SECONDS,
    "follow_redirects": False,
}


def _add(raw: bytearray, piece: bytes) -> None:
    raw += piece
    if len(raw) > MAX_ANSWER_BYTES:
        raise ClientError(f"The answer is larger than {MAX_ANSWER_BYTES:,} bytes.")


def _write(into: BinaryIO, piece: bytes, written: int, *, most: int) -> int:
    written += len(piece)
    if written > most:
        raise ClientError(f"The file is larger than {most:,} bytes.")
    into.write(piece)
    return written


def _refuse_other(response: httpx.Response) -> None:
    if response.status_code not in (200, 206):
        raise ClientError(f"A part of the file: HTTP {response.status_code}.")


def _silent(error: httpx.HTTPError) -> ClientError:
    return ClientError("The server does not answer.", detail=type(error).__name__)
