"""What commands on federated applications share: how one is named, and its plan as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gateway.errors import LoadRefused

MAX_PLAN = 256 * 1024

Application = Annotated[str, typer.Argument(help="a shipped one's name, a folder, a bundle")]


def read_plan(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MAX_PLAN), parse_constant=_no_number)
    except (OSError, ValueError, RecursionError) as error:
        raise LoadRefused(f"{path}: cannot be read as a plan, a JSON object") from error
    if not isinstance(found, dict):
        raise LoadRefused(f"{path}: a plan is a JSON object")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
