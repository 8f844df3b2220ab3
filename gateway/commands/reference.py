"""`skerry reference`: takes reference sequences (FASTA) into a node, and lists what is held.

They are served by refget at once: the running node needs no restart.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from gateway.commands.printed import AsJson, Folder
from gateway.errors import LoadRefused
from gateway.home import existing
from streams.refget.collections import MAX_PAGE, Collections
from streams.refget.index import Index
from streams.refget.register import register

app = typer.Typer(no_args_is_help=True, help="Reference sequences: take them in and list them.")


@app.command("add")
def add(
    folder: Folder,
    fasta: Annotated[Path, typer.Argument(help="FASTA, plain or gzipped")],
    *,
    alias: Annotated[
        list[str] | None, typer.Option(help="NAME=insdc:CM000663.2, for a name of the file")
    ] = None,
    circular: Annotated[list[str] | None, typer.Option(help="a name of the file")] = None,
    as_json: AsJson = False,
) -> None:
    """Registers every sequence of a FASTA file, in one pass."""
    home = existing(folder)
    if not fasta.is_file():
        raise LoadRefused(f"{fasta}: no such file")
    given = dict(_pair(one) for one in alias or ())
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        # A packed file's letters are not known beforehand; then the bar only moves.
        total = fasta.stat().st_size if fasta.suffix != ".gz" else None
        task = bar.add_task(fasta.name, total=total)
        made = register(
            Index(home.references),
            fasta,
            aliases=given,
            circular=frozenset(circular or ()),
            progress=lambda letters: bar.update(task, completed=letters),
        )
    summary = {
        "collection": made.collection,
        "sequences": made.sequences,
        "letters": made.letters,
    }
    print(json.dumps(summary) if as_json else "; ".join(f"{k}: {v}" for k, v in summary.items()))


@app.command("list")
def listed(folder: Folder, *, as_json: AsJson = False) -> None:
    """Lists the sequence collections held, by digest."""
    held = Collections(Index(existing(folder).references))
    found = held.listed({}, page=0, size=MAX_PAGE)
    rows = [(digest, held.level2(digest)) for digest in found.results]
    summary = [
        {"collection": digest, "sequences": len(arrays["names"]), "letters": sum(arrays["lengths"])}
        for digest, arrays in rows
    ]
    if as_json:
        print(json.dumps(summary))
    for row in () if as_json else summary:
        print(f"{row['collection']}  {row['sequences']} sequences, {row['letters']:,} letters")


def _pair(text: str) -> tuple[str, str]:
    name, mark, identifier = text.partition("=")
    if not (name and mark and identifier):
        raise LoadRefused(f"{text[:80]}: write NAME=PREFIX:IDENTIFIER")
    return name, identifier
