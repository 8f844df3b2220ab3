"""What is asked of the engine's control process: each question gets the answer to itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.federation import keys, raw
from workspaces.engine import federation
from workspaces.engine.environment import Environment
from workspaces.engine.federation import Described
from workspaces.engine.superlink import Superlink
from workspaces.errors import EngineRefused, NodeSilent


class Pipe:
    """Keeps the questions; `drain` returns at once."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.came = asyncio.Event()

    def write(self, line: bytes) -> None:
        self.asked.append(json.loads(line))
        self.came.set()

    async def drain(self) -> None:
        """Nothing waits here."""


def asked_of(folder: Path) -> tuple[Superlink, Pipe, asyncio.StreamReader]:
    described = Described(name="t", host="localhost", port=1)
    of = federation.create(folder / "federation", described, raw(keys(["porto", "praha", "tartu"])))
    link, pipe, lines = Superlink(of, Environment(folder, "0" * 64)), Pipe(), asyncio.StreamReader()
    link._control = SimpleNamespace(stdin=pipe, stdout=lines)  # type: ignore[assignment]
    return link, pipe, lines


def said(lines: asyncio.StreamReader, to: int, **answer: object) -> None:
    lines.feed_data(json.dumps({"to": to, **answer}).encode() + b"\n")


@pytest.mark.anyio
async def test_the_late_answer_to_a_question_left_alone_is_not_taken_for_the_next_ones(
    tmp_path: Path,
) -> None:
    link, pipe, lines = asked_of(tmp_path)
    left = asyncio.ensure_future(link._asked("run", "7"))
    await pipe.came.wait()
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    said(lines, 1, answer="what became of run 7")
    said(lines, 2, answer="what became of run 8")
    assert await link._asked("run", "8") == "what became of run 8"
    assert [number for number, *_ in pipe.asked] == [1, 2]


@pytest.mark.anyio
async def test_the_late_refusal_of_another_question_refuses_nothing(tmp_path: Path) -> None:
    link, pipe, lines = asked_of(tmp_path)
    left = asyncio.ensure_future(link._asked("submit", "a"))
    await pipe.came.wait()
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    said(lines, 1, error="no such bundle")
    said(lines, 2, answer=[])
    assert await link._asked("nodes") == []
    said(lines, 3, error="no")
    with pytest.raises(EngineRefused, match="no"):
        await link._asked("nodes")


@pytest.mark.anyio
async def test_words_that_are_no_answer_and_an_end_are_silence(tmp_path: Path) -> None:
    link, _, lines = asked_of(tmp_path)
    lines.feed_data(b"Traceback\n")
    with pytest.raises(NodeSilent):
        await link._asked("nodes")
    lines.feed_eof()
    with pytest.raises(NodeSilent, match="has ended"):
        await link._asked("nodes")
