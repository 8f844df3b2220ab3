"""Takes in a table of names: dbSNP's or ClinVar's VCF, or any other with rsIDs or ClinVar ids.

It is loaded as a dataset without people, so it is checked and refused as one, naming file and
place. Asking the tables is `beacon.names`'.
"""

from __future__ import annotations

import re
from pathlib import Path

from beacon import manifest
from beacon.catalog import DatasetFacts
from beacon.errors import Problem, SourceRefused
from beacon.loading import load as dataset_load
from beacon.variation.alleles import canonical_assembly
from beacon.variation.identifiers import Kind
from beacon.variation.reference import Reference

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_WANTED = frozenset({Kind.RSID, Kind.CLINVAR})


def load(
    path: Path,
    folder: Path,
    *,
    name: str,
    assembly: str,
    bases: Path | Reference | None = None,
    progress: dataset_load.Progress | None = None,
) -> DatasetFacts:
    """Makes the file the table `name` of its assembly, in place of the one before. With `bases`
    (the reference sequence) its alleles are found in every shifted spelling. Raises
    `SourceRefused`; then the table before stays."""
    canonical = canonical_assembly(assembly)
    if canonical is None:
        raise _refused(path, "GRCh37 or GRCh38", "name one of the two")
    if not _NAME.fullmatch(name):
        raise _refused(path, "a name of small letters and digits", "such as dbsnp or clinvar")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    table = f"{name}.{canonical}"
    before = manifest.read(folder).get(table)
    source = dataset_load.DatasetSource(
        *(table, f"Names of {name}, {canonical}", "", canonical, (path,)), bases=bases
    )
    facts = dataset_load.load(source, folder, progress=progress)
    if _WANTED.isdisjoint(facts.identifiers):
        if before is not None:
            manifest.activate(folder, table, before.version)
        raise _refused(path, "rsIDs or ClinVar ids", "is it dbSNP's or ClinVar's VCF?")
    return facts


def _refused(path: Path, expected: str, step: str) -> SourceRefused:
    return SourceRefused([Problem(path.name, "", "", expected, step)])
