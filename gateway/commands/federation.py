"""`skerry federation`: makes a coordinator's folder, admits applications, hands out tokens, serves.

The coordinator is the one machine that sites dial; it runs the engine's server and a thin API.
"""

# ruff: noqa: T201

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.errors import LoadRefused
from gateway.extras import need

if TYPE_CHECKING:
    from workspaces.engine.environment import Environment
    from workspaces.engine.federation import Federation

app = typer.Typer(no_args_is_help=True, help="A coordinator of sites: make it, run it.")

Folder = Annotated[Path, typer.Argument(help="the coordinator's folder")]


@app.command()
def init(
    folder: Folder,
    *,
    name: Annotated[str, typer.Option(help="of the federation")],
    host: Annotated[str, typer.Option(help="name or address that sites and people dial")],
    site: Annotated[
        list[str], typer.Option(help="NAME=KEY: a site and its identity key in hex; repeatable")
    ],
    port: Annotated[int, typer.Option(min=1, max=65535, help="the one that is public")] = 443,
    least: Annotated[int, typer.Option(min=3, max=255, help="fewest sites in a sum")] = 3,
) -> None:
    """Makes certificates, keys and a bundle for each site; overwrites nothing."""
    from pydantic import ValidationError

    from workspaces.engine import federation
    from workspaces.engine.federation import Described

    try:
        described = Described(name=name, host=host, port=port, least_sites=least)
    except ValidationError as error:
        raise LoadRefused(f"--{error.errors()[0]['loc'][0]} cannot be used") from error
    made = federation.create(folder, described, _identities(site))
    print(f"{folder}: {len(made.sites)} sites; give each its file from {folder / 'bundles'}")
    print(f"next: skerry federation admit {folder} gwas; skerry federation token {folder} NAME")


@app.command()
def admit(
    folder: Folder,
    application: Annotated[str, typer.Argument(help="a shipped one's name, a folder, a bundle")],
) -> None:
    """Lets an application be submitted; each site still judges by its own permit."""
    from workspaces.engine import bundle, federation

    found = bundle.bundle(application)
    federation.admit(federation.load(folder), found)
    print(f"{found.name} {found.version} admitted; its digest is {found.digest}")


@app.command()
def token(
    folder: Folder, person: Annotated[str, typer.Argument(help="who may submit with it")]
) -> None:
    """Prints a token for one who may submit runs; an earlier one of that name ends."""
    from workspaces.engine import federation

    print(federation.new_token(federation.load(folder), person))


@app.command()
def viewer(
    folder: Folder, name: Annotated[str, typer.Argument(help="who looks on: a portal, a person")]
) -> None:
    """Prints a token to look on with: runs, rounds and sites, no results and no orders."""
    from workspaces.engine import federation

    print(federation.new_token(federation.load(folder), name, role=federation.Role.VIEW))


@app.command()
def revoke(
    folder: Folder, name: Annotated[str, typer.Argument(help="whose tokens end, of both kinds")]
) -> None:
    """Ends the tokens of a name at once."""
    from workspaces.engine import federation

    if not federation.revoke(federation.load(folder), name):
        raise LoadRefused(f"{name[:40]} holds no token of this federation")
    print(f"{name}: no token is good any more")


@app.command()
def serve(
    folder: Folder,
    *,
    listen: Annotated[str, typer.Option(help="address to listen at")] = "0.0.0.0",  # noqa: S104 - sites dial in
) -> None:
    """Runs the coordinator until it is told to stop."""
    need("uvicorn", extra="workspace")
    from workspaces.engine import environment, federation

    asyncio.run(_serve(federation.load(folder), environment.find(), listen=listen))


async def _serve(of: Federation, environment: Environment, *, listen: str) -> None:
    from workspaces.engine.coordinator_api import serving

    ended = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    async with serving(of, environment, listen=listen) as link:
        described = of.described
        print(
            f"{described.name}: sites and people dial {described.host}:{described.port}",
            flush=True,
        )
        await link.ended_or(ended)


_KEY_FORM = "expected NAME=KEY once each, 64 hex digits as `skerry workspace init` printed them"


def _identities(sites: list[str]) -> dict[str, bytes]:
    identities = {}
    for text in sites:
        name, _, key = text.partition("=")
        try:
            raw = bytes.fromhex(key)
        except ValueError as error:
            raise LoadRefused(f"--site {name[:40]}: {_KEY_FORM}") from error
        if len(raw) != 32 or name in identities:
            raise LoadRefused(f"--site {name[:40]}: {_KEY_FORM}")
        identities[name] = raw
    return identities
