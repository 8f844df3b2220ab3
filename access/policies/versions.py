"""Keeps a node's policy versions: numbered files that never change, and who put which in force.

`policies/000007.yaml` is version 7, byte for byte; `policies/log.jsonl` has one line for every time
a version came into force, each carrying the hash of the one before. The last line is what holds.
Only a file whose own tests hold gets a number. Leaves picking a change up to `policies.live`, and
what this node recorded of it to its record.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from access.errors import NoSuchVersion, PolicyInvalid, StepNotPossible
from access.policies.file import ReadFile, book_of, read_bytes, read_policies
from schemas.messages import Message
from schemas.wire import canonical_json

MAX_LOG_BYTES = 4 * 1024 * 1024
MAX_REASON_CHARS = 500
MAX_AUTHOR_CHARS = 200
_GENESIS = "0" * 64

Cause = Literal["activate", "rollback"]


@dataclass(frozen=True, slots=True)
class Activation:
    """One version coming into force at `at` (epoch seconds); `hash` covers all else."""

    number: int
    sha256: str
    author: str
    reason: str
    at: int
    cause: Cause
    previous: str
    hash: str

    def computed_hash(self) -> str:
        body = {name: value for name, value in asdict(self).items() if name != "hash"}
        return hashlib.sha256(canonical_json(body)).hexdigest()


class PolicyVersions:
    """The versions in one folder. Writers take a lock; readers see a whole log, old or new."""

    def __init__(self, folder: Path, *, public_url: str) -> None:
        self._folder = folder
        self._url = public_url

    @property
    def log(self) -> Path:
        return self._folder / "log.jsonl"

    def history(self) -> tuple[Activation, ...]:
        """Every coming into force, oldest first; raises `PolicyInvalid` where the chain breaks."""
        try:
            raw = self.log.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise PolicyInvalid(
                Message(
                    "%(log)s: can't be read: %(why)s", log=str(self.log), why=error.strerror or ""
                )
            ) from error
        history: list[Activation] = []
        for number, line in enumerate(raw.splitlines(), start=1):
            entry = _entry(line)
            before = history[-1].hash if history else _GENESIS
            if entry is None or entry.previous != before or entry.hash != entry.computed_hash():
                raise PolicyInvalid(
                    Message(
                        "%(log)s: line %(number)s: altered, removed or reordered",
                        log=str(self.log),
                        number=number,
                    )
                )
            history.append(entry)
        return tuple(history)

    def active(self) -> Activation | None:
        """What is in force; None before the first activation."""
        history = self.history()
        return history[-1] if history else None

    def state(self) -> str:
        """How the log ends now, for `over`."""
        active = self.active()
        return _GENESIS if active is None else active.hash

    def read(self, number: int) -> ReadFile:
        """A version as it was numbered; raises `PolicyInvalid` if its bytes are others now."""
        known = {entry.number: entry.sha256 for entry in self.history()}
        if number not in known:
            raise NoSuchVersion(Message("There is no policy version %(number)s.", number=number))
        path = self._path(number)
        read = read_policies(read_bytes(path), name=str(path), public_url=self._url, number=number)
        if read.sha256 != known[number]:
            raise PolicyInvalid(Message("%(path)s: not the file that was numbered", path=str(path)))
        return read

    def activate(
        self,
        raw: bytes,
        *,
        name: str,
        author: str,
        reason: str,
        now: int,
        over: str | None = None,
    ) -> Activation:
        """Puts these bytes in force, under a new number unless they have one already; with `over`
        only while the log ends as it did then (`state`). Raises `PolicyInvalid` where the file or
        one of its tests fails, `StepNotPossible` where somebody was faster."""
        _refuse_unsaid(author, reason)
        book_of(raw, name=name, public_url=self._url)
        sha256 = hashlib.sha256(raw).hexdigest()
        with self._writing():
            history = _unchanged(self.history(), over)
            known = {entry.sha256: entry.number for entry in history}
            number = known.get(sha256)
            if number is None:
                number = max(known.values(), default=0) + 1
                self._keep(number, raw)
            return self._put_in_force(
                history, number, sha256, author=author, reason=reason, now=now, cause="activate"
            )

    def roll_back(
        self, *, to: int | None, author: str, reason: str, now: int, over: str | None = None
    ) -> Activation:
        """Puts a former version in force again: the one before the present one unless `to` says
        which. `over` as for `activate`."""
        _refuse_unsaid(author, reason)
        with self._writing():
            history = _unchanged(self.history(), over)
            number = _before(history) if to is None else to
            sha256 = self.read(number).sha256
            return self._put_in_force(
                history, number, sha256, author=author, reason=reason, now=now, cause="rollback"
            )

    def _put_in_force(
        self,
        history: tuple[Activation, ...],
        number: int,
        sha256: str,
        *,
        author: str,
        reason: str,
        now: int,
        cause: Cause,
    ) -> Activation:
        previous = history[-1].hash if history else _GENESIS
        entry = Activation(number, sha256, author, reason, now, cause, previous, hash="")
        entry = Activation(**{**asdict(entry), "hash": entry.computed_hash()})
        lines = b"".join(canonical_json(asdict(one)) + b"\n" for one in (*history, entry))
        if len(lines) > MAX_LOG_BYTES:
            raise PolicyInvalid(
                Message(
                    "%(log)s: would be larger than %(most)s bytes",
                    log=str(self.log),
                    most=MAX_LOG_BYTES,
                )
            )
        self._write(self.log, lines, mode=0o600)
        return entry

    def _keep(self, number: int, raw: bytes) -> None:
        # A number that the log does not know is what a crash left; it was never in force.
        self._path(number).unlink(missing_ok=True)
        self._write(self._path(number), raw, mode=0o400)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.yaml"

    def _write(self, path: Path, content: bytes, *, mode: int) -> None:
        """Whole or not at all, and on disk before it has its name."""
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _writing(self) -> Generator[None]:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _entry(line: bytes) -> Activation | None:
    try:
        entry = Activation(**json.loads(line))
    except (TypeError, ValueError):
        return None
    return entry if isinstance(entry.number, int) and isinstance(entry.at, int) else None


def _unchanged(history: tuple[Activation, ...], over: str | None) -> tuple[Activation, ...]:
    if over not in {None, history[-1].hash if history else _GENESIS}:
        raise StepNotPossible(
            Message("Another policy version came into force meanwhile; look again.")
        )
    return history


def _before(history: tuple[Activation, ...]) -> int:
    former = [entry.number for entry in history if entry.number != history[-1].number]
    if not former:
        raise NoSuchVersion(Message("There is no former policy version to go back to."))
    return former[-1]


def _refuse_unsaid(author: str, reason: str) -> None:
    for name, said, most in (
        ("author", author, MAX_AUTHOR_CHARS),
        ("reason", reason, MAX_REASON_CHARS),
    ):
        if not said.strip() or len(said) > most or not said.isprintable():
            raise PolicyInvalid(
                Message(
                    "%(name)s: expected one line of 1 to %(most)s characters", name=name, most=most
                )
            )
