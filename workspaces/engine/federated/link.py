"""Starts the engine's SuperLink: whose sites dial in, by keys that were registered."""

from __future__ import annotations

import sys


def main() -> None:
    import flwr.supercore.superexec.run_superexec  # noqa: F401
    from flwr.server.app import run_superlink

    sys.argv = ["flower-superlink", *sys.argv[1:]]
    run_superlink()


if __name__ == "__main__":
    main()
