"""`skerry keys`: a new storage key for a node's vault, and what an agent of its own must know.

`rotate` works while the node goes on serving. The work is `streams.rotation`'s; whoever holds the
record (the running node, else the command itself) writes the entry.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from access.audit import RecordFile
from access.errors import RecordUnavailable
from gateway import config
from gateway.home import NodeHome
from gateway.load_progress import Shown
from streams.keyring import KeyRing
from streams.rotation import Rotated, record_pending
from streams.rotation import rotate as rotate_keys
from streams.vault import Vault

app = typer.Typer(no_args_is_help=True, help="The node's storage key: change it, keep it apart.")


@app.command()
def rotate(folder: Annotated[Path, typer.Argument(help="the node's folder")]) -> None:
    """Makes every header again for a new key, proves them, retires the old one.

    The agent uses both meanwhile and needs no restart. Cut off, it goes on when called again.
    """
    done = run(NodeHome(folder))
    typer.echo(
        f"{done.headers} headers made again and proven; {done.retired[:16]} retired, "
        f"{done.current[:16]} in use; back up {NodeHome(folder).storage_secret}"
    )


@app.command()
def environment(folder: Annotated[Path, typer.Argument(help="the node's folder")]) -> None:
    """What a key agent that systemd starts must know of its node: nothing in it is secret."""
    home = NodeHome(folder)
    typer.echo(f"SKERRY_PERMIT_KEY={home.public_key_hex()}")
    typer.echo(f"SKERRY_AUDIENCE={config.load(home.settings).public_url}")


def run(home: NodeHome) -> Rotated:
    """Raises what `streams.rotation.rotate` raises."""
    vault = Vault(home.vault)
    with Shown(()) as shown:
        done = rotate_keys(vault, KeyRing(home.storage_secret), progress=shown)
    try:
        record = RecordFile(
            home.record, pseudonym_key=home.secret("pseudonym"), signing_key=home.signing_key()
        )
    except RecordUnavailable:
        return done  # the running node holds it, and records what it finds in the vault
    try:
        record_pending(vault, lambda facts: record.append("keys.rotated", facts, durable=True))
    finally:
        record.close()
    return done
