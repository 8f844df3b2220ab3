"""What `skerry load` shows while it works, and the report it leaves behind.

The bar gives the rate, and the time left where the end is known: from the lines that a variant file
was found to have, or from the stage before. The report names every record that was rejected and
what had no place.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from beacon.errors import Problem
from beacon.loading.whole import LINES
from gateway.errors import LoadRefused

Watch = Callable[[str, int], None]

_READING, _INDEXING = "genomicVariant", "genomicVariant, indexed"
_CHECKING = "genomicVariant, checked"
_COUNTED = ("left out: ", "lost: ")


class Shown:
    """The bar of one load; `counted` is what was left out or lost, by reason."""

    def __init__(self, *, watch: Watch | None = None) -> None:
        """`watch` is told all of it too."""
        self._watch = watch
        self.counted: dict[str, int] = {}
        self._totals: dict[str, int] = {}
        self._stage = ""
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} {task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        at: TracebackType | None,
    ) -> None:  # fmt: skip
        self._bar.stop()

    @property
    def end(self) -> float | None:
        """How far the stage that is shown goes, where that is known."""
        tasks = self._bar.tasks
        return tasks[-1].total if tasks else None

    def __call__(self, stage: str, done: int) -> None:
        if self._watch is not None:
            self._watch(stage, done)
        if stage.startswith(_COUNTED):
            self.counted[stage] = done
            return
        if stage != self._stage:
            self._stage = stage
            for old in self._bar.task_ids:
                self._bar.remove_task(old)
            self._bar.add_task(stage, total=self._totals.get(stage), rate="")
        if stage == LINES:
            self._totals |= {_READING: done, _CHECKING: done}
        elif stage == _READING:
            self._totals[_INDEXING] = done
        task = self._bar.tasks[-1]
        rate = f"({task.speed:,.0f}/s)" if task.speed else ""
        self._bar.update(task.id, completed=done, rate=rate)


class Report:
    """A CSV of every rejected record, written as they are found; then what was left out or lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise LoadRefused(f"{self._path}: the report cannot be written") from error
        self._row("file", "place", "field", "expected", "next step")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        at: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._file is not None:
            self._file.close()

    def __call__(self, problem: Problem) -> None:
        self._row(problem.file, problem.where, problem.field, problem.expected, problem.next_step)

    def counted(self, counted: dict[str, int]) -> None:
        for what, number in counted.items():
            self._row("", "", "", what, str(number))

    def _row(self, *cells: str) -> None:
        if self._file is not None:
            csv.writer(self._file).writerow(cells)
