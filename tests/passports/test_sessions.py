"""Browser sessions on the server."""

from __future__ import annotations

import pytest

from passports.login import PendingLogin, SignedIn, local_path
from passports.sessions import (
    ABSOLUTE_SECONDS,
    IDLE_SECONDS,
    PENDING_SECONDS,
    Sessions,
    cookie_name,
)
from tests.support.broker import BROKER, NOW, Clock

ROSA = SignedIn("rosa", BROKER, "Rosa", "opaque-access-token", NOW + 3600)


def test_a_session_is_found_by_its_id_until_dropped() -> None:
    sessions = Sessions(Clock())
    session_id = sessions.create(ROSA)
    session = sessions.get(session_id)
    assert session is not None
    assert session.signed_in == ROSA
    assert session.signed_in.identity == f"rosa@{BROKER}"
    sessions.drop(session_id)
    assert sessions.get(session_id) is None


@pytest.mark.parametrize("session_id", [None, "", "guess", "\ud800"])
def test_an_unknown_id_is_nobody(session_id: str | None) -> None:
    sessions = Sessions(Clock())
    sessions.create(ROSA)
    assert sessions.get(session_id) is None


def test_every_sign_in_has_a_new_id_and_a_new_csrf_token() -> None:
    sessions = Sessions(Clock())
    first, second = sessions.create(ROSA), sessions.create(ROSA)
    one, two = sessions.get(first), sessions.get(second)
    assert first != second
    assert one is not None
    assert two is not None
    assert one.csrf_holds(one.csrf_token)
    assert not one.csrf_holds(two.csrf_token)
    assert not one.csrf_holds("")


def test_an_idle_session_ends() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    session_id = sessions.create(ROSA)
    clock.now += IDLE_SECONDS
    assert sessions.get(session_id) is None


def test_a_busy_session_ends_after_eight_hours() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    session_id = sessions.create(ROSA)
    while clock.now < NOW + ABSOLUTE_SECONDS - 60:
        assert sessions.get(session_id) is not None
        clock.now += 60
    clock.now = NOW + ABSOLUTE_SECONDS
    assert sessions.get(session_id) is None


def test_the_oldest_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passports.sessions.MAX_SESSIONS", 1)
    monkeypatch.setattr("passports.sessions.MAX_PENDING", 1)
    sessions, pending = Sessions(Clock()), PendingLogin("state", "nonce", "verifier", "/")
    old, new = sessions.create(ROSA), sessions.create(ROSA)
    assert sessions.get(old) is None
    assert sessions.get(new) is not None
    first, second = sessions.park(pending), sessions.park(pending)
    assert sessions.unpark(first) is None
    assert sessions.unpark(second) == pending
    sessions.drop(None)


def test_a_parked_sign_in_comes_back_once_and_in_time() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    pending = PendingLogin("state", "nonce", "verifier", "/")
    first, late = sessions.park(pending), sessions.park(pending)
    assert sessions.unpark(first) == pending
    assert sessions.unpark(first) is None
    clock.now += PENDING_SECONDS
    assert sessions.unpark(late) is None
    assert sessions.unpark(None) is None


def test_nothing_secret_prints() -> None:
    sessions = Sessions(Clock())
    shown = repr(sessions.get(sessions.create(ROSA)))
    assert "opaque-access-token" not in shown
    assert "state-secret" not in repr(PendingLogin("state-secret", "n", "v", "/"))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://127.0.0.1:8080", "skerry-portal-8080"),
        ("https://portal.example", "__Host-skerry-portal-443"),
        ("https://portal.example:8443", "__Host-skerry-portal-8443"),
    ],
)
def test_cookies_are_named_for_role_and_port(url: str, name: str) -> None:
    assert cookie_name("portal", url) == name


@pytest.mark.parametrize(
    "path",
    ["https://evil.example", "//evil.example", "/\\evil.example", "", "x", "/\n", "/" * 3000],
)
def test_a_sign_in_leads_nowhere_else(path: str) -> None:
    assert local_path(path) == "/"
    assert local_path("/results?q=1") == "/results?q=1"
