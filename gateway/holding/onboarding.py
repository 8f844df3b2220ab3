"""Datasets on their way into a node by the admin's pages: what each is, and of which files.

A plan lies in `loads/ID/plan.json` and becomes what `skerry load` would be told. Files are named
relative to the one import folder. Checking and loading are `load_jobs`'.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from access.errors import NoSuchThing, StepNotPossible
from beacon.manifest import write_json
from gateway import config
from gateway.errors import LoadRefused
from gateway.holding import import_folder
from gateway.holding.catalogue_form import MEMBER
from gateway.holding.load import Wanted
from gateway.holding.processes import read
from gateway.home import NodeHome
from schemas.messages import Message

MAX_PLANS = 200
_ID = re.compile(r"load-[0-9a-f]{16}")
PEOPLE = ("individuals", "biosamples", "runs", "analyses", "cohorts")
SINGLE = (*PEOPLE, "tables", "mapping", "omop", "sequences", "genes")
VARIATIONS = "genomicVariations"
ROLES = ("vcf", VARIATIONS, *PEOPLE, "phenopackets", "tables", "mapping", "omop", "hierarchy",
         "genes", "sequences", "seal")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """`files` are names in the import folder and what each is; `catalogue` describes the dataset
    in HealthDCAT-AP's words."""

    id: str
    dataset: str
    name: str
    description: str
    assembly: str
    by: str
    created: int
    catalogue: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    max_rejected: int = 0


class Plans:
    """The plans of one node."""

    def __init__(self, home: NodeHome) -> None:
        self._home = home

    @property
    def root(self) -> Path | None:
        """The import folder, where the settings name one."""
        named = config.load(self._home.settings).import_folder
        return Path(named) if named else None

    def folder(self, plan_id: str) -> Path:
        if not _ID.fullmatch(plan_id):
            raise NoSuchThing(detail="plan")
        return self._home.loads / plan_id

    def begin(self, plan: Plan) -> Plan:
        if sum(1 for _ in self.listed()) >= MAX_PLANS:
            raise StepNotPossible(
                Message("At most %(most)s plans are kept: discard one first.", most=MAX_PLANS)
            )
        made = replace(plan, id=f"load-{secrets.token_hex(8)}")
        self._home.loads.mkdir(mode=0o700, exist_ok=True)
        self.folder(made.id).mkdir(mode=0o700)
        self.keep(made)
        return made

    def keep(self, plan: Plan) -> None:
        write_json(self.folder(plan.id) / "plan.json", asdict(plan))

    def plan(self, plan_id: str) -> Plan:
        raw = read(self.folder(plan_id) / "plan.json")
        if raw is None:
            raise NoSuchThing(detail="plan")
        return Plan(**raw)

    def listed(self) -> Iterator[Plan]:
        """Newest first."""
        found = []
        for path in self._home.loads.glob("load-*/plan.json"):
            with suppress(NoSuchThing):
                found.append(self.plan(path.parent.name))
        yield from sorted(found, key=lambda plan: plan.created, reverse=True)

    def discard(self, plan_id: str) -> None:
        self.plan(plan_id)
        shutil.rmtree(self.folder(plan_id))

    def digest(self, plan: Plan) -> str:
        """Of the plan and of its files as they are now."""
        there = import_folder.inside(self._root(), plan.folder) if plan.files else ()
        files = [asdict(one) for one in there if one.name in plan.files]
        said = json.dumps([asdict(plan), files], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    def wanted(self, plan: Plan) -> Wanted:
        """What `skerry load` would be told; raises `LoadRefused` where the files do not add up."""
        by_role: dict[str, list[Path]] = {role: [] for role in ROLES}
        for path, role in import_folder.resolved(self._root(), plan.folder, plan.files).items():
            by_role[role].append(path)
        for role in SINGLE:
            if len(by_role[role]) > 1:
                raise LoadRefused(Message("Only one file can be %(role)s.", role=role))
        one = {role: paths[0] for role, paths in by_role.items() if paths}
        folder = self.folder(plan.id)
        write_json(folder / "metadata.json", self.record(plan))
        made = Wanted(
            dataset=plan.dataset,
            name=plan.name,
            description=plan.description,
            assembly=plan.assembly,
            vcfs=tuple(by_role["vcf"]),
            genomic_variations=tuple(by_role[VARIATIONS]),
            people={role: one[role] for role in PEOPLE if role in one},
            phenopackets=tuple(by_role["phenopackets"]),
            tables=one.get("tables"),
            mapping=one.get("mapping"),
            omop=one.get("omop"),
            metadata=folder / "metadata.json",
            hierarchies=tuple(by_role["hierarchy"]),
            seal=tuple(by_role["seal"]),
            sequences=str(one["sequences"]) if "sequences" in one else None,
            genes=one.get("genes"),
            max_rejected=plan.max_rejected,
            report=folder / "report.csv",
        )
        if not (made.has_data or made.seal):
            raise LoadRefused(
                Message("Choose at least one file of variants or people, or one to seal.")
            )
        return made

    def record(self, plan: Plan) -> Mapping[str, object]:
        """The dataset's own record, as `--metadata` takes it."""
        return {
            "externalUrl": plan.catalogue.get("dct:identifier", ""),
            "info": {MEMBER: dict(plan.catalogue)},
        }

    def _root(self) -> Path:
        root = self.root
        if root is None:
            raise LoadRefused(Message("The settings name no import_folder to load from."))
        return root
