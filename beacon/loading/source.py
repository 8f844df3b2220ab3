"""The files of one dataset, and the version that their content makes.

The same content gives the same version whatever its files are called, so loading it again changes
nothing; a person's withdrawal makes another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from beacon.loading.people_files import PeopleFiles
from beacon.segment.blocks import FORMAT
from beacon.variation.reference import Reference


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """The files of one dataset, variants in `vcfs` and, as BFF, in `genomic_variations`.
    `keep_people` narrows it to these individuals (a share of a cohort); `reference="own"` stores
    each allele's frequency over all samples of its file; variants are compared with `bases`, an
    indexed FASTA file or another store of sequences; `genes` is a gene table for variants without
    annotation; up to `max_rejected` records may be left out where they cannot be read; without
    `interpretations` the variants that phenopackets state are."""

    id: str
    name: str
    description: str
    assembly: str
    vcfs: tuple[Path, ...] = ()
    individuals: Path | None = None
    biosamples: Path | None = None
    runs: Path | None = None
    analyses: Path | None = None
    cohorts: Path | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    hierarchies: tuple[Path, ...] = ()
    keep_people: frozenset[str] | None = None
    reference: Literal["own"] | None = None
    bases: Path | Reference | None = None
    genes: Path | None = None
    phenopackets: tuple[Path, ...] = ()
    tables: Path | None = None
    mapping: Path | None = None
    omop: Path | None = None
    max_rejected: int = 0
    genomic_variations: tuple[Path, ...] = ()
    interpretations: bool = True

    def people_files(self) -> PeopleFiles:
        named = {
            "individual": self.individuals,
            "biosample": self.biosamples,
            "run": self.runs,
            "analysis": self.analyses,
            "cohort": self.cohorts,
        }
        return PeopleFiles(
            bff={entity: path for entity, path in named.items() if path is not None},
            phenopackets=self.phenopackets,
            tables=self.tables,
            mapping=self.mapping,
            omop=self.omop,
        )


def version_of(source: DatasetSource, withdrawn: frozenset[str]) -> str:
    """Raises `OSError` where a file cannot be read."""
    people = source.people_files()
    stated = {
        "format": FORMAT,
        "dataset": [source.id, source.name, source.description, source.assembly],
        "metadata": dict(source.metadata),
        "reference": source.reference,
        "bases": digest(source.bases) if isinstance(source.bases, Path) else bool(source.bases),
        "genes": digest(source.genes) if source.genes is not None else None,
        "max_rejected": source.max_rejected,
        "variants": [digest(path) for path in (*source.vcfs, *source.genomic_variations)],
        "hierarchies": [digest(path) for path in source.hierarchies],
        "people": {entity: digest(path) for entity, path in people.bff.items()},
        "other_people": [digest(path) for path in people.all_files()],
        "kept": None if source.keep_people is None else sorted(source.keep_people),
        "withdrawn": sorted(withdrawn),
    }
    if not source.interpretations:
        # Said only where it is, so that what was loaded before it could be keeps its version.
        stated["interpretations"] = False
    text = json.dumps(stated, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
