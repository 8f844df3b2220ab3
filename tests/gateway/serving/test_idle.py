"""A connection closes so long after its last answer, by a clock that the test sets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from gateway.serving.idle import IdleTimer

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

    def until(self, now: float) -> None:
        """Time passes, and what is due is called."""
        while due := [t for t in self.timers if t.at <= now]:
            first = min(due, key=lambda timer: timer.at)
            self.timers.remove(first)
            self.now = first.at
            if not first.cancelled:
                first.call()
        self.now = now


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


def asked(connection: IdleTimer) -> None:
    connection.data_received(b"GET / HT")  # a question begins


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
