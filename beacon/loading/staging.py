"""Records of people between the operator's files and the segment, kept on disk, not in memory.

A private SQLite file in the catalog's own folder, unlinked as soon as it is open: personal data
touch no other volume and nothing is left whenever the process ends. Rows of further tables join
their record here; references between records are checked here, because files come in any order.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Self

from beacon.errors import Problem
from beacon.loading.earlier_forms import in_current_forms
from beacon.loading.records import Problems, Record, checked, wrong_term

MAX_PARTS_OF_RECORD = 100_000
# Each after those its records name.
ENTITIES = ("individual", "biosample", "run", "analysis", "cohort")
_REFERENCES = {"individualId": "individual", "biosampleId": "biosample", "runId": "run"}
_TABLES = """
CREATE TABLE records (
  seq INTEGER PRIMARY KEY, entity TEXT NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL,
  file TEXT NOT NULL, place TEXT NOT NULL, individualId TEXT, biosampleId TEXT, runId TEXT,
  UNIQUE (entity, id)
);
CREATE TABLE births (id TEXT PRIMARY KEY, born TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE concepts (id TEXT PRIMARY KEY, curie TEXT NOT NULL, label TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE parts (
  entity TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, field TEXT NOT NULL,
  json TEXT NOT NULL, file TEXT NOT NULL, place TEXT NOT NULL, PRIMARY KEY (entity, id, seq)
) WITHOUT ROWID;
CREATE TABLE interpreted (
  seq INTEGER PRIMARY KEY, person TEXT NOT NULL, bearer TEXT NOT NULL, json TEXT NOT NULL,
  file TEXT NOT NULL, place TEXT NOT NULL
);
CREATE TABLE stated (
  allele TEXT NOT NULL, sample TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (allele, sample)
) WITHOUT ROWID;
"""


class Interpreted(NamedTuple):
    """A `variantInterpretation` of a phenopacket: of whom, of what of theirs, where it stands."""

    person: str
    bearer: str  # the person, or one of the biosamples
    stated: Record
    file: str
    where: str


class Staging:
    """Records by entity, in the order they came. Used as a context manager."""

    def __init__(self, folder: Path | None = None) -> None:
        """Without a folder (a check only) it is held in memory."""
        self._db = sqlite3.connect(":memory:") if folder is None else _unlinked(folder)
        self._db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _TABLES)
        self.given: set[str] = set()
        self._parts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add(self, entity: str, raw: object, *, file: str, where: str, problems: Problems) -> bool:
        """Takes a record, or says in `problems` why not."""
        record = checked(raw, file=file, where=where, problems=problems)
        if record is None:
            return False
        place = f"{where} ({record['id']})"
        named = (_reference(record, field) for field in _REFERENCES)
        try:
            self._db.execute(
                "INSERT INTO records (entity, id, json, file, place, individualId, biosampleId, "
                "runId) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (entity, record["id"], json.dumps(record), file, place, *named),
            )
        except sqlite3.IntegrityError:
            problems.add(Problem(file, place, "id", "an id that no other record has"))
            return False
        return True

    def add_part(
        self,
        entity: str,
        record_id: str,
        field: str,
        item: Record,
        *,
        file: str,
        where: str,
        problems: Problems,
    ) -> None:
        """Takes an item of a list in a record that may come later."""
        if (wrong := wrong_term(item, field)) is not None:
            problems.add(Problem(file, f"{where} ({record_id})", *wrong))
            return
        self._parts += 1
        current = in_current_forms(item)
        self._db.execute(
            "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)",
            (entity, record_id, self._parts, field, json.dumps(current), file, where),
        )

    def count(self, entity: str) -> int:
        sql = "SELECT count(*) FROM records WHERE entity = ?"
        return int(self._db.execute(sql, (entity,)).fetchone()[0])

    def ids(self, entity: str) -> Iterator[str]:
        sql = "SELECT id FROM records WHERE entity = ? ORDER BY seq"
        return (str(name) for (name,) in self._db.execute(sql, (entity,)))

    def references(self, entity: str, field: str) -> Mapping[str, str]:
        """Which record each names in `field`; those that name none are left out."""
        if field not in _REFERENCES:
            raise KeyError(field)
        sql = f"SELECT id, {field} FROM records WHERE entity = ? AND {field} IS NOT NULL"  # noqa: S608 (one of three)
        return dict(self._db.execute(sql, (entity,)))

    def records(self, entity: str) -> Iterator[Record]:
        """Every record of an entity, whole, in order."""
        sql = "SELECT id, json FROM records WHERE entity = ? ORDER BY seq"
        for name, text in self._db.execute(sql, (entity,)):
            record = json.loads(text)
            for field, item in self._parts_of(entity, name):
                record.setdefault(field, []).append(json.loads(item))
            yield record

    def _parts_of(self, entity: str, name: str) -> Iterator[tuple[str, str]]:
        if not self._parts:
            return iter(())
        sql = "SELECT field, json FROM parts WHERE entity = ? AND id = ? ORDER BY seq LIMIT ?"
        return self._db.execute(sql, (entity, name, MAX_PARTS_OF_RECORD))

    def check(self, problems: Problems) -> None:
        """Takes out every record that names one that was not given, where that kind was given,
        and every row of no record; they are told in `problems`."""
        for field, target in _REFERENCES.items():
            if target in self.given:
                self._refuse(
                    f"SELECT seq, file, place FROM records r WHERE {field} IS NOT NULL AND NOT "  # noqa: S608 (one of three)
                    f"EXISTS (SELECT 1 FROM records t WHERE t.entity = ? AND t.id = r.{field})",
                    (target,),
                    field=field,
                    problems=problems,
                )
        self._refuse(
            "SELECT -1, file, place || ' (' || id || ')' FROM parts p WHERE NOT EXISTS "
            "(SELECT 1 FROM records r WHERE r.entity = p.entity AND r.id = p.id)",
            (),
            field="",
            problems=problems,
        )

    def _refuse(self, sql: str, values: tuple[str, ...], *, field: str, problems: Problems) -> None:
        refused = self._db.execute(f"{sql} ORDER BY seq", values).fetchall()
        for seq, file, place in refused:
            if problems.full:
                return
            problems.add(Problem(file, place, field, "the id of a record that was given"))
            self._db.execute("DELETE FROM records WHERE seq = ?", (seq,))

    # What phenopackets say of variants

    def interpret(self, each: Interpreted) -> None:
        self._db.execute(
            "INSERT INTO interpreted (person, bearer, json, file, place) VALUES (?, ?, ?, ?, ?)",
            (each.person, each.bearer, json.dumps(each.stated), each.file, each.where),
        )

    @property
    def interpretations(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM interpreted").fetchone()[0])

    def interpreted(self) -> Iterator[Interpreted]:
        sql = "SELECT person, bearer, json, file, place FROM interpreted ORDER BY seq"
        for person, bearer, stated, file, where in self._db.execute(sql):
            yield Interpreted(person, bearer, json.loads(stated), file, where)

    def state(self, allele: str, sample: str, said: str) -> None:
        """Notes what is said of a sample's allele, in place of what was."""
        self._db.execute("INSERT OR REPLACE INTO stated VALUES (?, ?, ?)", (allele, sample, said))

    def stated(self, allele: str, sample: str) -> str | None:
        sql = "SELECT json FROM stated WHERE allele = ? AND sample = ?"
        row = self._db.execute(sql, (allele, sample)).fetchone()
        return str(row[0]) if row else None

    def all_stated(self) -> Iterator[tuple[str, str, str]]:
        """(allele, sample, what is said), all of an allele after each other."""
        return iter(self._db.execute("SELECT allele, sample, json FROM stated ORDER BY 1, 2"))

    # What tables of clinical data say once for all rows

    def born(self, person: str, date: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO births VALUES (?, ?)", (person, date))

    def birth(self, person: str) -> str | None:
        row = self._db.execute("SELECT born FROM births WHERE id = ?", (person,)).fetchone()
        return str(row[0]) if row else None

    def concept(self, concept_id: str, curie: str, label: str) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO concepts VALUES (?, ?, ?)", (concept_id, curie, label)
        )

    def term(self, concept_id: str) -> dict[str, str] | None:
        sql = "SELECT curie, label FROM concepts WHERE id = ?"
        row = self._db.execute(sql, (concept_id,)).fetchone()
        return {"id": row[0], "label": row[1]} if row else None


def _reference(record: Record, field: str) -> str | None:
    named = record.get(field)
    return str(named) if named is not None else None


def _unlinked(folder: Path) -> sqlite3.Connection:
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".staging.", suffix=".tmp", dir=folder)
    os.close(descriptor)
    try:
        db = sqlite3.connect(name)
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("SELECT * FROM sqlite_master").fetchall()  # opens the file, which stays open
    finally:
        Path(name).unlink()
    return db
