"""`skerry login` as typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway import signing_in
from gateway.commands.printed import read_token


def login(
    *,
    issuer: Annotated[str, typer.Option(help="the OpenID Connect provider")],
    client_id: Annotated[str, typer.Option(help="what this command is registered as there")],
    token_file: Annotated[Path, typer.Option(help="where the token is kept, readable by you")],
    node: Annotated[
        str | None, typer.Option(help="exchange it for a Passport of this node")
    ] = None,
    client_secret_file: Annotated[Path | None, typer.Option(help="if it has a secret")] = None,
) -> None:
    """Signs you in by a code that you enter in a browser; for `skerry fetch` and curl."""
    signing_in.run(
        issuer,
        client_id=client_id,
        client_secret=None if client_secret_file is None else read_token(client_secret_file),
        node=node,
        token_file=token_file,
        say=print,
    )
