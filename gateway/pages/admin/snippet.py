"""Adds a dataset to a policy text as its author wrote it: comments and order stay.

What is added answers nobody without a grant; the rest is for the editor. A text in which the list
of datasets is not written line by line stays as it is.
"""

from __future__ import annotations

import json
import re

from access.errors import PolicyInvalid
from access.policies.file import read_policies

_LIST = re.compile(r"^datasets:[ \t]*(?:\[[ \t]*\])?[ \t]*(?:#.*)?\n?", re.MULTILINE)
_ITEM = re.compile(r"(?:[ \t]*(?:#.*)?\n)*(?P<indent> *)- ")


def with_dataset(text: str, dataset: str, *, public_url: str) -> str:
    """The text with a closed policy for `dataset` put first, unless it has one or would not read
    with it."""
    found = _LIST.search(text)
    if found is None:
        return text
    item = _ITEM.match(text, found.end())
    indent = item["indent"] if item else "  "
    lines = (
        f"- id: {json.dumps(dataset)}",
        "  level: controlled",
        "  profile: default",
        "  committee: []  # subject@issuer of who decides on requests",
    )
    added = "".join(f"{indent}{line}\n" for line in lines)
    made = f"{text[: found.start()]}datasets:\n{added}{text[found.end() :]}"
    try:
        read_policies(made.encode(), name="", public_url=public_url)
    except PolicyInvalid:
        return text
    return made
