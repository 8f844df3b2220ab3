"""`skerry fl new`: the shipped template as an application of one's own, in a folder to change."""

# ruff: noqa: T201

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Annotated

import typer

from gateway.errors import LoadRefused

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def new(
    folder: Annotated[Path, typer.Argument(help="new folder")],
    *,
    name: Annotated[str, typer.Option(help="of the application and its package")],
) -> None:
    """Copies the template: change the two functions in model.py, and nothing else need change."""
    from workspaces.engine import bundle

    taken = {"workspaces", "federated", "flwr", *bundle.shipped()}
    if _NAME.fullmatch(name) is None or keyword.iskeyword(name) or name in taken:
        raise LoadRefused("--name: expected a short package name that is not taken, as my_model")
    try:
        (folder / name).mkdir(parents=True)
    except FileExistsError as error:
        raise LoadRefused(f"{folder / name} is there already; nothing was changed") from error
    for place, text in bundle.template(name).items():
        (folder / place).write_text(text, encoding="utf-8")
    print(f"{folder / name / 'model.py'}: change `start` and `learn`, then "
          f"`skerry fl check {folder}` and `skerry fl try {folder}`")  # fmt: skip
