"""Reads a request body that may be hostile: capped, strict JSON, then checked against the model.

Refuses what JSON readers differ on (duplicate members, NaN, endless depth, half surrogates), so
that nothing later can be asked two ways at once. What the members mean is left to `query`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NoReturn

from pydantic import ValidationError

from beacon.errors import BadQuestion, BodyTooLarge
from schemas.beacon import RequestBody

MAX_BODY_BYTES = 64 * 1024
MAX_DEPTH = 12


def read(raw: bytes) -> RequestBody:
    """An empty body asks with every default."""
    if len(raw) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"A request body may have at most {MAX_BODY_BYTES} bytes.")
    document = parsed(raw) if raw.strip() else {}
    if not isinstance(document, dict):
        raise BadQuestion("The request body must be a JSON object.")
    return validated(document)


def parsed(raw: bytes) -> object:
    """JSON without duplicate members, NaN, endless depth or characters that cannot be sent."""
    try:
        document = json.loads(raw, parse_constant=_no_constant, object_pairs_hook=_once)
    except BadQuestion:
        raise
    except (ValueError, RecursionError) as problem:
        raise BadQuestion("What was sent is not valid JSON.") from problem
    waiting: list[tuple[object, int]] = [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise BadQuestion(f"What was sent is nested more than {MAX_DEPTH} deep.")
        if isinstance(value, dict):
            waiting.extend((part, depth + 1) for pair in value.items() for part in pair)
        elif isinstance(value, list):
            waiting.extend((part, depth + 1) for part in value)
        elif isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
            raise BadQuestion("What was sent holds half of a surrogate pair.")
    return _stated(document) if b"null" in raw else document


def _stated(value: object) -> object:
    """Without the members that are null, as many writers send what is absent."""
    match value:
        case dict():
            return {name: _stated(each) for name, each in value.items() if each is not None}
        case list():
            return [_stated(each) for each in value]
        case _:
            return value


def _no_constant(_name: str) -> NoReturn:
    raise BadQuestion("NaN and Infinity are not JSON.")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise BadQuestion("A member of what was sent is given more than once.")
    return document


def validated(document: Mapping[str, object]) -> RequestBody:
    try:
        return RequestBody.model_validate(document)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise BadQuestion(f"Unknown parameters: {where}.") from problem
        raise BadQuestion(f"{where}: {first['msg']}.") from problem
