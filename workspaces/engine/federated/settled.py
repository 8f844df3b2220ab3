"""Over which sites sums are opened: those of the first one, whatever the coordinator asks later.

Two sums over different sites subtract to the sums of the sites that are in one of them only, and a
run has many rounds, an approved request many runs. So the first sum that is opened settles its
sites, and none over others is. It is kept outside of the sandbox, where it outlives run and start;
a process inside can settle what is not settled, and read it, and nothing else.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Sequence

from .roster import Refused

SOCKET = "/run/settled.sock"
PLACE = "SKERRY_SETTLED"  # names it where it lies elsewhere
MAX_LINE = 16 * 1024
_SECONDS = 10

# Settles these sites if none are (an empty list only asks); gives those that are settled.
Settle = Callable[[Sequence[str]], tuple[str, ...]]


def refuse_others(settle: Settle, sites: Sequence[str]) -> None:
    """Raises `Refused` unless sums are over these sites, from now on if they were over none."""
    if set(settle(sites)) != set(sites):
        raise Refused("sums under this permit have been opened over other sites")


def through_the_socket(sites: Sequence[str]) -> tuple[str, ...]:
    """Asks outside of the sandbox; raises `Refused` without an answer."""
    try:
        with socket.socket(socket.AF_UNIX) as line, line.makefile("rb") as answers:
            line.settimeout(_SECONDS)
            line.connect(os.environ.get(PLACE, SOCKET))
            line.sendall(json.dumps(list(sites)).encode() + b"\n")
            return tuple(map(str, json.loads(answers.readline(MAX_LINE))))
    except (OSError, ValueError, TypeError) as error:
        raise Refused("the site could not look up over which sites it may sum") from error
