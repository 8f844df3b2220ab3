"""A small typed client of one Beacon v2.2, or of a portal that answers as one; over httpx.

Part of the base install: it imports nothing of ours but `schemas`. Counts stay as honest as they
came: `count` is None when none was given, and `precision` says how exact it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from schemas.beacon import API_VERSION
from schemas.errors import BadUpstream, SkerryError, Suppressed

MAX_ANSWER_BYTES = 16 * 1024 * 1024
SECONDS = 30.0


class ClientError(BadUpstream):
    """The Beacon refused, failed, or sent something that is no Beacon answer."""

    code = "beacon_failed"


@dataclass(frozen=True, slots=True)
class SetCount:
    """One dataset's answer; `beacon_id` tells nodes apart when a network answered."""

    dataset: str
    exists: bool
    count: int | None
    beacon_id: str | None


@dataclass(frozen=True, slots=True)
class BeaconAnswer:
    """`missing` names the nodes of a network that did not answer, each with its reason."""

    exists: bool
    count: int | None
    precision: str | None
    granularity: str
    sets: tuple[SetCount, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Call:
    """One question, ready to be sent."""

    path: str
    body: Mapping[str, object]


def _allele(
    reference_name: str,
    start0: int,
    *,
    reference: str,
    alternate: str,
    assembly: str | None,
    terms: Sequence[str],
    granularity: str,
) -> _Call:
    parameters: dict[str, object] = {
        "referenceName": reference_name,
        "start": [start0],
        "referenceBases": reference,
        "alternateBases": alternate,
    }
    return _variant(parameters, assembly, terms, granularity=granularity)


def _region(
    reference_name: str,
    start0: int,
    *,
    end0: int,
    assembly: str | None,
    terms: Sequence[str],
    granularity: str,
) -> _Call:
    parameters: dict[str, object] = {
        "referenceName": reference_name,
        "start": [start0],
        "end": [end0],
    }
    return _variant(parameters, assembly, terms, granularity=granularity)


def _variant(
    parameters: dict[str, object],
    assembly: str | None,
    terms: Sequence[str],
    *,
    granularity: str,
) -> _Call:
    """With `terms` a question about the people who carry it."""
    if assembly is not None:
        parameters["assemblyId"] = assembly
    path = "/individuals" if terms else "/g_variants"
    return _call(path, {"g_variant": parameters}, terms, granularity=granularity)


def _call(
    path: str,
    parameters: Mapping[str, object],
    terms: Sequence[str],
    *,
    granularity: str,
) -> _Call:
    query = {
        "requestParameters": parameters,
        "filters": [{"id": term} for term in terms],
        "includeResultsetResponses": "ALL",
        "requestedGranularity": granularity,
    }
    return _Call(path, {"meta": {"apiVersion": API_VERSION}, "query": query})


def _headers(token: str | None) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": "skerry-client"}
    return headers | ({"Authorization": f"Bearer {token}"} if token is not None else {})


class BeaconClient:
    """`root` ends in `/beacon`; `token` goes to that root alone, and no redirect is followed.

    Positions count from 0, as in Beacons: a VCF's POS is `start0 + 1`. With `terms`, a question
    about a variant asks for the people with these terms who carry it."""

    def __init__(
        self,
        root: str,
        *,
        token: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._root = root.rstrip("/")
        self._http = httpx.Client(
            headers=_headers(token), timeout=SECONDS, follow_redirects=False, transport=transport
        )

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

    def allele(
        self,
        reference_name: str,
        start0: int,
        *,
        reference: str,
        alternate: str,
        assembly: str | None = None,
        terms: Sequence[str] = (),
        granularity: str = "count",
    ) -> BeaconAnswer:
        return self._ask(
            _allele(
                reference_name,
                start0,
                reference=reference,
                alternate=alternate,
                assembly=assembly,
                terms=terms,
                granularity=granularity,
            )
        )

    def region(
        self,
        reference_name: str,
        start0: int,
        *,
        end0: int,
        assembly: str | None = None,
        terms: Sequence[str] = (),
        granularity: str = "count",
    ) -> BeaconAnswer:
        """Variants that overlap `[start0, end0)`."""
        return self._ask(
            _region(
                reference_name,
                start0,
                end0=end0,
                assembly=assembly,
                terms=terms,
                granularity=granularity,
            )
        )

    def individuals(self, *terms: str, granularity: str = "count") -> BeaconAnswer:
        """People with all of `terms`, narrower terms included."""
        return self._ask(_call("/individuals", {}, terms, granularity=granularity))

    def _ask(self, call: _Call) -> BeaconAnswer:
        raw = bytearray()
        try:
            url = self._root + call.path
            with self._http.stream("POST", url, json=call.body) as response:
                for piece in response.iter_bytes():
                    _add(raw, piece)
        except httpx.HTTPError as error:
            raise ClientError("The Beacon does not answer.") from error
        return _read(response.status_code, _document(raw))


class AsyncBeaconClient:
    """`BeaconClient` for programs that wait for many things at once."""

    def __init__(
        self,
        root: str,
        *,
        token: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._root = root.rstrip("/")
        self._http = httpx.AsyncClient(
            headers=_headers(token), timeout=SECONDS, follow_redirects=False, transport=transport
        )

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

    async def allele(
        self,
        reference_name: str,
        start0: int,
        *,
        reference: str,
        alternate: str,
        assembly: str | None = None,
        terms: Sequence[str] = (),
        granularity: str = "count",
    ) -> BeaconAnswer:
        return await self._ask(
            _allele(
                reference_name,
                start0,
                reference=reference,
                alternate=alternate,
                assembly=assembly,
                terms=terms,
                granularity=granularity,
            )
        )

    async def region(
        self,
        reference_name: str,
        start0: int,
        *,
        end0: int,
        assembly: str | None = None,
        terms: Sequence[str] = (),
        granularity: str = "count",
    ) -> BeaconAnswer:
        """Variants that overlap `[start0, end0)`."""
        return await self._ask(
            _region(
                reference_name,
                start0,
                end0=end0,
                assembly=assembly,
                terms=terms,
                granularity=granularity,
            )
        )

    async def individuals(self, *terms: str, granularity: str = "count") -> BeaconAnswer:
        """People with all of `terms`, narrower terms included."""
        return await self._ask(_call("/individuals", {}, terms, granularity=granularity))

    async def _ask(self, call: _Call) -> BeaconAnswer:
        raw = bytearray()
        try:
            url = self._root + call.path
            async with self._http.stream("POST", url, json=call.body) as response:
                async for piece in response.aiter_bytes():
                    _add(raw, piece)
        except httpx.HTTPError as error:
            raise ClientError("The Beacon does not answer.") from error
        return _read(response.status_code, _document(raw))


def _add(raw: bytearray, piece: bytes) -> None:
    raw += piece
    if len(raw) > MAX_ANSWER_BYTES:
        raise ClientError(f"The answer is larger than {MAX_ANSWER_BYTES:,} bytes.")


def _document(raw: bytearray) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ClientError("The answer is not JSON.") from error


def _read(status: int, document: object) -> BeaconAnswer:
    reply = _members(document)
    if status != httpx.codes.OK or "error" in reply:
        raise _refusal(status, reply)
    summary = _members(reply.get("responseSummary"))
    exists = summary.get("exists")
    if not isinstance(exists, bool):
        raise ClientError("The answer has no responseSummary.exists.")
    count = _count(summary.get("numTotalResults"))
    precision = summary.get("countPrecision", "imprecise") if count is not None else None
    return BeaconAnswer(
        exists=exists,
        count=count,
        precision=precision if isinstance(precision, str) else None,
        granularity=str(_members(reply.get("meta")).get("returnedGranularity", "boolean")),
        sets=tuple(_set(_members(one)) for one in _items(reply, "response", "resultSets")),
        missing=tuple(_missing(_members(one)) for one in _items(reply, "info", "missing")),
    )


def _refusal(status: int, reply: Mapping[str, object]) -> SkerryError:
    said = _members(reply.get("error")).get("errorMessage")
    message = said[:500] if isinstance(said, str) else f"The Beacon answered HTTP {status}."
    if _members(reply.get("info")).get("code") == "suppressed":
        return Suppressed(message)
    return ClientError(message, detail=f"status {status}")


def _set(raw: Mapping[str, object]) -> SetCount:
    beacon_id = raw.get("beaconId")
    return SetCount(
        dataset=str(raw.get("id", "")),
        exists=raw.get("exists") is True,
        count=_count(raw.get("resultsCount")),
        beacon_id=beacon_id if isinstance(beacon_id, str) else None,
    )


def _missing(raw: Mapping[str, object]) -> str:
    return f"{raw.get('name', '')} ({raw.get('status', '')}: {raw.get('reason', '')})"


def _members(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _items(reply: Mapping[str, object], outer: str, inner: str) -> Sequence[object]:
    found = _members(reply.get(outer)).get(inner)
    return found if isinstance(found, list) else ()


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
