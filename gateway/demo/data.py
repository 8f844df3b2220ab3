"""Decides what each demo node holds: the synthetic population, or the data of a folder.

A folder's `skerry-data.toml` says which files make which dataset; without it the largest
individuals file is taken with every VCF/BCF that shares at least 90 % of its samples, and what was
taken and left is said. People are divided over the nodes, so nobody is counted twice.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pysam

from access.policies.policy import Profile
from beacon.loading.load import DatasetSource
from beacon.loading.records import Unreadable, read_ids
from beacon.loading.variant_files import open_variants
from gateway.demo import population
from gateway.demo.countries import population as countries_population
from gateway.demo.countries import traits
from gateway.demo.countries.traits import Planted
from gateway.demo.population import Population
from gateway.errors import LoadRefused

SEED = 20_260_101
PEOPLE = 300
_SHARED_SAMPLES = 0.9
_MAX_FILES = 10_000
_NEVER_ASKED = "SI"
_SIBLINGS = ("biosamples", "runs", "analyses", "cohorts")
_ID_CHARACTERS = re.compile(r"[^A-Za-z0-9._-]+")
_VARIANTS = (".vcf.gz", ".vcf", ".bcf", ".vcf.bgz")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A file that becomes a sealed object of a dataset: `kind` is reads, variants or file."""

    object_id: str
    kind: str
    path: Path
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StudyPart:
    """A node's part in a study: its name there, the sealed object with everybody's calls, and the
    columns of its clinical table as `skerry datasets seal-table` takes them; `least_people` stand
    behind every figure; `planted` is true."""

    site: str
    calls: str
    least_people: int
    columns: Mapping[str, str]
    planted: Planted


@dataclass(frozen=True, slots=True)
class DemoDataset:
    """What one node loads as one dataset; `place` is what people call the node, `profile` how it
    answers, `panel` what is publicly known of frequencies (the simulation's), None where nothing
    is; `study` is what a federated study reads of it, None where no traits are known."""

    place: str
    source: DatasetSource
    profile: Profile
    objects: tuple[SealedFile, ...]
    panel: Path | None = None
    study: StudyPart | None = None


@dataclass(frozen=True, slots=True)
class Cohort:
    """Files of one data folder that belong together: people, and variants by assembly."""

    name: str
    individuals: Path
    siblings: Mapping[str, Path]
    variants: Mapping[str, tuple[Path, ...]]
    people: tuple[str, ...]


def profile_of(node: int) -> Profile:
    """One open node, one with the default profile, one controlled, and so on in turn."""
    return (Profile.OPEN, Profile.DEFAULT, Profile.CONTROLLED)[node % 3]


