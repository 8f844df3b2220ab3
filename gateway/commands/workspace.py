"""`skerry workspace`: makes a workspace's keys, registers it, runs what was approved, wipes.

Runs are `workspace_run`'s. Most of it needs the base install alone.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.commands import workspace_run
from gateway.commands.printed import AsJson, read_token
from gateway.commands.workspace_run import Folder, NodeUrl, TokenFile
from gateway.errors import LoadRefused
from gateway.extras import need

app = typer.Typer(no_args_is_help=True, help="The place where released data is opened.")

MAX_PROOF_BYTES = 64 * 1024 * 1024


@app.command()
def init(
    folder: Folder,
    *,
    name: Annotated[str, typer.Option(help="what people call it")],
    key: Annotated[Path | None, typer.Option(help="a Crypt4GH key that is there already")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="of that key")] = None,
) -> None:
    """Makes a workspace's keys."""
    from streams.keys import read_secret_key
    from workspaces import keys

    passphrase = None if passphrase_file is None else read_token(passphrase_file).encode()
    given = None if key is None else read_secret_key(key, passphrase)
    held = keys.init(folder, name, key=given)
    print(f"{folder}: workspace written; its Crypt4GH public key is {held.public_key.hex()}")
    print(f"identity key, for a federation's coordinator: {held.identity_key.hex()}")


@app.command()
def register(
    folder: Folder,
    *,
    node: NodeUrl,
    node_key: Annotated[str, typer.Option(help="its Ed25519 key in hex, from its operator")],
    token_file: TokenFile,
    external: Annotated[
        bool, typer.Option(help="as an environment of its own, without an identity that signs")
    ] = False,
) -> None:
    """Registers the key with a node and proves that it is ours."""
    from workspaces import keys

    done = keys.register(
        node,
        read_token(token_file),
        folder=folder,
        manifest_key=read_node_key(node_key),
        external=external,
    )
    print(f"{done.workspace_id}: {done.state}; the node's admin confirms {done.thumbprint}")


@app.command()
def approve(
    workspace_id: Annotated[str, typer.Argument(help="as `register` printed it")],
    *,
    node: NodeUrl,
    token_file: TokenFile,
    thumbprint: Annotated[str, typer.Option(help="of the key, as its owner read it to you")],
) -> None:
    """Confirms, as an admin of the node, whose key this is; what it may do the committees say."""
    from schemas.grants import WorkspaceView
    from workspaces import settings, wire

    place = f"{settings.node_address(node)}/access/workspaces/{_one_word(workspace_id)}"
    token = read_token(token_file)
    with wire.client() as http:
        shown = wire.ask(http, WorkspaceView, method="GET", url=place, token=token)
        if shown.thumbprint != thumbprint.strip().lower():
            raise LoadRefused("that is not the thumbprint of this key: nothing was confirmed")
        done = wire.ask(http, WorkspaceView, method="POST", url=f"{place}/confirm", token=token)
    print(f"{done.id}: {done.state}, {done.name} of {done.owner}")


@app.command("install-engine")
def install_engine(
    at: Annotated[Path | None, typer.Option(help="folder; else one in your home")] = None,
    more: Annotated[
        Path | None, typer.Option("--with", help="a second lock file, of libraries to add")
    ] = None,
) -> None:
    """Makes the environment that federated analyses run in, from its hashed lock file."""
    from workspaces.engine import environment

    made = environment.install(at, more=environment.read_more(more) if more else b"")
    if at is not None or more is not None:
        print(f"set {environment.PLACE}={made.folder} for whatever runs the engine")
    print(f"{made.folder}: engine ready; its environment digest is {made.digest}")


@app.command()
def serve(folder: Folder, *, port: int = 8181) -> None:
    """Runs the workspace's server on loopback."""
    need("uvicorn", extra="workspace")
    from workspaces.__main__ import main as serving

    raise SystemExit(serving(["--dir", str(folder), "--port", str(port)]))


app.command()(workspace_run.run)


