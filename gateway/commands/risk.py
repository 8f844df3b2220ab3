"""`skerry risk`: what answers without a grant have given away, and what policies promise.

Reads the ledger, the catalog and the panel; a running node need not stop. People and callers are
keyed pseudonyms. What the numbers say is `gateway.risk`'s.
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
from gateway import config, risk
from gateway.errors import LoadRefused
from gateway.home import NodeHome
from gateway.risk import Change, Risk

app = typer.Typer(
    no_args_is_help=True, help="What answers have given away, and what policies promise."
)
Folder = Annotated[Path, typer.Argument(help="the node's folder")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document")]
_POWERS = {
    "everybody": "what everybody is told",
    "account": "one account's questions about variants",
    "account_counts": "one account's counts",
}


@app.callback()
def _group() -> None:
    """What answers have given away, and what policies promise."""


@app.command("show")
def show(folder: Folder, *, as_json: AsJson = False) -> None:
    """Says for each dataset what its answers rest on and what was spent of its people."""
    report = risk.now(_home(folder))
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
    home = _home(folder)
    path = policies or home.policies
    url = config.load(home.settings).public_url
    draft = read_policies(read_bytes(path), name=str(path), public_url=url).book
    changes = risk.changed(risk.now(home), risk.under(draft, home))
    if as_json:
        print(json.dumps([asdict(one) | {"worse": one.worse} for one in changes]))
    else:
        print("\n".join(map(in_words, changes)) or "attackers could find out as much as now")


def _home(folder: Path) -> NodeHome:
    home = NodeHome(folder)
    if not home.settings.exists():
        raise LoadRefused(f"{home.root}: not a node's folder; `skerry init` writes one")
    return home


def in_words(one: Change) -> str:
    """What another policy would give away, beside what this one does."""
    mark = "MORE" if one.worse else "less"
    was, would = ("nothing" if each is None else f"{each:.2f}" for each in (one.before, one.after))
    return f"{mark}  {one.dataset}: {_POWERS[one.power]}: power {was} now, {would} then"


def _lines(report: Mapping[str, Risk]) -> Iterator[str]:
    if not report:
        yield "no dataset has both data and a policy"
    for dataset, one in report.items():
        first, *more = said(one)
        yield f"{dataset}: {first}"
        yield from (f"  {line}" for line in more)


def said(one: Risk) -> Iterator[str]:
    """Of one dataset, a sentence each."""
    yield f"profile {one.profile}, {one.people} people"
    if not one.protected:
        yield "answers are exact for everybody whom the policy admits"
        return
    yield from _promised(one)
    yield from _given(one)


def _promised(one: Risk) -> Iterator[str]:
    yield f"everybody: {_everybody(one)}"
    least = one.registered_from
    yield (
        "registered callers: "
        + ("nothing about variants" if least is None else f"variants from AF {least:.2g}")
        + f"; counts with noise of scale {one.noise_registered}"
    )
    if one.exact_presence:
        yield "exact presence for registered callers: what it costs is noted, not refused"
    yield (
        "power against one person, at false alarms of 0.05: "
        f"everybody at most {one.powers.everybody:.2f}, one account at most "
        f"{one.powers.account:.2f} by variants and about {one.powers.account_counts:.2f} by counts"
    )


def _given(one: Risk) -> Iterator[str]:
    given = one.given
    yield (
        f"spent: {given.callers} callers, {given.people} people; at most {given.by_one} nats by "
        f"one caller (power {given.reached}), {given.together} by all together "
        f"(power {given.reached_together})"
    )
    if given.to_watch:
        yield f"WATCH: {given.to_watch} people beyond {risk.WATCHED} allowances together"


def _everybody(one: Risk) -> str:
    if one.panel is None:
        return "nothing about variants: no panel of this assembly (`skerry panel add`)"
    if one.floor_allele is None:
        return "nothing: too few people for this panel"
    span = one.floor_range
    ranges = "no ranges" if span is None else f"ranges with one from AF {span:.2g}"
    return f"variants from AF {one.floor_allele:.2g}, {ranges}"
