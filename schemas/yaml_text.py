"""Reads YAML text as plain values, or refuses it in one sentence that names the line.

YAML 1.1 as PyYAML reads it, of safe types only. Stricter in two things: a key written twice is
refused, since the last one would silently win, and so are aliases that, written out, would be more
than `MAX_VALUES` values, or without end. What the values mean, and how long a text may be, is left
to whoever reads them.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import yaml

from schemas.errors import InvalidInput

MAX_VALUES = 200_000
_MERGE = "tag:yaml.org,2002:merge"
# What PyYAML raises, beside its own errors: for days and numbers that are none, for tags on what
# does not fit them, for nesting without end.
_UNREADABLE = (ValueError, TypeError, AttributeError, ArithmeticError, LookupError, RecursionError)


class NotYaml(InvalidInput):
    """The sentence has no file's name: whoever read the file knows it."""

    code = "not_yaml"


@dataclass(frozen=True, slots=True)
class Document:
    """The values of a text, and where in it each was written."""

    content: object
    _root: yaml.Node | None

    def line(self, path: Sequence[int | str]) -> int:
        """The line, from 1, of the deepest part of `path` that was written."""
        node, line = self._root, 1
        for part in path:
            if isinstance(node, yaml.MappingNode):
                found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
                found = (node.value[part], node.value[part]) if part < len(node.value) else None
            else:
                found = None
            if found is None:
                break
            key, node = found
            line = key.start_mark.line + 1
        return line


def read(text: str | bytes) -> Document:
    """Raises `NotYaml`."""
    try:
        loader = _StrictLoader(text)
        root = loader.get_single_node()
        if root is None:
            return Document(None, None)
        if _values(root, {}) > MAX_VALUES:
            raise NotYaml(f"more than {MAX_VALUES} values, with every alias written out")
        return Document(loader.construct_document(root), root)
    except yaml.YAMLError as error:
        raise NotYaml(_where(error)) from error
    except _UNREADABLE as error:
        raise NotYaml("not YAML that can be read") from error


class _StrictLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:  # noqa: FBT001, FBT002  (PyYAML's signature)
        written = [key for key, _ in node.value if key.tag != _MERGE]
        keys = [self.construct_object(key, deep=True) for key in written]
        names = [key for key in keys if isinstance(key, Hashable)]  # others are refused below
        if len(names) != len(set(names)):
            raise yaml.constructor.ConstructorError(
                None, None, "key written twice", node.start_mark
            )
        return super().construct_mapping(node, deep=deep)


def _values(node: yaml.Node, counted: dict[int, int | None]) -> int:
    """How many values a node is, those of an alias counted wherever it stands."""
    if id(node) in counted:
        known = counted[id(node)]
        if known is None:
            raise NotYaml(f"line {node.start_mark.line + 1}: an alias inside what it stands for")
        return known
    counted[id(node)] = None
    if isinstance(node, yaml.ScalarNode):
        node.value.encode()  # halves of a surrogate pair are no text
    parts = [node.value] if isinstance(node, yaml.SequenceNode) else []
    if isinstance(node, yaml.MappingNode):
        parts = list(zip(*node.value, strict=True))
    count = 1 + sum(_values(each, counted) for part in parts for each in part)
    counted[id(node)] = count
    return count


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: not YAML: {error.problem}"
    return "not YAML"
