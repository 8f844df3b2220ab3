"""`skerry fl`: what a committee sees of a federated application, and how a run is submitted.

A run is led by the coordinator; this shows how it goes and keeps what it gives, which is still for
an airlock to judge.
"""

# ruff: noqa: T201

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands import link, new, try_out
from gateway.commands.fl_plan import Application, read_plan
from gateway.commands.printed import AsJson
from gateway.errors import Exit, LoadRefused

if TYPE_CHECKING:
    from workspaces.engine.port import RunStatus
    from workspaces.engine.remote import RemoteCoordinator

app = typer.Typer(no_args_is_help=True, help="Federated runs: check applications, submit, follow.")

BundleFile = Annotated[
    Path, typer.Option("--federation", help="a site's bundle, or any other of the federation")
]
TokenFile = Annotated[Path, typer.Option(help="holds the coordinator's token for you")]


@app.command()
def check(
    application: Application,
    *,
    plan: Annotated[Path | None, typer.Option(help="JSON of a configuration to permit")] = None,
    save: Annotated[Path | None, typer.Option(help="also write the bundle to this file")] = None,
    more: Annotated[
        Path | None, typer.Option("--with", help="the second lock file of the sites' engine")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="a site's clinical table, to compare with --plan's `data`")
    ] = None,
) -> None:
    """What a committee sees: digests, outputs, what sites disclose, every file."""
    import hashlib

    from workspaces.engine import bundle, environment
    from workspaces.engine.port import plan_text

    found = bundle.bundle(application)
    added = environment.read_more(more) if more else b""
    facts = json.loads(bundle.stated(found)) | {"environment": environment.digest(added)}
    wanted = {} if plan is None else read_plan(plan)
    if plan is not None:
        facts["configuration"] = hashlib.sha256(plan_text(wanted).encode()).hexdigest()
    if table is not None:
        facts["table"] = _compared(wanted, table)
    if save is not None:
        save.write_bytes(found.content)
    print(json.dumps(facts, indent=2))
    if facts.get("table"):
        raise SystemExit(Exit.FAILED)


def _compared(plan: dict[str, object], table: Path) -> list[str]:
    """Each variable that is not as the plan says, as the site would tell the others."""
    from workspaces.analysis.cohort import read_clinical
    from workspaces.flapps import variables
    from workspaces.flapps.reading import Unfit

    try:
        read = variables.stated(plan)
        with table.open(encoding="utf-8") as lines:
            return variables.problems(read, read_clinical(lines))
    except Unfit as error:
        raise LoadRefused(f"{error}.") from error
    except (OSError, ValueError) as error:
        raise LoadRefused(f"{table}: cannot be read as a clinical table: {error}") from error


@app.command()
def sites(*, federation: BundleFile, token_file: TokenFile, as_json: AsJson = False) -> None:
    """Which sites of a federation are connected now."""
    found = asyncio.run(_coordinator(federation, token_file).sites())
    if as_json:
        print(json.dumps(found))
        return
    for name, connected in sorted(found.items()):
        print(f"{name}: {'connected' if connected else 'not connected'}")


