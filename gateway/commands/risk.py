"""`skerry risk`: what answers without a grant have given away, and what policies promise.

Reads the ledger, the catalog and the panel; a running node need not stop. People and callers are
keyed pseudonyms. What the numbers say is `gateway.risk_in_words`'.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from access.policies.file import read_bytes, read_policies
from gateway import config, risk, risk_in_words
from gateway.commands.printed import AsJson, Folder
from gateway.home import existing
from gateway.risk import Risk

app = typer.Typer(
    no_args_is_help=True, help="What answers have given away, and what policies promise."
)


@app.callback()
def _group() -> None:
    """What answers have given away, and what policies promise."""


@app.command("show")
def show(folder: Folder, *, as_json: AsJson = False) -> None:
    """Says for each dataset what its answers rest on and what was spent of its people."""
    report = risk.now(existing(folder))
    if as_json:
        print(json.dumps({dataset: asdict(one) for dataset, one in report.items()}))
    else:
        print("\n".join(_lines(report)))


@app.command("change")
def change(
    folder: Folder,
    policies: Annotated[
        Path | None, typer.Argument(help="a policy file; left out, the node's own draft")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Says what attackers could find out under another policy file, beside the one in force."""
    home = existing(folder)
    path = policies or home.policies
    url = config.load(home.settings).public_url
    draft = read_policies(read_bytes(path), name=str(path), public_url=url).book
    changes = risk.changed(risk.now(home), risk.under(draft, home))
    if as_json:
        print(json.dumps([asdict(one) | {"worse": one.worse} for one in changes]))
    else:
        print(
            "\n".join(map(risk_in_words.change, changes))
            or "attackers could find out as much as now"
        )


def _lines(report: Mapping[str, Risk]) -> Iterator[str]:
    if not report:
        yield "no dataset has both data and a policy"
    for dataset, one in report.items():
        first, *more = risk_in_words.said(one)
        yield f"{dataset}: {first}"
        yield from (f"  {line}" for line in more)
