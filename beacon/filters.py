"""Makes typed predicates of filters, from the GET string and the POST array (Beacon v2.2 filters).

The standard's `anyOf` lets almost any object through, so each member is checked here. Filters are
joined by AND, but several values of one single-valued field are alternatives; a nested list is our
documented OR group, and `not` (a leading `-` in a string) our documented negation. Evaluating a
predicate is the catalog's; an unknown filter is refused by `admission`, which alone sees what the
datasets know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, get_args

from beacon import request_body
from beacon.catalog import AnyOf, Compare, HasTerm, Leaf, Not, Predicate, Segment, leaves
from beacon.errors import BadQuestion, UnsupportedQuestion
from beacon.findings import SINGLE_VALUED
from schemas.entries import EntryTypeId, entry_type_named

MAX_FILTERS = 50
MAX_GROUP_DEPTH = 3
MAX_TEXT = 256

Operator = Literal["=", "<", ">", "!", ">=", "<="]
_OPERATORS = get_args(Operator)
_MEMBERS = frozenset({"id", "includeDescendantTerms", "similarity", "scope", "operator", "value"})
_COMPARISON = re.compile(r"^(?P<id>.+?):(?P<operator><=|>=|=|<|>|!)(?P<value>.+)$", re.DOTALL)
_UNDERSCORED = re.compile(r"^([A-Z][A-Za-z]*)_([A-Za-z0-9.-]*\d[A-Za-z0-9.-]*)$")
_TERM = re.compile(r"^[A-Z][A-Za-z0-9]*:[A-Za-z0-9._-]*\d[A-Za-z0-9._-]*$")


@dataclass(frozen=True, slots=True)
class Filter:
    """One member of the filter array; `text` is the form echoed, since the standard's echo is a
    string."""

    predicate: Predicate
    text: str
    leaves: tuple[Leaf, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "leaves", tuple(leaves(self.predicate)))


def read(items: Sequence[object]) -> tuple[Filter, ...]:
    """The filters of a POST body; each is an object, a string as in GET, or a list (OR group)."""
    filters = tuple(_item(item, depth=1) for item in items)
    if sum(len(f.leaves) for f in filters) > MAX_FILTERS:
        raise BadQuestion(f"At most {MAX_FILTERS} filters may be given.")
    return filters


def read_get(values: Sequence[str]) -> tuple[Filter, ...]:
    """The filters of a GET: comma-joined ids or `id:operator value` run together, or as a POST has
    them, in JSON.

    An empty one is refused, since dropping it would widen the question."""
    return _read_get(tuple(values))


@lru_cache(256)
def _read_get(values: tuple[str, ...]) -> tuple[Filter, ...]:
    """Many questions are asked of the same people."""
    parts = [part for value in values for part in _parts(value)]
    if not parts or not all(part.strip() for part in parts if isinstance(part, str)):
        raise BadQuestion("filters is empty or has an empty filter; leave it out to ask of all.")
    return read(parts)


def _parts(value: str) -> list[object]:
    if not value.lstrip().startswith(("[", "{")):
        return [*value.split(",")]
    document = request_body.parsed(value.encode())
    return document if isinstance(document, list) else [document]


def unknown_ids(filters: Sequence[Filter], segment: Segment) -> tuple[str, ...]:
    """Ids this dataset cannot evaluate, or knows but not for the scope they were given."""
    unknown = [leaf for f in filters for leaf in f.leaves if not segment.knows(leaf)]
    if not unknown:
        return ()
    names = (leaf.term if isinstance(leaf, HasTerm) else leaf.id for leaf in unknown)
    return tuple(dict.fromkeys(names))


def objection(filters: Sequence[Filter], segment: Segment) -> str | None:
    """Why this dataset cannot compare as it is asked to, naming the filter."""
    for f in filters:
        for leaf in f.leaves:
            if (why := segment.objection(leaf)) is not None:
                return f"{leaf.term if isinstance(leaf, HasTerm) else leaf.id}: {why}"
    return None


def joined(filters: Sequence[Filter], segment: Segment) -> tuple[Predicate, ...]:
    """What must all hold: values of one single-valued field are put together as alternatives."""
    if len(filters) == 1:
        return (filters[0].predicate,)
    alternatives: dict[str, list[Predicate]] = {}
    every: list[Predicate] = []
    for f in filters:
        field = _single_valued_field(f.predicate, segment)
        if field is None:
            every.append(f.predicate)
        else:
            alternatives.setdefault(field, []).append(f.predicate)
    grouped = (of[0] if len(of) == 1 else AnyOf(tuple(of)) for of in alternatives.values())
    return (*every, *grouped)


def _single_valued_field(predicate: Predicate, segment: Segment) -> str | None:
    if isinstance(predicate, HasTerm):
        word_of = predicate.term.partition(":")[0]  # `sex:female` is a value of the field too
        held = segment.term_field(predicate.term)
        return held or (word_of if word_of in SINGLE_VALUED else None)
    if isinstance(predicate, Compare) and predicate.operator == "=":
        return predicate.id if predicate.id in SINGLE_VALUED else None
    return None


def _item(item: object, *, depth: int) -> Filter:
    if isinstance(item, str):
        return _from_text(item)
    if isinstance(item, Mapping):
        return _from_object(item, depth=depth)
    if isinstance(item, list):
        return _group(item, depth=depth)
    raise BadQuestion("A filter is an object, a string, or a list of these (an OR group).")


def _group(items: list[object], *, depth: int) -> Filter:
    if depth >= MAX_GROUP_DEPTH:
        raise BadQuestion(f"OR groups may be nested at most {MAX_GROUP_DEPTH - 1} deep.")
    if not items:
        raise BadQuestion("An OR group of filters is empty.")
    members = [_item(item, depth=depth + 1) for item in items]
    text = "(" + "|".join(member.text for member in members) + ")"
    return Filter(AnyOf(tuple(member.predicate for member in members)), text)


def _from_text(text: str) -> Filter:
    checked = _text("filter", text)
    if checked.startswith("-"):
        if checked.startswith("--"):
            raise BadQuestion("A filter is denied once: one leading `-`.")
        return _negated(_from_text(checked.removeprefix("-")))
    found = _COMPARISON.match(checked)
    if found is None:
        return _term(checked)
    # A CURIE's colon may be written as an underscore before an operator.
    filter_id = _UNDERSCORED.sub(r"\1:\2", found["id"])
    return _comparison(filter_id, _operator(found["operator"]), found["value"])


def _from_object(item: Mapping[str, object], *, depth: int) -> Filter:
    if "not" in item:
        return _negation(item, depth=depth)
    stray = sorted(str(name)[:40] for name in item if name not in _MEMBERS)
    if stray:
        raise BadQuestion(f"A filter has unknown members: {', '.join(stray[:5])}.")
    filter_id, scope = _text("id", item.get("id")), _scope(item.get("scope"))
    if "operator" in item or "value" in item:
        return _alphanumeric(filter_id, item, scope)
    descendants = item.get("includeDescendantTerms", True)
    if not isinstance(descendants, bool):
        raise BadQuestion("A filter's includeDescendantTerms is true or false.")
    _exact_only(item.get("similarity", "exact"))
    return _term(filter_id, descendants=descendants, scope=scope)


def _negation(item: Mapping[str, object], *, depth: int) -> Filter:
    if len(item) > 1:
        raise BadQuestion("A filter with `not` has no other member; what it denies stands inside.")
    if depth >= MAX_GROUP_DEPTH:
        raise BadQuestion(f"Filters may be nested at most {MAX_GROUP_DEPTH - 1} deep.")
    return _negated(_item(item["not"], depth=depth + 1))


def _negated(inner: Filter) -> Filter:
    return Filter(Not(inner.predicate), f"-{inner.text}")


def _alphanumeric(filter_id: str, item: Mapping[str, object], scope: EntryTypeId | None) -> Filter:
    if "similarity" in item or "includeDescendantTerms" in item:
        raise BadQuestion("A filter is either a term or a comparison, not both.")
    operator = _operator(item.get("operator", "="))
    return _comparison(filter_id, operator, _text("value", item.get("value")), scope=scope)


def _term(term: str, *, descendants: bool = True, scope: EntryTypeId | None = None) -> Filter:
    name, _, word = term.partition(":")
    if name[:1].islower():  # a custom filter: a field and one of its words
        _refuse_term(name, word)
    return Filter(HasTerm(term, descendants, scope), term)


def _comparison(
    name: str, operator: Operator, value: str, *, scope: EntryTypeId | None = None
) -> Filter:
    _refuse_term(name, value)
    return Filter(Compare(name, operator, value, scope), f"{name}:{operator}{value}")


def _refuse_term(name: str, value: str) -> None:
    """A field is compared by its words, of which the id of a term is none: «no» would be false."""
    if _TERM.match(value):
        raise UnsupportedQuestion(
            f"{name[:40]} is not compared with the id of a term; ask for the term: {value}."
        )


def _scope(scope: object) -> EntryTypeId | None:
    if scope is None:
        return None
    entry = entry_type_named(_text("scope", scope))
    if entry is None:
        raise BadQuestion("A filter's scope is not an entry type of this beacon.")
    return entry


def _exact_only(similarity: object) -> None:
    if similarity in ("high", "medium", "low"):
        raise UnsupportedQuestion("Filters by similarity are not supported; `exact` is.")
    if similarity != "exact":
        raise BadQuestion("A filter's similarity is one of exact, high, medium, low.")


def _operator(operator: object) -> Operator:
    for known in _OPERATORS:
        if operator == known:
            return known  # type: ignore[no-any-return]  # get_args gives the literals untyped
    raise BadQuestion("A filter's operator is one of = < > ! >= <=.")


def _text(member: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadQuestion(f"A filter's {member} must be a string that is not empty.")
    if len(value) > MAX_TEXT:
        raise BadQuestion(f"A filter's {member} may have at most {MAX_TEXT} characters.")
    return value.strip()
