"""An approved application that turns out hostile: it gets at nothing but what was staged for it.

Each attack is a program in the real sandbox, under a real permit, with a released object staged;
the test looks at what it reached and at what left.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.run_site import CALLS, MARK, OneProgram, Trial
from workspaces import private
from workspaces.job import Outcome
from workspaces.supervisor import Ended

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox]

TRY = """
import json, os, pathlib, socket, sys
data = pathlib.Path(sys.argv[1])
done = []
def attempt(name, what):
    try:
        if what() is not False:
            done.append(name)
    except BaseException:
        pass
"""
SAY = "\nprint(json.dumps(done))"


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    with Trial(tmp_path) as made:
        yield made


async def reached(trial: Trial, script: str, **terms: Any) -> list[str]:
    """What of its attempts succeeded; the run itself offers nothing that the airlock takes."""
    trial.run_node.approved(trial.run_node.terms(**terms))
    engine = OneProgram(TRY + script + SAY)
    ended = await trial.run(engine)
    finished = engine.nodes[0].finished
    assert finished is not None
    assert finished.code == 0, finished.output
    assert ended.outputs == ()
    found: list[str] = json.loads(finished.output)
    return found


async def test_it_sees_its_own_object_and_no_other_file_of_the_machine(
    trial: Trial, tmp_path: Path
) -> None:
    other = tmp_path / "other-dataset.vcf"
    other.write_bytes(MARK)
    beside = private.PLACE / "skerry-other-run"
    beside.mkdir(mode=0o700)
    (beside / "calls").write_bytes(MARK)
    try:
        found = await reached(
            trial,
            f"""
attempt("own", lambda: next(data.iterdir()).read_bytes())
attempt("other dataset", lambda: open({str(other)!r}).read())
attempt("other run", lambda: open({str(beside / "calls")!r}).read())
attempt("engine's key", lambda: (data.parent / "engine" / "engine.key").read_bytes())
attempt("note", lambda: (data.parent / "note.json").read_bytes())
attempt("workspace's key", lambda: open({str(trial.held.folder / "identity.key")!r}).read())
attempt("environment", lambda: open("/proc/1/environ", "rb").read().find(b"TOKEN") >= 0)
""",
        )
    finally:
        (beside / "calls").unlink()
        beside.rmdir()
    assert found == ["own"]


async def test_it_opens_no_connection(trial: Trial) -> None:
    found = await reached(
        trial,
        """
for place in (("127.0.0.1", 22), ("192.0.2.1", 443), ("::1", 22)):
    attempt(str(place), lambda: socket.create_connection(place, 2))
attempt("names", lambda: socket.getaddrinfo("example.org", 443))
attempt("abstract", lambda: socket.socket(socket.AF_UNIX).connect("\\0bus"))
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("agent", lambda: socket.socket(socket.AF_UNIX).connect("/run/dbus/system_bus_socket"))
""",
    )
    assert found == []


async def test_it_writes_nowhere_that_outlives_it(trial: Trial) -> None:
    found = await reached(
        trial,
        """
for place in ("/usr/x", "/etc/x", "/dev/x", "/run/x", str(data / "x"), str(data.parent / "x")):
    attempt(place, lambda: open(place, "wb").write(b"x"))
attempt("replace", lambda: next(data.iterdir()).write_bytes(b"x"))
attempt("link", lambda: os.symlink("/etc", data / "link"))
mount = ["mount", "-t", "tmpfs", "x", "/usr"]
run = __import__("subprocess").run
attempt("mount", lambda: run(mount, check=True, capture_output=True))
attempt("own place", lambda: open("/workspace/x", "wb").write(b"x"))
""",
    )
    assert not {"/usr/x", "/etc/x", "/dev/x", "/run/x", "replace", "link", "mount"} & set(found)
    # What it could write to is memory of its own: nothing of it is there now, nor was it wiped.
    assert not any(map(os.path.lexists, ("/usr/x", "/etc/x", "/dev/x", "/run/x")))
    assert [one["step"] for one in trial.run_node.recorded("access.run")][-1] == "wiped"
    receipts = list((trial.held.folder / "receipts").iterdir())
    assert [json.loads(one.read_bytes())["receipt"]["files"] for one in receipts] == [3]


async def ended_by(trial: Trial, script: str, **terms: Any) -> tuple[Ended, OneProgram]:
    trial.run_node.approved(trial.run_node.terms(**terms))
    engine = OneProgram(script)
    return await trial.run(engine), engine


async def test_memory_without_end_ends_it_alone(trial: Trial) -> None:
    ended, engine = await ended_by(trial, "x = [bytearray(1 << 28) for _ in range(64)]")
    finished = engine.nodes[0].finished
    assert finished is not None
    assert finished.code != 0
    assert (ended.outcome, ended.outputs) == (Outcome.DONE, ())


async def test_a_disk_without_end_is_as_large_as_the_permit_says(trial: Trial) -> None:
    script = """
total = 0
try:
    with open("/workspace/x", "wb") as file:
        while total < 1 << 30:
            total += file.write(bytes(1 << 20)); file.flush()
except OSError:
    pass
print(total)
"""
    _, engine = await ended_by(trial, script, data_bytes=len(CALLS) + (8 << 20))
    finished = engine.nodes[0].finished
    assert finished is not None
    words = finished.output.split()
    assert not words or int(words[-1]) <= len(CALLS) + (9 << 20)


async def test_time_without_end_is_what_the_permit_gives(trial: Trial) -> None:
    ended, engine = await ended_by(trial, "while True: pass", seconds=2)
    finished = engine.nodes[0].finished
    assert finished is not None
    assert finished.out_of_time
    assert ended.outputs == ()


async def test_rows_dressed_as_an_output_do_not_leave(trial: Trial) -> None:
    script = """
import json, pathlib, sys
rows = next(pathlib.Path(sys.argv[1]).iterdir()).read_bytes().decode().split(" ")[:60]
print(json.dumps({"kind": "table", "rows": [f"{n} {row}" for n, row in enumerate(rows)],
                  "columns": ["a"], "cells": [[100 + n] for n, _ in enumerate(rows)]}))
"""
    trial.run_node.approved()
    ended = await trial.run(OneProgram(script))
    assert [one.state for one in ended.outputs] == ["waiting"]
    assert "plaintext" not in str(ended.outputs[0].reasons)
