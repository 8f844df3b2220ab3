"""What programs ask of a Beacon v2.2 or a portal, and what the answers say: values in, values out.

Each question is built and read here, once; `client` only carries it, by two transports. Counts stay
as honest as they came: `count` is None when none was given, and `precision` says how exact it is.
Tickets are htsget 1.3.0's. Imports nothing of ours but `schemas`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar
from urllib.parse import quote

from schemas.beacon import API_VERSION
from schemas.errors import BadUpstream, SkerryError, Suppressed

MAX_PARTS = 100_000
MAX_DATASETS = 10_000
_DATA = "data:"

Answer = TypeVar("Answer")
Filter = str | Mapping[str, object]
"""A term's id, or a whole Beacon filter with `id`, `operator` and `value`."""
Kind = Literal["reads", "variants", "files"]
Region = tuple[str, int | None, int | None]
"""Sequence name, start0, end0: zero-based, half-open; None is the sequence's own end."""


class ClientError(BadUpstream):
    """The server refused, failed, or sent something that is no such answer."""

    code = "beacon_failed"


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One question, ready to be carried; `beside` is for doors beside the Beacon's root. `read`
    raises `ClientError`, or `Suppressed` where an answer exists and may not be given."""

    method: str
    path: str
    body: Mapping[str, object] | None
    read: Callable[[int, bytes], Answer] = field(repr=False)
    beside: bool = False


@dataclass(frozen=True, slots=True)
class SetCount:
    """One dataset's answer; `beacon_id` tells nodes apart when a network answered. `bound` is what
    the count stands for where it is not itself: `<10`, or `8-16`."""

    dataset: str
    exists: bool
    count: int | None
    beacon_id: str | None
    precision: str | None = None
    bound: str | None = None


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
class Dataset:
    id: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a ticket: its bytes, or where they are and with which headers."""

    url: str
    inline: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Its parts, joined in order, are one file; a sealed one is Crypt4GH."""

    format: str
    parts: tuple[Part, ...]


def allele(
    reference_name: str,
    start0: int,
    *,
    reference: str,
    alternate: str,
    assembly: str | None = None,
    terms: Sequence[Filter] = (),
    granularity: str = "count",
) -> Call[BeaconAnswer]:
    """Positions count from 0, as in Beacons: a VCF's POS is `start0 + 1`. With `terms` it asks for
    the people with these terms who carry the variant."""
    parameters: dict[str, object] = {
        "referenceName": reference_name,
        "start": [start0],
        "referenceBases": reference,
        "alternateBases": alternate,
    }
    return _variant(parameters, assembly, terms, granularity=granularity)


def region(
    reference_name: str,
    start0: int,
    *,
    end0: int,
    assembly: str | None = None,
    terms: Sequence[Filter] = (),
    granularity: str = "count",
) -> Call[BeaconAnswer]:
    """Variants that overlap `[start0, end0)`."""
    parameters: dict[str, object] = {
        "referenceName": reference_name,
        "start": [start0],
        "end": [end0],
    }
    return _variant(parameters, assembly, terms, granularity=granularity)


def individuals(*terms: Filter, granularity: str = "count") -> Call[BeaconAnswer]:
    """People with all of `terms`, narrower terms included."""
    return _question("/individuals", {}, terms, granularity=granularity)


def datasets() -> Call[tuple[Dataset, ...]]:
    """Those the asker may know of."""
    return Call("GET", "/datasets?requestedGranularity=record&limit=0", None, _read_datasets)


def ticket(kind: Kind, object_id: str, *, regions: Sequence[Region] = ()) -> Call[Ticket]:
    """An htsget ticket for a file, sealed for the workspace that the asker's grant names."""
    asked = [_region(one) for one in regions]
    path = f"/htsget/{kind}/{quote(object_id)}"
    body = {"regions": asked} if asked else {}
    return Call("POST", path, body, _read_ticket, beside=True)


def _region(asked: Region) -> dict[str, object]:
    name, start0, end0 = asked
    ends = {"start": start0, "end": end0}
    return {"referenceName": name} | {key: end for key, end in ends.items() if end is not None}


def _variant(
    parameters: dict[str, object],
    assembly: str | None,
    terms: Sequence[Filter],
    *,
    granularity: str,
) -> Call[BeaconAnswer]:
    if assembly is not None:
        parameters["assemblyId"] = assembly
    path = "/individuals" if terms else "/g_variants"
    return _question(path, {"g_variant": parameters}, terms, granularity=granularity)


