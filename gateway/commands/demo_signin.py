"""The demo's sign-in: the provider that `skerry demo` starts, and a Passport it gives."""

# ruff: noqa: T201

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway import logs
from gateway.demo import people
from gateway.demo.accounts import ACCOUNTS
from gateway.errors import LoadRefused
from gateway.serving import serve


def demo_signin(settings: Path) -> None:
    """The demo's sign-in provider; no real node may use it."""
    logs.set_up()
    serve.run_signin(settings)


def demo_passport(
    account: Annotated[str, typer.Argument(help=", ".join(ACCOUNTS))],
    *,
    node: Annotated[str, typer.Option(help="the node's address")],
    demo_folder: Annotated[Path, typer.Option("--demo", help="the running demo's folder")],
) -> None:
    """Prints a Passport of a demo account, for a token file or a curl header."""
    if account not in ACCOUNTS:
        raise LoadRefused(f"the demo has no such account; it has {', '.join(ACCOUNTS)}")
    print(people.passport_from(demo_folder / "signin.json", account, node))
