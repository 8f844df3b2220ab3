"""What commands share: options of one meaning everywhere, and how a summary is printed."""

# ruff: noqa: T201

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from gateway.errors import LoadRefused

Folder = Annotated[Path, typer.Argument(help="the node's folder")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document for machines")]


def show(summary: Mapping[str, object], *, as_json: bool) -> None:
    """One line of what is known, or one JSON document with what is not as null."""
    if as_json:
        print(json.dumps(summary))
        return
    print("; ".join(f"{key}: {value}" for key, value in summary.items() if value is not None))


def read_token(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LoadRefused(f"{path}: cannot be read as a token file") from error