def _question(
    path: str, parameters: Mapping[str, object], terms: Sequence[Filter], *, granularity: str
) -> Call[BeaconAnswer]:
    query = {
        "requestParameters": parameters,
        "filters": [_filter(one) for one in ([terms] if isinstance(terms, str) else terms)],
        "includeResultsetResponses": "ALL",
        "requestedGranularity": granularity,
    }
    body = {"meta": {"apiVersion": API_VERSION}, "query": query}
    return Call("POST", path, body, _read_answer)


def _filter(term: Filter) -> Mapping[str, object]:
    match term:
        case str():
            return {"id": term}
        case Mapping():
            return dict(term)
        case _:
            raise ClientError("A term is its id, or a filter with an id; each by itself, no list.")


def _read_answer(status: int, raw: bytes) -> BeaconAnswer:
    reply = _reply(status, raw)
    summary = _members(reply.get("responseSummary"))
    exists = summary.get("exists")
    if not isinstance(exists, bool):
        raise ClientError("The answer has no responseSummary.exists.")
    count = _count(summary.get("numTotalResults"))
    precision = summary.get("countPrecision", "imprecise") if count is not None else None
    return BeaconAnswer(
        exists=exists,
        count=count,
        precision=_word(precision),
        granularity=str(_members(reply.get("meta")).get("returnedGranularity", "boolean")),
        sets=tuple(_set(_members(one)) for one in _items(reply, "response", "resultSets")),
        missing=tuple(_missing(_members(one)) for one in _items(reply, "info", "missing")),
    )


def _read_datasets(status: int, raw: bytes) -> tuple[Dataset, ...]:
    listed = _items(_reply(status, raw), "response", "collections")[:MAX_DATASETS]
    found = (_members(one) for one in listed)
    return tuple(
        Dataset(
            id=str(one.get("id", "")),
            name=str(one.get("name") or one.get("id", "")),
            description=str(one.get("description", "")),
        )
        for one in found
    )


def _read_ticket(status: int, raw: bytes) -> Ticket:
    said = _members(_reply(status, raw).get("htsget"))
    if "error" in said:
        raise ClientError(f"No ticket: {_short(said.get('message') or said['error'])}")
    listed = said.get("urls")
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_PARTS:
        raise ClientError(f"The ticket names no parts, or more than {MAX_PARTS:,}.")
    return Ticket(str(said.get("format", "")), tuple(_part(_members(one)) for one in listed))


def _part(said: Mapping[str, object]) -> Part:
    url = said.get("url")
    if not isinstance(url, str):
        raise ClientError("A part of the ticket has no address.")
    if not url.startswith(_DATA):
        given = _members(said.get("headers"))
        return Part(url, headers={name: str(value) for name, value in given.items()})
    kind, _, content = url.removeprefix(_DATA).partition(",")
    try:
        if not kind.endswith(";base64"):
            raise ClientError("A part of the ticket is not in base64.")
        return Part("", inline=base64.b64decode(content, validate=True))
    except binascii.Error as error:
        raise ClientError("A part of the ticket is not in base64.") from error


def _reply(status: int, raw: bytes) -> Mapping[str, object]:
    try:
        reply = _members(json.loads(raw))
    except (ValueError, RecursionError) as error:
        raise ClientError("The answer is not JSON.") from error
    if status != 200 or "error" in reply:
        raise _refusal(status, reply)
    return reply


def _refusal(status: int, reply: Mapping[str, object]) -> SkerryError:
    said = _members(reply.get("error")).get("errorMessage")
    said = said or _members(reply.get("htsget")).get("message") or reply.get("message")
    message = _short(said) or f"The server answered HTTP {status}."
    if _members(reply.get("info")).get("code") == "suppressed":
        return Suppressed(message)
    return ClientError(message, detail=f"status {status}")


def _set(raw: Mapping[str, object]) -> SetCount:
    adjusted = raw.get("countAdjustedTo")
    ends = [str(end) for end in adjusted[:2]] if isinstance(adjusted, list) else []
    return SetCount(
        dataset=str(raw.get("id", "")),
        exists=raw.get("exists") is True,
        count=_count(raw.get("resultsCount")),
        beacon_id=_word(raw.get("beaconId")),
        precision=_word(raw.get("countPrecision")),
        bound="-".join(ends) or None,
    )


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _missing(raw: Mapping[str, object]) -> str:
    return f"{raw.get('name', '')} ({raw.get('status', '')}: {raw.get('reason', '')})"


def _short(said: object) -> str:
    return said[:500] if isinstance(said, str) else ""


def _members(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _items(reply: Mapping[str, object], outer: str, inner: str) -> Sequence[object]:
    found = _members(reply.get(outer)).get(inner)
    return found if isinstance(found, list) else ()


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
