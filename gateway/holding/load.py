"""`skerry load`: checks, loads one dataset version, seals files; says what was done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from beacon.errors import Problem, SourceRefused
from beacon.loading.load import DatasetSource, check
from gateway.commands.asking import book_in_force
from gateway.commands.load_progress import Report, Shown, Watch
from gateway.errors import LoadRefused
from gateway.holding import catalogue_form, clickhouse, loading, releasing
from gateway.holding.references import bases
from gateway.holding.releasing import Adopted
from gateway.home import NodeHome
from schemas.errors import InvalidInput

MAX_METADATA_BYTES = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asked for."""

    dataset: str
    name: str
    description: str
    assembly: str
    vcfs: tuple[Path, ...] = ()
    genomic_variations: tuple[Path, ...] = ()
    people: Mapping[str, Path] = field(default_factory=dict)
    phenopackets: tuple[Path, ...] = ()
    interpretations: bool = True
    tables: Path | None = None
    mapping: Path | None = None
    omop: Path | None = None
    metadata: Path | None = None
    hierarchies: tuple[Path, ...] = ()
    seal: tuple[Path, ...] = ()
    per_chromosome: bool = False
    seal_to: str | None = None
    adopted: Adopted | None = None
    clear: tuple[str, ...] = ()
    sequences: str | None = None
    genes: Path | None = None
    max_rejected: int = 0
    report: Path | None = None

    @property
    def has_data(self) -> bool:
        """Whether there is something for the catalog, beside files to release."""
        people = self.people or self.phenopackets or self.tables or self.omop
        return bool(self.vcfs or self.genomic_variations or people)


def run(
    home: NodeHome, wanted: Wanted, *, check_only: bool, watch: Watch | None = None
) -> Mapping[str, object]:
    """Raises the loader's refusal, naming file, record, field and next step. `watch` is told how
    far it is."""
    summary: dict[str, object] = {"dataset": wanted.dataset}
    clear = () if check_only else releasing.look_at_clear(home, wanted.dataset, wanted.clear)
    if wanted.has_data:
        summary |= _load(home, wanted, check_only=check_only, watch=watch)
    elif not (wanted.seal or wanted.clear or wanted.adopted):
        raise LoadRefused(
            "nothing to load: give --vcf, --genomic-variations, people (such as --individuals), "
            "--seal, --adopt or --clear"
        )
    if not check_only:
        summary |= _taken_in(home, wanted)
        summary |= releasing.shelve(home, clear) if clear else {}
    return {**summary, **_closed(home, wanted.dataset)}


def _taken_in(home: NodeHome, wanted: Wanted) -> Mapping[str, object]:
    done: dict[str, object] = {}
    if wanted.seal:
        done |= releasing.seal(
            *(home, wanted.dataset, wanted.seal),
            per_chromosome=wanted.per_chromosome,
            store=wanted.seal_to,
        )
    if wanted.adopted is not None:
        done |= releasing.adopt(home, wanted.dataset, wanted.adopted)
    return done


def _closed(home: NodeHome, dataset: str) -> Mapping[str, object]:
    """Whoever loads a first dataset would wait for answers in vain."""
    if book_in_force(home).policy(dataset) is not None:
        return {}
    return {"note": "no policy in force names this dataset, so nobody is answered from it"}


def _load(
    home: NodeHome, wanted: Wanted, *, check_only: bool, watch: Watch | None
) -> Mapping[str, object]:
    if (wanted.tables is None) != (wanted.mapping is None):
        raise LoadRefused("--tables and --mapping go together; see docs/loading.md")
    source = _source(home, wanted)
    described = {"HealthDCAT-AP": _described(source.metadata)} if source.metadata else {}
    with ExitStack() as stack:
        shown = stack.enter_context(Shown(watch=watch))
        report = None
        if wanted.report is not None:
            report = stack.enter_context(Report(wanted.report))
            stack.callback(report.counted, shown.counted)
        if check_only:
            problems = check(source, report=report, progress=shown)
            return {**_checked(problems, shown), **described}
        facts = loading.load_dataset(home, source, progress=shown, report=report)
        published = clickhouse.follow(
            home, tell=lambda dataset, rows: shown(f"ClickHouse, {dataset}", rows)
        )
    done = {"version": facts.version, "people": facts.people, "variants": facts.variants}
    return {**done, **shown.counted, **published, **described}


def _source(home: NodeHome, wanted: Wanted) -> DatasetSource:
    people = wanted.people
    return DatasetSource(
        id=wanted.dataset,
        name=wanted.name,
        description=wanted.description,
        assembly=wanted.assembly,
        vcfs=wanted.vcfs,
        genomic_variations=wanted.genomic_variations,
        individuals=people.get("individuals"),
        biosamples=people.get("biosamples"),
        runs=people.get("runs"),
        analyses=people.get("analyses"),
        cohorts=people.get("cohorts"),
        phenopackets=wanted.phenopackets,
        interpretations=wanted.interpretations,
        tables=wanted.tables,
        mapping=wanted.mapping,
        omop=wanted.omop,
        metadata=_metadata(wanted.metadata),
        hierarchies=wanted.hierarchies,
        reference="own",
        bases=bases(home, wanted.sequences),
        genes=wanted.genes,
        max_rejected=wanted.max_rejected,
    )


def _described(metadata: Mapping[str, object]) -> str:
    """How much of the description a catalogue needs there is."""
    info = metadata.get("info")
    stated = info.get(catalogue_form.MEMBER, {}) if isinstance(info, dict) else {}
    try:
        lacking = catalogue_form.lacking(stated)
    except InvalidInput as wrong:
        raise LoadRefused(f"--metadata: {wrong.public}") from wrong
    return f"not stated: {', '.join(lacking)}" if lacking else "complete"


def _checked(problems: list[Problem], shown: Shown) -> Mapping[str, object]:
    if problems:
        raise SourceRefused(problems)
    return {"check": "good; nothing was loaded", **shown.counted}


def _metadata(path: Path | None) -> Mapping[str, object]:
    """The dataset's own Beacon record: an object, or an array of one, as BFF has it."""
    if path is None:
        return {}
    try:
        with path.open("rb") as stream:
            raw = json.loads(stream.read(MAX_METADATA_BYTES))
    except (OSError, ValueError, RecursionError) as wrong:
        raise LoadRefused(f"{path}: expected a dataset record in JSON") from wrong
    record = raw[0] if isinstance(raw, list) and len(raw) == 1 else raw
    if not isinstance(record, dict):
        raise LoadRefused(f"{path}: expected one dataset record in JSON")
    return {name: value for name, value in record.items() if name not in ("id", "name")}