@app.command()
def prove(
    folder: Folder,
    *,
    run: Annotated[str, typer.Option(help="its id, as the node names it")],
    name: Annotated[str, typer.Option(help="what people call the site")],
    record: Annotated[Path, typer.Option(help="what `skerry results prove-run` printed")],
    result: Annotated[
        list[Path] | None, typer.Option(help="a proof `skerry results take` kept; repeatable")
    ] = None,
) -> None:
    """Prints a site's part of a run's crate: permit, receipt, entries of the record, releases."""
    from pydantic import ValidationError

    from workspaces.crate.contents import SignedManifest
    from workspaces.crate.gathering import Recorded
    from workspaces.crate.kept import site_proofs

    try:
        said = json.loads(read_file(record))
        recorded = Recorded(said["checkpoint"], said["entries"])
        kept = [json.loads(read_file(place)) for place in result or ()]
        releases = [
            SignedManifest(manifest=one["manifest"], signature=one["signature"]) for one in kept
        ]
        found = site_proofs(folder, run=run, name=name, recorded=recorded, results=releases)
    except (ValidationError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise LoadRefused("the record's words or a result's proof cannot be read") from error
    print(found.model_dump_json())


@app.command()
def status(folder: Folder, *, as_json: AsJson = False) -> None:
    """What runs here, what is left behind, and what was wiped."""
    from workspaces import keys, leftovers, receipts
    from workspaces.engine.port import fingerprint

    held = keys.load(folder)
    facts: dict[str, Any] = {
        "name": held.settings.name,
        "fingerprint": fingerprint(held.identity_key),
        "nodes": [node.url for node in held.settings.nodes],
        "runs": [
            {"run": note.run, "node": note.node, "started": note.started,
             "state": "running" if alive else "left behind: `skerry workspace wipe`"}
            for note, alive in leftovers.under_way(folder)
        ],
        "receipts": [
            {"run": one.run, "outcome": one.outcome, "ended": one.ended, "given": given}
            for one, given in receipts.listed(folder)
        ],
    }  # fmt: skip
    if as_json:
        print(json.dumps(facts))
        return
    print(f"{facts['name']}: fingerprint {facts['fingerprint']}")
    for url in facts["nodes"]:
        print(f"registered with {url}")
    for one in facts["runs"]:
        print(f"{one['run']} at {one['node']}: {one['state']}")
    for one in facts["receipts"]:
        told = "its node has the receipt" if one["given"] else "the receipt still has to be given"
        print(f"{one['run']}: {one['outcome']}, wiped; {told}")


@app.command()
def wipe(
    folder: Folder,
    *,
    fetched: Annotated[bool, typer.Option(help="also what `skerry fetch` opened here")] = False,
) -> None:
    """Stops what runs here and wipes it, and what killed runs left; the keys stay."""
    from workspaces import leftovers, private, settings

    stopped = 0
    for note, alive in leftovers.under_way(folder):
        if alive:
            os.kill(note.process, signal.SIGTERM)  # it holds its folder's lock, so it is itself
            stopped += 1
    found = leftovers.sweep(folder)
    said = [f"{stopped} running told to stop and wipe", f"{found} left behind wiped"]
    if fetched:
        places = (settings.data_folder(folder), folder / "incoming")
        gone = [private.wipe_folder(place) for place in places]
        settings.data_folder(folder).mkdir(mode=0o700, exist_ok=True)
        said.append(f"{sum(one.files for one in gone)} fetched files overwritten")
    print("; ".join(said))


def read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PROOF_BYTES)
    except OSError as error:
        raise LoadRefused(f"{path}: cannot be read") from error


def _one_word(workspace_id: str) -> str:
    if not workspace_id.replace("-", "").isalnum():
        raise LoadRefused("a workspace's id has letters, digits and hyphens only")
    return workspace_id


def read_node_key(text: str) -> bytes:
    if re.fullmatch(r"[0-9a-fA-F]{64}", text) is None:
        raise LoadRefused(
            "--node-key: expected 64 hexadecimal digits, as `skerry check-config` prints them "
            "for the node's operator"
        )
    return bytes.fromhex(text)
