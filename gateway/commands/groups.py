"""Every command of `skerry`: named in the help, imported when it is called.

`skerry fetch` must start fast and from the base install alone, and the help of all commands must
not load the libraries of all roles, so no command is imported before it is asked for.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

from gateway.extras import need


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command is, what the help says of it, and which library stands for its extra."""

    module: str
    words: str
    # A group's Typer, or one command's function.
    attribute: str = "app"
    library: str = "uvicorn"
    extra: str = "node"
    hidden: bool = False


_PANELS = {
    "Try it": {
        "demo": Command(
            "demo", "A whole federation on this machine, from nodes to a workspace.",
            "demo", "msprime", "demo",
        ),
        "demo-passport": Command(
            "demo_signin", "Prints a Passport of a demo account, for a file or curl.",
            "demo_passport", "authlib", "demo",
        ),
        "demo-signin": Command(
            "demo_signin", "The demo's sign-in provider.", "demo_signin", hidden=True
        ),
    },
    "A node": {
        "init": Command(
            "init", "Writes a node's settings and keys; it refuses all at first.",
            "init",
        ),
        "check-config": Command(
            "init", "Prints the effective rules in words; refuses what `serve` would.",
            "check_config",
        ),
        "load": Command(
            "load", "Loads a dataset version and switches to it; seals files for release.",
            "load", "cyvcf2",
        ),
        "serve": Command("serve", "Runs a node, with its key agent beside it.", "serve"),
        "datasets": Command("datasets", "Versions of datasets: list, activate, roll back."),
        "people": Command("datasets", "People of a dataset: withdraw one.", "people"),
        "policy": Command("policy", "Policies: versions, tests, what would change."),
        "trust": Command("trust", "The trust table: check it, try a token on it."),
        "explain": Command(
            "explain", "Shows every rule of a decision and the facts it met.",
            "explain",
        ),
        "duo": Command("duo", "Conditions of data use (DUO): judge and check them."),
        "risk": Command("risk", "What answers have given away, what policies promise."),
        "keys": Command("keys", "A node's keys: show them, change them."),
        "reference": Command(
            "reference", "Reference sequences: take them in and list them."
        ),
        "resources": Command("resources", "Names of alleles: take in tables, list them."),
        "panel": Command("panel", "Public allele frequencies: take in, list."),
    },
    "Its record": {
        "verify-audit": Command(
            "record", "Checks the record: names any entry altered, removed or reordered.",
            "verify_audit",
        ),
        "checkpoint": Command(
            "record", "Prints a signed checkpoint of the record, for a third party.",
            "checkpoint",
        ),
        "follow": Command(
            "record", "Shows one release as the record has it, to the last byte.", "follow"
        ),
    },
    "A portal": {
        "portal": Command(
            "portal", "Run it, check and admit nodes.", "app", "pydantic_settings",
            "portal",
        ),
    },
    "Workspaces and federations": {
        "workspace": Command(
            "workspace", "The place where released data is opened.", "app", "httpx",
            "workspace",
        ),
        "login": Command(
            "login", "Signs you in by a code entered in a browser; for `fetch`, curl.",
            "login", "httpx", "workspace",
        ),
        "fetch": Command(
            "fetch", "Pulls a sealed release, verifies it, opens it inside a workspace.",
            "fetch", "httpx", "workspace",
        ),
        "federation": Command(
            "federation", "A coordinator of sites: make it, run it.", "app", "httpx",
            "workspace",
        ),
        "fl": Command(
            "fl", "Federated runs: check applications, submit, follow.", "app", "httpx",
            "workspace",
        ),
        "results": Command("results", "Released results: draw them, verify crates."),
    },
}  # fmt: skip
_COMMANDS = {
    name: (title, command)
    for title, commands in _PANELS.items()
    for name, command in commands.items()
}
_LISTING = "gateway.commands.listing"


class Commands(TyperGroup):
    # Typer keeps its own copy of click private, so its types can't be named here.
    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *_COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        panel, named = _COMMANDS[cmd_name]
        if ctx.meta.get(_LISTING) or find_spec(named.library) is None:
            return _standing_in(cmd_name, named, panel)
        found = getattr(
            importlib.import_module(f"gateway.commands.{named.module}"), named.attribute
        )
        if isinstance(found, typer.Typer):
            command: Any = typer.main.get_group(found)
            command.name = cmd_name
            return command
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name, hidden=named.hidden)(found)
        return typer.main.get_command(alone)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        ctx.meta[_LISTING] = True
        super().format_help(ctx, formatter)


def _standing_in(name: str, named: Command, panel: str) -> Any:
    """Listed like the others; called without its extra, it says what to install."""
    alone = typer.Typer()

    @alone.command(
        name,
        help=named.words,
        hidden=named.hidden,
        rich_help_panel=panel,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def absent() -> None:
        need(named.library, extra=named.extra)

    return typer.main.get_command(alone)
