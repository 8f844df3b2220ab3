"""`skerry keys`: a new storage key, a new identity key, and what an agent of its own must know.

`rotate` works while the node goes on serving: the work is `streams.rotation`'s, and whoever holds
the record (the running node, else the command itself) writes the entry. `identity` is
`identity_key`'s, of a node that stands still.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from access.errors import RecordUnavailable
from access.record.audit import RecordFile
from gateway import config, identity_key
from gateway.commands.load_progress import Shown
from gateway.home import NodeHome
from streams.keyring import KeyRing
from streams.rotation import Rotated, record_pending
from streams.rotation import rotate as rotate_keys
from streams.vault import Vault

app = typer.Typer(no_args_is_help=True, help="A node's keys: change them, keep them apart.")


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
def identity(
    folder: Annotated[Path, typer.Argument(help="the node's folder")],
    *,
    stolen: Annotated[
        bool, typer.Option("--stolen", help="the old key may say nothing any more")
    ] = False,
) -> None:
    """A new key to prove whose node this is and to sign visas; portals follow the old one's word.

    Stop the node first and start it again within a day: visas that are out stay good.
    """
    done = identity_key.change(NodeHome(folder), stolen=stolen, now=int(time.time()))
    typer.echo(f"{done.old} retired, {done.new} in use; back up {NodeHome(folder).visa_key}")
    if not done.announced:
        typer.echo(
            f"not announced: each portal must accept {done.new}; visas signed before are void; "
            f"where others trust this node's visas, revoke kid {done.old}"
        )


@app.command()
def show(folder: Annotated[Path, typer.Argument(help="the node's folder")]) -> None:
    """The thumbprint (RFC 7638) of the identity key, for portals that hold the node to it."""
    typer.echo(identity_key.thumbprint(NodeHome(folder)))


@app.command()
def environment(folder: Annotated[Path, typer.Argument(help="the node's folder")]) -> None:
    """What a key agent that systemd starts must know of its node: nothing in it is secret."""
    home = NodeHome(folder)
    typer.echo(f"SKERRY_PERMIT_KEY={home.public_key_hex()}")
    typer.echo(f"SKERRY_AUDIENCE={config.load(home.settings).public_url}")


def run(home: NodeHome) -> Rotated:
    """Raises what `streams.rotation.rotate` raises."""
    vault = Vault(home.vault)
    with Shown() as shown:
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
