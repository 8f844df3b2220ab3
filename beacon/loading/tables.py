"""Tables of people as Beacon records, by a mapping file the operator writes (docs/loading.md).

CSV or TSV, plain or `.gz`. Each row makes a record, or adds items to lists of one; what a mapping
does not take up is counted as lost, by table and column. What a mapping may say is read by
`beacon.loading.mapping`; records are checked and put together by `beacon.loading.staging`.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, cast

from beacon.errors import Problem
from beacon.loading.mapping import Concepts, Item, Mapped, Rule, Table
from beacon.loading.reading import CappedStream, opened
from beacon.loading.records import Problems, Unreadable
from beacon.loading.staging import Staging
from beacon.quantities import date_seconds, number

MAX_TABLE_BYTES = 50_000_000_000
MAX_COLUMNS = 2_000
MAX_HEADER = 1_000_000
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
Row = Mapping[str, str]


class WrongValue(ValueError):
    """A cell does not hold what the mapping says it holds."""

    def __init__(self, column: str, expected: str) -> None:
        super().__init__(expected)
        self.column = column
        self.expected = expected


def stage(
    given: Path, mapped: Mapped, *, staging: Staging, problems: Problems, losses: Counter[str]
) -> None:
    """Reads the tables of a folder, or the one table given and no other, into `staging`."""
    files = _files(given)
    if mapped.concepts is not None and mapped.concepts.file.lower() in files:
        _read_concepts(files[mapped.concepts.file.lower()], mapped.concepts, staging)
    single = given if given.is_file() and len({t.file for t in mapped.tables}) == 1 else None
    # Records first, so that births are known before ages are asked for.
    for table in sorted(mapped.tables, key=lambda table: not table.records):
        path = single or files.get(table.file.lower())
        if path is not None:
            _TableReader(path, table, staging=staging, problems=problems, losses=losses).read()
        elif not table.optional:
            problems.add(Problem(table.file, "", "", "a table that exists"), fatal=True)
    known = {table.file.lower() for table in mapped.tables} | set(mapped.ignored)
    known |= {mapped.concepts.file.lower()} if mapped.concepts else set()
    if single is None:
        losses.update(f"{name}: table not read" for name in files if name not in known)


def _files(given: Path) -> Mapping[str, Path]:
    """Tables by their name in lower case, as exports differ in it; `.gz` is not part of it."""
    if not given.exists():
        raise Unreadable(Problem(given.name, "", "", "a file that exists", "check the path"))
    inside = given.iterdir() if given.is_dir() else [given]
    found = sorted(path for path in inside if path.is_file())
    named = {path.name.lower().removesuffix(".gz"): path for path in found}
    return {name: path for name, path in named.items() if name.endswith((".csv", ".tsv"))}


def rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Line number and cells by column. Raises `Unreadable`."""

    def refuse() -> Unreadable:
        return Unreadable(Problem(path.name, "", "", f"at most {MAX_TABLE_BYTES} bytes"))

    line = 0
    try:
        with opened(path) as raw:
            stream = io.BufferedReader(CappedStream(raw, MAX_TABLE_BYTES, refuse=refuse))
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            columns, style = _header(path, text.readline(MAX_HEADER))
            reader = csv.reader(text, **style)
            for cells in reader:
                line = reader.line_num + 1
                if len(cells) != len(columns):
                    problem = Problem(path.name, f"line {line}", "", f"{len(columns)} cells")
                    raise Unreadable(problem)
                yield line, dict(zip(columns, cells, strict=True))
    except FileNotFoundError as none:
        raise Unreadable(Problem(path.name, "", "", "a file that exists")) from none
    except (EOFError, zlib.error, gzip.BadGzipFile) as cut:
        raise Unreadable(Problem(path.name, "", "", "a complete gzip file")) from cut
    except (OSError, UnicodeDecodeError, csv.Error) as wrong:
        problem = Problem(path.name, f"line {line + 1}", "", "a UTF-8 table")
        raise Unreadable(problem) from wrong


