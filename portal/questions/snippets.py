"""The same question for a terminal, Python and R: whoever asked in a page can ask in a program.

Each asks the network's own Beacon v2.2 anonymously, by POST, so that no address holds the question.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from portal.questions.question import Question


@dataclass(frozen=True, slots=True)
class Snippet:
    id: str
    label: str
    text: str


def snippets(question: Question, *, beacon_url: str) -> tuple[Snippet, ...]:
    """`beacon_url` is the network's Beacon, without a trailing slash."""
    url = f"{beacon_url}/{question.kind.value}"
    body = json.dumps(question.body(), indent=2)
    return (
        Snippet("curl", "curl", _curl(url, json.dumps(question.body()))),
        Snippet("python", "Python", _python(url, question)),
        Snippet("r", "R", _r(url, body)),
        Snippet("json", "Beacon JSON", body),
    )


def _curl(url: str, body: str) -> str:
    return (
        f"curl -s {shlex.quote(url)} \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )


def _python(url: str, question: Question) -> str:
    return (
        "import httpx\n\n"
        f"question = {_python_literal(question.body())}\n"
        f"answer = httpx.post({url!r}, json=question, timeout=30).raise_for_status().json()\n"
        'print(answer["responseSummary"], answer["info"]["nodes"])'
    )


def _python_literal(value: object, indent: int = 0) -> str:
    pad = " " * (indent + 4)
    if isinstance(value, dict):
        items = [f"{pad}{name!r}: {_python_literal(v, indent + 4)},\n" for name, v in value.items()]
        return "{\n" + "".join(items) + " " * indent + "}" if items else "{}"
    return repr(value)


def _r(url: str, body: str) -> str:
    # A raw string of R 4: no character of the body can end it but )---".
    return (
        "library(httr2)\n"
        f'question <- r"---({body})---"\n'
        f"answer <- request({json.dumps(url)}) |>\n"
        '  req_body_raw(question, "application/json") |>\n'
        "  req_perform() |>\n"
        "  resp_body_json()\n"
        "answer$responseSummary"
    )
