"""`skerry panel`: takes in public allele frequencies, on which answers without a grant depend.

A running node takes a new panel up when it starts again: what is answered must not change unseen.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from beacon import panel
from beacon.loading import panel_load
from gateway.commands.load_progress import Shown
from gateway.commands.printed import AsJson, Folder
from gateway.errors import LoadRefused
from gateway.holding.references import bases
from gateway.home import existing

app = typer.Typer(no_args_is_help=True, help="Public allele frequencies: take in, list.")


@app.command("add")
def add(
    folder: Folder,
    frequencies: Annotated[Path, typer.Argument(help="VCF, BCF or TSV with AF, or AC and AN")],
    *,
    assembly: Annotated[str, typer.Option(help="GRCh37 or GRCh38")] = "GRCh38",
    population: Annotated[
        str, typer.Option(help="whose frequencies, as the file names it, such as nfe; else all")
    ] = "",
    reference: Annotated[
        str | None, typer.Option(help="FASTA or collection, so that shifted indels are known")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Makes a file the panel of its assembly, in place of the one before."""
    home = existing(folder)
    if not frequencies.is_file():
        raise LoadRefused(f"{frequencies}: no such file")
    with Shown() as shown:
        facts = panel_load.load(
            frequencies,
            home.panel,
            assembly=assembly,
            population=population,
            bases=bases(home, reference),
            progress=shown,
        )
    _say(assembly, facts, as_json=as_json)
    if not as_json:
        print("taken up when the node starts again")


@app.command("list")
def listed(folder: Folder, *, as_json: AsJson = False) -> None:
    """Lists the panels held, by assembly."""
    held = panel.read(existing(folder).panel)
    for assembly, one in sorted(held.items()):
        _say(assembly, one.facts, as_json=as_json)
    if not held and not as_json:
        print("no panel: every allele counts as the rarest, and needs a grant")


def _say(assembly: str, facts: panel.PanelFacts, *, as_json: bool) -> None:
    summary = {
        "assembly": assembly,
        "alleles": facts.alleles,
        "population": facts.population or "all",
        "version": facts.version,
    }
    print(json.dumps(summary) if as_json else "; ".join(f"{k}: {v}" for k, v in summary.items()))
