"""`skerry datasets reseal` begun on a page: a process of its own, one at a time for each dataset.

It does what the command does. Who may begin it is `gateway.admin_changes`'; how a process is begun
and what it tells is `processes`'.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import asdict
from pathlib import Path

from access.errors import StepNotPossible
from gateway import logs
from gateway.errors import Exit
from gateway.holding import processes, resealing
from gateway.holding.processes import JobState, Progress
from gateway.home import NodeHome
from schemas.errors import SkerryError
from schemas.messages import Message

JOB = "reseal"


def progress(home: NodeHome, dataset: str) -> Progress:
    return processes.progress(_folder(home, dataset), JOB)


def idle(home: NodeHome, dataset: str) -> None:
    """Raises `StepNotPossible` while the dataset's objects are being looked through."""
    if progress(home, dataset).state is JobState.RUNNING:
        raise StepNotPossible(
            Message("Its objects are being looked through just now; wait for that.")
        )


def begin(home: NodeHome, dataset: str) -> None:
    with processes.one_at_a_time(home.reseals):
        idle(home, dataset)
        folder = _folder(home, dataset)
        folder.mkdir(mode=0o700, exist_ok=True)
        processes.begin(folder, JOB, "gateway.holding.reseal_job", (str(home.root), dataset))


def run(home: NodeHome, dataset: str) -> bool:
    """Whether it was good; what it said lies in the dataset's folder."""
    folder = _folder(home, dataset)
    tell = processes.Teller(folder / f"{JOB}.progress.json")
    said: dict[str, object] = {}
    problems: list[str] = []
    try:
        said = asdict(resealing.reseal(home, dataset, progress=tell))
    except SkerryError as refused:
        problems = [refused.public]
    processes.end(folder, JOB, said=said, problems=problems)
    return not problems


def _folder(home: NodeHome, dataset: str) -> Path:
    return home.reseals / hashlib.sha256(dataset.encode()).hexdigest()[:32]


def main(arguments: list[str]) -> int:
    root, dataset = arguments
    return Exit.OK if run(NodeHome(Path(root)), dataset) else Exit.BAD_INPUT


if __name__ == "__main__":
    logs.set_up()
    raise SystemExit(main(sys.argv[1:]))
