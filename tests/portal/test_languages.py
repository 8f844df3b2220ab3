"""Every sentence of the pages goes through the catalogues, and readers get the language they want.

The linter reads templates as they are written: text between tags, attributes that are read out, and
the strings in expressions. GNU gettext: a translation has the tags and values of its message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from jinja2 import DictLoader, Environment, nodes

import gateway.pages
import portal.pages
from portal import language_routes, languages
from schemas.errors import SkerryError
from tests.support.catalogue import NOT_PROSE, READ_OUT, forms, said, translated, whole

_FOLDERS = tuple(Path(str(room.__file__)).parent for room in (portal.pages, gateway.pages))
TEMPLATES = tuple(sorted(path for folder in _FOLDERS for path in folder.rglob("*.html")))
_IDS = [str(path.relative_to(path.parents[2])) for path in TEMPLATES]
# Units, names of formats and of this program; the same in every language.
_NAMES = {"ms", "DUO", "MiB", "Skerry"}
_JINJA = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
_SAID = re.compile(r"\{%-?\s*trans\b.*?\{%-?\s*endtrans\s*-?%\}", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]{2,}")
_EXAMPLES = ("17:43045711 G>A, rs334, BRCA1", "MONDO:0005148, sex = female", "p-…")
_EXAMPLE = re.compile(r"https?://\S+|-----BEGIN CRYPT4GH PUBLIC KEY-----")


def bare(text: str) -> list[str]:
    """The words that stand in `text` itself."""
    if text.strip() in _EXAMPLES or _EXAMPLE.fullmatch(text.strip()):
        return []
    return [word for word in _WORD.findall(text) if word not in _NAMES]


class Linter(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in NOT_PROSE:
            self._open.append(tag)
        for name, value in attrs:
            if name in READ_OUT and value and bare(value):
                self.found.append(f"{name}={value}")

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open and bare(data):
            self.found.append(data.strip())


def lint(source: str) -> list[str]:
    linter = Linter()
    linter.feed(_JINJA.sub("", _SAID.sub("", source)))
    linter.close()
    return linter.found


def strings(node: nodes.Node) -> Iterator[str]:
    """The strings of expressions that a page shows: not those compared with, nor names of parts."""
    for child in node.iter_child_nodes():
        match child:
            case nodes.Call(node=nodes.Name(name="_" | "gettext" | "ngettext")):
                continue
            case nodes.Compare() | nodes.Extends() | nodes.Include() | nodes.FromImport():
                continue
            case nodes.Import() | nodes.Filter() | nodes.Getitem():
                continue
            case nodes.Pair(value=shown):
                yield from strings(nodes.Output([shown]))
            case nodes.Const(value=str(value)):
                yield value
            case _:
                yield from strings(child)


def prose(value: str) -> bool:
    text = value.strip()
    return bool(re.match(r"[A-Z][a-z]+", text) or re.search(r"[a-z]{2,}\s+[a-z]", text))


@pytest.mark.parametrize("path", TEMPLATES, ids=_IDS)
def test_no_template_holds_a_bare_sentence(path: Path) -> None:
    assert lint(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Bare</p>",
        "<p>{{ n }} of them</p>",
        '<input placeholder="Name it">',
        "<p>{% trans %}Said{% endtrans %} and not</p>",
        '<td data-label="Node">{{ node }}</td>',
    ],
)
def test_the_linter_finds_a_bare_sentence(source: str) -> None:
    assert lint(source)


@pytest.mark.parametrize("path", TEMPLATES, ids=_IDS)
def test_no_template_writes_numbers_by_itself(path: Path) -> None:
    """A number is `written`, `fixed` or a size: each language has its own point and separators."""
    assert re.findall(r"\.format\(|\| *format\(|strftime", path.read_text()) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=_IDS)
def test_no_expression_shows_a_bare_sentence(path: Path) -> None:
    parsed = Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse(path.read_text())
    assert [one for one in strings(parsed) if prose(one) and one not in _STYLES] == []


# Classes of buttons and chips, and keys.
_STYLES = {"stop-it quiet"}


def test_the_linter_finds_a_bare_sentence_in_an_expression() -> None:
    parsed = Environment(autoescape=True).parse('{{ "Send it" if a == "Other" else _("End it") }}')
    assert [one for one in strings(parsed) if prose(one)] == ["Send it"]


SPOKEN = tuple(sorted(name for name in said() if said()[name]))


def test_every_translation_is_of_what_is_said() -> None:
    every = {words for found in said().values() for words in found}
    assert translated("de").keys() - every == set()


@pytest.mark.parametrize("name", SPOKEN)
def test_the_pages_are_whole_in_german(name: str) -> None:
    messages = translated("de")
    assert [words for words in said()[name] if not whole(messages.get(words))] == []


_MARKS = re.compile(r"%\(\w+\)s|%%|<[^>]*>")


def test_a_translation_has_the_tags_and_values_of_its_message() -> None:
    """Translations are put into pages as they are: one with tags of its own could do anything."""
    wrong: list[str] = []
    for words, message in translated("de").items():
        known = words if isinstance(words, str) else words[1]
        wrong += [one for one in forms(message) if one and _marks(one) != _marks(known)]
    assert wrong == []


def _marks(text: str) -> list[str]:
    return sorted(_MARKS.findall(text)) + sorted(re.findall(r"[<>\"]", text))


@pytest.mark.parametrize(
    ("cookie", "accept", "code"),
    [
        (None, None, "en"),
        (None, "de", "de"),
        (None, "de-AT,en;q=0.5", "de"),
        (None, "en-GB,en;q=0.9,de;q=0.8", "en"),
        (None, "fr, de;q=0.3", "de"),
        (None, "fr;q=0.9, en;q=0.2, DE ; q=0.4", "de"),
        (None, "de;q=0, en", "en"),
        (None, "de;q=2", "en"),
        (None, "*", "en"),
        (None, "de," * 300, "en"),
        (None, "de;q=\u0661", "en"),
        ("de", "en", "de"),
        ("en", "de", "en"),
        ("xx", "de", "de"),
        ("../de", None, "en"),
    ],
)
def test_a_reader_gets_the_language_chosen_or_accepted(
    cookie: str | None, accept: str | None, code: str
) -> None:
    assert languages.chosen(cookie, accept) == code


def _spoken(code: str, source: str, **values: object) -> str:
    made = Environment(loader=DictLoader({"page": source}), autoescape=True)
    languages.speak(made, code)
    return made.get_template("page").render(values)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("<h1>{% trans %}Datasets{% endtrans %}</h1>", "<h1>Datensätze</h1>"),
        ('{{ _("Datasets") }}', "Datensätze"),
        ('{{ _("Send it") if yes else _("End it") }}', "Absenden"),
        ('<a title="{% trans %}Name{% endtrans %}">', '<a title="Name">'),
        ("{% trans %}Nobody has translated 5 % of this{% endtrans %}",
         "Nobody has translated 5 % of this"),
        ("{% trans name=who %}Contact {{ name }}{% endtrans %}", "Kontakt zu &lt;b&gt;"),
        ("{% trans count=1 %}{{ count }} month{% pluralize %}{{ count }} months{% endtrans %}",
         "1 Monat"),
        ("{% trans count=3 %}{{ count }} month{% pluralize %}{{ count }} months{% endtrans %}",
         "3 Monate"),
    ],
)  # fmt: skip
def test_templates_speak_the_language_and_escape_what_people_wrote(source: str, said: str) -> None:
    assert _spoken("de", source, yes=True, who="<b>") == said


def test_what_holds_no_value_is_translated_once_when_the_template_is_compiled() -> None:
    made = Environment(autoescape=True)
    languages.speak(made, "de")
    compiled = made.compile("{% trans %}Datasets{% endtrans %}{{ _('Name') }}", raw=True)
    assert "Datensätze" in compiled
    assert "gettext" not in compiled


def _door(*, secure: bool = False) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(language_routes.build(secure=secure))
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="https://portal.example")


@pytest.mark.anyio
async def test_a_choice_is_kept_in_a_cookie_that_says_the_language_alone() -> None:
    async with _door(secure=True) as client:
        answer = await client.post("/language", data={"language": "de", "back": "/network?a=b"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/network?a=b")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-skerry-language=de;")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))


@pytest.mark.anyio
@pytest.mark.parametrize(
    "back",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "evil", "", "/a\nb", "/\t/x"],
)
async def test_the_way_back_leads_nowhere_else(back: str) -> None:
    async with _door() as client:
        answer = await client.post("/language", data={"language": "de", "back": back})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.anyio
@pytest.mark.parametrize("language", ["xx", "../de", "DE", "de\n"])
async def test_a_language_we_do_not_have_is_refused(language: str) -> None:
    with pytest.raises(SkerryError):
        async with _door() as client:
            await client.post("/language", data={"language": language})
