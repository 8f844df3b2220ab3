"""A drawing and the table of what it shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """`svg` is a whole document; `rows` are texts under `columns`, at most a page of them, and
    `more` says how many the drawing shows beyond."""

    title: str
    svg: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int = 0
