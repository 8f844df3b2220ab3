"""The last 30 days of each node are known, and no failure is rounded away."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.asking.calls import Calls
from portal.errors import SettingsError
from portal.nodes.health import KEPT_SECONDS, HealthBook, Look
from portal.nodes.registry import Registry
from portal.settings import Limits
from tests.support.loopback import unused_address

NOW = 1_800_000_000


def _looks(*latencies: int | None, start: int = NOW) -> list[Look]:
    return [
        Look("https://a", start + n, one, "" if one is not None else "late: No answer.")
        for n, one in enumerate(latencies)
    ]


def test_availability_and_latency_are_of_what_was_seen(tmp_path: Path) -> None:
    book = HealthBook(tmp_path / "health.db")
    book.note(_looks(*range(1, 100), None), now=NOW)
    found = book.of("https://a")
    assert found is not None
    assert (found.looks, found.answered, found.availability) == (100, 99, 99.0)
    assert (found.median_ms, found.p95_ms) == (50, 95)
    assert (found.last_problem, found.last_problem_at) == ("late: No answer.", NOW + 99)


def test_one_failure_in_ten_thousand_is_not_a_hundred_percent(tmp_path: Path) -> None:
    book = HealthBook(tmp_path / "health.db")
    book.note(_looks(*[5] * 9_999, None), now=NOW)
    found = book.of("https://a")
    assert found is not None
    assert found.availability == 99.9


def test_what_is_older_is_forgotten_and_a_restart_forgets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "health.db"
    HealthBook(path).note(_looks(5, start=NOW - KEPT_SECONDS - 1), now=NOW - KEPT_SECONDS)
    HealthBook(path).note(_looks(7), now=NOW)
    found = HealthBook(path).of("https://a")
    assert found is not None
    assert (found.looks, found.median_ms) == (1, 7)


def test_a_node_never_seen_or_never_answering_has_no_latency(tmp_path: Path) -> None:
    book = HealthBook(tmp_path / "health.db")
    book.note(_looks(None, None), now=NOW)
    found = book.of("https://a")
    assert found is not None
    assert (found.availability, found.median_ms, found.p95_ms) == (0.0, None, None)
    assert book.of("https://b") is None


def test_a_file_that_is_no_book_stops_the_portal_at_its_start(tmp_path: Path) -> None:
    path = tmp_path / "health.db"
    path.write_bytes(b"not a database at all, but long enough to look at" * 50)
    for wrong in (path, tmp_path / "no" / "folder"):
        with pytest.raises(SettingsError, match="health_file"):
            HealthBook(wrong)


@pytest.mark.live
@pytest.mark.anyio
async def test_a_node_that_starts_a_little_later_is_not_made_to_look_bad(tmp_path: Path) -> None:
    limits = Limits(deadline_seconds=1, refresh_seconds=60)
    calls, now = Calls(limits), [float(NOW)]
    down = unused_address()
    book = HealthBook(tmp_path / "health.db")
    registry = Registry([down], calls, limits=limits, clock=lambda: now[0], book=book)
    for _ in range(4):
        await registry.refresh()
        now[0] += 2
    assert book.of(down) is None
    now[0] += 60
    for _ in range(4):
        await registry.refresh()
        now[0] += 2
    found = book.of(down)
    await calls.close()
    assert found is not None
    assert (found.looks, found.answered) == (1, 0)
