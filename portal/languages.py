"""Whose language is which: the one a reader chose or accepts, and one set of templates for each.

A reader gets the language they chose, else the best of RFC 9110 12.5.4 `Accept-Language`, else
English, which the templates themselves are written in. What Python says for a page is a `Message`,
which the page says in its language (`catalogues`); what nodes and people write stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Undefined, pass_context
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request

from portal.catalogues import SOURCE, Quoted, catalogues, fixed, moment, names, say, size, written
from schemas.messages import Message

COOKIE = "skerry-language"
CHOICE_SECONDS = 365 * 24 * 3600
_MAX_HEADER_CHARS = 500
_WANTED = re.compile(
    r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,40})?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?"
)


def chosen(cookie: str | None, accept: str | None) -> str:
    """The language for a reader who sent these two."""
    known = catalogues()
    if cookie is not None and cookie in known:
        return cookie
    return next((code for code in _accepted(accept or "") if code in known), SOURCE)


def asked_for(request: Request) -> str:
    """The language for whoever sent this request."""
    cookies = request.cookies
    kept = cookies.get(f"__Host-{COOKIE}") or cookies.get(COOKIE)
    return chosen(kept, request.headers.get("accept-language"))


def come_from(request: Request) -> str:
    """The page to see again after a language was chosen on it; a form's result cannot be."""
    if request.method != "GET":
        return "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def section_of(request: Request) -> str:
    """The part of the site that a page belongs to, which its navigation marks."""
    return request.url.path.split("/")[1]


def _accepted(header: str) -> Iterator[str]:
    """The languages of the header without their regions, the most wanted first."""
    if len(header) > _MAX_HEADER_CHARS:
        return
    wanted = [match for one in header.split(",") if (match := _WANTED.fullmatch(one))]
    ranked = sorted(wanted, key=lambda match: -float(match[2] or 1))
    yield from (match[1].lower() for match in ranked if float(match[2] or 1) > 0)


def templates(*folders: Path, undefined: type[Undefined] = Undefined) -> Mapping[str, Environment]:
    """The templates of `folders` in each language."""
    made = {}
    for code in catalogues():
        loader = FileSystemLoader(folders)
        made[code] = Environment(loader=loader, autoescape=True, undefined=undefined)
        speak(made[code], code)
    for environment in made.values():
        environment.globals["languages"] = names()
    return made


def speak(environment: Environment, code: str) -> None:
    """Makes these templates say what the catalogue of that language has for them."""
    environment.globals["language"] = code
    environment.add_extension("jinja2.ext.i18n")
    environment.add_extension(SaidOnce)
    said = catalogues()[code]
    environment.install_gettext_translations(said, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {
        "quoted": Quoted,
        "said": partial(say, code),
        "written": partial(written, code),
        "fixed": partial(fixed, code),
        "utc": partial(moment, code),
        "filesizeformat": partial(size, code),
    }
    if code != SOURCE:  # a message is English already
        environment.finalize = _finalize(code)
        own = environment.globals
        own |= {name: _with_messages(code, own[name]) for name in ("gettext", "ngettext")}


def _finalize(code: str) -> Callable[[object], object]:
    """For each value that a template shows: hardly any is a message, or quoted."""

    def said(value: object) -> object:
        kind = type(value)
        if kind is Message:
            return say(code, value)
        return _marked(value) if kind is Quoted else value

    return said


def _marked(words: object) -> Markup:
    return Markup('<span lang="{}">{}</span>').format(SOURCE, words)


def _with_messages(code: str, gettext: Any) -> Callable[..., str]:  # Jinja's, untyped
    """A template's gettext, whose values may be messages."""

    @pass_context
    def said(context: Context, /, *words: object, **values: object) -> str:
        shown = {name: say(code, one) for name, one in values.items()}
        translated: str = gettext(context, *words, **shown)
        return translated

    return said


class SaidOnce(Extension):
    """Translates what holds no value while a template is compiled, so rendering looks up nothing.

    That is `{% trans %}words{% endtrans %}` and `{{ _("words") }}`; all else is left to
    `jinja2.ext.i18n`.
    """

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        tokens = list(stream)
        at = 0
        while at < len(tokens):
            words, length = _said_once(tokens, at)
            if words is None:
                yield tokens[at]
            else:
                code = str(self.environment.globals["language"])
                yield Token(tokens[at].lineno, "data", catalogues()[code].gettext(words) % {})
            at += length


_TRANS = (
    ("block_begin", ""), ("name", "trans"), ("block_end", ""), ("data", ""),
    ("block_begin", ""), ("name", "endtrans"), ("block_end", ""),
)  # fmt: skip
_CALL = (
    ("variable_begin", ""), ("name", "_"), ("lparen", ""), ("string", ""), ("rparen", ""),
    ("variable_end", ""),
)  # fmt: skip
_WORDS_AT = 3


def _said_once(tokens: list[Token], at: int) -> tuple[str | None, int]:
    """The message that begins at this token and how many tokens it takes, if one does."""
    for shape in (_TRANS, _CALL):
        found = tokens[at : at + len(shape)]
        if len(found) == len(shape) and all(
            token.type == kind and (not value or token.value == value)
            for token, (kind, value) in zip(found, shape, strict=True)
        ):
            words = found[_WORDS_AT].value
            return words.replace("%", "%%") if shape is _TRANS else words, len(shape)
    return None, 1
