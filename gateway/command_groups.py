"""The groups of commands that need a role's libraries: named in the help, imported when called.

`skerry fetch` must start fast and from the base install alone, so no group is imported before one
of its commands is asked for.
"""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

from gateway.extras import need

# Which library stands for an extra; a node's where nothing is said.
_NEEDS = {
    "federation": ("httpx", "workspace"),
    "fl": ("httpx", "workspace"),
    "portal": ("pydantic_settings", "portal"),
    "workspace": ("httpx", "workspace"),
}
# name: (module of this room, its Typer, what the help says)
_GROUPS = {
    "datasets": ("datasets_command", "app", "Versions of datasets: list, activate, roll back."),
    "duo": ("duo_command", "app", "Conditions of data use (DUO): judge and check them."),
    "federation": ("federation_command", "app", "A coordinator of sites: make it, run it."),
    "fl": ("fl_command", "app", "Federated runs: check applications, submit, follow."),
    "keys": ("keys_command", "app", "A node's keys: change them."),
    "panel": ("panel_command", "app", "Public allele frequencies: take in, list."),
    "people": ("datasets_command", "people", "People of a dataset: withdraw one."),
    "policy": ("policy_command", "app", "Policies: versions, tests, what would change."),
    "reference": ("reference_command", "app", "Reference sequences: take them in and list them."),
    "portal": ("portal_command", "app", "A portal: run it, check and admit nodes."),
    "resources": ("resources_command", "app", "Names of alleles: take in tables, list them."),
    "results": ("results_command", "app", "Released results: draw them, pack and verify crates."),
    "risk": ("risk_command", "app", "What answers have given away, what policies promise."),
    "trust": ("trust_command", "app", "The trust table: check it, try a token on it."),
    "workspace": ("workspace_command", "app", "The place where released data is opened."),
}


class CommandGroups(TyperGroup):
    # Typer keeps its own copy of click private, so its types can't be named here.
    def list_commands(self, ctx: Any) -> list[str]:
        alone = [name for name in super().list_commands(ctx) if name not in _GROUPS]
        return [*alone, *sorted(_GROUPS)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = _GROUPS.get(cmd_name)
        if found is None:
            return super().get_command(ctx, cmd_name)
        module, attribute, words = found
        library, extra = _NEEDS.get(cmd_name, ("uvicorn", "node"))
        if find_spec(library) is None:
            return _absent(cmd_name, words, library=library, extra=extra)
        typers = importlib.import_module(f"gateway.{module}")
        group = typer.main.get_group(getattr(typers, attribute))
        group.name = cmd_name
        return group


def _absent(name: str, words: str, *, library: str, extra: str) -> Any:
    """Listed like the others; says what to install, whatever follows it."""
    alone = typer.Typer()

    @alone.command(
        name,
        help=words,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def absent() -> None:
        need(library, extra=extra)

    return typer.main.get_command(alone)
