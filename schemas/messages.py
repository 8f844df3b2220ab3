"""Sentences for people: their English, with what a catalogue needs to say them otherwise.

GNU gettext: a msgid with named values (`%(name)s`), and a second one for plurals. A message is its
own English, which logs and programs read unchanged; pages say it in their reader's language
(`portal.catalogues`). Whole sentences only: what is made of pieces cannot be translated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from typing import Annotated, Any, Self

from pydantic import ValidatorFunctionWrapHandler, WrapValidator

Value = str | float | datetime | Sequence[str]
"""A text as it is, a number with separators, a time, or names in a list; any text of these may be a
message itself."""


class Message(str):
    """The English of `msgid` with its values. Without values `%` means no more than itself."""

    __slots__ = ("msgid", "plural", "values")
    msgid: str
    plural: tuple[str, int] | None  # the second msgid, and the number that chooses
    values: Mapping[str, Value]

    def __new__(cls, msgid: str, /, **values: Value) -> Self:
        english = {name: in_english(value) for name, value in values.items()}
        made = super().__new__(cls, msgid % english if values else msgid)
        made.msgid, made.plural, made.values = msgid, None, values
        return made


def plural(one: str, many: str, /, *, count: int, **values: Value) -> Message:
    """The message for that `count`, which is a value of both."""
    made = Message(one if count == 1 else many, count=count, **values)
    made.msgid, made.plural = one, (many, count)
    return made


def following(*messages: str, by: str = " ") -> Message:
    """Whole sentences, or other things that a page lists, one after the other."""
    values = {f"part{number}": one for number, one in enumerate(messages)}
    return Message(by.join(f"%({name})s" for name in values), **values)


def either(*names: str) -> str:
    """At least one name, with «or» between them."""
    return reduce(lambda one, other: Message("%(one)s or %(other)s", one=one, other=other), names)


def span(low: int, high: int) -> Message:
    """Both ends of it, or the one number that they are."""
    form = "%(low)s" if low == high else "%(low)s–%(high)s"
    return Message(form, low=low, high=high)


def _kept(value: object, read: ValidatorFunctionWrapHandler) -> object:
    return value if isinstance(value, Message) else read(value)


Said = Annotated[str, WrapValidator(_kept)]
"""A text of a wire model: pages that show the model as it was made say the message in it."""


def packed(words: str) -> object:
    """A text for JSON, from which `unpacked` makes the same message again."""
    if not isinstance(words, Message):
        return words
    values = {name: _packed_value(value) for name, value in words.values.items()}
    return {"msgid": words.msgid, "plural": words.plural, "values": values}


def unpacked(raw: Any) -> str:
    """Of our own files only: a msgid is a format."""
    if isinstance(raw, str):
        return raw
    msgid, forms = raw["msgid"], raw["plural"]
    values = {name: _unpacked_value(value) for name, value in raw["values"].items()}
    if forms is None:
        return Message(msgid, **values)
    many, count = forms
    return plural(msgid, many, **{**values, "count": count})


def _packed_value(value: Value) -> object:
    match value:
        case str():
            return packed(value)
        case int() | float():
            return value
        case datetime():
            return in_english(value)
        case _:
            return [packed(one) for one in value]


def _unpacked_value(raw: Any) -> Value:
    match raw:
        case int() | float():
            return raw
        case list():
            return [unpacked(one) for one in raw]
        case _:
            return unpacked(raw)


def in_english(value: Value) -> str:
    """Lists have no comma before their «and»; times are in UTC."""
    match value:
        case str():
            return value
        case int():
            return f"{value:,}"
        case float():
            return f"{value:g}"
        case datetime():
            return f"{value:%-d %B %Y, %H:%M} UTC"
        case [*first, last] if first:
            return f"{', '.join(first)} and {last}"
        case _:
            return "".join(value)
