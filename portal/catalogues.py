"""What each language says: GNU gettext catalogues, and messages, numbers and times said by them.

A language is a `.po` file in `pages/locale`, read when the application starts. What it has no
translation for is said in English. Whose language is which is `languages`'.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, get_decimal_symbol
from jinja2.filters import do_filesizeformat

from schemas.messages import Message, Value, in_english

SOURCE = "en"
_FOLDER = Path(__file__).parent / "pages" / "locale"


class Quoted(str):
    """What another server or an ontology says: in English, which a page in another language marks
    (WCAG 2.2, 3.1.2)."""

    __slots__ = ()


@cache
def catalogues() -> Mapping[str, gettext.NullTranslations]:
    """What each language says, by its code; English first."""
    found: dict[str, gettext.NullTranslations] = {SOURCE: gettext.NullTranslations()}
    for path in sorted(_FOLDER.glob("*.po")):
        with path.open("rb") as file:
            catalogue = read_po(file, locale=path.stem, abort_invalid=True)
        packed = BytesIO()
        write_mo(packed, catalogue)
        packed.seek(0)
        found[path.stem] = gettext.GNUTranslations(packed)
    return found


def names() -> Mapping[str, str]:
    """Each language by its code, as its speakers call it."""
    return {code: Locale.parse(code).get_language_name(code) or code for code in catalogues()}


def say(code: str, words: object) -> object:
    """A message in that language, as far as its catalogue has it; anything else unchanged."""
    return _said(code, words) if isinstance(words, Message) and code != SOURCE else words


def _said(code: str, message: Message) -> str:
    catalogue, values = catalogues()[code], message.values
    if message.plural is not None:
        words = catalogue.ngettext(message.msgid, *message.plural)
    else:
        words = catalogue.gettext(message.msgid)
    return words % {name: written(code, one) for name, one in values.items()} if values else words


def written(code: str, value: Value) -> str:
    """A value of a message as that language writes it: numbers, times, lists, other messages."""
    if code == SOURCE:
        return in_english(value)
    match value:
        case Message():
            return _said(code, value)
        case str():
            return value
        case int() | float():
            return _number(code, value)
        case datetime():
            return f"{format_date(value, 'long', locale=code)}, {value:%H:%M} UTC"
        case _:
            return format_list([written(code, one) for one in value], locale=code)


def moment(code: str, seconds: float) -> str:
    """An epoch second, to the minute."""
    at = datetime.fromtimestamp(seconds, UTC)
    day = f"{at:%Y-%m-%d}" if code == SOURCE else f"{format_date(at, 'medium', locale=code)},"
    return f"{day} {at:%H:%M} UTC"


def fixed(code: str, value: float, places: int) -> str:
    return _with_its_point(code, f"{value:.{places}f}")


def size(code: str, count: float, binary: bool = False) -> str:  # noqa: FBT001, FBT002  (Jinja's own filter)
    """So many bytes, in the largest unit of which they are one or more."""
    return _with_its_point(code, do_filesizeformat(count, binary))


def _with_its_point(code: str, digits: str) -> str:
    return digits.replace(".", get_decimal_symbol(code))


@lru_cache(maxsize=4_096)  # a page's row has one, which Babel takes a while to write
def _number(code: str, value: float) -> str:
    return format_decimal(value, locale=code, decimal_quantization=False)
