"""Page tokens of Beacon v2.2: which page of which question, nothing else.

A token names its page and carries a digest of the question, so that it fits no other. It is no
secret and grants nothing: a page by token is checked as a page by `skip` and `limit` is.
"""

from __future__ import annotations

import binascii
import hashlib
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import TypedDict

import orjson

from beacon.errors import BadQuestion
from schemas.beacon import RequestSummary

_FORM = struct.Struct(">IH8s")


@dataclass(frozen=True, slots=True)
class Page:
    """`skip` counts pages of `limit` records."""

    skip: int
    limit: int


class Tokens(TypedDict):
    currentPage: str
    nextPage: str
    previousPage: str


def token(page: Page, asked: RequestSummary) -> str:
    """`asked` may hold a page of its own, which is not looked at."""
    packed = _FORM.pack(page.skip, page.limit, _digest(asked))
    return urlsafe_b64encode(packed).decode("ascii").rstrip("=")


def read(raw_token: str, asked: RequestSummary) -> Page:
    try:
        padded = raw_token.encode("ascii") + b"=" * (-len(raw_token) % 4)
        skip, limit, digest = _FORM.unpack(urlsafe_b64decode(padded))
    except (UnicodeEncodeError, binascii.Error, struct.error) as problem:
        raise BadQuestion("This page token is none of this beacon's.") from problem
    if digest != _digest(asked):
        raise BadQuestion("This page token belongs to another question.")
    return Page(skip, limit)


def around(page: Page, asked: RequestSummary, *, more: bool) -> Tokens:
    """The tokens of a page and its neighbours; an empty one says that there is none."""
    after, before = Page(page.skip + 1, page.limit), Page(page.skip - 1, page.limit)
    return {
        "currentPage": token(page, asked),
        "nextPage": token(after, asked) if more else "",
        "previousPage": token(before, asked) if page.skip else "",
    }


def _digest(asked: RequestSummary) -> bytes:
    question = {
        name: value
        for name, value in asked.items()
        if name not in ("pagination", "apiVersion", "requestedSchemas")
    }
    encoded = orjson.dumps(question, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(encoded, digest_size=8, person=b"beacon page").digest()
