"""What a federated application is: two sides, and only sums between them.

Both sides are methods of one object, so that a reviewer reads them together; a site calls `offer`
and `answer`, the coordinator calls `agree` and `conclude`. `plan` is the run's configuration, which
the permit may fix. `data` is what the site staged, read-only; `scratch` is the run's own folder in
the site's memory, for what must not be read twice. An exception with a true `for_the_coordinator`
is told in its own words, any other only as a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Plan = Mapping[str, Any]
Limbs = NDArray[np.integer[Any]]  # 0 to 2**24 - 1
Ask = Callable[[bytes, str], tuple[Limbs, int]]  # question, what it is for -> sum, number of sites


class Application(Protocol):
    def offer(self, plan: Plan, *, data: Path, scratch: Path) -> bytes:
        """What this site shows in the clear before the first sum: nothing of a person. It also
        proves that the data are there and readable; raises `Refused` where they are not."""
        ...

    def agree(self, plan: Plan, offers: Mapping[str, bytes]) -> bytes:
        """What all sites are told before the first sum, of what each offered."""
        ...

    def answer(
        self, plan: Plan, agreed: bytes, question: bytes, *, data: Path, scratch: Path
    ) -> Limbs:
        """This site's part of one sum; it leaves masked."""
        ...

    def conclude(self, plan: Plan, agreed: bytes, ask: Ask) -> list[dict[str, Any]]:
        """Asks for sums until there is a result: candidates for the airlock."""
        ...
