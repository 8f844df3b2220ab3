"""What a mapping file says: how the columns of tables become the fields of Beacon records.

YAML of our own making, described in docs/loading.md; checked whole before a row is read. The
mapping of OMOP CDM 5.4 is shipped beside this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Literal, NoReturn, cast, get_args

from beacon.errors import Problem, SourceRefused
from schemas import yaml_text
from schemas.yaml_text import NotYaml

MAX_MAPPING_BYTES = 1_000_000
Kind = Literal[
    "text", "number", "boolean", "date", "years", "values", "term", "concept", "age_at", "constant"
]
_ENTITIES = ("individual", "biosample", "run", "analysis", "cohort")
_TYPES = ("text", "number", "boolean", "date", "years")


@dataclass(frozen=True, slots=True)
class Rule:
    """How one field is made of a row; `constant` is also what an unlisted value becomes."""

    kind: Kind
    column: str = ""
    label: str = ""
    prefix: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    constant: object = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """An item that a row adds to a list, where the column `when` is not empty."""

    list: str
    when: str
    fields: Mapping[str, Rule]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of records (`records`), or of rows that join records of `entity` by `id`."""

    file: str
    entity: str
    records: bool
    id: str
    distinct: bool = False
    optional: bool = False
    birth: tuple[str, ...] = ()
    fields: Mapping[str, Rule] = field(default_factory=dict)
    items: tuple[Item, ...] = ()
    ignored: frozenset[str] = frozenset()

    def columns(self) -> frozenset[str]:
        """Columns that must be there."""
        rules = [*self.fields.values(), *(r for item in self.items for r in item.fields.values())]
        named = {each for rule in rules for each in (rule.column, rule.label)}
        named |= {item.when for item in self.items} | {self.id, *self.birth[:1]}
        return frozenset(named - {""})

    @property
    def known(self) -> frozenset[str]:
        return self.columns() | self.ignored | frozenset(self.birth)


@dataclass(frozen=True, slots=True)
class Concepts:
    """The table of concepts, and the CURIE prefix of each vocabulary."""

    file: str
    prefixes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Mapped:
    tables: tuple[Table, ...]
    ignored: frozenset[str] = frozenset()
    concepts: Concepts | None = None


def omop() -> Mapped:
    """The shipped mapping of OMOP CDM 5.4."""
    text = resources.files("beacon.loading").joinpath("omop-5.4.yaml").read_text(encoding="utf-8")
    return _Reader("omop-5.4.yaml").read(yaml_text.read(text).content)


