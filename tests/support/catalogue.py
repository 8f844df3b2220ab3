"""The pages' catalogues as their tools see them: what is said, what is translated, what is left."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
ROOMS = ("portal", "gateway", "access", "passports", "duo", "schemas")
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None, "gettext": None, "ngettext": (1, 2), "Message": None, "plural": (1, 2),
}  # fmt: skip
READ_OUT = ("aria-label", "placeholder", "title", "alt", "data-label")
NOT_PROSE = {"code", "pre", "script", "style"}
Words = str | tuple[str, ...]


@cache
def said() -> dict[str, set[Words]]:
    """The messages of each file, as `pybabel extract` finds them by babel.cfg."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file, "babel.cfg")  # type: ignore[no-untyped-call]  # Babel's
    found: dict[str, set[Words]] = {}
    for room in ROOMS:
        for name, _line, words, _comments, _context in extract_from_dir(
            ROOT / room, methods, options, keywords=KEYWORDS
        ):
            found.setdefault(f"{room}/{name}", set()).add(_key(words))
    return found


def translated(code: str) -> dict[Words, Message]:
    return {_key(message.id): message for message in _catalogue(code) if message.id}


def _catalogue(code: str) -> Catalog:
    path = ROOT / "portal" / "pages" / "locale" / f"{code}.po"
    with path.open("rb") as file:
        return read_po(file, locale=code, abort_invalid=True)


def _key(words: str | tuple[str, ...] | list[str]) -> Words:
    return words if isinstance(words, str) else tuple(words)


def forms(message: Message) -> tuple[str, ...]:
    """One, or one for each number."""
    string = message.string or ""
    return (string,) if isinstance(string, str) else tuple(string)


def whole(message: Message | None) -> bool:
    return message is not None and not message.fuzzy and all(forms(message))


class _Shown(HTMLParser):
    """What a page shows or has read out, piece by piece."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in NOT_PROSE or (tag == "span" and ("lang", "en") in attrs):  # and what is quoted
            self._open.append(tag)
        self.pieces += [value for name, value in attrs if name in READ_OUT and value]

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open and data.strip():
            self.pieces.append(" ".join(data.split()))


_BETWEEN = re.compile(r"%\(\w+\)s|%%|<[^>]*>")


@cache
def _english(code: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Whole messages, and parts of two words and more, that are said otherwise in that language."""
    alone: set[str] = set()
    parts: set[str] = set()
    for words, message in translated(code).items():
        for english in (words,) if isinstance(words, str) else words:
            if english in forms(message):
                continue
            alone.add(english)
            # A comma ends a part where a value stood; the rest of it must still be two words.
            pieces = (" ".join(one.split()) for one in _BETWEEN.split(english))
            parts |= {one for one in pieces if len(one) >= 10 and " " in one.strip(" .,:;()")}
    return frozenset(alone), tuple(sorted(parts))


def left_in_english(html: str, code: str) -> list[str]:
    """Pieces of a page in which a message stands untranslated."""
    shown = _Shown()
    shown.feed(html)
    shown.close()
    alone, parts = _english(code)
    return [
        piece for piece in shown.pieces if piece in alone or any(part in piece for part in parts)
    ]
