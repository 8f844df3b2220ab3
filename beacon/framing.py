"""Reads what frames a question: granularity, page, schemas, which sets to show (Beacon v2.2).

One `Framing` of a GET's values or of a checked POST body. What is asked inside the frame is read
by `query`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar
from urllib.parse import unquote_plus

from access.policies.policy import Granularity
from beacon.errors import BadQuestion
from schemas.beacon import (
    API_VERSION,
    GranularityName,
    IncludeName,
    RequestBody,
    RequestPagination,
)

PARAMETERS = frozenset(
    {"requestedSchema", "requestedSchemas", "requestedGranularity", "skip", "limit", "testMode"}
    | {"includeResultsetResponses", "apiVersion"}
)
MAX_TEXT = 500
Schema = tuple[str | None, str | None]  # entity type and schema, as asked

_MAX_DIGITS = 12
_GRANULARITIES = {each.wire: each for each in Granularity}
_INCLUDES: dict[str, IncludeName] = {"HIT": "HIT", "MISS": "MISS", "ALL": "ALL", "NONE": "NONE"}
_BOOLEANS = {"true": True, "false": False, "True": True, "False": False}
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """`granularity` is None where none was asked; `skip` counts pages, `limit` 0 asks for all that
    may be had at once."""

    api_version: str = API_VERSION
    schemas: tuple[Schema, ...] = ()
    granularity: Granularity | None = None
    stray_granularity: Granularity | None = None
    include: IncludeName = "HIT"
    skip: int = 0
    limit: int = 10
    page_token: str | None = None
    test_mode: bool = False
    stray_pagination: bool = False

    def heeded(self, default: GranularityName) -> tuple[Granularity, tuple[str, ...]]:
        """The granularity asked for, and what was not heeded: a granularity beside `query`, where
        the schema has none, is followed only down."""
        asked = self.granularity or _GRANULARITIES[default]
        warnings = []
        if self.stray_granularity is not None:
            if self.stray_granularity > asked:
                warnings.append("requestedGranularity belongs inside query; it was not heeded.")
            asked = min(asked, self.stray_granularity)
        if self.stray_pagination:
            warnings.append("pagination belongs inside query; it was not heeded.")
        return asked, tuple(warnings)


def pairs(query_string: bytes) -> list[tuple[str, str]]:
    """The decoded pairs of a query string (WHATWG form encoding)."""
    return [
        (_decoded(name), _decoded(value)) if "%" in part or "+" in part else (name, value)
        for part in query_string.decode("latin-1").split("&")
        if part
        for name, _, value in [part.partition("=")]
    ]


@lru_cache(256)
def _decoded(text: str) -> str:
    """The ids of terms are percent-encoded in nearly every question, and they are few."""
    return unquote_plus(text)


def of_get(made: Mapping[str, str]) -> Framing:
    """Of those parameters of a GET that are the frame's."""
    schemas = [made[name] for name in ("requestedSchema", "requestedSchemas") if made.get(name)]
    if any(len(text) > MAX_TEXT for text in (*schemas, made.get("apiVersion", ""))):
        raise BadQuestion(f"A schema or version may have at most {MAX_TEXT} characters.")
    return Framing(
        api_version=made.get("apiVersion", API_VERSION),
        schemas=tuple((None, schema) for schema in schemas),
        granularity=_one_of(_GRANULARITIES, "requestedGranularity", made),
        include=_one_of(_INCLUDES, "includeResultsetResponses", made) or "HIT",
        skip=whole("skip", made.get("skip", "0")),
        limit=whole("limit", made.get("limit", "10")),
        test_mode=_one_of(_BOOLEANS, "testMode", made) or False,
    )


def of_body(body: RequestBody) -> Framing:
    """Of a POST body that its model has checked."""
    query, page = body.query, body.query.pagination or RequestPagination()
    asked, stray = query.granularity, body.stray_granularity
    return Framing(
        api_version=body.meta.api_version,
        schemas=tuple((s.entity_type, s.schema_reference) for s in body.meta.requested_schemas),
        granularity=None if asked is None else _GRANULARITIES[asked],
        stray_granularity=None if stray is None else _GRANULARITIES[stray],
        include=query.include or "HIT",
        skip=page.skip,
        limit=page.limit,
        page_token=_page_token(page),
        test_mode=query.test_mode,
        stray_pagination=body.stray_pagination is not None,
    )


def _page_token(page: RequestPagination) -> str | None:
    """The one page asked for; clients name it as the next or the previous of the one they have."""
    given = {t for t in (page.current_page, page.next_page, page.previous_page) if t}
    if len(given) > 1:
        raise BadQuestion("Give one page token.")
    return given.pop() if given else None


def whole(name: str, text: str) -> int:
    if not (text.isdecimal() and text.isascii() and len(text) <= _MAX_DIGITS):
        raise BadQuestion(f"{name} must be a whole number.")
    return int(text)


def _one_of(choices: Mapping[str, T], name: str, made: Mapping[str, str]) -> T | None:
    """The choice a parameter names, None where the parameter is absent."""
    if name not in made:
        return None
    if made[name] not in choices:
        raise BadQuestion(f"{name} is one of {', '.join(choices)}.")
    return choices[made[name]]
