"""A connection closes so long after its last answer, and where a question comes too slowly, by a
clock that the test sets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from gateway.serving.idle import LEAST_RATE, IdleTimer

SECONDS = 30


class Loop:
    """Its time, and the timers that wait for it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now + seconds, call))
        return self.timers[-1]

    def create_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
        """An answer that takes as long as the test does."""
        work.close()
        return cast("asyncio.Future[None]", Unending())

    def until(self, now: float) -> None:
        """Time passes, and what is due is called."""
        while due := [t for t in self.timers if t.at <= now]:
            first = min(due, key=lambda timer: timer.at)
            self.timers.remove(first)
            self.now = first.at
            if not first.cancelled:
                first.call()
        self.now = now


class Unending:
    def add_done_callback(self, call: Callable[..., None]) -> None:
        pass


class Timer:
    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at, self.call, self.cancelled = at, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Transport(asyncio.Transport):
    closed = False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def connection(loop: Loop) -> IdleTimer:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("not asked")

    settings = uvicorn.Config(app, log_config=None, timeout_keep_alive=SECONDS)
    made = IdleTimer(settings, ServerState(), {}, cast("asyncio.AbstractEventLoop", loop))
    made.connection_made(Transport())
    return made


WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"


def asked(connection: IdleTimer, question: bytes = WHOLE) -> None:
    connection.data_received(question)


def closed(connection: IdleTimer) -> bool:
    return connection.transport.is_closing()


def test_after_an_answer_it_stays_open_for_the_time_and_no_longer(
    loop: Loop, connection: IdleTimer
) -> None:
    connection.on_response_complete()
    loop.until(1029.9)
    assert not closed(connection)
    loop.until(1030.0)
    assert closed(connection)


def test_the_time_counts_from_the_last_answer(loop: Loop, connection: IdleTimer) -> None:
    for _ in range(3):
        connection.on_response_complete()
        loop.until(loop.now + 20)
        assert not closed(connection)
    loop.until(1069.9)
    assert not closed(connection)
    loop.until(1070.0)
    assert closed(connection)


def test_many_answers_have_one_timer(loop: Loop, connection: IdleTimer) -> None:
    for _ in range(100):
        asked_before = loop.now
        connection.on_response_complete()
        loop.until(asked_before + 0.01)
    assert len(loop.timers) == 1


def test_while_an_answer_is_under_way_nothing_is_closed(loop: Loop, connection: IdleTimer) -> None:
    connection.on_response_complete()
    asked(connection)
    loop.until(2000.0)
    assert not closed(connection)
    connection.on_response_complete()
    loop.until(2030.0)
    assert closed(connection)


def test_of_a_connection_that_is_lost_no_timer_keeps_anything(
    loop: Loop, connection: IdleTimer
) -> None:
    connection.on_response_complete()
    connection.connection_lost(None)
    assert all(timer.cancelled for timer in loop.timers)


def test_a_connection_that_broke_has_no_timer_either(loop: Loop, connection: IdleTimer) -> None:
    connection.on_response_complete()
    connection.connection_lost(ConnectionResetError())
    assert all(timer.cancelled for timer in loop.timers)


def test_a_connection_on_which_nothing_is_ever_asked_closes(
    loop: Loop, connection: IdleTimer
) -> None:
    loop.until(1029.9)
    assert not closed(connection)
    loop.until(1030.0)
    assert closed(connection)


@pytest.mark.parametrize("begun", [WHOLE[:3], WHOLE[:-1], POST, POST + b"{"])
def test_a_question_that_stops_on_its_way_is_not_waited_for(
    loop: Loop, connection: IdleTimer, begun: bytes
) -> None:
    loop.until(1020)
    asked(connection, begun)
    loop.until(1059.9)
    assert not closed(connection)
    loop.until(1060)
    assert closed(connection)


def test_nor_one_that_comes_a_byte_at_a_time(loop: Loop, connection: IdleTimer) -> None:
    asked(connection, POST)
    for second in range(1001, 1060):
        loop.until(second)
        assert not closed(connection)
        asked(connection, b"a")
    loop.until(1060)
    assert closed(connection)


def test_a_long_body_over_a_slow_line_is_taken(loop: Loop, connection: IdleTimer) -> None:
    asked(connection, POST)
    for second in range(1001, 1601):
        loop.until(second)
        asked(connection, b"a" * LEAST_RATE)
        connection.cycle.body = bytearray()  # the application takes what comes
    assert not closed(connection)


def test_many_questions_that_each_come_slowly_are_each_looked_at(
    loop: Loop, connection: IdleTimer
) -> None:
    """The next has its own time, though the timer fires in the midst of each."""
    for turn in range(5):
        asked(connection, WHOLE[:-1])
        loop.until(1000 + 30 * turn + 40)
        assert not closed(connection)
        asked(connection, WHOLE[-1:])
        connection.cycle.response_complete = True
        connection.on_response_complete()
        loop.until(1000 + 30 * turn + 41)


@pytest.mark.parametrize("behind", [WHOLE[:5], WHOLE, WHOLE + WHOLE[:5], POST])
def test_what_stands_in_line_behind_an_answer_is_not_slow(
    loop: Loop, connection: IdleTimer, behind: bytes
) -> None:
    asked(connection)
    asked(connection, behind)
    loop.until(5000)
    assert not closed(connection)


def test_a_body_that_the_application_does_not_take_is_not_slow(
    loop: Loop, connection: IdleTimer
) -> None:
    asked(connection, POST + b"a" * 100_000)
    loop.until(5000)
    assert not closed(connection)
    connection.cycle.body = bytearray()
    connection.flow.resume_reading()
    loop.until(5060)
    assert closed(connection)


def test_what_is_left_of_a_body_after_its_answer_is_not_waited_for_either(
    loop: Loop, connection: IdleTimer
) -> None:
    asked(connection, POST)
    connection.cycle.response_complete = True
    connection.on_response_complete()
    asked(connection, b"a")
    loop.until(1060)
    assert closed(connection)
