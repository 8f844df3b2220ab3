"""Puts what runs in the engine's environment next to a run, and names its programs.

`federated` is copied, not imported from here: the engine's environment sees nothing else of ours.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from workspaces.engine.environment import Environment

_SOURCE = Path(__file__).with_name("federated")
# Without both the engine asks the network of its maker; with both it asks nobody (measured).
QUIET = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
SINGLE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "GRPC_VERBOSITY": "ERROR"}


def place(folder: Path) -> Path:
    """The folder to import `federated` from, below `folder`."""
    library = folder / "library"
    shutil.rmtree(library, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(_SOURCE, library / "federated", ignore=ignored)
    return library


def program(environment: Environment, module: str, *arguments: str) -> list[str]:
    """-P: nothing is imported from where the program works, which applications write in."""
    return [str(environment.python), "-P", "-m", f"federated.{module}", *arguments]
