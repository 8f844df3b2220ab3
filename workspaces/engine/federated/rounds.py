"""Makes the engine's server of an application, and writes down how its run goes.

Files of a run, below the coordinator's folder: `status.json` while it goes, `result.json` when it
has ended well. They are all the coordinator's API shows.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

from .application import Application
from .conducting import Federation, Progress, Silence, conduct
from .lost import words
from .roster import Refused

FOLDER = "SKERRY_FEDERATION"
_WAIT = 0.05
_MAX_SECONDS = 3_600.0


class Line:
    """Messages over the engine's grid, asked for often: its own loop looks every three seconds."""

    def __init__(self, grid: Grid, folder: Path) -> None:
        self._grid = grid
        self._folder = folder

    def nodes(self) -> Mapping[int, str]:
        known = json.loads((self._folder / "nodes.json").read_bytes())
        return {node: known[str(node)] for node in self._grid.get_node_ids() if str(node) in known}

    def send(
        self, action: str, messages: Mapping[int, bytes], *, seconds: float
    ) -> Mapping[int, bytes | Silence]:
        made = [
            Message(
                RecordDict({"body": ConfigRecord({"body": body})}),
                dst_node_id=node,
                message_type=f"query.{action}",
                ttl=seconds + 60,
            )
            for node, body in messages.items()
        ]
        waiting = dict(zip(self._grid.push_messages(made), messages, strict=True))
        answers: dict[int, bytes | Silence] = {}
        end = time.monotonic() + seconds
        while waiting and time.monotonic() < end:
            for reply in self._grid.pull_messages(list(waiting)):
                answers[waiting.pop(reply.metadata.reply_to_message_id)] = _read(reply)
            time.sleep(_WAIT if waiting else 0)
        silent = Silence(f"no answer within {seconds:.0f} s")
        return answers | dict.fromkeys(waiting.values(), silent)


def server_app(application: Application) -> ServerApp:
    app = ServerApp()

    @app.main()  # type: ignore[untyped-decorator]  # the engine is not read by the type checker
    def main(grid: Grid, context: Context) -> None:
        folder = Path(os.environ[FOLDER])
        place = folder / "runs" / str(context.run_id)
        place.mkdir(parents=True, exist_ok=True)
        progress = Progress(lambda now: _write(place / "status.json", _status(now)))
        plan = json.loads(str(context.run_config["plan"]))
        names = json.loads((folder / "sites.json").read_bytes())
        line = Line(grid, folder)
        _wait_for_sites(line, len(names), progress, seconds=_seconds(plan, "wait_seconds", 60))
        federation = Federation(
            line, names, run=str(context.run_id), now=time.time(), progress=progress,
            seconds=_seconds(plan, "stage_seconds", 300),
        )  # fmt: skip
        try:
            result = conduct(application, plan, federation)
        except Exception as error:
            told = str(error) if getattr(error, "for_the_coordinator", False) else "see the log"
            _write(place / "status.json", _status(progress) | {"reason": told})
            raise
        _write(place / "result.json", {"candidates": result})
        progress.show("done")

    return app


def _wait_for_sites(line: Line, count: int, progress: Progress, *, seconds: float) -> None:
    progress.show("waiting for sites")
    end = time.monotonic() + seconds
    while len(line.nodes()) < count and time.monotonic() < end:
        time.sleep(_WAIT)


def _seconds(plan: Mapping[str, object], name: str, usual: float) -> float:
    stated = plan.get(name, usual)
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        raise Refused(f"{name} is a number of seconds")
    return min(max(float(stated), 1.0), _MAX_SECONDS)


def _read(reply: Message) -> bytes | Silence:
    if reply.has_error():
        return Silence(words(reply.error.code, reply.error.reason))
    try:
        return bytes(reply.content["body"]["body"])
    except (KeyError, TypeError):
        return Silence("its answer is malformed")


def _status(progress: Progress) -> dict[str, object]:
    return {
        "round": progress.round,
        "present": list(progress.present),
        "missing": dict(progress.missing),
        "sums": progress.sums,
        "rounds": progress.rounds,
        "budgets": progress.budgets,
    }


def _write(path: Path, document: Mapping[str, object]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")
    fresh.replace(path)
