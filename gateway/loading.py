"""Puts data into a node's folder: datasets into the catalog, files into the sealed vault.

One path for `skerry load` and the demo. Leaves checking of records to `beacon.load` and sealing to
`streams.vault`; nothing half-loaded is ever served, because both switch only when whole.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from beacon import load as beacon_load
from beacon.catalog import DatasetFacts
from beacon.load import DatasetSource
from gateway.home import NodeHome
from streams.keys import parse_public_key
from streams.vault import SealedObject, Vault

Progress = Callable[[str, int], None]


def load_dataset(
    home: NodeHome, source: DatasetSource, *, progress: Progress | None = None
) -> DatasetFacts:
    """Loads a new version beside the old one and switches to it when whole."""
    return beacon_load.load(source, home.catalog, progress=progress)


def seal_file(
    home: NodeHome, path: Path, *, object_id: str, dataset: str, kind: str, owners: tuple[str, ...]
) -> SealedObject:
    """Seals a file to the node's storage key; the plaintext is only read."""
    return Vault(home.vault).seal(
        path,
        object_id=object_id,
        dataset=dataset,
        kind=kind,
        format=format_of(path),
        owner_ids=owners,
        node_public=parse_public_key(home.storage_public.read_bytes()),
    )


def format_of(path: Path) -> str:
    """The htsget format name of a file by its ending; `FILE` for what htsget does not slice."""
    name = path.name.lower()
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
