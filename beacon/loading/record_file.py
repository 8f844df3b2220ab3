"""The tables of a segment that hold records, who owns them, and what filters can ask of them.

Numbers are dense per entity in the order of loading; those of individuals are people's numbers, in
the index too. A record's links name the biosample and run it belongs to, so that a filter on one
entity can be asked at another. Reading is left to `beacon.segment.record_table`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

import numpy as np
from pyroaring import BitMap

from beacon.findings import findings
from beacon.ontology import Hierarchy
from beacon.segment.bitmaps import FindingIndex

TABLES = """
CREATE TABLE records (
  entity TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL,
  PRIMARY KEY (entity, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX records_id ON records (entity, id);
CREATE TABLE owners (entity TEXT PRIMARY KEY, persons BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE links (
  entity TEXT NOT NULL, target TEXT NOT NULL, numbers BLOB NOT NULL, PRIMARY KEY (entity, target)
) WITHOUT ROWID;
CREATE TABLE members (cohort INTEGER PRIMARY KEY, people BLOB NOT NULL);
CREATE TABLE terms (
  id TEXT NOT NULL, entity TEXT NOT NULL, label TEXT NOT NULL, field TEXT, exact BLOB NOT NULL,
  closed BLOB NOT NULL, holders INTEGER NOT NULL, PRIMARY KEY (id, entity)
) WITHOUT ROWID;
CREATE TABLE vocabulary (
  id TEXT PRIMARY KEY, label TEXT NOT NULL, synonyms TEXT NOT NULL, stands_for TEXT NOT NULL,
  parents TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE amounts (
  entity TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, unit TEXT NOT NULL,
  unit_label TEXT NOT NULL, label TEXT NOT NULL, holders INTEGER NOT NULL, low BLOB NOT NULL,
  high BLOB, numbers BLOB NOT NULL, PRIMARY KEY (entity, name, kind, unit)
) WITHOUT ROWID;
CREATE TABLE texts (
  entity TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, numbers BLOB NOT NULL,
  PRIMARY KEY (entity, name, value)
) WITHOUT ROWID;
"""
# What a record of each entity may name, finest first; what is named must be written before.
_NAMED: Mapping[str, Mapping[str, str]] = {
    "run": {"biosample": "biosampleId"},
    "analysis": {"run": "runId", "biosample": "biosampleId"},
}

Rows = Iterable[tuple[Mapping[str, object], int]]


def write(db: sqlite3.Connection, entity: str, rows: Rows, hierarchy: Hierarchy) -> int:
    """Records in their order, each with its person's number or -1 for nobody's; how many."""
    index = FindingIndex()
    owners: list[int] = []
    linked: dict[str, list[int]] = {target: [] for target in _NAMED.get(entity, {})}
    for seq, (record, person) in enumerate(rows):
        owners.append(person)
        text = json.dumps(record, separators=(",", ":"))
        db.execute("INSERT INTO records VALUES (?, ?, ?, ?)", (entity, seq, record["id"], text))
        for target, number in _links(db, entity, record):
            linked[target].append(number)
        number = person if entity == "individual" else seq
        if number >= 0:
            index.add(number, findings(record))
    db.execute("INSERT INTO owners VALUES (?, ?)", (entity, _array(owners)))
    for target, numbers in linked.items():
        db.execute("INSERT INTO links VALUES (?, ?, ?)", (entity, target, _array(numbers)))
    _write_index(db, entity, index, hierarchy)
    return len(owners)


def write_members(db: sqlite3.Connection, cohorts: Iterable[tuple[int, Iterable[int]]]) -> None:
    """The people of each cohort that lists them, by its number."""
    rows = ((cohort, BitMap(people).serialize()) for cohort, people in cohorts)
    db.executemany("INSERT INTO members VALUES (?, ?)", rows)


def write_dataset(
    db: sqlite3.Connection, record: Mapping[str, object], hierarchy: Hierarchy
) -> None:
    """What filters can ask of the dataset itself, such as its conditions of use."""
    index = FindingIndex()
    index.add(0, findings(record))
    _write_index(db, "dataset", index, hierarchy)
    sql = "INSERT OR IGNORE INTO vocabulary VALUES (?, ?, ?, ?, ?)"
    db.executemany(sql, _vocabulary(hierarchy))


def _vocabulary(hierarchy: Hierarchy) -> Iterator[tuple[str, str, str, str, str]]:
    """Every term of the hierarchy, whether a record holds it or not, and every former id."""
    for term, label in hierarchy.labels.items():
        synonyms, parents = hierarchy.synonyms.get(term, ()), hierarchy.parents.get(term, ())
        yield term, label, "\n".join(synonyms), term, "\n".join(parents)
    for term, now in hierarchy.former.items():
        yield term, hierarchy.labels.get(now, ""), "", now, now


def _links(
    db: sqlite3.Connection, entity: str, record: Mapping[str, object]
) -> Iterator[tuple[str, int]]:
    """The number of each record this one names, or -1; its biosample may be its run's."""
    run = -1
    for target, field in _NAMED.get(entity, {}).items():
        number = _number(db, target, record.get(field))
        if target == "run":
            run = number
        elif number < 0 <= run:
            number = _number(db, target, _record(db, "run", run).get(field))
        yield target, number


def _record(db: sqlite3.Connection, entity: str, number: int) -> Mapping[str, object]:
    sql = "SELECT json FROM records WHERE entity = ? AND seq = ?"
    (text,) = db.execute(sql, (entity, number)).fetchone()
    return cast("Mapping[str, object]", json.loads(text))


def _number(db: sqlite3.Connection, entity: str, name: object) -> int:
    if not isinstance(name, str):
        return -1
    sql = "SELECT seq FROM records WHERE entity = ? AND id = ?"
    row = db.execute(sql, (entity, name)).fetchone()
    return int(row[0]) if row else -1


def _write_index(
    db: sqlite3.Connection, entity: str, index: FindingIndex, hierarchy: Hierarchy
) -> None:
    db.executemany(
        "INSERT INTO terms VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (
                *(term, entity, held.label, held.single_field),
                *(held.exact.serialize(), held.closed.serialize(), len(held.closed)),
            )
            for term, held in index.terms(hierarchy).items()
        ),
    )
    for measure, values in index.amounts():
        high = None if values.high is None else values.high.tobytes()
        db.execute(
            "INSERT INTO amounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(entity, measure.field, measure.kind, measure.unit, index.units[measure.unit]),
                *(index.labels.get(measure.field, ""), len(BitMap(values.numbers))),
                *(values.low.tobytes(), high, values.numbers.tobytes()),
            ),
        )
    db.executemany(
        "INSERT INTO texts VALUES (?, ?, ?, ?)",
        ((entity, name, value, held.serialize()) for name, value, held in index.texts()),
    )


def _array(numbers: list[int]) -> bytes:
    return np.array(numbers, dtype=np.int32).tobytes()
