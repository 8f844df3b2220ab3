"""What Python says for a page is a message, and is said in the reader's language.

The linter reads every module whose words reach a page: a sentence that stands there bare would be
English on every page. What only programs, logs or the operator's terminal get is left out by name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from portal import languages
from portal.catalogues import Quoted, say, written
from schemas.messages import Message, Value, following, plural, span

ROOT = Path(__file__).parents[2]
# For programs and operators: clients, Beacon and service documents, settings, metrics.
_NO_PAGE = {
    "__main__", "as_beacon/description", "as_beacon/envelope", "as_beacon/openapi",
    "as_beacon/routes", "asking/hops", "book", "client", "client_calls", "metrics",
    "questions/chain_files", "questions/snippets", "results/export", "services", "settings",
}  # fmt: skip
_PORTAL = {
    path.relative_to(ROOT / "portal").with_suffix("").as_posix(): path
    for path in (ROOT / "portal").rglob("*.py")
}
# Of the rooms below: doors that speak JSON, what Beacon answers, the command line and programs
# get, mails, the file of the policies as its schema reads it, names that an ontology gives.
_NOT_READ_THERE = {
    "access/allowance_routes", "access/disclosure", "access/grants", "access/keys", "access/limits",
    "access/permits", "access/policies/decision_facts", "access/policies/explain",
    "access/policies/model", "access/policies/policy", "access/policies/routes",
    "access/policies/weighing", "access/privacy/answerable", "access/privacy/noise",
    "access/record/chain", "access/record/chain_tail",
    "access/record/client", "access/record/door", "access/record/routes", "access/record/wire",
    "access/record/writer", "access/requests/couriers", "access/requests/enquiry_routes",
    "access/requests/notices", "access/requests/routes", "access/routes", "access/runs/routes",
    "access/runs/starts", "access/session_routes", "duo/ontology", "duo/terms",
    "passports/compact", "passports/device", "passports/jwks",
    "passports/outbound", "passports/tokens", "passports/trust",
}  # fmt: skip
_BELOW = {
    path.relative_to(ROOT).with_suffix("").as_posix(): path
    for room in ("access", "passports", "duo")
    for path in (ROOT / room).rglob("*.py")
    if "migrations" not in path.parts
}
# What a node's pages show of what its own rules, files and checks say.
_OF_A_NODE = (
    "admin_changes", "exposure", "holding/catalogue_form", "holding/import_folder",
    "holding/load_job", "holding/load_jobs", "holding/onboarding", "holding/processes",
    "holding/uploading", "http_errors", "policy_in_words", "policy_reading", "risk_in_words",
    "trust_in_words", "usage", "verifying",
)  # fmt: skip
MODULES = sorted(
    [path for name, path in _PORTAL.items() if name not in _NO_PAGE]
    + [path for name, path in _BELOW.items() if name not in _NOT_READ_THERE]
    + [ROOT / "schemas" / "hgvs.py", ROOT / "schemas" / "variant_text.py"]
    + [ROOT / "gateway" / f"{name}.py" for name in _OF_A_NODE]
    + [path for path in (ROOT / "gateway" / "pages").rglob("*.py") if path.stem != "snippet"]
)
_MARKING = {"Message", "plural"}
# What these are given is no page's: the start's errors, names of types, patterns, logs.
_NOT_SHOWN = {"SettingsError", "TypeVar", "NewType", "compile", "quote", "getLogger", "execute"}
_LOGGED = {"debug", "info", "warning", "error", "exception"}
_NO_SENTENCE = re.compile(
    r"\s*(?:(?:SELECT|INSERT|DELETE|UPDATE|CREATE|ALTER|PRAGMA|BEGIN)\b"
    r"|(?:Bearer|Host:|Content-Length:|Proxy-Authorization:) )"
)
# Names of headers, kinds and models, an HTML comment, and the validator's words for a terminal.
_NAMES = {
    "Accept-Encoding", "Authorization", "Cache-Control", "Content-Disposition", "Content-Type",
    "Retry-After", ', error="insufficient_scope", scope="openid ga4gh_passport_v1"',
    "fewer than", "first contact", "the name has no address",
    '<span lang="{}">{}</span>', "<!-- nothing left to stop -->", "<!-- nothing more to follow -->",
    "A person withdrew.", "in force", "this text",  # for the record and a policy's diff
    "no name", "It may join.", "It may not join until the FAIL is mended.",
    "Human genetic, epigenomic and genomic data", "Personal data",  # what a form begins with
    "openid profile ga4gh_passport_v1", "part of an entry could not be taken back: {}",
}  # fmt: skip


def _prose(text: str) -> bool:
    sentence = re.search(r"[a-z]{2,}\s+[a-z]", text) or re.match(r"[A-Z][a-z]+", text.strip())
    return bool(sentence) and not _NO_SENTENCE.match(text) and text not in _NAMES


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def bare(node: ast.AST) -> Iterator[str]:
    """The sentences below `node` that no catalogue can translate."""
    for child in ast.iter_child_nodes(node):
        match child:
            case (
                ast.Expr(value=ast.Constant()) | ast.Compare() | ast.MatchValue()
            ):  # docstrings, keys
                continue
            case ast.Call() if _called(child) in _MARKING:
                yield from _marked(child)
            case ast.Call() if _called(child) in _NOT_SHOWN | _LOGGED:
                continue
            case ast.Dict(values=values):
                yield from (said for value in values for said in bare(ast.List(elts=[value])))
            case ast.keyword(arg="detail") | ast.Assign(targets=[ast.Name(id="__all__")]):
                continue
            case ast.Constant(value=str(text)) if _prose(text):
                yield text
            case ast.JoinedStr(values=parts):
                shape = _shape(parts)
                if _prose(shape):
                    yield shape
            case _:
                yield from bare(child)


def _shape(parts: list[ast.expr]) -> str:
    return "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in parts)


def _marked(call: ast.Call) -> Iterator[str]:
    """Babel reads what stands there as it is: a message chosen or put together is none."""
    words = call.args[: 2 if _called(call) == "plural" else 1]
    for one in words:
        if not isinstance(one, ast.Constant):
            yield ast.unparse(one)
    for value in call.keywords:
        yield from bare(value)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_module_whose_words_reach_a_page_holds_a_bare_sentence(path: Path) -> None:
    assert list(bare(ast.parse(path.read_text()))) == []


def mismatched(tree: ast.AST) -> Iterator[str]:
    """Messages whose sentence does not name just the values that it is given."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or _called(call) not in _MARKING:
            continue
        given = {one.arg for one in call.keywords}
        for words in call.args:
            # Those given as a mapping are named where it is made.
            if not isinstance(words, ast.Constant) or None in given:
                continue
            sentence = str(words.value)
            named = set(re.findall(r"%\((\w+)\)s", sentence))
            if named != given and not (_called(call) == "plural" and named <= given):
                yield sentence


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_message_names_the_values_it_is_given(path: Path) -> None:
    assert list(mismatched(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "source",
    [
        'Message("At most %(most)s.", value=3)',
        'Message("At most %(most)s.")',
        'Message("None.", most=3)',
        'plural("%(count)s of %(all)s", "%(count)s of %(all)s", count=1)',
    ],
)
def test_a_value_that_is_missing_or_not_said_is_found(source: str) -> None:
    assert list(mismatched(ast.parse(source)))


def test_what_is_left_out_is_there_under_its_name() -> None:
    assert set(_PORTAL) >= _NO_PAGE
    assert set(_BELOW) >= _NOT_READ_THERE


@pytest.mark.parametrize(
    "source",
    [
        'raise NotFound("There is none.")',
        'raise NotFound(f"There is no {name}.")',
        'WORDS = {"a": "Any research may use it."}',
        'def f():\n    return "in a moment"',
        'Message("One" if a else "Many")',
        'Message(f"There is no {name}.")',
        'Message("One of %(what)s", what="all of them")',
        'text = Message("It is over.") + " Ask again."',
    ],
)
def test_the_linter_finds_a_bare_sentence(source: str) -> None:
    assert list(bare(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        '"""The docstring of it."""',
        'raise NotFound(Message("There is none."))',
        'raise NotFound(words, detail="no answer in time")',
        'raise SettingsError("cannot be used as such")',
        'if kind == "fewer than": pass',
        'plural("%(count)s node", "%(count)s nodes", count=2)',
    ],
)
def test_the_linter_leaves_what_is_marked_or_no_pages(source: str) -> None:
    assert list(bare(ast.parse(source))) == []


@pytest.mark.parametrize(
    ("said", "german"),
    [
        (Message("Sign in first."), "Melden Sie sich zuerst an."),
        (Message("Nobody translated this"), "Nobody translated this"),
        (Message("all %(asked)s nodes", asked=1234), "allen 1.234 Knoten"),
        (plural("%(count)s person", "%(count)s people", count=1), "1 Person"),
        (plural("%(count)s person", "%(count)s people", count=2000), "2.000 Personen"),
        (
            following(Message("Type a question first."), "As it is."),
            "Geben Sie zuerst eine Frage ein. As it is.",
        ),
        (
            Message("Its data are on %(assemblies)s, not %(asked)s.",
                    assemblies=("GRCh37", "T2T", "hg18"), asked=Message("nothing")),
            "Seine Daten liegen auf GRCh37, T2T und hg18, nicht auf nichts.",
        ),
        (span(1000, 2000), "1.000–2.000"),
        ("Sign in first.", "Sign in first."),
        (None, None),
    ],
)  # fmt: skip
def test_a_message_is_said_in_the_language_and_nothing_else_is_touched(
    said: object, german: object
) -> None:
    assert say("de", said) == german
    assert say("en", said) is said


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [
        (1234567, "1,234,567", "1.234.567"),
        (0.0012, "0.0012", "0,0012"),
        (0.00012, "0.00012", "0,00012"),
        (datetime(2027, 3, 5, 7, 8, tzinfo=UTC), "5 March 2027, 07:08 UTC",
         "5. März 2027, 07:08 UTC"),
        (("a", "b", "c"), "a, b and c", "a, b und c"),
        (("a",), "a", "a"),
        ((), "", ""),
    ],
)  # fmt: skip
def test_numbers_times_and_lists_are_written_as_the_language_does(
    value: Value, english: str, german: str
) -> None:
    assert (written("en", value), written("de", value)) == (english, german)


