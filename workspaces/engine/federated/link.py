"""Starts the engine's SuperLink, which ends with the coordinator that started it.

Whose nodes dial in is decided by keys that were registered.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from . import waiting

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, *rest = arguments
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it ended before it could be heard of
        return
    from flwr.server.app import run_superlink

    waiting.install()
    sys.argv = ["flower-superlink", *rest]
    run_superlink()


if __name__ == "__main__":
    main(sys.argv[1:])
