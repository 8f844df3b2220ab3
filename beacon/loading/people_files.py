"""Every file of people of one dataset, whatever its form, brought into one staging area.

Beacon-friendly JSON, phenopackets, tables by a mapping file, OMOP CDM. Answers what was lost on the
way; what is wrong is said in `problems`. What each form means is left to its own module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beacon.loading import mapping, phenopackets, tables
from beacon.loading.records import Problems, Unreadable, json_items
from beacon.loading.staging import Staging

_REPORT_EVERY = 1000


@dataclass(frozen=True, slots=True)
class PeopleFiles:
    """`bff` is one JSON array per entity; `tables` a folder or one table, read by `mapping`."""

    bff: Mapping[str, Path] = field(default_factory=dict)
    phenopackets: tuple[Path, ...] = ()
    tables: Path | None = None
    mapping: Path | None = None
    omop: Path | None = None

    def all_files(self) -> tuple[Path, ...]:
        """Every file that is read, in a stable order: what a version is made of."""
        roots = [*self.phenopackets, self.tables, self.mapping, self.omop]
        found = [self.bff[name] for name in sorted(self.bff)]
        for root in roots:
            if root is not None and root.is_dir():
                found += sorted(path for path in root.rglob("*") if path.is_file())
            elif root is not None:
                found.append(root)
        return tuple(found)


def stage(
    files: PeopleFiles,
    *,
    staging: Staging,
    problems: Problems,
    tell: Callable[[str, int], None] = lambda _what, _count: None,
) -> Counter[str]:
    """Reads everything into `staging` and checks what refers to what."""
    losses: Counter[str] = Counter()
    try:
        for entity, path in files.bff.items():
            _read_bff(entity, path, staging=staging, problems=problems, tell=tell)
        for path in files.phenopackets:
            phenopackets.stage(path, staging=staging, problems=problems, losses=losses)
        if files.tables is not None and files.mapping is not None:
            mapped = mapping.read(files.mapping)
            tables.stage(files.tables, mapped, staging=staging, problems=problems, losses=losses)
        if files.omop is not None:
            tables.stage(
                files.omop, mapping.omop(), staging=staging, problems=problems, losses=losses
            )
    except Unreadable as broken:
        problems.add(broken.problem, fatal=True)
        return losses
    staging.check(problems)
    return losses


def _read_bff(
    entity: str,
    path: Path,
    *,
    staging: Staging,
    problems: Problems,
    tell: Callable[[str, int], None],
) -> None:
    staging.given.add(entity)
    number = 0
    for number, record in enumerate(json_items(path), 1):
        staging.add(entity, record, file=path.name, where=f"record {number}", problems=problems)
        if problems.full:
            return
        if number % _REPORT_EVERY == 0:
            tell(f"{entity}, read", number)
    tell(f"{entity}, read", number)
