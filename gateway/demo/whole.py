"""`skerry demo`: prepares and starts the federation, says what to try, and ends it wholly."""

from __future__ import annotations

import asyncio
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from gateway.demo import data as demo_data
from gateway.demo import preparing, servers, setup
from gateway.demo.accounts import ACCOUNTS
from gateway.demo.countries.population import COUNTRIES
from gateway.demo.countries.study import NAME, refuse_where_nothing_runs
from gateway.demo.people import People
from gateway.demo.preparing import COMMAND_LINE, Addresses, Federation
from gateway.demo.smoke import journeys, study
from gateway.demo.smoke.study import PAGE
from gateway.demo.smoke.walk import Walk
from gateway.errors import Exit, LoadRefused
from gateway.serving.processes import Processes

Say = Callable[[str], None]


def run(
    folder: Path,
    *,
    nodes: int,
    countries: bool,
    port: int,
    data: Path | None,
    smoke: bool,
    seed: str,
    say: Say,
) -> Exit:
    """Runs until Ctrl-C, or through the journeys. Leaves no process behind."""
    if countries and data is not None:
        raise LoadRefused("--countries simulates its people; leave --data out")
    if countries:
        nodes = len(COUNTRIES)
        refuse_where_nothing_runs()
    addresses = Addresses(port, nodes)
    preparing.check_ports(addresses)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that both end it wholly
    scratch = folder / "input"
    scratch.mkdir(parents=True, exist_ok=True)
    if countries:
        plans = demo_data.countries(scratch)
    elif data is None:
        plans = demo_data.synthetic(scratch, nodes=nodes)
    else:
        plans = demo_data.from_folder(data, scratch, nodes=nodes, say=say)
    federation = preparing.prepare(folder, addresses, plans, say=say)
    processes = Processes(logs=folder)
    try:
        servers.start(federation, processes)
        asyncio.run(setup.confirm_and_grant(federation))
        if smoke:
            return _walk(federation, processes, seed=seed, say=say)
        if countries:
            asyncio.run(_study(federation, processes, say=say))
        _welcome(federation, say=say)
        _wait_for_ctrl_c()
        return Exit.OK
    finally:
        say("stopping")
        processes.stop_all()


def _walk(federation: Federation, processes: Processes, *, seed: str, say: Say) -> Exit:
    number = random.SystemRandom().randrange(2**32) if seed == "RANDOM" else int(seed)
    say(f"seed {number}")
    return asyncio.run(journeys.walk(federation, processes, random.Random(number), say=say))  # noqa: S311 - which questions to ask, not secrets


async def _study(federation: Federation, processes: Processes, *, say: Say) -> None:
    """Raises DemoError where a figure of it does not hold."""
    say("six sites and a coordinator are started for a study; this takes some minutes")
    async with setup.client() as http:
        people = People(federation.addresses.signin, federation.client_secret, http)
        chooser = random.Random(1)  # noqa: S311 - which questions to ask, not secrets
        walking = Walk(federation, processes, http, people, chooser)
        say(await study.journey(walking))
    say(f"Its drawings and tables beside the truth: {federation.folder / 'study' / PAGE}")
    say(f"Its runs, for who signs in: {federation.addresses.portal}/federations/{NAME}")


def _welcome(federation: Federation, *, say: Say) -> None:
    addresses = federation.addresses
    node = addresses.node_urls[0]
    asked = journeys.first_allele(federation)
    typed = f"{asked.chrom}-{asked.start0 + 1}-{asked.ref}-{asked.alt}"
    assembly = federation.plans[0][0].source.assembly
    term = journeys.common_disease(federation)
    variant = (
        f"referenceName={asked.chrom}&assemblyId={assembly}&start={asked.start0}"
        f"&referenceBases={asked.ref}&alternateBases={asked.alt}&requestedGranularity=count"
    )
    say(f"\nThe portal is at {addresses.portal}/\n")
    say("Three things to try:")
    say(f"1. Ask every isle for a variant: type {typed} at {addresses.portal}/")
    say(f"   curl -s '{node}/beacon/g_variants?{variant}'")
    say(f"2. Count people with {term} or a disease below it, on all isles at once:")
    say(
        f"   curl -s '{addresses.portal}/beacon/individuals?filters={quote(term)}"
        "&requestedGranularity=count'"
    )
    say(f"3. Sign in as Rosa and ask for access at {addresses.portal}/datasets")
    say(f"   curl -s '{node}/beacon/datasets'")
    say("\nWho can sign in (no passwords; loopback only):")
    say("   an anonymous visitor: just do not sign in")
    for account in ACCOUNTS.values():
        say(f"   {account.name}, {account.part}: {account.may}")
    sealed = next(i for i in federation.plans[0][0].objects if i.kind in {"reads", "variants"})
    say("\nGrace has a grant: fetch sealed data into her workspace and open it there:")
    say(f"   skerry demo-passport grace --node {node} --demo {federation.folder} > token")
    say(
        f"   skerry fetch {sealed.object_id} --kind {sealed.kind} --node {node} --token-file token"
        f" --workspace {federation.workspace_of('grace')}"
    )
    say("\nA token for a program of yours, as one of them:")
    say(
        f"   skerry login --issuer {addresses.signin} --client-id {COMMAND_LINE} --node {node}"
        " --token-file passport.txt"
    )
    say("\nThe pages of a node:")
    say(f"   {node}/requests  sign in as Dora Vik, its committee")
    say(f"   {node}/admin     sign in as Adam Skog, its administrator")
    say("Ctrl-C stops everything.")


def _wait_for_ctrl_c() -> None:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()
