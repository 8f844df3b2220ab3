"""What a fetch shows: on a terminal how far it is, in a pipe nothing."""

from __future__ import annotations

import io

import pytest

from gateway.commands.fetch_progress import FetchLine, words


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("done", "total", "seconds", "said"),
    [
        (0, 0, 0.0, "fetching: 0.0 of 0.0 B"),
        (500, 1000, 0.0, "fetching: 0.5 of 1.0 kB, 50 %"),
        (50_000_000, 200_000_000, 2.0, "fetching: 50.0 of 200.0 MB, 25 %, 25.0 MB/s, 6 s left"),
        (10**9, 10**12, 10.0, "fetching: 0.0 of 1.0 TB, 0 %, 100.0 MB/s, 2 h 46 min left"),
        (10**9, 10**10, 10.0, "fetching: 1.0 of 10.0 GB, 10 %, 100.0 MB/s, 1 min 30 s left"),
    ],
)
def test_the_words(done: int, total: int, seconds: float, said: str) -> None:
    assert words("fetching", done, total, seconds=seconds) == said


def test_a_terminal_sees_one_line_that_is_gone_in_the_end() -> None:
    terminal, clock = Terminal(), Clock()
    with FetchLine(terminal, clock=clock) as line:
        line("fetching", 0, 100)
        clock.now = 0.1
        line("fetching", 10, 100)  # too soon to be shown
        clock.now = 1.0
        line("fetching", 50, 100)
        line("opening", 0, 90)
    shown = terminal.getvalue().split("\r")
    assert [one.strip() for one in shown] == [
        "", "fetching: 0.0 of 100.0 B, 0 %", "fetching: 50.0 of 100.0 B, 50 %, 0.0 MB/s, 1 s left",
        "opening: 0.0 of 90.0 B, 0 %", "", "",
    ]  # fmt: skip
    assert "\n" not in terminal.getvalue()


def test_what_was_there_already_is_not_in_the_rate() -> None:
    terminal, clock = Terminal(), Clock()
    with FetchLine(terminal, clock=clock) as line:
        line("fetching", 80_000_000, 100_000_000)
        clock.now = 1.0
        line("fetching", 90_000_000, 100_000_000)
    assert "10.0 MB/s, 1 s left" in terminal.getvalue()


def test_a_pipe_sees_nothing() -> None:
    pipe = io.StringIO()
    with FetchLine(pipe) as line:
        line("fetching", 0, 100)
        line("fetching", 100, 100)
    assert pipe.getvalue() == ""
