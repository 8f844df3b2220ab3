"""Reads what records of earlier releases, and of Phenopackets, write otherwise as today's standard.

Beacon v2.2 default model: `measurements` was `measures` before 2.1.2; a measurement's value and a
time element stand there themselves, where the standard's own examples and many converters still
wrap them in a member that says what they are. Answers are emitted strictly, so a wrapper that no
schema allows is taken off at load. `info` is free, and stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_TIMES = frozenset(
    {"ageOfOnset", "onset", "resolution", "ageAtProcedure", "ageAtExposure", "ageAtOnset"}
    | {"observationMoment", "start", "end"}
)
_TIME_WRAPPERS = frozenset(
    {"age", "ageRange", "ageGroup", "gestationalAge", "timestamp", "interval", "ontologyClass"}
)
_VALUE_WRAPPERS = frozenset({"quantity", "ontologyClass"})


def in_current_forms(record: Mapping[str, object]) -> dict[str, object]:
    """The record in the names and shapes of today's standard."""
    return {name: _current(name, value) for name, value in _renamed(record)}


def _renamed(record: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in record.items():
        if name != "measures":
            yield name, value
        elif "measurements" not in record:
            yield "measurements", value


def _current(name: str, value: object) -> object:
    if name == "info":
        return value
    if isinstance(value, list):
        return [_current(name, item) for item in value]
    if not isinstance(value, dict):
        return value
    wrapped = _unwrapped(name, value)
    if isinstance(wrapped, dict):
        return {inner: _current(inner, each) for inner, each in wrapped.items()}
    return wrapped


def _unwrapped(name: str, value: Mapping[str, object]) -> object:
    """What a wrapper of one member, where a time or a measured value stands, holds."""
    if len(value) == 1:
        ((only, inner),) = value.items()
        if name in _TIMES and only in _TIME_WRAPPERS:
            return inner
        if name == "measurementValue" and only in _VALUE_WRAPPERS:
            return inner
    return value
