"""Puts data into a node's folder: datasets into the catalog, files into the sealed vault.

One path for `skerry load` and the demo. Leaves checking of records to `beacon.loading.load` and
sealing to `streams.vault`; nothing half-loaded is ever served, because both switch only when whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from access.policies.file import load_policies
from access.policies.policy import PolicyBook
from access.policies.versions import PolicyVersions
from beacon.catalog import DatasetFacts
from beacon.errors import Problem
from beacon.loading import load as beacon_load
from beacon.loading.load import DatasetSource
from gateway import config
from gateway.errors import LoadRefused
from gateway.holding import clearance
from gateway.home import NodeHome
from streams.adopting import Adoptee, adopt
from streams.archive_export import Exported
from streams.inputs import open_input, plain_path
from streams.keyring import KeyRing, Secrets
from streams.keys import parse_public_key
from streams.remote import RemoteFile
from streams.sealing import seal, seal_input
from streams.shelf import ClearObject, Looked, Shelf, looked_at
from streams.sources import FORMATS, Kind, check_content
from streams.units import units
from streams.vault import SealedObject, Vault

Progress = Callable[[str, int], None]


def load_dataset(
    home: NodeHome,
    source: DatasetSource,
    *,
    progress: Progress | None = None,
    report: Callable[[Problem], None] | None = None,
) -> DatasetFacts:
    """Loads a new version beside the old one and switches to it when whole."""
    return beacon_load.load(source, home.catalog, progress=progress, report=report)


def seal_file(
    home: NodeHome,
    path: Path,
    *,
    object_id: str,
    dataset: str,
    kind: str,
    owners: tuple[str, ...],
    store: str | None = None,
    progress: Progress | None = None,
) -> SealedObject:
    """Seals a file to the node's storage key; the plaintext is only read.

    A Crypt4GH file that a submitter sealed to that key is opened in memory and sealed anew. Where
    people withdrew from the dataset, it is looked through for them (`clearance`)."""
    told = None if progress is None else partial(progress, f"sealed bytes of {path.name}")
    sealed = seal(
        Vault(home.vault),
        path,
        object_id=object_id,
        dataset=dataset,
        kind=kind,
        format=format_of(path),
        owner_ids=owners,
        node_public=parse_public_key(home.storage_public.read_bytes()),
        secrets=KeyRing(home.storage_secret),
        store=store,
        progress=told,
    )
    return clearance.look(home, sealed)


def seal_units(
    home: NodeHome,
    path: Path,
    *,
    dataset: str,
    store: str | None = None,
    progress: Progress | None = None,
) -> Iterator[SealedObject]:
    """Seals each chromosome of an indexed file under a key of its own: `DATASET/STEM/chr1.bam`."""
    form, vault = format_of(path), Vault(home.vault)
    if kind_of(path) is Kind.FILE:
        raise LoadRefused(f"{path}: only BAM, CRAM, VCF and BCF have chromosomes to seal apart")
    public = parse_public_key(home.storage_public.read_bytes())
    name = plain_path(path).name
    stem = stem_of(name)
    ring = KeyRing(home.storage_secret)
    with open_input(path, ring) as given:
        check_content(path, given.at, given.size, kind=kind_of(path), form=form)
        for unit in units(given, form):
            told = f"sealed bytes of {unit.name}"
            sealed = seal_input(
                vault,
                unit.content,
                object_id=f"{dataset}/{stem}/{unit.name}{name.removeprefix(stem)}",
                dataset=dataset,
                kind=kind_of(path),
                format=form,
                owner_ids=(),
                node_public=public,
                secrets=ring,
                store=store,
                progress=None if progress is None else partial(progress, told),
            )
            yield clearance.look(home, sealed)


def adopt_file(
    home: NodeHome,
    at: str,
    *,
    dataset: str,
    exported: Exported | None = None,
    secrets: Secrets | None = None,
    progress: Progress | None = None,
) -> SealedObject:
    """Takes in a Crypt4GH body where it lies: `DATASET/NAME`, or the archive's own id.

    `secrets` open its header; else it must be sealed to the node's storage key."""
    name = plain_path(Path(exported.name if exported is not None else at)).name
    told = None if progress is None else partial(progress, f"read bytes of {name}")
    ring = KeyRing(home.storage_secret)
    wanted = Adoptee(
        at=at,
        object_id=f"{dataset}/{name}" if exported is None else exported.stable_id,
        dataset=dataset,
        kind=kind_of(Path(name)),
        form=format_of(Path(name)),
        header=None if exported is None else exported.header,
        sha256=None if exported is None else exported.sha256,
    )
    taken = adopt(
        Vault(home.vault),
        wanted,
        secrets=lambda: (*ring(), *(() if secrets is None else secrets())),
        node_public=parse_public_key(home.storage_public.read_bytes()),
        progress=told,
    )
    return clearance.look(home, taken)


def shelve_file(
    home: NodeHome, source: Path | RemoteFile, *, dataset: str, index: Path | None = None
) -> ClearObject:
    """Registers a file where it lies, on a disk or in an object store, to leave in the clear:
    `DATASET/STEM`, whatever its format."""
    (found,) = shelve(home, [for_shelf(home, source, dataset=dataset, index=index)])
    return found


def for_shelf(
    home: NodeHome, source: Path | RemoteFile, *, dataset: str, index: Path | None = None
) -> Looked:
    """The file found good and as it would be registered; nothing is changed.

    Refused unless the node's policy in force lets this dataset's objects leave in the clear."""
    policy = _policies_in_force(home).policy(dataset)
    if policy is None or not policy.clear_streams:
        raise LoadRefused(
            f"{dataset}: its policy does not say insecure_clear_streams; see docs/htsget.md"
        )
    name = Path(source.name)
    kind, stem = kind_of(name), stem_of(source.name)
    return looked_at(
        source,
        object_id=f"{dataset}/{source.name if kind is Kind.FILE else stem}",
        dataset=dataset,
        kind=kind,
        form=format_of(name),
        index=index,
    )


def shelve(home: NodeHome, looked: Sequence[Looked]) -> list[ClearObject]:
    """Registers all of them or none. Where people withdrew from a dataset, each is looked through
    for them (`clearance`)."""
    registered = Shelf(home.clear).register_all(looked)
    return [clearance.look_in_the_clear(home, found) for found in registered]


def _policies_in_force(home: NodeHome) -> PolicyBook:
    url = config.load(home.settings).public_url
    versions = PolicyVersions(home.policy_versions, public_url=url)
    active = versions.active()
    if active is None:
        return load_policies(home.policies, public_url=url)
    return versions.read(active.number).book


def stem_of(name: str) -> str:
    for ending in (".gz", ".bgz", ".bam", ".cram", ".bcf", ".vcf"):
        name = name.removesuffix(ending)
    return name


def kind_of(path: Path) -> Kind:
    """What htsget calls a file of its ending."""
    form = format_of(path)
    return next((kind for kind, forms in FORMATS.items() if form in forms), Kind.FILE)


def format_of(path: Path) -> str:
    """The htsget format name of a file by its ending; `FILE` for what htsget does not slice."""
    name = plain_path(path).name.lower()
    for endings, known in (
        ((".bam",), "BAM"),
        ((".cram",), "CRAM"),
        ((".bcf",), "BCF"),
        ((".vcf", ".vcf.gz", ".vcf.bgz"), "VCF"),
        ((".fa", ".fasta"), "FASTA"),
    ):
        if name.endswith(endings):
            return known
    return "FILE"
