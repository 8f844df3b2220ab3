"""Makes the engine's client of an application: three actions, each a message in and one out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

from . import frames
from .application import Application
from .settled import through_the_socket
from .visit import SiteFacts, Visit

FACTS = "SKERRY_SITE"


def client_app(application: Application) -> ClientApp:
    app = ClientApp()
    app.application = application  # for a rehearsal, which does without the engine
    steps: dict[str, Callable[[Visit, bytes], bytes]] = {
        "offer": lambda visit, _: visit.offer(),
        "ask": lambda visit, body: visit.ask(*frames.unpack(body)),
        "open": lambda visit, body: visit.open(*frames.unpack(body)),
    }
    for action, step in steps.items():
        app.query(action)(_handler(application, step))
    return app


def _handler(
    application: Application, step: Callable[[Visit, bytes], bytes]
) -> Callable[[Message, Context], Message]:
    def handle(message: Message, context: Context) -> Message:
        run = str(context.run_id)
        scratch = Path.home() / "runs" / run
        scratch.mkdir(parents=True, exist_ok=True)
        facts = SiteFacts.read(Path(os.environ[FACTS]))
        plan = json.loads(str(context.run_config["plan"]))
        visit = Visit(facts, application, plan, run, scratch, through_the_socket)
        said = step(visit, message.content["body"]["body"])
        return Message(RecordDict({"body": ConfigRecord({"body": said})}), reply_to=message)

    return handle
