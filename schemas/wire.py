"""The parent of every wire model and the scalars they share.

Wire models say what travels; values that rules use and tables that doors keep are other classes.
"""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class Wire(BaseModel):
    """A record on the wire: frozen, and closed to members we do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OpenWire(BaseModel):
    """A record that may grow: of a standard that allows further members, or told by a server newer
    than its reader. They are read past, never kept. What carries a right or a signature, or is sent
    back, is a `Wire`: a bound that is not understood must not be lost."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Signable(Wire):
    """A record that somebody signs, in the one byte form it has."""

    def signed_bytes(self) -> bytes:
        return canonical_json(self.model_dump(mode="json"))


LocalId = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$", max_length=200)
]
# What people write: any characters but NUL, which no control database may be asked to keep.
Written = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00]*$")]

# One encoder for all: making one costs more than most values it encodes.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: object) -> bytes:
    """The one byte form of a JSON value that is signed or hashed: sorted, compact, ASCII."""
    return _CANONICAL.encode(value).encode("ascii")
