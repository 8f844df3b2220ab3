"""Shows one release as the node's record has it, from the workspace's key to the last byte.

Reads the record itself; that nothing in it was altered is `skerry verify-audit`'s to say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from access.errors import RecordUnavailable
from access.record.trail import Entry, Trail, facts_of, follow
from gateway.home import NodeHome

MAX_LINE = 1024 * 1024


def run(home: NodeHome, permit: str) -> Trail:
    """Raises RecordUnavailable where there is no record, or nothing of this permit in it."""
    marks = (b'"kind":"access.', json.dumps(permit).encode())
    found = follow(lambda: _entries(home.record, marks), permit)
    if found is None:
        raise RecordUnavailable(
            "The record names no such permit. It stands as permit_id in the release's manifest and "
            "in the workspace's deliveries."
        )
    return found


def in_lines(trail: Trail) -> Iterator[str]:
    yield from (_line(entry) for entry in trail.entries)
    if trail.more:
        yield "and more, which are not shown"
    promised = "unknown" if trail.promised is None else f"{trail.promised:,}"
    ended = "still open" if trail.ended is None else f"ended: {trail.ended}"
    yield f"{trail.sent:,} bytes sent of a body of {promised}; {ended}"


def as_json(trail: Trail) -> dict[str, object]:
    return {
        "entries": list(trail.entries),
        "sent": trail.sent,
        "promised": trail.promised,
        "ended": trail.ended,
        "more": trail.more,
    }


def _line(entry: Entry) -> str:
    at = entry["time"]
    moment = datetime.fromtimestamp(at, UTC) if isinstance(at, int | float) else None
    when = "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")
    said = " ".join(f"{name}={_word(value)}" for name, value in facts_of(entry).items())
    return f"{entry['seq']:>6} {when} {entry['kind']} {said}"


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _entries(record: Path, marks: tuple[bytes, ...]) -> Iterator[Mapping[str, object]]:
    """Those with one of the marks in their line: parsing all of a large record would take long."""
    try:
        with record.open("rb") as file:
            while line := file.readline(MAX_LINE):
                # A last line without its end is being written, or torn.
                if line.endswith(b"\n") and any(mark in line for mark in marks):
                    yield json.loads(line)
    except (OSError, ValueError) as error:
        raise RecordUnavailable("The record can't be read.", detail=str(error)) from error
