"""What is asked of the key agent and what it answers: one JSON line each way, under one cap."""

from __future__ import annotations

from pydantic import Field

from schemas.grants import SignedPermit
from schemas.wire import LocalId, Wire
from streams.header import MAX_HEADER

MAX_LINE = MAX_HEADER * 2
TIMEOUT_SECONDS = 30.0
IDLE_SECONDS = 60.0  # a connection without a question


class RewrapRequest(Wire):
    permit: SignedPermit
    object_id: LocalId
    recipient: str = Field(max_length=64)  # base64 of the raw key


class RewrapAnswer(Wire):
    header: str | None = None
    refused: str | None = None


class KeyRequest(Wire):
    """The slicer's question, for one ticket."""

    permit: SignedPermit
    object_id: LocalId
    recipient: str = Field(max_length=64)  # base64 of the raw key


class KeyAnswer(Wire):
    """Data keys in hex, of an object's body and chart."""

    keys: tuple[str, ...] = Field(default=(), repr=False)
    refused: str | None = None