@pytest.mark.parametrize(
    ("source", "english", "german"),
    [
        ("{{ 0 | utc }}", "1970-01-01 00:00 UTC", "01.01.1970, 00:00 UTC"),
        ("{{ 1804400700.9 | utc }}", "2027-03-07 06:25 UTC", "07.03.2027, 06:25 UTC"),
        ("{{ 0.0625 | fixed(3) }}", "0.062", "0,062"),
        ("{{ 1200 | filesizeformat }}", "1.2 kB", "1,2 kB"),
        ("{{ 1536 | filesizeformat(true) }}", "1.5 KiB", "1,5 KiB"),
        ("{{ 1 | filesizeformat }}", "1 Byte", "1 Byte"),
    ],
)
def test_times_measures_and_sizes_are_written_as_the_language_does(
    source: str, english: str, german: str
) -> None:
    made = {code: Environment(autoescape=True) for code in ("en", "de")}
    for code, environment in made.items():
        languages.speak(environment, code)
    assert made["en"].from_string(source).render() == english
    assert made["de"].from_string(source).render() == german


_WHO = Message("A basket holds %(most)s datasets.", most="<b>")


@pytest.mark.parametrize(
    ("source", "german"),
    [
        ("{{ who }}", "Ein Korb fasst &lt;b&gt; Datensätze."),
        ("{{ [who] | map('said') | join('; ') }}", "Ein Korb fasst &lt;b&gt; Datensätze."),
        ("{% trans name=who %}Contact {{ name }}{% endtrans %}",
         "Kontakt zu Ein Korb fasst &lt;b&gt; Datensätze."),
        ("{% macro m(a) %}<i>{{ a }}</i>{% endmacro %}{{ m(who) }}",
         "<i>Ein Korb fasst &lt;b&gt; Datensätze.</i>"),
        ("{{ quoted }}", '<span lang="en">There is no &lt;b&gt;.</span>'),
        ("{{ 1234 | written }} {{ 1234 }} {{ none }}", "1.234 1234 None"),
    ],
)  # fmt: skip
def test_a_page_says_messages_wherever_they_stand_and_escapes_their_values(
    source: str, german: str
) -> None:
    made = {
        code: Environment(loader=DictLoader({"page": source}), autoescape=True)
        for code in ("en", "de")
    }
    for code, environment in made.items():
        languages.speak(environment, code)
    values = {"who": _WHO, "quoted": Quoted("There is no <b>.")}
    shown = {code: one.get_template("page").render(values) for code, one in made.items()}
    assert shown["de"] == german
    assert "Korb" not in shown["en"]
    assert "<b>" not in shown["en"]
    assert "lang=" not in shown["en"]
