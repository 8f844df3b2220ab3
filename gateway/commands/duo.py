"""`skerry duo`: judges terms against a request, finds faults in terms, compares disease tables.

`check` exits 0 for permit, 9 for needs-review and 8 for deny; `lint` exits 1 where it finds a
fault, `compare` where a verdict would change. Leaves files to `duo_files` and all rules to `duo`.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from duo.consent import read_consent
from duo.disease import Hierarchy, no_hierarchy
from duo.lint import Problem, lint
from duo.matching import match
from duo.ontology import load_ontology
from duo.purpose import read_purpose
from duo.report import report
from gateway.commands import duo_files
from gateway.commands.printed import AsJson
from gateway.errors import Exit, LoadRefused
from schemas.data_use import VerdictView

_EXITS = {"permit": Exit.OK, "needs-review": Exit.REVIEW, "deny": Exit.REFUSED}

app = typer.Typer(no_args_is_help=True, help="Conditions of data use (DUO): judge and check them.")

Ontology = Annotated[
    Path | None, typer.Option(help="folder of disease tables; left out: diseases are a review")
]


@app.command("check")
def check(
    *,
    dataset: Annotated[Path, typer.Option(help="its terms, or a Beacon dataset")],
    request: Annotated[Path, typer.Option(help="what is asked for")],
    today: Annotated[str | None, typer.Option(help="YYYY-MM-DD; left out: the day it is")] = None,
    ontology: Ontology = None,
    strict_duos: Annotated[bool, typer.Option(help="a review wherever DUOS abstains")] = False,
    as_json: AsJson = False,
) -> None:
    """Says whether data under these terms may be used so, with every reason."""
    terms = duo_files.read_terms(dataset)
    verdict = match(
        read_consent(terms) if terms else None,
        read_purpose(duo_files.read_request(request)),
        hierarchy=_tables(ontology),
        today=_day(today),
        strict_duos=strict_duos,
    )
    view = report(verdict)
    print(view.model_dump_json() if as_json else "\n".join(_lines(view)))
    raise SystemExit(_EXITS[view.decision])


@app.command("lint")
def lint_file(
    file: Annotated[Path, typer.Argument(help="a dataset's terms, or a whole policy file")],
    *,
    ontology: Ontology = None,
    as_json: AsJson = False,
) -> None:
    """Finds contradictions, missing parameters and terms that are not understood."""
    tables = _tables(ontology)
    found = {
        name: lint(read_consent(terms), hierarchy=tables)
        for name, terms in duo_files.profiles(file)
    }
    if as_json:
        print(json.dumps({name: [_row(p) for p in problems] for name, problems in found.items()}))
    else:
        print("\n".join(_report(found)))
    if any(problem.is_fault for problems in found.values() for problem in problems):
        raise SystemExit(Exit.FAILED)


@app.command("compare")
def compare(
    folder: Annotated[Path, typer.Argument(help="the node's folder")],
    *,
    ontology: Annotated[Path, typer.Option(help="folder of other disease tables")],
    as_json: AsJson = False,
) -> None:
    """Says which of a node's requests other disease tables would answer otherwise."""
    from gateway.commands.duo_compare import compare as compared
    from gateway.home import NodeHome

    if not ontology.is_dir():
        raise LoadRefused(f"{ontology}: no such folder")
    found = compared(NodeHome(folder), ontology, now=int(time.time()))
    rows = [
        {
            "request": change.request.request_id,
            "dataset": change.request.dataset,
            "state": change.request.state.value,
            "before": change.before.outcome.value,
            "after": change.after.outcome.value,
        }
        for change in found.changes
    ]
    if as_json:
        print(json.dumps({"before": found.before, "after": found.after,
                          "compared": found.compared, "changes": rows}))  # fmt: skip
    else:
        for row in rows:
            print("  ".join(row.values()))
        print(f"{found.before} to {found.after}: {len(rows)} of {found.compared} requests change")
    if rows:
        raise SystemExit(Exit.FAILED)


def _lines(view: VerdictView) -> Iterator[str]:
    yield f"{view.decision}: {view.explain_user}"
    yield view.explain_admin


def _report(found: dict[str, tuple[Problem, ...]]) -> Iterator[str]:
    for name, problems in found.items():
        if not problems:
            yield f"{name}: nothing to mend"
        for problem in problems:
            kind = "fault" if problem.is_fault else "warning"
            term = "" if problem.term is None else f" {problem.term.shorthand}:"
            yield f"{name}: {kind}:{term} {problem.text}"


def _row(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code,
        "term": None if problem.term is None else problem.term.value,
        "text": problem.text,
        "fault": problem.is_fault,
    }


def _tables(folder: Path | None) -> Hierarchy:
    if folder is None:
        return no_hierarchy()
    if not folder.is_dir():
        raise LoadRefused(f"{folder}: no such folder")
    return load_ontology(folder)


def _day(written: str | None) -> date:
    try:
        return datetime.now(tz=UTC).date() if written is None else date.fromisoformat(written)
    except ValueError as error:
        raise LoadRefused("--today: expected a date as YYYY-MM-DD") from error
