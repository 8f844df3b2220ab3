"""`skerry load`: checks, loads one dataset version, seals files; says what was done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from beacon.errors import Problem
from beacon.loading.load import DatasetSource, check
from beacon.variation.reference import Reference
from gateway.commands.asking import book_in_force
from gateway.commands.load_progress import Report, Shown, Watch
from gateway.errors import LoadRefused
from gateway.holding import catalogue_form, clearance, clickhouse, loading
from gateway.holding.references import StoredReference
from gateway.home import NodeHome
from schemas.errors import InvalidInput, NotFound
from streams.archive_export import read_export
from streams.inputs import plain_path
from streams.keyring import Secrets
from streams.keys import read_secret_key
from streams.refget.index import Index
from streams.remote import SCHEME, RemoteFile
from streams.shelf import ClearObject
from streams.sources import Kind
from streams.vault import SealedObject

MAX_METADATA_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Adopted:
    """Crypt4GH bodies to be taken in where they lie; those of `export` below `archive`."""

    places: tuple[str, ...] = ()
    export: Path | None = None
    archive: str | None = None
    key: Path | None = None
    passphrase: Path | None = None


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
    if wanted.has_data:
        summary |= _load(home, wanted, check_only=check_only, watch=watch)
    elif not (wanted.seal or wanted.clear or wanted.adopted):
        raise LoadRefused(
            "nothing to load: give --vcf, --genomic-variations, people (such as --individuals), "
            "--seal, --adopt or --clear"
        )
    if wanted.seal and not check_only:
        summary.update(_seal(home, wanted))
    if wanted.adopted is not None and not check_only:
        summary.update(_adopt(home, wanted.dataset, wanted.adopted))
    for place in () if check_only else wanted.clear:
        source = RemoteFile(place) if place.startswith(SCHEME) else Path(place)
        found = loading.shelve_file(home, source, dataset=wanted.dataset)
        said = f"{found.size} bytes{_unless_clear(home, found)}"
        summary[f"in the clear {found.object_id} as {found.format}"] = said
    return {**summary, **_closed(home, wanted.dataset)}


def _closed(home: NodeHome, dataset: str) -> Mapping[str, object]:
    """Whoever loads a first dataset would wait for answers in vain."""
    if book_in_force(home).policy(dataset) is not None:
        return {}
    return {"note": "no policy in force names this dataset, so nobody is answered from it"}


def _seal(home: NodeHome, wanted: Wanted) -> Mapping[str, object]:
    """What was sealed before is left alone, so that a load that was cut off goes on."""
    done: dict[str, object] = {}
    store = None if wanted.seal_to is None else wanted.seal_to.rstrip("/")
    if store is not None and not store.startswith(SCHEME):
        raise LoadRefused("--seal-to is s3://BUCKET/PREFIX; left out, bodies lie in the vault")
    with Shown(()) as shown:
        for path in wanted.seal:
            if wanted.per_chromosome:
                made = loading.seal_units(
                    home, path, dataset=wanted.dataset, store=store, progress=shown
                )
                done |= {f"sealed {unit.object_id}": _said_of(home, unit) for unit in made}
                continue
            kind, name = loading.kind_of(path), plain_path(path).name
            sealed = loading.seal_file(
                home, path, object_id=f"{wanted.dataset}/{name}", dataset=wanted.dataset,
                kind=kind, owners=(), store=store, progress=shown,
            )  # fmt: skip
            done[f"sealed {sealed.object_id}"] = _said_of(home, sealed)
    return done


def _adopt(home: NodeHome, dataset: str, wanted: Adopted) -> Mapping[str, object]:
    """What was taken in before is left alone, so that one that was cut off goes on."""
    if (wanted.export is None) != (wanted.archive is None):
        raise LoadRefused("--adopt-export and --archive go together; see docs/release.md")
    secrets, done = _adopting_key(wanted), dict[str, object]()
    with Shown(()) as shown:
        whole = ((place, None) for place in wanted.places)
        below = read_export(wanted.export) if wanted.export is not None else ()
        apart = ((f"{wanted.archive}".rstrip("/") + f"/{one.path}", one) for one in below)
        for at, exported in chain(whole, apart):
            sealed = loading.adopt_file(
                home, at, dataset=dataset, exported=exported, secrets=secrets, progress=shown
            )
            done[f"adopted {sealed.object_id}"] = _said_of(home, sealed)
    return done


def _said_of(home: NodeHome, sealed: SealedObject) -> str:
    said = f"{sealed.plain_size} bytes"
    if sealed.kind is not Kind.FILE and not sealed.sliceable:
        said += "; whole only: no index could be used or made"
    return said + _unless_clear(home, sealed)


def _unless_clear(home: NodeHome, one: SealedObject | ClearObject) -> str:
    if clearance.is_clear(home, one):
        return ""
    return "; not released: it may hold somebody who withdrew (skerry datasets reseal)"


def _adopting_key(wanted: Adopted) -> Secrets | None:
    if wanted.key is None:
        return None
    try:
        passphrase = None if wanted.passphrase is None else wanted.passphrase.read_bytes().strip()
    except OSError as error:
        raise LoadRefused(f"{wanted.passphrase}: cannot be read") from error
    key = read_secret_key(wanted.key, passphrase)
    return lambda: (key,)


def bases(home: NodeHome, sequences: str | None) -> Path | Reference | None:
    """A FASTA file, or a collection that `skerry reference add` took in."""
    if sequences is None or Path(sequences).is_file():
        return None if sequences is None else Path(sequences)
    try:
        return StoredReference(Index(home.references), sequences)
    except NotFound as unknown:
        raise LoadRefused(
            f"{sequences[:80]}: neither a FASTA file nor a collection of `skerry reference list`"
        ) from unknown


def _load(
    home: NodeHome, wanted: Wanted, *, check_only: bool, watch: Watch | None
) -> Mapping[str, object]:
    if (wanted.tables is None) != (wanted.mapping is None):
        raise LoadRefused("--tables and --mapping go together; see docs/loading.md")
    people, metadata = wanted.people, _metadata(wanted.metadata)
    described = {"HealthDCAT-AP": _described(metadata)} if metadata else {}
    source = DatasetSource(
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
        metadata=metadata,
        hierarchies=wanted.hierarchies,
        reference="own",
        bases=bases(home, wanted.sequences),
        genes=wanted.genes,
        max_rejected=wanted.max_rejected,
    )
    with ExitStack() as stack:
        counted = () if wanted.genomic_variations else wanted.vcfs  # others have no index
        shown = stack.enter_context(Shown(counted, watch=watch))
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
        raise LoadRefused("\n".join(str(problem) for problem in problems))
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
