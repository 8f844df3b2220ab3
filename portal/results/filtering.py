"""Which rows of a result to show: by answer, by kind of number, by node. Pure; adds nothing up.

The total above the table stays that of all rows: what is hidden here was still answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from portal.asking.answer import NodeAnswer, SetAnswer, Shown
from portal.nodes.node import slug_of
from schemas.errors import InvalidInput
from schemas.messages import Message


class Said(StrEnum):
    """What a row says; `none` for whoever gave no answer, whatever the reason."""

    YES = "yes"
    NO = "no"
    NONE = "none"


_NUMBERS = {
    "exact": Shown.EXACT,
    "about": Shown.ABOUT,
    "fewer": Shown.FEWER,
    "hidden": Shown.HIDDEN,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Each left empty shows all."""

    answer: str = ""
    number: str = ""
    node: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Filter:
        """Raises `InvalidInput`."""
        made = cls(*(given.get(name, "") for name in ("answer", "number", "node")))
        if made.answer not in ("", *Said) or made.number not in ("", *_NUMBERS):
            raise InvalidInput(Message("There is no such filter; choose one of the lists."))
        return made

    @property
    def on(self) -> bool:
        return bool(self.answer or self.number or self.node)

    def rows(self, rows: Iterable[NodeAnswer]) -> list[NodeAnswer]:
        """Those with something to show, each with that alone."""
        made = (self._row(row) for row in rows if not self.node or slug_of(row.url) == self.node)
        return [row for row in made if row is not None]

    def _row(self, row: NodeAnswer) -> NodeAnswer | None:
        silent = not self.number and self.answer in ("", Said.NONE)
        sets = tuple(one for one in row.sets if self._fits(one))
        kept = replace(
            row, sets=sets,
            withheld=row.withheld if silent else (), unserved=row.unserved if silent else (),
        )  # fmt: skip
        says_nothing = not (row.sets or row.withheld or row.unserved)
        anything = kept.sets or kept.withheld or kept.unserved or (says_nothing and silent)
        return kept if anything else None

    def _fits(self, one: SetAnswer) -> bool:
        says = Said.YES if one.exists else Said.NO
        return self.answer in ("", says) and (not self.number or one.shown is _NUMBERS[self.number])


def lines(row: NodeAnswer) -> int:
    """How many lines the row takes in the table."""
    return max(1, len(row.sets) + len(row.withheld) + len(row.unserved))
