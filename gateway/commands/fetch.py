"""`skerry fetch`: a sealed release is pulled and opened in a workspace; needs the base install."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from gateway.commands.fetch_progress import FetchLine
from gateway.commands.printed import AsJson, read_token, show
from gateway.errors import LoadRefused
from workspaces import inbox
from workspaces.regions import read_region
from workspaces.settings import data_folder


def fetch(
    object_id: Annotated[
        str, typer.Argument(help="what to fetch: DATASET/NAME, as the node's pages list it")
    ],
    *,
    workspace_folder: Annotated[Path, typer.Option("--workspace", help="its folder")],
    node: Annotated[str, typer.Option(help="the node's public URL")],
    kind: Annotated[str, typer.Option(help="reads, variants or file")] = "reads",
    region: Annotated[
        list[str] | None, typer.Option(help="only these records: NAME or NAME:FIRST-LAST")
    ] = None,
    token_file: Annotated[Path, typer.Option(help="holds a Passport for that node")],
    out: Annotated[
        Path | None, typer.Option(help="another file name, in the workspace's folder data")
    ] = None,
    insecure_plaintext_path: Annotated[
        bool, typer.Option("--insecure-plaintext-path", help="let --out lie outside that folder")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Pulls a sealed release, verifies it against the node's signature, opens it inside."""
    if kind not in {"reads", "variants", "file"}:
        raise LoadRefused("--kind is reads, variants or file")
    with FetchLine(sys.stderr) as line:
        delivery = inbox.fetch(
            folder=workspace_folder,
            node_url=node,
            object_id=object_id,
            kind=cast("inbox.Kind", kind),
            token=read_token(token_file),
            regions=[read_region(text) for text in region or ()],
            out=out,
            insecure_plaintext_path=insecure_plaintext_path,
            progress=line,
        )
    said = {
        "path": str(data_folder(workspace_folder) / delivery.path),
        "bytes": delivery.plain_size,
        "sha256": delivery.plain_sha256,
    }
    if delivery.regions is not None and not region:
        said["regions"] = "those of the grant: " + ", ".join(
            f"{name}:{start0}-{end0}" for name, start0, end0 in delivery.regions
        )
    show(said, as_json=as_json)
