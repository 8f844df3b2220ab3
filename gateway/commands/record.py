"""`skerry verify-audit`, `checkpoint` and `follow`: a node's record, checked and read."""

# ruff: noqa: T201

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gateway import following, verifying
from gateway.commands.printed import AsJson, Folder, show
from gateway.errors import Exit
from gateway.home import NodeHome


def verify_audit(
    folder: Folder,
    *,
    checkpoint: Annotated[
        Path | None, typer.Option(help="a checkpoint kept elsewhere, which the record must hold")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Checks the node's record: names any entry altered, removed or reordered."""
    found = verifying.run_verify(NodeHome(folder), checkpoint)
    show(found, as_json=as_json)
    if not found["ok"]:
        raise SystemExit(Exit.FAILED)


def checkpoint(folder: Folder) -> None:
    """Prints a signed checkpoint of the record, for a third party to keep."""
    print(verifying.make_checkpoint(NodeHome(folder)), end="")


def follow(
    folder: Folder,
    permit: Annotated[str, typer.Argument(help="the permit's id, as in the manifest")],
    *,
    as_json: AsJson = False,
) -> None:
    """Shows one release as the record has it, from the workspace's key to the last byte."""
    trail = following.run(NodeHome(folder), permit)
    if as_json:
        print(json.dumps(following.as_json(trail)))
        return
    for line in following.in_lines(trail):
        print(line)
