"""`skerry portal`: run a portal, admit nodes and send them away, say which key a node must prove.

Admitting here and on the page `/joining` go through the same functions (`portal.nodes.joining`);
whoever may write the portal's files is its admin.
"""

# ruff: noqa: T201

from __future__ import annotations

import asyncio
import getpass
import json
import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gateway import logs
from gateway.errors import ConfigError, Exit
from gateway.serving import serve
from portal.asking.calls import Calls
from portal.nodes.joining import JoinBook
from portal.nodes.pin import HeldKey, How
from portal.nodes.validator import SECONDS, Report, check
from portal.settings import THUMBPRINT, Limits, PortalSettings, public_url
from schemas.errors import InvalidInput

Settings = Annotated[Path, typer.Argument(help="the portal's TOML file")]
Address = Annotated[str, typer.Argument(help="of a Beacon (where /info begins) or a Skerry node")]


class _RunsByDefault(TyperGroup):
    """`skerry portal FILE` is short for `skerry portal run FILE`."""

    # Typer keeps its own copy of click private, so its types can't be named here.
    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        short = bool(args) and not args[0].startswith("-") and args[0] not in self.commands
        return super().parse_args(ctx, ["run", *args] if short else args)


app = typer.Typer(
    cls=_RunsByDefault, no_args_is_help=True, help="A portal: run it, check and admit nodes."
)


@app.command()
def run(settings: Settings) -> None:
    """Runs a portal."""
    logs.set_up()
    serve.run_portal(settings)


@app.command("check")
def check_address(
    address: Annotated[str, typer.Argument(help="root of a Beacon: where /info begins")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Looks at a Beacon before it joins: exit code 0 if it may, 1 if not."""
    report = _look(_checked(address))
    found = {**asdict(report), "may_join": report.may_join}
    print(json.dumps(found, indent=1) if as_json else report.in_words, end="\n" if as_json else "")
    if not report.may_join:
        raise typer.Exit(Exit.FAILED)


@app.command()
def nodes(settings: Settings) -> None:
    """Lists the nodes that ask to join and those that were admitted."""
    for one in _book(settings).all():
        state = f"admitted by {one.admitted_by} as {one.beacon_id}" if one.admitted else "waits"
        print(f"{one.address}: {state}")


@app.command()
def admit(
    settings: Settings,
    address: Address,
    *,
    node: Annotated[bool, typer.Option("--node", help="it is a Skerry node")] = False,
) -> None:
    """Looks at it once more and admits it; a running portal asks it within a minute."""
    book, address = _book(settings), _checked(address)
    if all(one.address != address for one in book.all()):
        book.apply(address, is_beacon=not node, applicant="skerry portal admit", note="")
    candidate = book.one(address)
    report = _look(candidate.root, node=candidate.node)
    print(report.in_words, end="")
    book.admit(address, report, by=f"{getpass.getuser()} at the command line")


@app.command()
def dismiss(settings: Settings, address: Address) -> None:
    """Declines an application, or sends a node away within a minute."""
    _book(settings).remove(address.rstrip("/"))


@app.command()
def keys(settings: Settings) -> None:
    """Lists the keys that nodes are held to, each with its way; the last of a node counts."""
    book, named = _book(settings).keys.all(), _settings(settings).nodes
    for address in dict.fromkeys((*named, *book)):
        held = book.get(address, ())
        print(f"{address}:{'' if held else ' it has proved no key yet'}")
        for one in held:
            print(f"  {one.key}  {one.in_words}{f' ({one.by})' if one.by else ''}")


@app.command()
def accept(
    settings: Settings,
    address: Annotated[str, typer.Argument(help="of a node of the settings")],
    key: Annotated[str, typer.Argument(help="that its admin named to you: `skerry keys show`")],
) -> None:
    """Holds a node to another key, within a minute; what it shows is then compared with it."""
    given = _settings(settings)
    if address in given.node_keys:
        raise ConfigError(f"{settings}: node_keys: names the key of {address}; change it there")
    if address not in given.nodes:
        raise InvalidInput(f"{address} is none of the nodes; of those that joined: admit it anew")
    if re.fullmatch(THUMBPRINT, key) is None:
        raise InvalidInput("The key is 43 letters, digits, - and _ (RFC 7638).")
    by = f"{getpass.getuser()} at the command line"
    _book(settings).keys.add(address, HeldKey(key, How.ACCEPTED, int(time.time()), by))
    print(f"{address}: held to {key}")


def _look(root: str, *, node: str = "") -> Report:
    async def look() -> Report:
        calls = Calls(
            Limits(deadline_seconds=SECONDS, connect_seconds=SECONDS, first_byte_seconds=SECONDS)
        )
        try:
            return await check(calls, root, node=node)
        finally:
            await calls.close()

    return asyncio.run(look())


def _checked(address: str) -> str:
    try:
        return public_url(address.rstrip("/"))
    except ValueError as error:
        raise InvalidInput(f"The address {error}.") from error


def _settings(path: Path) -> PortalSettings:
    return serve.portal_settings(path)


def _book(path: Path) -> JoinBook:
    settings = _settings(path)
    if settings.nodes_file is None:
        raise ConfigError(f"{path}: nodes_file: what is known of nodes is kept in it")
    return JoinBook(settings.nodes_file, clock=time.time)
