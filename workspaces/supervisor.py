"""One run at one site, from the permit to the wipe: provision, attest, stage in, run, offer, wipe.

    order = Order(node_url=..., objects=(Staged("ds1/c.bcf", "variants"),), site=bundle, ...)
    ended = await supervise(folder, order, engine=engine, token=token, outputs=outputs)

`outputs` is awaited while the site's node runs; what it returns is offered to the airlock of this
workspace's own node, and then the run is over. The node is polled all the while: its no, its
silence or the end of time stop the engine and wipe what was staged, and so do a cancellation and
whatever else goes wrong. Keys of a start live in this process and its private folder in memory;
the receipt of the wipe is signed by the identity, which alone outlives it. What a killed process
leaves is `leftovers`'.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from access.runs.rules import Intent, leaving
from schemas.errors import SkerryError
from schemas.runs import CandidateView, Receipt, SignedReceipt, StartAsked
from schemas.runs import Phase as SaidPhase
from streams.keys import SecretKey, thumbprint
from workspaces import (
    evidence,
    inbox,
    keys,
    leftovers,
    receipts,
    sandbox,
    settings,
    unconfined,
    wire,
)
from workspaces.crate.kept import keep_permit
from workspaces.engine.port import Engine, Node, SiteNode
from workspaces.engine.port import Outcome as NodeOutcome
from workspaces.errors import CoordinatorLost, EngineRefused, NodeRefused, NodeSilent, PlaceFull
from workspaces.job import (
    MAX_POLL_SECONDS,
    STOP_SECONDS,
    Outcome,
    Phase,
    Watched,
    must_stop,
)
from workspaces.keys import WorkspaceKeys
from workspaces.node_line import NodeLine
from workspaces.order import Order
from workspaces.permit import RunPermit, Wanted, verify
from workspaces.private import PrivateFolder
from workspaces.tickets import Wanted as WantedObject

MAX_OBJECTS = 1_000
MAX_OUTPUTS = 1_000
# A coordinator that was started again knows no node of before; one that ends may fail its nodes.
_LOST = (NodeOutcome.REFUSED, NodeOutcome.FAILED)

_log = logging.getLogger(__name__)

Outputs = Callable[[Node], Awaitable[Sequence[bytes]]]


@dataclass(frozen=True, slots=True)
class Ended:
    """`problem` is what went wrong, in a sentence, where something did; `lost` says that it was the
    coordinator, which may be there again, and nothing else."""

    run: str
    outcome: Outcome
    outputs: tuple[CandidateView, ...]
    receipt: SignedReceipt
    problem: str = ""
    lost: bool = False


@dataclass(slots=True)
class _Run:
    """What is known of one run while it lasts; belongs to one call of `supervise`."""

    order: Order
    held: WorkspaceKeys  # with the secret of this start
    line: NodeLine
    folder: PrivateFolder
    http: httpx.Client
    token: str = field(repr=False)
    clock: Callable[[], float]
    started: int
    phase: Phase = Phase.ASKED
    run: str = ""
    engine_key: str | None = None
    watched: Watched = field(default_factory=lambda: Watched(0, 0))
    outputs: tuple[CandidateView, ...] = ()


async def supervise(
    folder: Path,
    order: Order,
    *,
    engine: Engine,
    token: str,
    outputs: Outputs,
    http: httpx.Client | None = None,
    clock: Callable[[], float] = time.time,
) -> Ended:
    """Raises what refuses a start before anything was brought in; after that every end is an
    `Ended`, with its receipt. Cancelled, it stops and wipes first."""
    identity = keys.load(folder)
    url = settings.node_address(order.node_url)
    with wire.client(http) as client:
        line = NodeLine(identity, url, http=client, clock=clock)
        await asyncio.to_thread(_clear_leftovers, identity, url, line, order.place, int(clock()))
        if order.confined:
            await asyncio.to_thread(sandbox.probe)
        else:
            _log.warning(unconfined.WARNING)
        held = replace(identity, secret=SecretKey.generate())
        made = PrivateFolder.create(leftovers.owner(identity), place=order.place)
        run = _Run(order, held, line, made, client, token, clock, int(clock()))
        outcome, problem, lost = Outcome.FAILED, "", False
        try:
            permit = await asyncio.to_thread(_provision, run)
            outcome = await _conduct(run, permit, engine, outputs)
        except asyncio.CancelledError:
            outcome = Outcome.STOPPED
            raise
        except SkerryError as error:
            if not run.run:
                raise
            outcome, problem = _after(error), error.public
            lost = isinstance(error, CoordinatorLost)
        finally:
            receipt = await asyncio.shield(asyncio.to_thread(_close, run, outcome))
    if receipt is None:
        raise AssertionError("a run that was permitted has a receipt")
    return Ended(run.run, outcome, run.outputs, receipt, problem, lost)


# Provision and attest


def _provision(run: _Run) -> RunPermit:
    """Asks for the start, proves the new key, and checks the permit before all else."""
    order, held = run.order, run.held
    node = held.settings.node(order.node_url)
    asked = StartAsked(
        dataset=order.dataset,
        public_key=held.public_key.hex(),
        application=order.application,
        roster=order.roster,
        evidence=evidence.gather(environment=order.environment, confined=order.confined),
    )
    challenge = run.line.ask_start(asked, token=run.token)
    answer = keys.answer_challenge(challenge.challenge, held.secret, audience=node.url)
    wanted = Wanted(
        node=node.url,
        node_key=bytes.fromhex(node.manifest_key),
        workspace=node.workspace_id,
        run=challenge.run,
        dataset=order.dataset,
        public_key=held.public_key,
        intent=Intent(
            application=order.application,
            environment=order.environment,
            roster=frozenset(order.roster),
            site=thumbprint(held.identity_key),
            confined=order.confined,
        ),
    )
    now = run.clock()
    signed = run.line.prove(challenge.run, answer)
    permit = verify(signed, wanted, now=int(now))
    run.run, run.watched = challenge.run, Watched(now, permit.permit.expires)
    note = leftovers.Note(
        run=run.run,
        workspace=node.workspace_id,
        node=node.url,
        started=run.started,
        keys=(thumbprint(held.public_key),),
        process=os.getpid(),
    )
    run.folder.note(note.model_dump_json().encode())
    keep_permit(held.folder, signed, run=run.run)
    return permit


# Stage in, run, offer; watched


async def _conduct(run: _Run, permit: RunPermit, engine: Engine, outputs: Outputs) -> Outcome:
    """Whichever is first: the work is done, or the node's word ends."""
    work = asyncio.create_task(_work(run, permit, engine, outputs))
    watch = asyncio.create_task(_watch(run))
    try:
        await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        return watch.result()
    finally:
        for task in (work, watch):
            task.cancel()
        # The engine is stopped in there; what it raised is the work's own result above.
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.gather(work, watch, return_exceptions=True)


