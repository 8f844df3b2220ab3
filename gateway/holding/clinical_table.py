"""A clinical table of a dataset as a release unit: a row per sample, numbers only, sealed at once.

Columns are named by whoever publishes the table, each with where its value comes from in the BFF
records. The plain table exists in memory alone. What reads it is an analysis in a workspace
(`workspaces.analysis.cohort`): the first column is the sample's name as the VCF has it, empty means
that nothing is known, and the unit of measures stands in brackets after the name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beacon import segments
from beacon.catalog import EntryType, Segment
from gateway.errors import LoadRefused
from gateway.holding import holdings, loading
from gateway.home import NodeHome
from streams.sources import Kind
from streams.vault import SealedObject, Vault
from workspaces.analysis.cohort import MAX_UNIT
from workspaces.private import PrivateFolder

MAX_COLUMNS = 200
PAGE = 1_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_FEMALE, _MALE = frozenset({"NCIT:C16576"}), frozenset({"NCIT:C20197"})

Record = Mapping[str, Any]
Reader = Callable[[Record], float | None]
_UCUM = "UCUM:"


@dataclass(frozen=True, slots=True)
class Column:
    """`text` is what it was made of: `NAME=WHERE`; `unit` is that of a record's value."""

    name: str
    read: Reader
    text: str
    unit: Callable[[Record], str] = lambda _: ""


def column(text: str) -> Column:
    """Of `NAME=WHERE`, where WHERE is `female`, `has:TERM`, `measure:TERM` or `info:KEY`. Raises
    LoadRefused."""
    name, _, where = text.partition("=")
    kind, _, term = where.partition(":")
    if _NAME.fullmatch(name) is None:
        raise LoadRefused(f"--column {text[:60]}: expected NAME=WHERE with a plain name")
    if where == "female":
        return Column(name, _female, text)
    if not term:
        raise LoadRefused(
            f"--column {name}: expected female, has:TERM, measure:TERM or info:KEY after «=»"
        )
    match kind:
        case "has":
            return Column(name, lambda person: _has(person, term), text)
        case "measure":
            return Column(
                name,
                lambda person: _measure(person, term)[0],
                text,
                lambda person: _measure(person, term)[1],
            )
        case "info":
            return Column(name, lambda person: _info(person, term), text)
        case _:
            raise LoadRefused(f"--column {name}: «{kind[:20]}» is not has, measure or info")


def seal(
    home: NodeHome, dataset: str, columns: Sequence[Column], *, file_name: str
) -> tuple[SealedObject, int]:
    """The sealed table and how many rows it has; raises LoadRefused for one without a value."""
    names = [one.name for one in columns]
    if not 1 <= len(names) <= MAX_COLUMNS or len(set(names)) < len(names):
        raise LoadRefused(f"--column: expected 1 to {MAX_COLUMNS} columns of different names")
    gone = holdings.withdrawn(home.catalog, dataset)  # before the records are read
    people = list(_people(home, dataset))
    titles = [_title(one, [person for _, person in people]) for one in columns]
    lines = ["\t".join(("sample", *titles)), *(_line(*one, columns) for one in people)]
    if not any(any(line.split("\t")[1:]) for line in lines[1:]):
        raise LoadRefused(f"{dataset}: no record has any of these columns; nothing was sealed")
    folder = PrivateFolder.create("table")
    try:
        path = folder.data / file_name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        sealed = loading.seal_file(
            home, path, object_id=f"{dataset}/{file_name}", dataset=dataset, kind=Kind.FILE,
            owners=(),
        )  # fmt: skip
    finally:
        folder.wipe()
    made_of = tuple(one.text for one in columns)
    return Vault(home.vault).mark(sealed, cleared=gone, columns=made_of), len(lines) - 1


def seal_again(home: NodeHome, sealed: SealedObject) -> SealedObject:
    """A table that was made of records, of the records as they are now."""
    columns = [column(text) for text in sealed.columns]
    name = sealed.object_id.removeprefix(f"{sealed.dataset}/")
    again, _ = seal(home, sealed.dataset, columns, file_name=name)
    return again


def _people(home: NodeHome, dataset: str) -> Iterator[tuple[str, Record]]:
    """What each row is called, and of whom it is."""
    segment = segments.active(home.catalog, dataset)
    if segment is None:
        raise LoadRefused(f"{dataset}: no version of it is served; `skerry load` brings one")
    people = {str(one["id"]): one for one in _all(segment, "individual")}
    samples = [
        (str(one["id"]), people.get(str(one.get("individualId"))))
        for one in _all(segment, "biosample")
    ]
    for name, person in samples or list(people.items()):
        if person is not None and name.isprintable():
            yield name, person


def _title(one: Column, people: Sequence[Record]) -> str:
    """With the unit of all values; raises LoadRefused where they have several."""
    found = sorted({one.unit(person) for person in people if one.read(person) is not None})
    if len(found) > 1:
        told = ", ".join(unit or "none" for unit in found[:5])
        raise LoadRefused(f"--column {one.name}: its values are in several units: {told}")
    unit = found[0] if found else ""
    if not unit.isprintable() or len(unit) > MAX_UNIT:
        raise LoadRefused(f"--column {one.name}: its unit is not a code of {MAX_UNIT} letters")
    return f"{one.name} [{unit}]" if unit else one.name


def _line(name: str, person: Record, columns: Sequence[Column]) -> str:
    return "\t".join((name, *(_written(one.read(person)) for one in columns)))


def _all(segment: Segment, entry_type: EntryType) -> Iterator[Record]:
    skip, total = 0, 1
    while skip < total:
        total, page = segment.entries(entry_type, samples=None, skip=skip, limit=PAGE)
        yield from page
        skip += PAGE


def _written(value: float | None) -> str:
    return "" if value is None else f"{value:.15g}"


def _info(person: Record, key: str) -> float | None:
    return _number((person.get("info") or {}).get(key))


def _female(person: Record) -> float | None:
    sex = (person.get("sex") or {}).get("id")
    return 1.0 if sex in _FEMALE else 0.0 if sex in _MALE else None


def _has(person: Record, term: str) -> float:
    """Of diseases and phenotypic features that are not excluded; who has no record of it has 0."""
    held = {(one.get("diseaseCode") or {}).get("id") for one in person.get("diseases") or ()}
    held |= {
        (one.get("featureType") or {}).get("id")
        for one in person.get("phenotypicFeatures") or ()
        if not one.get("excluded")
    }
    return float(term in held)


def _measure(person: Record, term: str) -> tuple[float | None, str]:
    """The last one in the record that has a number, and the code of its unit."""
    for one in reversed(person.get("measurements") or ()):
        if (one.get("assayCode") or {}).get("id") == term:
            value = one.get("measurementValue") or {}
            quantity = value.get("quantity") or value
            found = _number(quantity.get("value"))
            if found is not None:
                unit = (quantity.get("unit") or {}).get("id")
                return found, str(unit or "").removeprefix(_UCUM)
    return None, ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
