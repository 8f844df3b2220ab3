"""The `skerry` command: whatever was asked for, errors become one clear line and an exit code.

What each command takes is in `gateway.commands`, imported when it is called (`commands.groups`).
"""

# ruff: noqa: T201

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gateway.commands.groups import Commands
from gateway.errors import Exit, for_operator
from schemas.errors import SkerryError
from schemas.version import skerry_version

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Ask many genome archives at once; the data stays on its island.",
)

_NAMED = {
    "config_error": Exit.CONFIG,
    "policy_invalid": Exit.CONFIG,
    "bad_trust_file": Exit.CONFIG,
    "port_taken": Exit.PORT_TAKEN,
    "missing_extra": Exit.NOT_RUN,
    "engine_absent": Exit.NOT_RUN,
    "sandbox_refused": Exit.NOT_RUN,
}
_FAMILIES = {
    400: Exit.BAD_INPUT,
    401: Exit.REFUSED,
    403: Exit.REFUSED,
    404: Exit.REFUSED,
    502: Exit.UNREACHABLE,
    503: Exit.UNREACHABLE,
}


def main() -> None:
    """The error's words go to stderr, with the next step; the exit code says of which kind."""
    try:
        app(standalone_mode=True)
    except SkerryError as error:
        for line in (for_operator(error), *getattr(error, "problems", ())):
            print(f"skerry: {line}", file=sys.stderr)
        family = _FAMILIES.get(error.status, Exit.FAILED)
        raise SystemExit(_NAMED.get(error.code, family)) from None
    except KeyboardInterrupt:
        raise SystemExit(Exit.INTERRUPTED) from None


def _version(*, asked: bool) -> None:
    if asked:
        print(f"skerry {skerry_version()}")
        raise typer.Exit


@app.callback()
def skerry(
    *,
    _shown: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="its version, no more"),
    ] = False,
) -> None:
    """Ask many genome archives at once; the data stays on its island."""
