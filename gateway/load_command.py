"""`skerry load`: checks, loads one dataset version, seals files; says what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from beacon.load import DatasetSource, check
from beacon.reference import Reference
from gateway import loading
from gateway.errors import LoadRefused
from gateway.home import NodeHome
from gateway.references import StoredReference
from schemas.errors import NotFound
from streams.refget.index import Index


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asked for."""

    dataset: str
    name: str
    description: str
    assembly: str
    vcfs: tuple[Path, ...]
    individuals: Path | None
    biosamples: Path | None
    hierarchies: tuple[Path, ...]
    seal: tuple[Path, ...]
    clear: tuple[Path, ...] = ()
    sequences: str | None = None


def run(home: NodeHome, wanted: Wanted, *, check_only: bool) -> Mapping[str, object]:
    """Raises the loader's refusal, naming file, record, field and next step."""
    if not home.settings.exists():
        raise LoadRefused(f"{home.root}: not a node's folder; `skerry init` writes one")
    summary: dict[str, object] = {"dataset": wanted.dataset}
    if wanted.vcfs or wanted.individuals is not None:
        summary |= _load(home, wanted, check_only=check_only)
    elif not (wanted.seal or wanted.clear):
        raise LoadRefused("nothing to load: give --vcf, --individuals, --seal or --clear")
    for path in () if check_only else wanted.seal:
        kind = loading.kind_of(path)
        sealed = loading.seal_file(
            home, path, object_id=f"{wanted.dataset}/{path.name}", dataset=wanted.dataset,
            kind=kind, owners=(),
        )  # fmt: skip
        summary[f"sealed {sealed.object_id}"] = f"{sealed.plain_size} bytes"
    for path in () if check_only else wanted.clear:
        found = loading.shelve_file(home, path, dataset=wanted.dataset)
        summary[f"in the clear {found.object_id}"] = f"{found.format}, {found.size} bytes"
    return summary


def _bases(home: NodeHome, sequences: str | None) -> Path | Reference | None:
    """A FASTA file, or a collection that `skerry reference add` took in."""
    if sequences is None or Path(sequences).is_file():
        return None if sequences is None else Path(sequences)
    try:
        return StoredReference(Index(home.references), sequences)
    except NotFound as unknown:
        raise LoadRefused(
            f"{sequences[:80]}: neither a FASTA file nor a collection of `skerry reference list`"
        ) from unknown


def _load(home: NodeHome, wanted: Wanted, *, check_only: bool) -> Mapping[str, object]:
    source = DatasetSource(
        id=wanted.dataset,
        name=wanted.name,
        description=wanted.description,
        assembly=wanted.assembly,
        vcfs=wanted.vcfs,
        individuals=wanted.individuals,
        biosamples=wanted.biosamples,
        hierarchies=wanted.hierarchies,
        reference="own",
        bases=_bases(home, wanted.sequences),
    )
    if check_only:
        problems = check(source)
        if problems:
            raise LoadRefused("\n".join(str(problem) for problem in problems))
        return {"check": "good; nothing was loaded"}
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("loading", total=None)

        def progress(stage: str, done: int) -> None:
            bar.update(task, description=f"{stage}: {done:,}")

        facts = loading.load_dataset(home, source, progress=progress)
    return {"version": facts.version, "people": facts.people, "variants": facts.variants}
