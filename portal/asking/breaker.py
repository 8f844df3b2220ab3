"""Leaves a node alone for a while after it failed several times in a row.

Only failures to answer count (late, unreachable, error); a refusal is an answer. After the pause
one question is let through: its outcome closes the circuit again or starts another pause.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from portal.asking.answer import Outcome
from portal.settings import Limits
from schemas.messages import Message

FAILURES = frozenset({Outcome.LATE, Outcome.UNREACHABLE, Outcome.ERROR})


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    opened: float | None = None
    trying: bool = False


class Breakers:
    """One circuit per node address; `clock` gives seconds and never goes back."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}

    def refuses(self, url: str) -> str | None:
        """Why the node is not to be asked now, in one sentence; None lets the question through, and
        its outcome must then be told to `saw` or `gave_up`."""
        circuit = self._circuits.get(url)
        if circuit is None or circuit.opened is None:
            return None
        left = circuit.opened + self._limits.pause_seconds - self._clock()
        if left <= 0 and not circuit.trying:
            circuit.trying = True
            return None
        failures = circuit.failures
        if left <= 1:
            return Message(
                "Failed %(failures)s times in a row; it is asked again in a moment.",
                failures=failures,
            )
        return Message(
            "Failed %(failures)s times in a row; it is asked again in %(seconds)s s.",
            failures=failures,
            seconds=round(left),
        )

    def saw(self, url: str, outcome: Outcome) -> None:
        if outcome not in FAILURES:
            self._circuits.pop(url, None)
            return
        circuit = self._circuits.setdefault(url, _Circuit())
        circuit.failures += 1
        circuit.trying = False
        if circuit.failures >= self._limits.failures:
            circuit.opened = self._clock()

    def gave_up(self, url: str) -> None:
        """The asker left before the node answered: that says nothing of the node."""
        if (circuit := self._circuits.get(url)) is not None:
            circuit.trying = False

    def is_open(self, url: str) -> bool:
        circuit = self._circuits.get(url)
        return circuit is not None and circuit.opened is not None
