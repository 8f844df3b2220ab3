"""`skerry datasets` and `skerry people`: which versions a node holds and serves, and who withdrew.

A running node follows within seconds; requests that began on another version finish on it.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beacon import manifest
from gateway.commands.printed import AsJson, Folder
from gateway.errors import Exit, LoadRefused

if TYPE_CHECKING:
    from gateway.holding.resealing import Resealed
    from gateway.home import NodeHome
    from streams.vault import SealedObject

app = typer.Typer(no_args_is_help=True, help="The dataset versions of a node: list and switch.")
people = typer.Typer(no_args_is_help=True, help="The people of a dataset: take one out.")

Dataset = Annotated[str, typer.Argument(help="the dataset's id")]
Version = Annotated[str, typer.Argument(help="as `skerry datasets list` prints it")]


@app.command("list")
def listed(folder: Folder, *, as_json: AsJson = False) -> None:
    """Every version, in the order it was loaded; the one served is marked."""
    from gateway.holding.holdings import held

    rows = tuple(held(_home(folder)))
    if as_json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    for row in rows:
        mark = "active" if row.active else ""
        print(row.id, row.version, f"{row.people} people",
              f"{row.variants} variants", f"{row.bytes} bytes", mark)  # fmt: skip
    if not rows:
        print("no dataset yet; `skerry load` brings one")


@app.command()
def activate(folder: Folder, dataset: Dataset, version: Version) -> None:
    """Serves a version loaded before."""
    home = _home(folder)
    entry = manifest.activate(home.catalog, dataset, version)
    _follow(home)
    print(f"{dataset}: {entry.version} is served")


@app.command()
def rollback(folder: Folder, dataset: Dataset) -> None:
    """Serves the version that was served before the present one."""
    home = _home(folder)
    entry = manifest.rollback(home.catalog, dataset)
    _follow(home)
    print(f"{dataset}: {entry.version} is served")


@app.command()
def remove(folder: Folder, dataset: Dataset, version: Version) -> None:
    """Removes a version that is not served, and its files."""
    home = _home(folder)
    manifest.remove(home.catalog, dataset, version)
    _follow(home)
    print(f"{dataset}: {version} is removed")


@app.command()
def verify(folder: Folder) -> None:
    """Reads the file of every version to its end: is it what was loaded? As after a restore."""
    from gateway.holding.holdings import verified

    damaged = 0
    for dataset, version, problem in verified(_home(folder)):
        print(dataset, version, problem or "as it was loaded", flush=True)
        damaged += bool(problem)
    if damaged:
        raise typer.Exit(Exit.FAILED)


@app.command("seal-table")
def seal_table(
    folder: Folder,
    dataset: Dataset,
    *,
    column: Annotated[
        list[str] | None,
        typer.Option(help="NAME=female, has:TERM, measure:TERM or info:KEY; repeatable"),
    ] = None,
    given: Annotated[
        Path | None,
        typer.Option("--from", help="instead: a table of yours, TSV of an id and numbers"),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="of the sealed file; else clinical.tsv, or as it is called")
    ] = None,
) -> None:
    """Seals a table of the people's numbers for release to workspaces, one row per sample."""
    from gateway.holding import clinical_table, table_file

    if (given is None) is not bool(column):
        raise LoadRefused("give --column for a table of the records, or --from FILE for your own")
    called = name or ("clinical.tsv" if given is None else given.name)
    if Path(called).name != called or not called.endswith(".tsv"):
        raise LoadRefused("--name is a plain file name that ends with .tsv")
    home = _home(folder)
    if given is None:
        columns = [clinical_table.column(text) for text in column or ()]
        width = len(columns)
        sealed, rows = clinical_table.seal(home, dataset, columns, file_name=called)
    else:
        sealed, rows, width = table_file.seal(home, dataset, given, file_name=called)
    print(f"sealed {sealed.object_id}: {rows} rows, {width} columns")
    _tell_if_closed(folder, home, sealed)


@app.command()
def reseal(
    folder: Folder,
    dataset: Dataset,
    *,
    free: Annotated[
        list[str] | None,
        typer.Option(help="an object that by your own knowledge holds nobody who withdrew; repeat"),
    ] = None,
) -> None:
    """After withdrawals: seals tables of the records anew, and looks through all other objects.

    What is said with --free stands in the node's record, under who said it."""
    from gateway.holding import resealing
    from gateway.recording import of_command, operator

    home, freed = _home(folder), tuple(dict.fromkeys(free or ()))
    if freed:
        held = of_command(home)
        try:
            resealing.free(home, dataset, freed, record=held, by=operator())
        finally:
            held.close()
    done = resealing.reseal(home, dataset)
    for object_id in freed:
        print(f"released by your word: {object_id}")
    _tell(folder, dataset, done)
    if not any((freed, done.tables, done.cleared, done.closed)):
        print(f"{dataset}: nothing is waiting to be sealed anew or looked through")


@app.command()
def publish(folder: Folder) -> None:
    """Loads the active versions into the node's ClickHouse, where its settings name one."""
    from gateway.holding import clickhouse

    published = clickhouse.publish(
        _home(folder), tell=lambda dataset, rows: print(f"{dataset}: {rows} variants")
    )
    if published is None:
        raise LoadRefused("the settings name no clickhouse_url; see docs/scale.md")
    print(f"published: {', '.join(published) or 'nothing new'}")


@people.command()
def withdraw(
    folder: Folder,
    dataset: Dataset,
    person: Annotated[str, typer.Argument(help="the individual's id")],
) -> None:
    """Takes a person out of every answer, for good: no rollback or load brings them back."""
    from gateway.holding import resealing, withdrawing

    home = _home(folder)
    done = withdrawing.withdraw(home, dataset, person)
    print(f"{dataset}: withdrawn" if done else f"{dataset}: had withdrawn before")
    _tell(folder, dataset, resealing.reseal(home, dataset))


def _follow(home: NodeHome) -> None:
    from gateway.holding import clickhouse

    for what, said in clickhouse.follow(home).items():
        print(f"{what}: {said}")


def _tell_if_closed(folder: Path, home: NodeHome, sealed: SealedObject) -> None:
    from gateway.holding import clearance

    if not clearance.is_clear(home, sealed):
        print(
            "not released yet: people withdrew, and whom it is of cannot be seen. If it is of none "
            f"of them: skerry datasets reseal {folder} {sealed.dataset} --free {sealed.object_id}"
        )


def _tell(folder: Path, dataset: str, done: Resealed) -> None:
    for object_id in done.tables:
        print(f"sealed anew: {object_id}")
    for object_id in done.cleared:
        print(f"released as before: {object_id}")
    for object_id in done.closed:
        print(f"released no more: {object_id}")
    if done.closed:
        print(
            f"make these files without who withdrew, and `skerry load {folder} --dataset {dataset} "
            "--seal FILE` (or --clear FILE) each; of one that never held them, say so: "
            f"`skerry datasets reseal {folder} {dataset} --free OBJECT`"
        )


def _home(folder: Folder) -> NodeHome:
    from gateway.home import existing

    return existing(folder)
