"""`skerry serve`: a node, until it is told to stop."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway import logs
from gateway.commands.printed import Folder
from gateway.home import NodeHome
from gateway.serving import serve as serve_command


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
