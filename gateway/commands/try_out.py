"""`skerry fl try`: an application on synthetic sites, before anybody asks a committee.

It runs here, in the sandbox, in the engine's own environment: every site's side, the masks and the
coordinator's, without a federation and without a row of anybody. What it gave is judged as the
airlock would, under the usual floors.
"""

# ruff: noqa: T201

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.fl_plan import Application, read_plan
from gateway.commands.printed import AsJson
from gateway.errors import Exit, LoadRefused

if TYPE_CHECKING:
    from workspaces.rehearsing import Rehearsed
    from workspaces.twins import Column, Shape

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_USUAL = (0.0, 100.0)  # of a number whose range nobody states
_MAX_UNIT = 40
_SHOWN = 40  # lines of a failed run's log


def run_on_twins(
    application: Application,
    *,
    plan: Annotated[Path, typer.Option(help="JSON of what is to be analysed")],
    column: Annotated[
        list[str],
        typer.Option(help="as `skerry datasets seal-table` has it: NAME=female, has:TERM, "
                          "measure:TERM or info:KEY; repeatable"),
    ],
    output: Annotated[Path, typer.Option(help="new folder for what the run gives, and its log")],
    ranges: Annotated[
        list[str] | None, typer.Option("--range", help="NAME=LOW:HIGH of a number (0:100)")
    ] = None,
    units: Annotated[
        list[str] | None, typer.Option("--unit", help="NAME=UNIT of a number, as the tables say")
    ] = None,
    frequencies: Annotated[
        Path | None, typer.Option(help="public allele frequencies: VCF with AF, or TSV")
    ] = None,
    variants: Annotated[int, typer.Option(min=0, max=100_000, help="at most")] = 500,
    sites: Annotated[int, typer.Option(min=3, max=20)] = 3,
    people: Annotated[int, typer.Option(min=1, max=5_000, help="at each site")] = 200,
    missing: Annotated[float, typer.Option(min=0, max=0.9, help="share not there")] = 0.01,
    joint: Annotated[
        bool, typer.Option("--joint", help="same people everywhere, columns dealt out (vertical)")
    ] = False,
    label: Annotated[
        list[str] | None, typer.Option(help="a word the permit would let stand in names")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="the same twins again")] = 0,
    seconds: Annotated[int, typer.Option(min=1, help="it may take")] = 600,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Runs an application here on synthetic sites: no federation, no real row."""
    from workspaces import rehearsing, twins
    from workspaces.engine import bundle, environment
    from workspaces.twins import Shape

    table = _columns(column, ranges or [], units or [])
    given = twins.made_up(variants) if frequencies is None else twins.frequencies(
        frequencies, most=variants)  # fmt: skip
    shape = Shape(people, table, given, missing=missing, joint=joint)
    found, wanted, engine = bundle.bundle(application), read_plan(plan), environment.find()
    with tempfile.TemporaryDirectory(prefix="skerry-try-") as place:
        folder = Path(place)
        made = twins.make(folder / "sites", shape, sites=sites, seed=seed)
        ran = asyncio.run(
            rehearsing.rehearse(
                found, wanted, made, folder=folder, environment=engine, seconds=seconds
            )
        )
    output.mkdir(parents=True)
    (output / "log.txt").write_text(ran.log, encoding="utf-8")
    facts = {
        "application": f"{found.name} {found.version}",
        "digest": found.digest,
        **_facts(ran),
        "candidates": _judged(ran, output, classes=found.outputs, labels=label or []),
    }
    print(json.dumps(facts)) if as_json else _show(facts, shape, sites, output)
    if ran.reason:
        print(f"skerry: the run did not come to its end: {_plain(ran.reason)}", file=sys.stderr)
        for line in ran.log.splitlines()[-_SHOWN:] if not as_json else ():
            print(_plain(line), file=sys.stderr)
        raise SystemExit(Exit.FAILED)


def _judged(
    ran: Rehearsed, output: Path, *, classes: tuple[str, ...], labels: list[str]
) -> list[dict[str, object]]:
    """Keeps each candidate, and says what an airlock with the usual floors would."""
    from workspaces.airlock import candidates, rules
    from workspaces.errors import CandidateUnreadable

    floors = rules.Floors(frozenset(classes), labels=frozenset(labels))
    judged: list[dict[str, object]] = []
    for number, raw in enumerate(ran.candidates):
        name = f"candidate-{number}.json"
        (output / name).write_bytes(raw)
        try:
            offered = candidates.read(raw)
            verdict = rules.judge(offered, floors)
            kind: str = offered.kind
            told, reasons = verdict.outcome.value, list(verdict.reasons)
        except CandidateUnreadable as error:
            kind, told, reasons = "unreadable", "refuse", [error.public]
        judged.append({"file": name, "kind": kind, "airlock": told, "reasons": reasons})
    return judged


def _facts(ran: Rehearsed) -> dict[str, object]:
    return {
        "reason": ran.reason,
        "missing": dict(ran.missing),
        "sums": ran.sums,
        "rounds": list(ran.rounds),
        "sent": dict(ran.sent),
        "seconds": ran.seconds,
        "memory": ran.memory,
    }


def _show(facts: dict[str, object], shape: Shape, sites: int, output: Path) -> None:
    kinds = ", ".join(one.name for one in shape.columns)
    print(f"{sites} synthetic sites of {shape.people}: {kinds}; {len(shape.alleles)} variants")
    print(f"{facts['application']} {str(facts['digest'])[:16]}: {facts['sums']} sums, "
          f"{facts['seconds']} s, {int(str(facts['memory'])) >> 20} MiB")  # fmt: skip
    for title in ("sent", "missing"):
        told = facts[title]
        if isinstance(told, dict) and told:
            print(f"{title}: " + "; ".join(f"{at} {_plain(str(one))}" for at, one in told.items()))
    judged = facts["candidates"]
    for one in judged if isinstance(judged, list) else ():
        words = "; ".join([f"the airlock's usual floors: {one['airlock']}", *one["reasons"]])
        print(f"{output / one['file']}: {one['kind']}; {_plain(words)}")


def _columns(texts: list[str], ranges: list[str], units: list[str]) -> tuple[Column, ...]:
    from workspaces.twins import Column

    stated, measured = dict(map(_range, ranges)), dict(map(_unit, units))
    found = []
    for text in texts:
        name, _, where = text.partition("=")
        kind, colon, term = where.partition(":")
        yes_or_no, number = where == "female" or kind == "has", kind in ("measure", "info")
        if not _NAME.fullmatch(name) or not (yes_or_no or number) or (colon and not term):
            raise LoadRefused(f"--column {text[:60]}: expected NAME=female, has:TERM, measure:TERM "
                              "or info:KEY")  # fmt: skip
        low, high = (0.0, 1.0) if yes_or_no else stated.pop(name, _USUAL)
        found.append(Column(name, low, high, measured.pop(name, "") if number else ""))
    for option, left in (("--range", stated), ("--unit", measured)):
        if left:
            raise LoadRefused(f"{option} {next(iter(left))}: no number has that name")
    return tuple(found)


def _unit(text: str) -> tuple[str, str]:
    name, _, unit = text.partition("=")
    if not unit or not unit.isprintable() or len(unit) > _MAX_UNIT:
        raise LoadRefused(f"--unit {text[:60]}: expected NAME=UNIT, as ldl=mmol/L")
    return name, unit


def _range(text: str) -> tuple[str, tuple[float, float]]:
    name, _, ends = text.partition("=")
    low, _, high = ends.partition(":")
    try:
        found = float(low), float(high)
    except ValueError as error:
        raise LoadRefused(f"--range {text[:60]}: expected NAME=LOW:HIGH") from error
    if not -1e12 < found[0] < found[1] < 1e12:
        raise LoadRefused(f"--range {text[:60]}: expected a lower and a higher end")
    return name, found


def _plain(text: str) -> str:
    """An application's words, without what a terminal would obey."""
    return "".join(one if one.isprintable() else " " for one in text)[:1_000]
