"""What a coordinator keeps of its runs on disk, where it outlives the coordinator's process.

runs/<number>/
  submitted.json   the application and its bundle's digest, when it was submitted, and its plan
  status.json      how it goes; written where the run is led (`federated.rounds`)
  result.json      its candidates, the same
  ended.json       how it ended; the first word stays
  resumed.json     of an interrupted run: which run goes on in its place, or why none does

The engine keeps its runs in memory only: a run without ended.json that this process did not submit
is of a process that is gone, and can only have been interrupted.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from workspaces.engine.port import RunState, RunStatus

MAX_LISTED = 200
INTERRUPTED = (
    "the coordinator ended while the run was under way; nothing more of it is opened, and its "
    "sites start again: when they are connected, `skerry fl again` submits it once more"
)
RESUMES = (
    "the coordinator ended while the run was under way; it goes on by itself, as a new run, once "
    "its sites are connected again"
)
MAX_RESUMES = 3  # one after the other: a run may be what ends the coordinator
_SHOWN = ("round", "present", "missing", "sums", "rounds", "budgets")


class KeptRuns:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(
        self,
        run: str,
        *,
        application: str,
        now: int,
        digest: str = "",
        plan: str = "",
        resumes: int = 0,
        instead_of: str = "",
    ) -> None:
        """`resumes` is how often it may be resumed, `instead_of` the run that it goes on for."""
        told = {"application": application, "submitted": now, "bundle": digest, "plan": plan,
                "resumes_left": resumes, "instead_of": instead_of}  # fmt: skip
        self._write(run, "submitted.json", told)
        if instead_of:
            self._note_resumed(instead_of, run)

    def submitted(self, run: str) -> tuple[str, str, str]:
        """What it is called, its bundle's digest and its plan; empty ones where nothing is kept."""
        told = self._read(run, "submitted.json")
        return str(told.get("application", "")), told.get("bundle", ""), told.get("plan", "")

    def resumes(self, run: str) -> int:
        return int(self._read(run, "submitted.json").get("resumes_left", 0))

    def to_resume(self) -> list[str]:
        """Interrupted runs that are to go on and for which no other does yet. A process that ended
        between a new run's beginning and the note of it is caught up with."""
        for run in self._numbers():
            if before := self._read(run, "submitted.json").get("instead_of"):
                self._note_resumed(str(before), run)
        return [run for run in self._numbers() if self.waits_to_resume(run)]

    def waits_to_resume(self, run: str) -> bool:
        ended = self._read(run, "ended.json").get("state") == RunState.INTERRUPTED
        return ended and self.resumes(run) > 0 and not self._read(run, "resumed.json")

    def _note_resumed(self, before: str, run: str) -> None:
        told = {"again": run}
        if self._read(before, "ended.json").get("state") == RunState.INTERRUPTED:
            told["reason"] = f"the coordinator ended while it was under way; run {run} goes on"
        self._write(before, "resumed.json", told)

    def leave(self, run: str, *, reason: str) -> None:
        """It does not go on by itself any more."""
        self._write(run, "resumed.json", {"reason": reason})

    def took_part(self, run: str) -> frozenset[str]:
        return frozenset(map(str, self._read(run, "status.json").get("present", ())))

    def end(self, run: str, state: RunState, *, reason: str, now: int) -> None:
        told = {"state": state.value, "reason": reason, "ended": now}
        self._write(run, "ended.json", told)

    def interrupt_open(self, *, now: int) -> int:
        """How many there were. Whose result was whole when the process ended is done."""
        left = [run for run in self._numbers() if not self._read(run, "ended.json")]
        for run in left:
            if self.has_result(run):
                self.end(run, RunState.DONE, reason="", now=now)
            else:
                reason = RESUMES if self.resumes(run) > 0 else INTERRUPTED
                self.end(run, RunState.INTERRUPTED, reason=reason, now=now)
        return len(left)

    def status(self, run: str, state: RunState, reason: str = "") -> RunStatus | None:
        """As kept; `state` and `reason` are what the engine says, and count until it has ended.
        None for a run nobody submitted here."""
        submitted = self._read(run, "submitted.json")
        ended, shown = self._read(run, "ended.json"), self._read(run, "status.json")
        if not (submitted or ended or shown):
            return None
        told = {name: shown[name] for name in _SHOWN if name in shown}
        if state is RunState.FAILED:
            told["reason"] = str(shown.get("reason") or reason)
        resumed = self._read(run, "resumed.json")
        known = {**told, **submitted, **ended, **resumed, "resumes": self.waits_to_resume(run)}
        return RunStatus.of_document({"run": run, "state": state, **known})

    def ended(self, run: str) -> bool:
        return bool(self._read(run, "ended.json"))

    def has_result(self, run: str) -> bool:
        return (self._place(run) / "result.json").is_file()

    def candidates(self, run: str) -> list[object]:
        return list(json.loads((self._place(run) / "result.json").read_bytes())["candidates"])

    def newest(self) -> list[str]:
        """The numbers of the last runs, the newest first."""
        at = {run: int(self._read(run, "submitted.json").get("submitted", 0))
              for run in self._numbers()}  # fmt: skip
        return sorted(at, key=lambda run: (-at[run], run))[:MAX_LISTED]

    def _numbers(self) -> list[str]:
        return [place.name for place in self._folder.iterdir() if place.name.isdigit()]

    def _place(self, run: str) -> Path:
        return self._folder / run

    def _read(self, run: str, name: str) -> dict[str, Any]:
        try:
            return dict(json.loads((self._place(run) / name).read_bytes()))
        except FileNotFoundError:
            return {}

    def _write(self, run: str, name: str, document: Mapping[str, object]) -> None:
        """Whole or not at all; what is there already stays."""
        folder = self._place(run)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = folder / f"{name}.{secrets.token_hex(8)}"
        with fresh.open("x", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(fresh, folder / name)
        fresh.unlink()