def _header(path: Path, line: str) -> tuple[list[str], dict[str, Any]]:
    # Tab-separated exports quote nothing; a quote in them is a character.
    tabbed = "\t" in line
    style: dict[str, Any] = (
        {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if tabbed else {"delimiter": ","}
    )
    columns = [name.strip() for name in next(csv.reader([line], **style), [])]
    if not all(columns) or not columns or not len(set(columns)) == len(columns) <= MAX_COLUMNS:
        expected = "a first line of column names, each once"
        raise Unreadable(Problem(path.name, "line 1", "", expected))
    return columns, style


def _read_concepts(path: Path, concepts: Concepts, staging: Staging) -> None:
    for _, row in rows(path):
        code, vocabulary = row.get("concept_code", ""), row.get("vocabulary_id", "")
        prefix = concepts.prefixes.get(vocabulary)
        if prefix and code:
            curie = code if code.startswith(f"{prefix}:") else f"{prefix}:{code}"
            staging.concept(row.get("concept_id", ""), curie, row.get("concept_name", ""))


class _TableReader:
    """Reads one table by its part of the mapping."""

    def __init__(
        self,
        path: Path,
        table: Table,
        staging: Staging,
        *,
        problems: Problems,
        losses: Counter[str],
    ) -> None:
        self._file = path.name
        self._path = path
        self._table = table
        self._staging = staging
        self._problems = problems
        self._losses = losses

    def read(self) -> None:
        self._staging.given.add(self._table.entity)
        seen: set[str] = set()
        for place, (line, row) in enumerate(rows(self._path)):
            if place == 0 and (missing := sorted(self._table.columns() - set(row))):
                problem = Problem(self._file, "line 1", missing[0], "a column of that name")
                self._problems.add(problem, fatal=True)
            if self._problems.full or self._problems.fatal:
                return
            for column, value in row.items():
                if value.strip() and column not in self._table.known:
                    self._lost(f"column {column} not read")
            try:
                self._row(row, f"line {line}", seen)
            except WrongValue as wrong:
                problem = Problem(self._file, f"line {line}", wrong.column, wrong.expected)
                self._problems.add(problem)

    def _row(self, row: Row, where: str, seen: set[str]) -> None:
        name = row[self._table.id].strip()
        if not name:
            raise WrongValue(self._table.id, "an id")
        if self._table.records and name not in seen:
            if self._table.distinct:
                seen.add(name)
            self._add_record(row, name, where)
        for item in self._table.items:
            self._add_item(row, item, name, where)

    def _add_record(self, row: Row, name: str, where: str) -> None:
        parts = [row.get(column, "").strip().zfill(2) for column in self._table.birth]
        known = list(takewhile(lambda part: part.strip("0"), parts))
        if known:
            self._staging.born(name, "-".join(known))
        record: dict[str, object] = {"id": name}
        for field, rule in self._table.fields.items():
            value = self._value(rule, row, name)
            if value is not None:
                _put(record, field, value)
        self._staging.add(
            self._table.entity, record, file=self._file, where=where, problems=self._problems
        )

    def _add_item(self, row: Row, item: Item, name: str, where: str) -> None:
        if item.when and not row[item.when].strip():
            return
        made: dict[str, object] = {}
        for field, rule in item.fields.items():
            value = self._value(rule, row, name)
            if value is not None:
                _put(made, field, value)
            elif rule.required:
                self._lost(f"row without {rule.column}, {item.list} left out")
                return
        self._staging.add_part(
            *(self._table.entity, name, item.list, made),
            file=self._file,
            where=where,
            problems=self._problems,
        )

    def _value(self, rule: Rule, row: Row, name: str) -> object:
        """What a rule makes of a row; None where the row says nothing."""
        text = row[rule.column].strip() if rule.column else ""
        match rule.kind:
            case "constant":
                return rule.constant
            case _ if not text:
                return None
            case "values":
                if text not in rule.values:
                    self._lost(f"value of {rule.column} not in the mapping")
                return rule.values.get(text, rule.constant)
            case "term":
                return _term(f"{rule.prefix}{text}", rule, row)
            case "concept":
                return self._concept(rule, row, text)
            case "age_at":
                return _age(self._staging.birth(name), text, column=rule.column)
            case _:
                return _typed(rule, text)

    def _concept(self, rule: Rule, row: Row, concept: str) -> object:
        """A standard concept as a term; 0 says that the source value had none."""
        if concept == "0":
            self._lost(f"{rule.column} is 0 (no standard concept)")
            return None
        term = self._staging.term(concept)
        if term is None:
            self._lost(f"concept of {rule.column} not in the concept table, kept as OMOP:id")
            return _term(f"OMOP:{concept}", rule, row)
        return term

    def _lost(self, what: str) -> None:
        self._losses[f"{self._file}: {what}"] += 1


def _term(curie: str, rule: Rule, row: Row) -> dict[str, str]:
    label = row[rule.label].strip() if rule.label else ""
    return {"id": curie, "label": label} if label else {"id": curie}


def _typed(rule: Rule, text: str) -> object:
    match rule.kind:
        case "number":
            return _number(rule.column, text)
        case "boolean":
            if text.lower() not in _BOOLEANS:
                raise WrongValue(rule.column, "true or false")
            return _BOOLEANS[text.lower()]
        case "date":
            if date_seconds(text) is None:
                raise WrongValue(rule.column, "a date such as 2021-09-24")
            return text
        case "years":
            return {"iso8601duration": f"P{_number(rule.column, text)}Y"}
        case _:
            return f"{rule.prefix}{text}"


def _number(column: str, text: str) -> int | float:
    found = number(text)
    if found is None:
        raise WrongValue(column, "a number")
    whole = found[0].is_integer() and abs(found[0]) < 2**53
    return int(found[0]) if whole else found[0]


def _age(born: str | None, date: str, *, column: str) -> object:
    """The age at a date: to the month, or a range where only the year of birth is known."""
    if date_seconds(date) is None or len(date) < 7:
        raise WrongValue(column, "a date such as 2021-09-24")
    if born is None:
        return None
    months = (int(date[:4]) - int(born[:4])) * 12 + int(date[5:7])
    if months < 0:
        raise WrongValue(column, "a date after birth")
    if len(born) < 7:
        return {"start": _months(max(months - 13, 0)), "end": _months(months)}
    days_short = len(born) >= 10 and len(date) >= 10 and date[8:10] < born[8:10]
    months -= int(born[5:7]) + days_short
    if months < 0:
        raise WrongValue(column, "a date after birth")
    return _months(months)


def _months(months: int) -> dict[str, str]:
    return {"iso8601duration": f"P{months // 12}Y{months % 12}M"}


def _put(record: dict[str, object], path: str, value: object) -> None:
    *above, last = path.split(".")
    for name in above:
        record = cast("dict[str, object]", record.setdefault(name, {}))
    record[last] = value
