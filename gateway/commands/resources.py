"""`skerry resources`: takes in what helps to read questions, such as dbSNP's and ClinVar's names.

A running node takes a new table up when it starts again: what an answer means must not change
unseen. Chain files are the portal's (`portal.toml`), gene tables a dataset's (`skerry load`).
"""

# ruff: noqa: T201

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from beacon.catalog import DatasetFacts
from beacon.loading import names_load
from beacon.segments import SegmentCatalog
from gateway.commands.load_progress import Shown
from gateway.commands.printed import AsJson, Folder
from gateway.errors import LoadRefused
from gateway.holding.references import bases
from gateway.home import existing

app = typer.Typer(no_args_is_help=True, help="Names of alleles (dbSNP, ClinVar): take in, list.")


@app.command("add")
def add(
    folder: Folder,
    table: Annotated[Path, typer.Argument(help="VCF or BCF with rsIDs or ClinVar ids")],
    *,
    name: Annotated[str, typer.Option(help="what to call it; another of the name is replaced")],
    assembly: Annotated[str, typer.Option(help="GRCh37 or GRCh38")] = "GRCh38",
    reference: Annotated[
        str | None, typer.Option(help="FASTA or collection, so that shifted indels are known")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Names alleles for datasets that bring no such names themselves."""
    home = existing(folder)
    if not table.is_file():
        raise LoadRefused(f"{table}: no such file")
    with Shown() as shown:
        facts = names_load.load(
            table,
            home.names,
            name=name,
            assembly=assembly,
            bases=bases(home, reference),
            progress=shown,
        )
    _say(facts, as_json=as_json)
    if not as_json:
        print("taken up when the node starts again")


@app.command("list")
def listed(folder: Folder, *, as_json: AsJson = False) -> None:
    """Lists the tables held."""
    home = existing(folder)
    held = SegmentCatalog(home.names).snapshot() if home.names.exists() else {}
    for _, one in sorted(held.items()):
        _say(one.facts, as_json=as_json)
    if not held and not as_json:
        print("no table: rsIDs and ClinVar ids are asked of the datasets that hold them")


def _say(facts: DatasetFacts, *, as_json: bool) -> None:
    summary = {
        "table": facts.id,
        "alleles": facts.variants,
        "names": ", ".join(facts.identifiers),
        "version": facts.version,
    }
    print(json.dumps(summary) if as_json else "; ".join(f"{k}: {v}" for k, v in summary.items()))
