"""`skerry demo` as typed: where its folder lies, and that nothing of it stays."""

# ruff: noqa: T201

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gateway import logs
from gateway.demo import whole
from gateway.errors import Exit


def demo(
    *,
    nodes: Annotated[int, typer.Option(min=1, max=64, help="how many nodes")] = 3,
    countries: Annotated[
        bool, typer.Option("--countries", help="six nodes and a federated study over them")
    ] = False,
    port: Annotated[
        int, typer.Option(min=1024, max=65000, help="of the portal; the others' follow it")
    ] = 8080,
    data: Annotated[Path | None, typer.Option(help="BFF JSON and VCF/BCF of your own")] = None,
    smoke: Annotated[bool, typer.Option(help="walk the journeys, print a line each")] = False,
    keep: Annotated[bool, typer.Option(help="keep the data when it ends")] = False,
    seed: Annotated[str, typer.Option(help="of the questions --smoke asks; or RANDOM")] = "1",
) -> None:
    """A whole federation on this machine: nodes, portal, sign-in and a workspace."""
    if seed != "RANDOM" and not seed.isdecimal():
        raise typer.BadParameter("a whole number or RANDOM", param_hint="--seed")

    logs.set_up(level=logging.WARNING)
    if smoke:
        folder = Path(tempfile.mkdtemp(prefix="skerry-"))
    else:
        folder = Path.cwd() / "skerry-demo" if keep else Path(tempfile.mkdtemp(prefix="skerry-"))
    try:
        ended = whole.run(
            folder,
            nodes=nodes,
            countries=countries,
            port=port,
            data=data,
            smoke=smoke,
            seed=seed,
            say=print,
        )
    finally:
        if keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if ended is not Exit.OK:
        raise SystemExit(ended)