async def _work(run: _Run, permit: RunPermit, engine: Engine, outputs: Outputs) -> Outcome:
    run.phase = Phase.STAGING
    await asyncio.to_thread(_stage, run, permit)
    site = _site_node(run, permit)
    node = await _started(engine, site)
    run.engine_key = hashlib.sha256(node.public_key.encode()).hexdigest()
    run.phase = Phase.RUNNING
    try:
        found = await _found(node, outputs)
    finally:
        # Shielded: a stop that was begun is not cut short by the reason for it.
        await asyncio.shield(asyncio.create_task(engine.stop_node(node)))
    run.phase = Phase.OFFERING
    for output in found[:MAX_OUTPUTS]:
        run.outputs += (await asyncio.to_thread(run.line.offer, run.run, output),)
    return Outcome.DONE


async def _started(engine: Engine, site: SiteNode) -> Node:
    """A start cancelled on the way is let finish and then stopped: nothing of it is left over."""
    starting = asyncio.ensure_future(engine.start_node(site))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(SkerryError):
            await engine.stop_node(await starting)
        raise


async def _found(node: Node, outputs: Outputs) -> Sequence[bytes]:
    """What the run gives; an error where the site's node ended before there was anything."""
    asked = asyncio.ensure_future(outputs(node))
    try:
        while True:
            done, _ = await asyncio.wait({asked}, timeout=0.5)
            if done:
                return asked.result()
            if node.outcome in _LOST:
                raise CoordinatorLost(f"The site's node ended by itself: {node.outcome}.")
            if not node.running:
                raise EngineRefused(f"The site's node ended by itself: {node.outcome}.")
    finally:
        asked.cancel()


