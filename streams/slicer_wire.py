"""What the web process and the slicer say to each other: one JSON line each way.

An answer to a read is followed by `size` bytes of ciphertext. Keys are in no line of these.
"""

from __future__ import annotations

from pydantic import Field

from schemas.grants import SignedPermit
from schemas.htsget import ColumnsAsked, RegionAsked
from schemas.wire import LocalId, Wire

MAX_LINE = 4 * 1024 * 1024


class PlanRequest(Wire):
    permit: SignedPermit
    object_id: LocalId
    recipient: str = Field(max_length=64)  # base64 of the raw key
    regions: tuple[RegionAsked, ...] | None  # none of them is the header, None all of the permit's
    columns: ColumnsAsked | None = None


class ReadRequest(Wire):
    slice: str = Field(max_length=64)
    start0: int = Field(ge=0)
    end0: int = Field(ge=0)


class Request(Wire):
    plan: PlanRequest | None = None
    read: ReadRequest | None = None


class Answer(Wire):
    """To a plan: the slice's name, header, sizes and regions. `code` names the error of a
    refusal."""

    slice: str = ""
    header: str = ""  # base64
    plain_size: int = 0
    regions: tuple[RegionAsked, ...] = ()
    size: int = 0
    refused: str | None = None
    code: str = ""