def synthetic(scratch: Path, *, nodes: int, seed: int = SEED) -> list[list[DemoDataset]]:
    """For each node, its datasets of the synthetic population, written below `scratch`."""
    made = population.simulate(people=PEOPLE, seed=seed)
    shares = [
        Share(f"Isle {node + 1}", f"isle-{node + 1}", range(node, PEOPLE, nodes))
        for node in range(nodes)
    ]
    return _simulated(made, shares, scratch, seed=seed, least_people=2 * PEOPLE // 3)


def countries(scratch: Path, *, seed: int = SEED) -> list[list[DemoDataset]]:
    """Six nodes, a country each; one of them has never asked who smokes."""
    each = countries_population.PEOPLE
    shares = [
        Share(name, code, range(number * each, (number + 1) * each))
        for number, (code, name) in enumerate(countries_population.COUNTRIES.items())
    ]
    made = countries_population.simulate(seed=seed)
    return _simulated(
        made, shares, scratch, seed=seed, least_people=500, without={_NEVER_ASKED: "smoker"}
    )


@dataclass(frozen=True, slots=True)
class Share:
    """The people (by number) of one node; `site` is its name in a study and begins its dataset's
    id."""

    place: str
    site: str
    people: range


def _simulated(
    made: Population,
    shares: Sequence[Share],
    scratch: Path,
    *,
    seed: int,
    least_people: int,
    without: Mapping[str, str] = MappingProxyType({}),
) -> list[list[DemoDataset]]:
    made, planted = traits.plant(made, seed=seed)
    panel = population.write_panel(made, scratch / "panel.tsv")
    plans = []
    for node, share in enumerate(shares):
        people, place = share.people, share.place
        folder = scratch / f"input-{node + 1}"
        population.write(made, folder, people=people)
        objects = population.write_objects(
            made, folder / "objects", person=people[0], seed=seed + node
        )
        owner = made.ids[people[0]]
        source = DatasetSource(
            id=share.site.lower(),
            name=f"{place} synthetic cohort",
            description="A simulated population: coalescent genomes, nobody real.",
            assembly="GRCh38",
            vcfs=(folder / "variants.vcf.gz",),
            individuals=folder / "individuals.json",
            biosamples=folder / "biosamples.json",
            hierarchies=(folder / "hierarchy.tsv",),
            bases=folder / "reference.fa",
        )
        sealed = tuple(
            SealedFile(
                object_id=f"{source.id}/{path.name}",
                kind=name.partition("/")[0],
                path=path,
                owners=(owner,),
            )
            for name, path in objects.items()
        )
        cohort = SealedFile(
            object_id=f"{source.id}/cohort.vcf.gz",
            kind="variants",
            path=folder / "variants.vcf.gz",
            owners=tuple(made.ids[number] for number in people),
        )
        columns = {
            name: at for name, at in traits.COLUMNS.items() if name != without.get(share.site)
        }
        study = StudyPart(share.site, cohort.object_id, least_people, columns, planted)
        plans.append(
            [DemoDataset(place, source, profile_of(node), (*sealed, cohort), panel, study)]
        )
    return plans


def from_folder(folder: Path, scratch: Path, *, nodes: int, say: Say) -> list[list[DemoDataset]]:
    """For each node, its share of the people in `folder`; raises `LoadRefused`."""
    if not folder.is_dir():
        raise LoadRefused(f"{folder}: no such folder; --data takes a folder of BFF JSON and VCF")
    cohort = _stated(folder) or _found(folder, say)
    plans = []
    for node in range(nodes):
        share = frozenset(cohort.people[node::nodes])
        plans.append(
            [
                _share(cohort, assembly, share, node=node, scratch=scratch, first=number == 0)
                for number, assembly in enumerate(sorted(cohort.variants))
            ]
        )
    return plans


def _share(
    cohort: Cohort, assembly: str, share: frozenset[str], *, node: int, scratch: Path, first: bool
) -> DemoDataset:
    """People's records go with the first assembly only: they are counted once."""
    vcfs = cohort.variants[assembly]
    dataset = f"{_ID_CHARACTERS.sub('-', cohort.name)}-{assembly.lower()}-{node + 1}"
    name = f"{cohort.name}, {assembly}, part {node + 1}"
    source = DatasetSource(
        id=dataset,
        name=name,
        description="One share of the people in a folder of real input.",
        assembly=assembly,
        vcfs=vcfs,
        individuals=cohort.individuals if first else None,
        biosamples=cohort.siblings.get("biosamples") if first else None,
        runs=cohort.siblings.get("runs") if first else None,
        analyses=cohort.siblings.get("analyses") if first else None,
        cohorts=cohort.siblings.get("cohorts") if first else None,
        keep_people=share,
    )
    objects = tuple(
        SealedFile(
            object_id=f"{dataset}/{number}.bcf",
            kind="variants",
            path=_subset(path, scratch / f"{dataset}-{number}.bcf", share),
            owners=tuple(sorted(share)),
        )
        for number, path in enumerate(vcfs, start=1)
    )
    return DemoDataset(f"Isle {node + 1}", source, profile_of(node), objects)


def _subset(path: Path, target: Path, share: frozenset[str]) -> Path:
    """The columns of these people, as BCF: what a node seals may only hold its own people."""
    pysam.set_verbosity(0)  # htslib speaks of the index we neither have nor need
    try:
        with pysam.VariantFile(str(path)) as source:
            source.subset_samples([name for name in source.header.samples if name in share])
            with pysam.VariantFile(str(target), "wb", header=source.header) as out:
                for row in source:
                    out.write(row)
    except (OSError, ValueError) as error:
        raise LoadRefused(f"{path}: a record cannot be read; repair or remove it") from error
    return target


def _stated(folder: Path) -> Cohort | None:
    """The cohort that `skerry-data.toml` names, with paths relative to the folder."""
    path = folder / "skerry-data.toml"
    if not path.is_file():
        return None
    try:
        stated = tomllib.loads(path.read_text(encoding="utf-8"))
        individuals = folder / stated["individuals"]
        vcfs = [folder / name for name in stated["variants"]]
        siblings = {key: folder / stated[key] for key in _SIBLINGS if key in stated}
        name = str(stated["name"])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise LoadRefused(
            f"{path}: needs `name`, `individuals` and a list `variants`, relative to the folder"
        ) from error
    return Cohort(name, individuals, siblings, _by_assembly(vcfs), _people(individuals))


def _found(folder: Path, say: Say) -> Cohort:
    files = sorted(path for path in folder.rglob("*") if path.is_file())[:_MAX_FILES]
    candidates = [path for path in files if _is_bff(path, "individuals")]
    if not candidates:
        raise LoadRefused(
            f"{folder}: no people: expected a file individuals.json or individuals.json.gz (BFF)"
        )
    readable = [(len(ids), path, ids) for path in candidates if (ids := _people(path))]
    if not readable:
        raise LoadRefused(f"{candidates[0]}: holds no people; expected a JSON array of individuals")
    _, individuals, people = max(readable, key=lambda found: found[0])
    taken: list[Path] = []
    left: list[Path] = []
    for path in (path for path in files if path.name.endswith(_VARIANTS)):
        shared = len(set(open_variants(path).samples) & set(people))
        (taken if shared >= _SHARED_SAMPLES * len(people) else left).append(path)
    if not taken:
        raise LoadRefused(f"{folder}: no VCF or BCF shares 90 % of its samples with {individuals}")
    siblings = {
        kind: path
        for kind in _SIBLINGS
        for path in sorted(individuals.parent.iterdir())
        if _is_bff(path, kind)
    }
    say(f"took {individuals} ({len(people)} people)")
    for path in (*siblings.values(), *taken):
        say(f"took {path}")
    for path in (*(path for path in candidates if path != individuals), *left):
        say(f"left {path}")
    return Cohort(individuals.parent.name, individuals, siblings, _by_assembly(taken), people)


def _is_bff(path: Path, kind: str) -> bool:
    return path.name in {f"{kind}.json", f"{kind}.json.gz"}


def _people(path: Path) -> tuple[str, ...]:
    """The ids in an individuals file; `beacon.loading.load` checks the records themselves."""
    try:
        return read_ids(path)
    except Unreadable as broken:
        raise LoadRefused(
            f"{path}: expected a JSON array of individuals, each with an id; repair or remove it "
            f"({broken.problem})"
        ) from broken


def _by_assembly(paths: Sequence[Path]) -> Mapping[str, tuple[Path, ...]]:
    grouped: dict[str, tuple[Path, ...]] = {}
    for path in paths:
        assembly = open_variants(path).assembly
        if assembly is None:
            raise LoadRefused(f"{path}: its header names no assembly; add ##reference or contigs")
        grouped[assembly] = (*grouped.get(assembly, ()), path)
    return grouped