def _stage(run: _Run, permit: RunPermit) -> None:
    """Every object through the release door, opened in memory, together at most what is allowed."""
    order, left = run.order, permit.clause.terms.data_bytes
    if len(order.objects) > MAX_OBJECTS:
        raise PlaceFull(f"At most {MAX_OBJECTS} objects are brought in.")
    url = settings.node_address(order.node_url)
    for one in order.objects:
        wanted = WantedObject(url, one.object_id, one.kind, one.regions or None)
        _, facts = inbox.receive(
            run.held,
            wanted,
            run.folder.data / one.file_name,
            token=run.token,
            http=run.http,
            clock=run.clock,
            most_bytes=left,
        )
        left -= facts.plain_size


def _site_node(run: _Run, permit: RunPermit) -> SiteNode:
    """What the engine is told: the permit's bounds, not the order's."""
    terms, site = permit.clause.terms, run.order.site
    return SiteNode(
        workspace=permit.permit.workspace,
        run_folder=run.folder.engine,
        data_folder=run.folder.data,
        coordinator=site.coordinator,
        registrar=site.registrar,
        certificate=site.authority.encode("ascii"),
        applications=frozenset(terms.applications),
        roster=terms.roster,
        identity=run.held.identity_key,
        sign=run.held.identity.sign,
        least_sites=terms.least_sites,
        seconds=max(1, permit.permit.expires - int(run.clock())),
        data_bytes=terms.data_bytes,
        memory_bytes=run.order.memory_bytes,
        traffic_bytes=run.order.traffic_bytes,
        configurations=frozenset(terms.configurations) or None,
        proxy=run.order.proxy,
        settled=_settled(run.held.folder, permit),
        confined=run.order.confined,
        terms=leaving(terms),
    )


def _settled(workspace: Path, permit: RunPermit) -> Path:
    """For all starts under one approved request of one node."""
    named = f"{permit.permit.audience}\n{permit.clause.request}"
    return workspace / "sums" / f"{hashlib.sha256(named.encode()).hexdigest()}.json"


async def _watch(run: _Run) -> Outcome:
    """Returns when the run must stop, and why."""
    every = min(run.order.poll_seconds, MAX_POLL_SECONDS)
    while True:
        if (outcome := must_stop(run.watched, now=run.clock())) is not None:
            return outcome
        await asyncio.sleep(min(every, max(0.0, run.watched.expires - run.clock())))
        said = SaidPhase(phase=run.phase, engine_key=run.engine_key)
        try:
            standing = await asyncio.to_thread(run.line.poll, run.run, said)
            run.watched = Watched(run.clock(), min(standing.expires, run.watched.expires))
        except NodeRefused as error:
            _log.warning("the node ends this run: %s", error.public)
            run.watched = replace(run.watched, refused=True)
        except SkerryError as error:
            _log.info("a poll was not answered: %s", error.public)


def _after(error: SkerryError) -> Outcome:
    if isinstance(error, NodeRefused):
        return Outcome.REFUSED
    return Outcome.UNHEARD if isinstance(error, NodeSilent) else Outcome.FAILED


# Wipe


def _close(run: _Run, outcome: Outcome) -> SignedReceipt | None:
    """Wipes, signs, tells the node; None where nothing was ever permitted."""
    wiped = run.folder.wipe()
    run.phase = Phase.WIPED
    if not run.run:
        return None
    node = run.held.settings.node(run.order.node_url)
    engine_keys = () if run.engine_key is None else (run.engine_key,)
    receipt = Receipt(
        run=run.run,
        workspace=node.workspace_id,
        node=node.url,
        outcome=outcome,
        started=run.started,
        ended=int(run.clock()),
        files=wiped.files,
        plain_bytes=wiped.bytes,
        keys=(thumbprint(run.held.public_key), *engine_keys),
    )
    signed = receipts.keep(run.held, receipt)
    receipts.give_waiting(run.held, node.url, run.line)
    return signed


def _clear_leftovers(
    held: WorkspaceKeys, node_url: str, line: NodeLine, place: Path, now: int
) -> None:
    leftovers.wipe(held, place, now)
    receipts.give_waiting(held, node_url, line)
