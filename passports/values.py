"""Which values an issuer may sign, and what they are called here (GA4GH Passport 1.2.1 «value»).

Issuers in the field sign bare ids and role names where the standard has addresses; a map turns
exactly the listed ones into ours. Never by the last part of an address, never across issuers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_VALUE_CHARS = 255
MAX_TABLE_ROWS = 10_000
PLACE = "{value}"
# A namespace ends where the issuer's own names begin; these would let a value leave it again.
_ESCAPES = ("?", "#", "%", "\\", "//", "/./", "/../")
_BARE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)

Value = Annotated[str, StringConstraints(min_length=1, max_length=MAX_VALUE_CHARS)]


class _Map(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TableMap(_Map):
    """Each value by name; what is not in the table is not allowed."""

    mode: Literal["table"]
    table: Annotated[Mapping[Value, Value], Field(min_length=1, max_length=MAX_TABLE_ROWS)]

    def apply(self, value: str) -> str | None:
        return self.table.get(value)


class TemplateMap(_Map):
    """A bare id set into an address of ours."""

    mode: Literal["template"]
    template: Annotated[Value, StringConstraints(pattern=r"^[^{}]+\{value\}[^{}]*$")]

    def apply(self, value: str) -> str | None:
        bare = _BARE_ID.fullmatch(value) is not None and ".." not in value
        return self.template.replace(PLACE, value) if bare else None


class PrefixMap(_Map):
    """The issuer's prefix exchanged for ours; the rest stays as it was signed."""

    mode: Literal["prefix"]
    theirs: Value
    ours: Value

    def apply(self, value: str) -> str | None:
        inside = within(value, f"{self.theirs}*")
        return self.ours + value.removeprefix(self.theirs) if inside else None


ValueMap = Annotated[TableMap | TemplateMap | PrefixMap, Field(discriminator="mode")]


def within(value: str, rule: str) -> bool:
    """`rule` is a whole value, `prefix*` for a name inside it, `*@org`, or `*` for all."""
    if rule == "*":
        return True
    if rule.startswith("*@"):
        return value.partition("@")[2] == rule[2:]
    if not rule.endswith("*"):
        return value == rule
    rest = value.removeprefix(rule[:-1])
    inside = value.startswith(rule[:-1]) and rest != ""
    return inside and not any(escape in f"/{rest}/" for escape in _ESCAPES)
