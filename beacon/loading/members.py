"""Who is in a dataset: people and samples get their numbers, records their owners.

Samples become people through biosamples' `individualId`, or by their own name; members of a cohort
are those its record lists. A share of a dataset keeps its people's records and nothing that counts
or names the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from beacon.errors import Problem, SourceRefused
from beacon.loading.records import UNKNOWN, Record
from beacon.loading.staging import Staging


@dataclass(frozen=True, slots=True)
class Members:
    """Kept people by number, and the kept samples: name -> (sample number, person number). With
    `narrowed`, some of the source's people are not in the dataset."""

    numbers: Mapping[str, int]
    samples: Mapping[str, tuple[int, int]]
    left_out: int
    withdrawn: frozenset[str] = frozenset()
    withdrawn_samples: frozenset[str] = frozenset()
    narrowed: bool = False


def members(
    staging: Staging,
    samples_of_files: Sequence[Sequence[str]],
    *,
    kept: frozenset[str] | None,
    withdrawn: frozenset[str],
) -> Members:
    """Numbers people in the order of their records, then of the samples; keeps the wanted ones,
    and nobody who withdrew."""
    owner = owners_of(staging)
    names = dict.fromkeys(staging.ids("individual"))
    in_files = dict.fromkeys(sample for samples in samples_of_files for sample in samples)
    if "individual" not in staging.given:
        names |= dict.fromkeys(owner.values())
        names |= dict.fromkeys(owner.get(sample, sample) for sample in in_files)
    wanted = (n for n in names if (kept is None or n in kept) and n not in withdrawn)
    numbers = {name: number for number, name in enumerate(wanted)}
    samples: dict[str, tuple[int, int]] = {}
    left_out = 0
    for sample in in_files:
        person = owner.get(sample, sample)
        if person in numbers:
            samples[sample] = (len(samples), numbers[person])
        left_out += person not in names
    sites_only = bool(samples_of_files) and not in_files and kept is None
    if not numbers and not sites_only:
        step = "check that the files of people hold any"
        raise SourceRefused([Problem("source", "", "people", "at least one person", step)])
    gone = frozenset(name for name in names if name in withdrawn)
    theirs = frozenset(sample for sample in in_files if owner.get(sample, sample) in withdrawn)
    return Members(
        *(numbers, samples, left_out, gone, theirs), narrowed=kept is not None or bool(gone)
    )


def owners_of(staging: Staging) -> Mapping[str, str]:
    """The person of each biosample, which is of its own name where it names none."""
    named = staging.references("biosample", "individualId")
    return {sample: named.get(sample, sample) for sample in staging.ids("biosample")}


def owned(
    entity: str, staging: Staging, people: Members, *, whole: bool
) -> Iterator[tuple[Record, int]]:
    """The kept records of an entity with their person; cohorts are nobody's (-1)."""
    if entity == "individual":
        yield from _unrecorded(staging, people)
    owners = owners_of(staging)
    samples = staging.references("run", "biosampleId")
    for record in staging.records(entity):
        if entity == "cohort":
            listed = _listed(record, people, owners)
            size = len(people.numbers if listed is None else listed)
            yield _cohort(record, size, whole=not people.narrowed), -1
            continue
        person = record["id"] if entity == "individual" else record.get("individualId")
        if person is None and entity != "individual":
            sample = record.get("biosampleId") or samples.get(str(record.get("runId")))
            person = owners.get(str(sample or record["id"]), sample)
        number = people.numbers.get(str(person)) if person is not None else None
        if number is not None:
            yield record, number
        elif whole and str(person) not in people.withdrawn:
            yield record, -1


def _unrecorded(staging: Staging, people: Members) -> Iterator[tuple[Record, int]]:
    """Who is known by samples alone is somebody: «nobody carries it» would be false."""
    recorded = frozenset(staging.ids("individual"))
    for name, number in people.numbers.items():
        if name not in recorded:
            yield {"id": name, "sex": UNKNOWN}, number


def cohort_members(staging: Staging, people: Members) -> Iterator[tuple[int, frozenset[int]]]:
    """Each cohort that lists its members: its number and theirs, of those who are kept."""
    owners = owners_of(staging)
    for number, record in enumerate(staging.records("cohort")):
        if (listed := _listed(record, people, owners)) is not None:
            yield number, listed


def _listed(record: Record, people: Members, owners: Mapping[str, str]) -> frozenset[int] | None:
    """The people under `ids`, as converters write them: individuals, or objects of lists by kind.
    None where a cohort lists nobody, which may be everybody; an empty list is nobody."""
    ids = record.get("ids")
    by_kind = ids if isinstance(ids, dict) else {"individualIds": ids}
    for kind, owner in (("individualIds", {}), ("biosampleIds", owners)):
        if isinstance(named := by_kind.get(kind), list):
            found = (people.numbers.get(owner.get(str(name), str(name))) for name in named)
            return frozenset(number for number in found if number is not None)
    return None


def _cohort(record: Record, size: int, *, whole: bool) -> Record:
    """A cohort without its member list; of a share, also without the counts of the whole."""
    gone = {"ids"} if whole else {"ids", "collectionEvents"}
    kept = {name: value for name, value in record.items() if name not in gone}
    return kept if whole else {**kept, "cohortSize": size}
