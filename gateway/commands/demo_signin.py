"""The demo's sign-in: the provider that `skerry demo` starts, and a Passport it gives."""

# ruff: noqa: T201

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway import logs
from gateway.demo import people
from gateway.serving import serve


def demo_signin(settings: Path) -> None:
    """The demo's sign-in provider; no real node may use it."""
    logs.set_up()
    serve.run_signin(settings)


def demo_passport(
    account: Annotated[str, typer.Argument(help="rosa, grace, dora or adam")],
    *,
    node: Annotated[str, typer.Option(help="the node's address")],
    demo_folder: Annotated[Path, typer.Option("--demo", help="the running demo's folder")],
) -> None:
    """Prints a Passport of a demo account, for a token file or a curl header."""
    print(people.passport_from(demo_folder / "signin.json", account, node))
