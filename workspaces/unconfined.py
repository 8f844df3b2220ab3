"""The command line of a program that nothing confines, for trials on machines without a sandbox.

It sees all that its user sees and reaches any network: of the sandbox it has the limits on memory,
files and time, a bare environment, and that it dies with its supervisor. What the sandbox would
mount is named by where it lies. Only a run whose committee and policy allow it may be started so,
and only by a flag that says so; that nothing confined it stands in its evidence. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

FLAG = "--i-accept-that-nothing-confines-this-trial"
WARNING = "Nothing confines this run: its program can read and reach whatever this user can."


def command(
    program: Sequence[str],
    *,
    folder: Path,
    places: Mapping[str, Path],
    environment: Mapping[str, str],
) -> list[str]:
    """`places` are what the sandbox would show, by their paths in there; `folder` is to work in."""
    line = ["setpriv", "--pdeathsig", "KILL", "--no-new-privs", "env", "-i", "-C", str(folder)]
    given = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", "TMPDIR": str(folder)}
    for name, value in sorted({**given, **environment}.items()):
        line.append(f"{name}={_outside(value, places)}")
    return [*line, *(_outside(word, places) for word in program)]


def _outside(word: str, places: Mapping[str, Path]) -> str:
    for inside, outside in places.items():
        if word == inside or word.startswith(f"{inside}/"):
            return f"{outside}{word.removeprefix(inside)}"
    return word
