"""`skerry explain` as typed."""

# ruff: noqa: T201

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gateway import explaining
from gateway.commands.printed import AsJson, Folder, read_token
from gateway.home import NodeHome


def explain(
    folder: Folder,
    *,
    dataset: Annotated[str, typer.Option(help="the dataset's id")],
    action: Annotated[str, typer.Option(help="discover, stream or train")] = "discover",
    entry: Annotated[str | None, typer.Option(help="an entry type; left out: any")] = None,
    token_file: Annotated[Path | None, typer.Option(help="left out: an anonymous caller")] = None,
    persona: Annotated[
        str | None, typer.Option(help="anonymous, registered, bona_fide or granted")
    ] = None,
    at: Annotated[str | None, typer.Option(help="a day, YYYY-MM-DD; left out: now")] = None,
    purpose: Annotated[Path | None, typer.Option(help="a data use request to judge too")] = None,
    brief: Annotated[bool, typer.Option(help="only what the caller would be told")] = False,
    as_json: AsJson = False,
) -> None:
    """Shows every rule of a decision and the facts that met it or failed."""
    token = None if token_file is None else read_token(token_file)
    found = explaining.run(
        NodeHome(folder),
        dataset,
        action,
        token=token,
        persona=persona,
        entry=entry,
        at=at,
        purpose=purpose,
    )
    print(json.dumps(found) if as_json else explaining.text(found, brief=brief))