@app.command()
def run(
    application: Application,
    *,
    federation: BundleFile,
    token_file: TokenFile,
    plan: Annotated[Path, typer.Option(help="JSON of what is to be analysed")],
    output: Annotated[Path, typer.Option(help="new folder for the candidates")],
    seconds: Annotated[int, typer.Option(min=1, help="to wait for the end")] = 3_600,
    resume: Annotated[
        bool, typer.Option(help="it goes on, and so does this, where the coordinator ends under it")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Submits a run, shows how it goes, and keeps its candidates for an airlock."""
    wanted, coordinator = read_plan(plan), _coordinator(federation, token_file)
    submitting = partial(coordinator.submit, Path(application), config=wanted, resume=resume)
    _lead(coordinator, submitting, output, seconds=seconds, resume=resume, as_json=as_json)


@app.command()
def again(
    run: Annotated[str, typer.Argument(help="its number")],
    *,
    federation: BundleFile,
    token_file: TokenFile,
    output: Annotated[Path, typer.Option(help="new folder for the candidates")],
    seconds: Annotated[int, typer.Option(min=1, help="to wait for the end")] = 3_600,
    as_json: AsJson = False,
) -> None:
    """Submits a run that ended early once more: the same application and plan, as a new run."""
    coordinator = _coordinator(federation, token_file)
    submitting = partial(coordinator.again, run)
    _lead(coordinator, submitting, output, seconds=seconds, as_json=as_json)


def _lead(
    coordinator: RemoteCoordinator,
    submitting: Callable[[], Awaitable[str]],
    output: Path,
    *,
    seconds: int,
    as_json: bool,
    resume: bool = False,
) -> None:
    """From a run's beginning to its candidates."""
    from workspaces.engine.port import RunState

    output.mkdir(parents=True)
    seen = (lambda now: None) if as_json else _shown()
    following = _follow(coordinator, submitting, seconds=seconds, seen=seen, resume=resume)
    status, found = asyncio.run(following)
    for number, candidate in enumerate(found):
        (output / f"candidate-{number}.json").write_bytes(candidate)
    if as_json:
        print(json.dumps(status.document()))
    if status.state is not RunState.DONE:
        print(f"skerry: run {status.run} {status.state}: {status.reason}", file=sys.stderr)
        raise SystemExit(Exit.FAILED)
    if not as_json:
        print(f"{output}: {len(found)} candidates of run {status.run}, for an airlock to judge")


@app.command()
def status(
    run: Annotated[str, typer.Argument(help="its number")],
    *,
    federation: BundleFile,
    token_file: TokenFile,
) -> None:
    """How a run goes: its round, the sites present, and why others are missing."""
    print(json.dumps(asyncio.run(_coordinator(federation, token_file).status(run)).document()))


@app.command()
def runs(*, federation: BundleFile, token_file: TokenFile, as_json: AsJson = False) -> None:
    """The federation's runs, the newest first, and what became of each."""
    found = asyncio.run(_coordinator(federation, token_file).runs())
    if as_json:
        print(json.dumps([one.document() for one in found]))
        return
    for one in found:
        print(f"{one.run}: {one.application} {one.state}; {one.reason or one.round}")


@app.command()
def stop(
    run: Annotated[str, typer.Argument(help="its number")],
    *,
    federation: BundleFile,
    token_file: TokenFile,
) -> None:
    """Stops a run; nothing of it is opened any more."""
    asyncio.run(_coordinator(federation, token_file).stop(run))
    print(f"run {run} told to stop")


async def _follow(
    coordinator: RemoteCoordinator,
    submitting: Callable[[], Awaitable[str]],
    *,
    seconds: float,
    seen: Callable[[RunStatus], None],
    resume: bool,
) -> tuple[RunStatus, tuple[bytes, ...]]:
    from workspaces.engine.port import RunState
    from workspaces.engine.remote import wait

    number = await submitting()
    status = await wait(coordinator, number, seconds=seconds, seen=seen, resume=resume)
    done = status.state is RunState.DONE
    return status, await coordinator.results(status.run) if done else ()


def _shown() -> Callable[[RunStatus], None]:
    """A line for every change."""
    last = ""

    def show(status: RunStatus) -> None:
        nonlocal last
        missing = "; ".join(f"{name}: {why}" for name, why in status.missing.items())
        line = f"run {status.run} {status.state}, {status.round or 'not begun'}"
        if status.present:
            line += f", {len(status.present)} sites"
        if missing:
            line += f"; missing {missing}"
        if line != last:
            print(line, flush=True)
        last = line

    return show


def _coordinator(federation: Path, token_file: Path) -> RemoteCoordinator:
    from workspaces.engine.federation import read_site_bundle
    from workspaces.engine.remote import RemoteCoordinator

    joined = read_site_bundle(federation)
    try:
        token = token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LoadRefused(f"{token_file}: cannot be read as a token file") from error
    certificate = joined.authority.encode()
    return RemoteCoordinator(joined.registrar, token=token, certificate=certificate)


app.command()(new.new)
app.command("try")(try_out.run_on_twins)
app.command()(link.link)
