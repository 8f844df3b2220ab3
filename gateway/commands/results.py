"""`skerry results`: takes and draws what left an airlock, packs and checks the crates of runs.

A crate is a Five Safes RO-Crate of a run and its proofs; it is checked with node keys alone.

But for `take` all of it is local: no server is asked, and only what was released can be drawn.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.printed import AsJson, read_token
from gateway.errors import Exit, LoadRefused

if TYPE_CHECKING:
    from workspaces.crate.contents import FederatedRun

app = typer.Typer(
    no_args_is_help=True, help="Released results: draw them, pack and verify the crate of a run."
)

MAX_FILE = 256 * 1024 * 1024
KEY_BYTES = 32


@app.command()
def take(
    output: Annotated[str, typer.Argument(help="its id, as the node's airlock names it")],
    *,
    node: Annotated[str, typer.Option(help="the node's public URL")],
    node_key: Annotated[str, typer.Option(help="its Ed25519 key in hex, from its operator")],
    token_file: Annotated[Path, typer.Option(help="holds a Passport for that node")],
    key: Annotated[Path, typer.Option(help="your Crypt4GH secret key, registered there")],
    out: Annotated[Path, typer.Option(help="the file to write; its proof is put beside it")],
) -> None:
    """Takes a released result: verifies that the node signed it for your key, and opens it."""
    from gateway.commands.workspace import read_node_key
    from streams.keys import read_secret_key
    from workspaces import results

    found = results.take(
        node, output, node_key=read_node_key(node_key), secret=read_secret_key(key),
        token=read_token(token_file),
    )  # fmt: skip
    try:
        with out.open("xb") as file:
            file.write(found.content)
    except OSError as error:
        raise LoadRefused(f"{out}: cannot be written: {error.strerror}") from error
    proof = out.with_name(out.name + ".proof.json")
    proof.write_text(found.signed.model_dump_json(indent=1) + "\n", encoding="ascii")
    print(f"{out}: {found.manifest.kind} of {found.manifest.dataset}; signed proof in {proof}")


@app.command()
def plot(
    released: Annotated[Path, typer.Argument(help="a released document, opened")],
    *,
    form: Annotated[str, typer.Option(help="manhattan, qq, survival or bars")],
    out: Annotated[Path, typer.Option(help="the SVG file to write")],
    as_json: AsJson = False,
) -> None:
    """Draws a released result as SVG, and prints the table of what it shows."""
    import hashlib

    from workspaces.airlock import candidates
    from workspaces.plots.drawing import draw

    raw = _read(released)
    asked = {"kind": "plot", "form": form, "of": hashlib.sha256(raw).hexdigest()}
    wanted = candidates.read(json.dumps(asked).encode())
    assert isinstance(wanted, candidates.Plot)  # noqa: S101 - the reader's own discriminator
    picture = draw(wanted, raw)
    out.write_text(picture.svg, encoding="utf-8")
    if as_json:
        print(json.dumps({"title": picture.title, "columns": picture.columns,
                          "rows": picture.rows, "more": picture.more}))  # fmt: skip
        return
    print(f"{picture.title}: {out}")
    for row in (picture.columns, *picture.rows):
        print("\t".join(row))


@app.command("verify-crate")
def verify_crate(
    crate: Annotated[Path, typer.Argument(help="the crate's ZIP file")],
    *,
    key: Annotated[list[str], typer.Option(help="URL=HEX: a node's signing key you trust")],
    as_json: AsJson = False,
) -> None:
    """Checks every digest, signature and proof of a run's crate, with node keys alone."""
    from workspaces.crate.proving import verify

    proven = verify(_read(crate), node_keys=_keys(key))
    if as_json:
        sites = [{"node": one.node, "dataset": one.dataset, "run": one.run, "wiped": one.wiped,
                  "released": sorted(one.released), "entries": one.entries}
                 for one in proven.sites]  # fmt: skip
        print(json.dumps({"application": proven.application, "outputs": dict(proven.outputs),
                          "sites": sites, "silent": proven.silent}))  # fmt: skip
        return
    print(f"proven: application {proven.application}, {len(proven.outputs)} outputs")
    for site in proven.sites:
        gone = "data wiped" if site.wiped else "NO RECEIPT that the data are gone"
        print(f"  {site.node} {site.dataset}: {site.entries} entries of its record, {gone}")
    if proven.silent:
        print(f"  {len(proven.silent)} sites of the roster have no proofs here", file=sys.stderr)


@app.command("pack-crate")
def pack_crate(
    folder: Annotated[Path, typer.Argument(help="run.json, bundle.fab, plan.json, outputs, sites")],
    *,
    out: Annotated[Path, typer.Option(help="the ZIP file to write")],
) -> None:
    """Packs a run's folder into a Five Safes RO-Crate."""
    from workspaces.crate.writing import write

    archive = write(_run(folder))
    try:
        with out.open("xb") as file:
            file.write(archive)
    except FileExistsError as error:
        raise LoadRefused(f"{out} is there already.") from error
    print(f"{out}: {len(archive)} bytes; check it with skerry results verify-crate")


@app.command("prove-run")
def prove_run(
    folder: Annotated[Path, typer.Argument(help="the node's folder")],
    *,
    run: Annotated[str, typer.Option(help="the run's id, as its permit names it")],
) -> None:
    """Prints what the node's record says of a run, with proofs: for the site's part of a crate."""
    from gateway import config
    from gateway.home import NodeHome
    from workspaces.crate.gathering import recorded

    home = NodeHome(folder)
    url = config.load(home.settings).public_url
    found = recorded(home.record, run=run, public_url=url, key=home.signing_key())
    entries = [one.model_dump(mode="json") for one in found.entries]
    print(json.dumps({"checkpoint": found.checkpoint, "entries": entries}))


def _run(folder: Path) -> FederatedRun:
    """`run.json` holds name, project, requester, organisation, application (name, license), started
    and ended (epoch seconds); `sites` one JSON of `SiteProofs` per site, `outputs` what was
    released."""
    from pydantic import ValidationError

    from workspaces.crate.contents import Application, FederatedRun, SiteProofs

    try:
        said: dict[str, Any] = json.loads(_read(folder / "run.json"))
        application = Application(bundle=_read(folder / "bundle.fab"), **said.pop("application"))
        sites = [SiteProofs.model_validate_json(_read(one)) for one in _files(folder / "sites")]
        return FederatedRun(
            application=application,
            plan=_read(folder / "plan.json"),
            outputs={one.name: _read(one) for one in _files(folder / "outputs")},
            sites=tuple(sites),
            **said,
        )
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise LoadRefused(f"{folder}/run.json or the proofs of a site cannot be read.") from error


def _files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.glob("*") if one.is_file())


def _keys(given: list[str]) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for one in given:
        url, _, text = one.rpartition("=")
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if not url or len(key) != KEY_BYTES:
            print("A key is URL=HEX: the node's address and 32 bytes in hex.", file=sys.stderr)
            raise typer.Exit(Exit.USAGE)
        keys[url] = key
    return keys


def _read(place: Path) -> bytes:
    try:
        with place.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except OSError as error:
        raise LoadRefused(f"{place} cannot be read.") from error
    if len(raw) > MAX_FILE:
        raise LoadRefused(f"{place} has more than {MAX_FILE} bytes.")
    return raw
