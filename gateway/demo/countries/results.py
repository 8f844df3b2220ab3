"""From a study's outputs to what its researcher holds: two people's word, the result, the proofs.

Every step is taken at the doors that people use; what must be refused on the way is tried.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import shlex
import sys
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from gateway import verifying
from gateway.demo.countries.run import Led
from gateway.demo.countries.study import RESEARCHER, Site, Study
from gateway.demo.people import People
from gateway.demo.preparing import COMMITTEE
from gateway.demo.setup import call
from gateway.demo.smoke.walk import expect
from gateway.errors import DemoError
from streams.keys import SecretKey
from workspaces import receipts, results
from workspaces.crate import gathering, writing
from workspaces.crate.contents import Application, FederatedRun, SignedManifest, SiteProofs
from workspaces.crate.kept import site_proofs
from workspaces.crate.proving import verify
from workspaces.errors import CrateUntrue
from workspaces.results import Result

_NOTE = "Names of the trait and of variants only; no row, no site's own figure."


async def released(site: Site, led: Led, people: People) -> str:
    """The id of the one output, once two of the committee have let it pass; nobody else may."""
    (output,) = led.outputs
    expect("an output whose name the permit does not list", "waiting", output["state"])
    place = f"{site.url}/access/airlock/{output['id']}"
    await _refused(people, site, f"{place}/approve", who=RESEARCHER)
    await _refused(people, site, f"{place}/approve", who="adam")
    for member, then in zip(COMMITTEE, ("waiting", "released"), strict=True):
        token = await people.passport(member, site.url)
        await call(people.http, "GET", f"{place}/review", token=token)
        said = await call(people.http, "POST", f"{place}/approve", token=token,
                          body={"note": _NOTE})  # fmt: skip
        expect(f"the output after {member}'s word", then, said["state"])
    return str(output["id"])


async def taken(site: Site, output: str, people: People, *, secret: SecretKey) -> Result:
    """The released result, sealed to the researcher's key and opened with it; the strongest lines,
    which the permit lets a portal show, are lines of it."""
    token = await people.passport(RESEARCHER, site.url)
    body = {"public_key": secret.public.hex()}
    await call(people.http, "POST", f"{site.url}/access/keys", token=token, body=body)
    key = bytes.fromhex(site.home.public_key_hex())
    shown = await call(people.http, "GET", f"{site.url}/access/airlock/{output}/shown", token=token)
    result = await asyncio.to_thread(
        results.take, site.url, output, node_key=key, secret=secret, token=token
    )
    whole = {one["allele"]: one for one in json.loads(result.content)["variants"]}
    if any(whole[one["allele"]] != one for one in _list(shown["variants"])):
        raise DemoError("what a portal may show is not what was released")
    return result


async def runs_of(site: Site, people: People) -> Sequence[Mapping[str, Any]]:
    """Every start of the study at a site, newest first."""
    token = await people.passport(RESEARCHER, site.url)
    found = (await call(people.http, "GET", f"{site.url}/access/runs", token=token))["runs"]
    return [one for one in _list(found) if one["workspace"] == site.workspace_id]


async def wiped(study: Study, people: People) -> int:
    """How many receipts of wipes the nodes hold; every start has one."""
    count = 0
    for site in study.sites:
        waiting = [one.run for one, given in receipts.listed(site.workspace) if not given]
        expect(f"receipts not given by {site.name}", [], waiting)
        for start in await runs_of(site, people):
            if start["receipt"] is None:
                raise DemoError(f"{site.name} has not said that the data of {start['id']} are gone")
            count += 1
    return count


def records_hold(study: Study) -> int:
    """How many entries the sites' records have, each verified to its signed head."""
    entries = 0
    for site in study.sites:
        found = verifying.verified(site.home, None)
        expect(f"the record of {site.name}", None, found["problem"])
        entries += int(str(found["entries"]))
    return entries


async def crate(
    study: Study, plan: str, led: Led, result: Result, people: People, *, times: tuple[int, int]
) -> bytes:
    """The run's Five Safes RO-Crate, verified from the nodes' keys; a changed one is refused."""
    run_at = {site.name: (await runs_of(site, people))[0]["id"] for site in study.sites}
    run_at[study.sites[0].name] = led.run
    proofs = [
        await asyncio.to_thread(_proofs, site, run_at[site.name], led.run, result)
        for site in study.sites
    ]
    content = writing.write(
        FederatedRun(
            name=f"Association study of {plan}", project="LDL and coronary disease",
            requester="Rosa Lind", organisation="Skerry demo",
            application=Application("gwas", study.application.read_bytes(), "Apache-2.0"),
            plan=study.plan(plan).read_bytes(), started=times[0], ended=times[1],
            outputs={f"{plan}.json": result.content}, sites=tuple(proofs),
        )
    )  # fmt: skip
    node_keys = {site.url: bytes.fromhex(site.home.public_key_hex()) for site in study.sites}
    proven = await asyncio.to_thread(verify, content, node_keys=node_keys)
    expect("sites without proofs", (), proven.silent)
    expect("sites that have wiped", len(study.sites), sum(one.wiped for one in proven.sites))
    try:
        await asyncio.to_thread(verify, _changed(content, plan), node_keys=node_keys)
    except CrateUntrue:
        return content
    raise DemoError("a crate with a changed byte was believed")


def checking(study: Study, crate: str) -> str:
    """The command with which anybody who has the nodes' keys proves a crate."""
    words = ["skerry", "results", "verify-crate", crate]
    for site in study.sites:
        words += ["--key", f"{site.url}={site.home.public_key_hex()}"]
    return shlex.join(words)


async def checked(study: Study, command: str) -> None:
    """Types it, in the folder where the crates lie. Raises DemoError where it proves nothing."""
    words = [sys.executable, "-m", "gateway", *shlex.split(command)[1:]]
    ran = await asyncio.create_subprocess_exec(
        *words, cwd=study.folder, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await ran.communicate()
    if ran.returncode != 0 or said.count(b"data wiped") != len(study.sites):
        raise DemoError(f"the crate is not proven by the command: {said.decode()[-500:]}")


def _changed(crate: bytes, plan: str) -> bytes:
    """The crate with one byte of its result changed, and else as sound as it was."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(crate)) as before, zipfile.ZipFile(made, "w") as after:
        for member in before.infolist():
            content = bytearray(before.read(member))
            if member.filename.endswith(f"{plan}.json"):
                content[len(content) // 2] ^= 1
            after.writestr(member, bytes(content))
    return made.getvalue()


def _proofs(site: Site, run: str, led_run: str, result: Result) -> SiteProofs:
    recorded = gathering.recorded(
        site.home.record, run=run, public_url=site.url, key=site.home.signing_key()
    )
    given = SignedManifest(manifest=result.manifest, signature=result.signed.signature)
    mine = (given,) if run == led_run else ()
    return site_proofs(site.workspace, run=run, name=site.name, recorded=recorded, results=mine)


async def _refused(people: People, site: Site, place: str, *, who: str) -> None:
    token = await people.passport(who, site.url)
    answer = await people.http.post(
        place, headers={"Authorization": f"Bearer {token}"}, json={"note": "Please."}
    )
    if answer.status_code not in {httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND}:
        raise DemoError(f"{who} was not refused at {site.name}'s airlock: {answer.status_code}")


def _list(found: object) -> Sequence[Mapping[str, Any]]:
    if not isinstance(found, list):
        raise DemoError("a node's list of runs cannot be read")
    return found