def read(path: Path) -> Mapped:
    """Raises `SourceRefused`, naming the place that is wrong."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_MAPPING_BYTES + 1)
        if len(content) > MAX_MAPPING_BYTES:
            raise SourceRefused([Problem(path.name, "", "", f"at most {MAX_MAPPING_BYTES} bytes")])
        raw = yaml_text.read(content).content
    except OSError as closed:
        raise SourceRefused([Problem(path.name, "", "", "a file that can be read")]) from closed
    except NotYaml as wrong:
        expected = f"YAML ({wrong.public})"
        raise SourceRefused([Problem(path.name, "", "", expected)]) from wrong
    return _Reader(path.name).read(raw)


class _Reader:
    """Checks each part of a mapping; `file` is named in every refusal."""

    def __init__(self, file: str) -> None:
        self._file = file

    def read(self, raw: object) -> Mapped:
        top = self._object(raw, "", {"tables", "ignored", "concepts"})
        tables = top.get("tables")
        if not isinstance(tables, list) or not tables:
            self._refuse("tables", "a list of tables")
        concepts = top.get("concepts")
        return Mapped(
            tables=tuple(self._table(t, f"tables[{i}]") for i, t in enumerate(tables)),
            ignored=frozenset(name.lower() for name in self._names(top.get("ignored"), "ignored")),
            concepts=None if concepts is None else self._concepts(concepts),
        )

    def _concepts(self, raw: object) -> Concepts:
        found = self._object(raw, "concepts", {"file", "prefixes"})
        prefixes = self._object(found.get("prefixes"), "concepts.prefixes", None)
        return Concepts(
            self._text(found.get("file"), "concepts.file"),
            {name: self._text(p, f"concepts.prefixes.{name}") for name, p in prefixes.items()},
        )

    def _table(self, raw: object, at: str) -> Table:
        members = {"file", "entity", "joins", "id", "distinct", "optional", "birth", "fields"}
        found = self._object(raw, at, members | {"items", "ignored"})
        records = "entity" in found
        if records == ("joins" in found):
            self._refuse(at, "either `entity` or `joins`")
        entity = self._text(found.get("entity", found.get("joins")), at)
        if entity not in _ENTITIES:
            self._refuse(at, f"one of {', '.join(_ENTITIES)}")
        if not records and "fields" in found:
            self._refuse(f"{at}.fields", "no `fields`: rows that join add `items`")
        items = found.get("items", [])
        if not isinstance(items, list):
            self._refuse(f"{at}.items", "a list")
        return Table(
            file=self._text(found.get("file"), f"{at}.file"),
            entity=entity,
            records=records,
            id=self._text(found.get("id"), f"{at}.id"),
            distinct=self._flag(found.get("distinct", False), f"{at}.distinct"),
            optional=self._flag(found.get("optional", False), f"{at}.optional"),
            birth=self._names(found.get("birth"), f"{at}.birth"),
            fields=self._rules(found.get("fields", {}), f"{at}.fields"),
            items=tuple(self._item(item, f"{at}.items[{i}]") for i, item in enumerate(items)),
            ignored=frozenset(self._names(found.get("ignored"), f"{at}.ignored")),
        )

    def _item(self, raw: object, at: str) -> Item:
        found = self._object(raw, at, {"list", "when", "fields"})
        when = found.get("when")
        return Item(
            self._text(found.get("list"), f"{at}.list"),
            "" if when is None else self._text(when, f"{at}.when"),
            self._rules(found.get("fields"), f"{at}.fields"),
        )

    def _rules(self, raw: object, at: str) -> Mapping[str, Rule]:
        found = self._object(raw, at, None)
        return {name: self._rule(rule, f"{at}.{name}") for name, rule in found.items()}

    def _rule(self, raw: object, at: str) -> Rule:
        if isinstance(raw, str):
            return Rule("text", raw)
        members = {"column", "type", "values", "otherwise", "prefix", "label", "concept"}
        found = self._object(raw, at, members | {"age_at", "constant", "required"})
        required = self._flag(found.get("required", False), f"{at}.required")
        label = self._text(found["label"], f"{at}.label") if "label" in found else ""
        if "constant" in found:
            return Rule("constant", constant=found["constant"])
        kinds: tuple[Kind, ...] = ("concept", "age_at")
        for kind in kinds:
            if kind in found:
                column = self._text(found[kind], f"{at}.{kind}")
                return Rule(kind, column, label, required=required)
        column = self._text(found.get("column"), f"{at}.column")
        if "values" in found:
            values = self._object(found["values"], f"{at}.values", None)
            otherwise = found.get("otherwise")
            return Rule("values", column, values=values, constant=otherwise, required=required)
        prefix = found.get("prefix", "")
        if not isinstance(prefix, str):
            self._refuse(f"{at}.prefix", "text")
        kind_named = found.get("type", "term" if prefix or label else "text")
        if kind_named not in (*_TYPES, "term"):
            self._refuse(f"{at}.type", f"one of {', '.join(_TYPES)}, term")
        return Rule(cast("Kind", kind_named), column, label, prefix, required=required)

    def _object(self, raw: object, at: str, members: set[str] | None) -> Mapping[str, object]:
        """A YAML mapping; names such as 8507 that YAML reads as numbers are text here."""
        if not isinstance(raw, dict):
            self._refuse(at, "a mapping")
        found = {str(name): value for name, value in raw.items()}
        stray = sorted(set(found) - members) if members is not None else []
        if stray:
            known = ", ".join(sorted(members or ()))
            self._refuse(f"{at}.{stray[0]}".strip("."), f"one of {known}")
        return found

    def _names(self, raw: object, at: str) -> tuple[str, ...]:
        if raw is None:
            return ()
        if not isinstance(raw, list) or not all(isinstance(name, str) for name in raw):
            self._refuse(at, "a list of names")
        return tuple(raw)

    def _text(self, raw: object, at: str) -> str:
        if not isinstance(raw, str) or not raw.strip():
            self._refuse(at, "text that is not empty")
        return raw

    def _flag(self, raw: object, at: str) -> bool:
        if not isinstance(raw, bool):
            self._refuse(at, "true or false")
        return raw

    def _refuse(self, at: str, expected: str) -> NoReturn:
        raise SourceRefused([Problem(self._file, "", at, expected)])


assert set(_TYPES) <= set(get_args(Kind))  # noqa: S101 (a mistake of ours, found at the first import)
