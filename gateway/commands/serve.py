"""`skerry serve`: a node, until it is told to stop."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway import logs, serve_command
from gateway.commands.printed import Folder
from gateway.home import NodeHome


def serve(
    folder: Folder,
    *,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="processes that answer; else what the settings say"),
    ] = None,
) -> None:
    """Runs a node, with its key agent beside it."""
    logs.set_up()
    serve_command.run(NodeHome(folder), workers=workers)
