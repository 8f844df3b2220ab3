"""A federated study over the nodes of a demo: who takes part, and what is prepared and approved.

Each node's owner publishes a table of its people; a workspace beside each node is registered and
confirmed; the coordinator gets its folder; every committee is asked for the same run and decides
for itself. Running it is `countries.run`'s, what comes out `countries.results`'s.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.demo import setup
from gateway.demo.countries.traits import COVARIATES
from gateway.demo.data import StudyPart
from gateway.demo.people import People
from gateway.demo.preparing import Federation
from gateway.errors import DemoError
from gateway.holding import clinical_table
from gateway.home import NodeHome, write_secret
from workspaces import keys, private, sandbox
from workspaces.engine import bundle, environment, federation
from workspaces.engine.environment import Environment
from workspaces.engine.federation import Described, SiteBundle
from workspaces.engine.port import LEAST_SITES, fingerprint, plan_text

RESEARCHER = "rosa"
NAME = "countries"  # of the federation
TABLE = "clinical.tsv"
WITH_DROP_OUT = 6
APPLICATION = "gwas"
# The engine waits so long for its sites, and for each of their answers: machines may be busy.
LINEAR: Mapping[str, object] = {
    "trait": "ldl", "covariates": list(COVARIATES), "kind": "quantitative",
    "wait_seconds": 180, "stage_seconds": 300,
}  # fmt: skip
LOGISTIC: Mapping[str, object] = {
    "trait": "coronary", "covariates": list(COVARIATES), "kind": "binary",
    "wait_seconds": 30, "stage_seconds": 300,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Site:
    """A node and the workspace beside it; `name` is its own in the federation, `number` the node's
    from 0."""

    name: str
    number: int
    url: str
    home: NodeHome
    dataset: str
    part: StudyPart
    workspace: Path
    workspace_id: str = ""

    @property
    def table(self) -> str:
        """The id of the released clinical table."""
        return f"{self.dataset}/{TABLE}"


@dataclass(frozen=True, slots=True)
class Study:
    """Who takes part and what is run; `plans` by name."""

    folder: Path
    port: int
    sites: tuple[Site, ...]
    plans: Mapping[str, Mapping[str, object]]
    engine: Environment

    @property
    def coordinator(self) -> Path:
        return self.folder / "coordinator"

    @property
    def application(self) -> Path:
        """The bundle as it was reviewed: one file, whose digest the permits name."""
        return self.folder / "application.fab"

    @property
    def token(self) -> Path:
        """With which the leading site submits."""
        return self.folder / "coordinator.token"

    def viewer(self) -> str:
        """A new token for the portal, which may only look on."""
        of = federation.load(self.coordinator)
        return federation.new_token(of, "portal", role=federation.Role.VIEW)

    def plan(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def joined(self, site: Site) -> Path:
        """What the coordinator gave that site."""
        return self.coordinator / "bundles" / f"{site.name}.json"

    def site_bundle(self, site: Site) -> SiteBundle:
        return federation.read_site_bundle(self.joined(site))


def refuse_where_nothing_runs() -> Environment:
    """The engine. Raises what says which program is missing, before anything was done."""
    private.refuse_disk(private.PLACE)
    sandbox.probe()
    return environment.find()


def of(demo: Federation, engine: Environment) -> Study | None:
    """The study of a demo; None where its data has no traits, or too few nodes for a secure sum.
    Where a site may drop out and enough are left, there is a second run for it to drop out of."""
    folder = demo.folder / "study"
    sites = []
    for number, (home, url) in enumerate(zip(demo.homes, demo.addresses.node_urls, strict=True)):
        planned = demo.plans[number][0]
        if planned.study is not None:
            name, place = planned.study.site, folder / f"workspace-{planned.study.site}"
            sites.append(Site(name, number, url, home, planned.source.id, planned.study, place))
    if len(sites) < LEAST_SITES:
        return None
    plans = {"ldl": LINEAR}
    if len(sites) >= WITH_DROP_OUT:
        plans["coronary"] = LOGISTIC
    return Study(folder, demo.addresses.coordinator, tuple(sites), plans, engine)


async def prepare(study: Study, demo: Federation, people: People) -> Study:
    """Everything up to the committees' approval; the study with its workspaces' ids."""
    study.folder.mkdir(mode=0o700)
    for site in study.sites:
        await asyncio.to_thread(_publish_table, site)
        keys.init(site.workspace, site.name)
    found = tuple(
        [replace(site, workspace_id=await _registered(demo, people, site)) for site in study.sites]
    )
    study = replace(study, sites=found)
    terms = await asyncio.to_thread(_coordinator, study)
    for site in study.sites:
        await setup.approve_request(
            people.http, people, site.url, datasets=[site.dataset], account=RESEARCHER,
            workspace=site.workspace_id, more={"run": terms, "project": "LDL and coronary disease"},
        )  # fmt: skip
        token = await people.passport(RESEARCHER, site.url)
        write_secret(site.workspace / "token", token.encode())
    return study


def _publish_table(site: Site) -> None:
    columns = [clinical_table.column(f"{name}={at}") for name, at in site.part.columns.items()]
    _, rows = clinical_table.seal(site.home, site.dataset, columns, file_name=TABLE)
    if rows == 0:
        raise DemoError(f"{site.name} has nobody to study")


async def _registered(demo: Federation, people: People, site: Site) -> str:
    return await setup.register_workspace(
        demo, people, site.number, account=RESEARCHER, folder=site.workspace
    )


def _coordinator(study: Study) -> Mapping[str, object]:
    """Its folder, and the terms that every committee is asked for."""
    identities = {site.name: keys.load(site.workspace).identity_key for site in study.sites}
    described = Described(name=NAME, host="localhost", port=study.port)
    made = federation.create(study.coordinator, described, identities)
    reviewed = bundle.bundle(APPLICATION)
    study.application.write_bytes(reviewed.content)
    federation.admit(made, reviewed)
    write_secret(study.token, federation.new_token(made, RESEARCHER).encode())
    for name, plan in study.plans.items():
        study.plan(name).write_text(json.dumps(plan), encoding="ascii")
    plans = [hashlib.sha256(plan_text(plan).encode()) for plan in study.plans.values()]
    return {
        "applications": [reviewed.digest],
        "environment": study.engine.digest,
        "configurations": [one.hexdigest() for one in plans],
        "roster": sorted(map(fingerprint, identities.values())),
        "least_sites": LEAST_SITES,
        "outputs": ["gwas-summary", "portal"],
        # No label is listed, so the name of the trait is people's to look at before it leaves.
        "floors": {"gwas_people": study.sites[0].part.least_people},
        "seconds": 3_600,
    }
