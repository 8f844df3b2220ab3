"""`skerry policy`: numbered policy versions of a node, tried before they hold.

A running node takes up what is put in force here by itself, within seconds, and records it. Rules
are `access`'s; here they are called and printed.
"""

# ruff: noqa: T201

from __future__ import annotations

import getpass
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.printed import AsJson, Folder, read_token
from gateway.errors import Exit

if TYPE_CHECKING:
    from access.policies.replay import Change
    from access.policies.versions import Activation

LAST = 10_000

app = typer.Typer(no_args_is_help=True, help="Who may do what: policies, their versions and tests.")

Reason = Annotated[str, typer.Option(help="why, in one line; kept with the version")]
Author = Annotated[str | None, typer.Option(help="who decides; left out: your account's name")]
Which = Annotated[str, typer.Argument(help="a number, `active`, `draft` or a file")]


@app.command("list")
def listed(folder: Folder, *, as_json: AsJson = False) -> None:
    """Every time a version came into force, the present one last."""
    from gateway import policy_reading
    from gateway.home import NodeHome

    history = policy_reading.versions_of(NodeHome(folder)).history()
    if as_json:
        print(json.dumps([asdict(entry) for entry in history]))
        return
    for entry in history:
        print(_line(entry, holds=entry is history[-1]))
    if not history:
        print("no version yet: policies.yaml holds as it was when the node started")


@app.command()
def activate(
    folder: Folder,
    file: Annotated[Path | None, typer.Argument(help="left out: the node's policies.yaml")] = None,
    *,
    reason: Reason,
    author: Author = None,
) -> None:
    """Numbers a policy file and puts it in force, if its own tests hold."""
    from access.policies.file import read_bytes
    from gateway import policy_reading
    from gateway.home import NodeHome

    home = NodeHome(folder)
    path = file or home.policies
    entry = policy_reading.versions_of(home).activate(
        read_bytes(path),
        name=str(path),
        author=author or getpass.getuser(),
        reason=reason,
        now=int(time.time()),
    )
    print(f"version {entry.number} is in force; a running node takes it up within a minute")


@app.command()
def rollback(
    folder: Folder,
    *,
    reason: Reason,
    to: Annotated[int | None, typer.Option(help="left out: the one before")] = None,
    author: Author = None,
) -> None:
    """Puts a former version in force again."""
    from gateway import policy_reading
    from gateway.home import NodeHome

    entry = policy_reading.versions_of(NodeHome(folder)).roll_back(
        to=to, author=author or getpass.getuser(), reason=reason, now=int(time.time())
    )
    print(f"version {entry.number} is in force again; a running node takes it up within a minute")


@app.command("test")
def run_tests(folder: Folder, which: Which = "draft", *, as_json: AsJson = False) -> None:
    """Runs the tests inside a policy file; exits 1 where one fails."""
    from gateway import policy_reading
    from gateway.home import NodeHome

    read = policy_reading.read(NodeHome(folder), which)
    failed, notes = read.failures(), policy_reading.notes(read, now=int(time.time()))
    if as_json:
        print(json.dumps({"tests": len(read.tests), "failed": failed, "notes": notes}))
    else:
        for problem in failed:
            print(problem)
        for note in notes:
            print(f"note: {note}")
        print(f"{len(read.tests) - len(failed)} of {len(read.tests)} tests hold")
    if failed:
        raise SystemExit(Exit.FAILED)


@app.command("try")
def try_out(
    folder: Folder,
    which: Which = "draft",
    *,
    persona: Annotated[
        str | None, typer.Option(help="anonymous, registered, bona_fide or grant:DATASET")
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="holds a Passport for the node")] = None,
    at: Annotated[str | None, typer.Option(help="a day, YYYY-MM-DD; left out: now")] = None,
    entry: Annotated[str | None, typer.Option(help="an entry type; left out: any")] = None,
    purpose: Annotated[Path | None, typer.Option(help="a data use request to judge too")] = None,
    as_json: AsJson = False,
) -> None:
    """What every dataset would answer to someone, before it holds."""
    from access.policies.decision import Action
    from gateway import policy_reading
    from gateway.commands.asking import asking, entry_of, judge_of
    from gateway.home import NodeHome

    home = NodeHome(folder)
    book = policy_reading.read(home, which).book
    token = None if token_file is None else read_token(token_file)
    who = asking(home, book, token=token, as_persona=persona, at=at)
    judge, entries = judge_of(home, purpose, now=who.now), entry_of(entry)
    found = [
        book.decide(who.researcher, dataset, action, now=who.now, entries=entries, judge=judge)
        for dataset in book.datasets()
        for action in Action
    ]
    rows = [
        {
            "dataset": one.dataset,
            "action": one.action.value,
            "outcome": one.outcome.value,
            "ceiling": None if one.ceiling is None else one.ceiling.wire,
            "reasons": [reason.code for reason in one.reasons],
        }
        for one in found
    ]
    if as_json:
        print(json.dumps(rows))
        return
    for one in found:
        ceiling = "" if one.ceiling is None else f", {one.ceiling.wire}"
        reasons = ", ".join(reason.code for reason in one.reasons)
        print(f"{one.dataset}: {one.action.value}: {one.outcome.value}{ceiling} ({reasons})")
    if not found:
        print("no dataset has a policy: every question is refused")


@app.command()
def diff(
    folder: Folder,
    before: Which,
    after: Which,
    *,
    last: Annotated[int, typer.Option(min=1, help="of how many past decisions")] = LAST,
    as_json: AsJson = False,
) -> None:
    """Which of the last decisions would change; replays what they rested on, never a question."""
    from gateway import policy_reading
    from gateway.home import NodeHome

    home = NodeHome(folder)
    old, new = (policy_reading.read(home, which).book for which in (before, after))
    found = policy_reading.compare(home, old, new, last=last)
    if as_json:
        changes = [_change(change) for change in found.changes]
        print(json.dumps({"before": old.version, "after": new.version, "asked": found.asked,
                          "changes": changes}))  # fmt: skip
        return
    for change in found.changes:
        entries = f" of {', '.join(change.entries)}" if change.entries else ""
        print(f"{change.dataset}: {change.action.value}{entries}: {change.count} times: "
              f"{change.before} -> {change.after}")  # fmt: skip
    print(f"{found.asked} past questions and requests tried; "
          f"{len(found.changes)} kinds of decision would change")  # fmt: skip


@app.command()
def schema() -> None:
    """The JSON Schema of a policy file."""
    from access.policies.model import json_schema

    print(json.dumps(json_schema(), indent=1))


def _line(entry: Activation, *, holds: bool) -> str:
    day = time.strftime("%Y-%m-%d %H:%M", time.gmtime(entry.at))
    mark = "*" if holds else " "
    return (
        f"{mark} {entry.number}  {day} UTC  {entry.sha256[:12]}  {entry.cause}  "
        f"{entry.author}: {entry.reason}"
    )


def _change(change: Change) -> dict[str, object]:
    return {
        "dataset": change.dataset,
        "action": change.action.value,
        "entries": list(change.entries),
        "before": str(change.before),
        "after": str(change.after),
        "count": change.count,
    }
