"""`skerry workspace run`: runs what a committee approved, and prints what became of it.

A run is the supervisor's (`workspaces.supervisor`); this reads what it is told to run, and turns a
signal into a stop.
"""

# ruff: noqa: T201

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gateway.commands.fl_plan import read_plan
from gateway.commands.printed import AsJson, read_token
from gateway.errors import Exit, LoadRefused

if TYPE_CHECKING:
    from workspaces.engine.federation import SiteBundle
    from workspaces.engine.port import Coordinator, RunStatus
    from workspaces.order import Staged
    from workspaces.supervisor import Ended, Outputs

KINDS = ("reads", "variants", "file")

Folder = Annotated[Path, typer.Argument(help="the workspace's folder")]
NodeUrl = Annotated[str, typer.Option("--node", help="the node's public URL")]
TokenFile = Annotated[Path, typer.Option(help="holds a Passport for that node")]


def run(
    folder: Folder,
    *,
    node: NodeUrl,
    dataset: Annotated[str, typer.Option(help="the dataset's id")],
    bring: Annotated[
        list[str], typer.Option(help="reads:ID, variants:ID or file:ID to stage in; repeatable")
    ],
    application: Annotated[str, typer.Option(help="a shipped application, a folder or a bundle")],
    federation: Annotated[Path, typer.Option(help="this site's bundle of the federation")],
    token_file: TokenFile,
    submit: Annotated[bool, typer.Option(help="this site leads: submit the run")] = False,
    follow: Annotated[str | None, typer.Option(help="the run that another site leads")] = None,
    plan: Annotated[Path | None, typer.Option(help="JSON of what is to be analysed")] = None,
    coordinator_token_file: Annotated[
        Path | None, typer.Option(help="for --submit and --follow")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(help="start again, and go on, where the coordinator ended under the run"),
    ] = False,
    memory: Annotated[int, typer.Option(min=1, help="GiB for the program")] = 8,
    proxy: Annotated[str, typer.Option(help="HOST:PORT of an HTTP proxy to dial through")] = "",
    poll: Annotated[float, typer.Option(min=1, max=30, help="seconds between polls")] = 10,
    unconfined: Annotated[
        bool,
        typer.Option(
            "--i-accept-that-nothing-confines-this-trial",
            help="run it without a sandbox, where permit and policy allow that",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Runs what a committee approved, here; ends with everything wiped and a signed receipt."""
    from workspaces.engine import bundle, environment
    from workspaces.engine.federation import read_site_bundle
    from workspaces.engine.flower import FlowerEngine
    from workspaces.order import Order
    from workspaces.starting_again import MAX_STARTS, supervise_again
    from workspaces.unconfined import WARNING

    site, engine = read_site_bundle(federation), environment.find()
    order = Order(
        node_url=node,
        dataset=dataset,
        objects=tuple(_staged(text) for text in bring),
        application=bundle.bundle(application).digest,
        environment=engine.digest,
        site=site,
        memory_bytes=memory << 30,
        proxy=proxy,
        poll_seconds=poll,
        confined=not unconfined,
    )
    if unconfined:
        print(WARNING, file=sys.stderr)
    outputs = _outputs(
        site,
        application,
        submit=submit,
        follow=follow,
        plan=plan,
        token_file=coordinator_token_file,
        resume=resume,
    )
    supervised = supervise_again(
        folder, order, engine=FlowerEngine(engine), token=lambda: read_token(token_file),
        outputs=outputs, starts=MAX_STARTS if resume else 1, seen=_tell_lost,
    )  # fmt: skip
    ended = asyncio.run(_until_stopped(supervised))
    if ended is None:
        print("stopped; everything is wiped")
        raise SystemExit(Exit.INTERRUPTED)
    _print_end(ended, as_json=as_json)


async def _until_stopped(supervised: Coroutine[None, None, Ended]) -> Ended | None:
    """How it ended, or None where a signal stopped it."""
    task = asyncio.create_task(supervised)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    with suppress(asyncio.CancelledError):
        return await task
    return None


def _staged(text: str) -> Staged:
    from workspaces.order import Staged
    from workspaces.tickets import Kind

    kind, colon, object_id = text.partition(":")
    if kind not in KINDS or not colon or not object_id:
        raise LoadRefused("--bring is reads:ID, variants:ID or file:ID")
    return Staged(object_id, cast("Kind", kind))


def _outputs(
    site: SiteBundle,
    application: str,
    *,
    submit: bool,
    follow: str | None,
    plan: Path | None,
    token_file: Path | None,
    resume: bool,
) -> Outputs:
    from workspaces import outputs
    from workspaces.engine.remote import RemoteCoordinator

    if submit and follow:
        raise LoadRefused("a site submits a run or follows one: give --submit or --follow")
    if not submit and not follow:
        return outputs.taking_part
    if token_file is None:
        raise LoadRefused("--submit and --follow need --coordinator-token-file")
    config = {} if plan is None else read_plan(plan)
    coordinator: Coordinator = RemoteCoordinator(
        site.registrar, token=read_token(token_file), certificate=site.authority.encode("ascii")
    )
    if follow:
        return outputs.followed(coordinator, follow, seen=_teller())
    return outputs.submitted(
        coordinator, Path(application), config=config, resume=resume, seen=_teller()
    )


def _teller() -> Callable[[RunStatus], None]:
    """Prints a line whenever the run has got somewhere."""
    said: list[str] = []

    def tell(status: RunStatus) -> None:
        missing = "".join(f"; {name} is missing: {why}" for name, why in status.missing.items())
        line = f"{status.run}: {status.state} {status.round}".rstrip() + missing
        if said[-1:] != [line]:
            said[:] = [line]
            print(line, flush=True)  # a log shows it while the run goes on

    return tell


def _tell_lost(ended: Ended) -> None:
    told = "Everything is wiped; it starts again when the coordinator answers"
    print(f"{ended.run}: {ended.problem} {told}", file=sys.stderr)


def _print_end(ended: Ended, *, as_json: bool) -> None:
    from workspaces.job import Outcome

    if as_json:
        facts = {
            "run": ended.run,
            "outcome": ended.outcome,
            "problem": ended.problem,
            "outputs": [one.model_dump(mode="json") for one in ended.outputs],
            "receipt": ended.receipt.model_dump(mode="json"),
        }
        print(json.dumps(facts))
    else:
        print(f"{ended.run}: {ended.outcome}; everything is wiped")
        for one in ended.outputs:
            print(f"{one.id}: {one.kind}, {one.state}", *one.reasons, sep="; ")
        if ended.problem:
            print(ended.problem)
    if ended.outcome is not Outcome.DONE:
        raise SystemExit(Exit.REFUSED if ended.outcome is Outcome.REFUSED else Exit.FAILED)
