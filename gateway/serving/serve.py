"""Runs servers: a node with its key agent beside it, a portal, the demo's sign-in."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import ValidationError

from gateway import config, recording
from gateway.demo.clients import Client
from gateway.demo.signin import create_app as create_signin
from gateway.demo.visas import NodeRef
from gateway.errors import ConfigError
from gateway.home import NodeHome
from gateway.serving.at_once import AtOnce
from gateway.serving.share import Share, is_listening, record_socket, refuse_too_deep
from passports.tokens import SigningKey
from portal.settings import PortalSettings

_AGENT_SECONDS = 300.0  # a busy machine takes its time; an agent that ended is not waited for
_STOP_SECONDS = 30.0
SERVING: dict[str, Any] = {  # of uvicorn's own settings
    "http": AtOnce,
    "ws": "none",  # no door of ours speaks WebSocket: whoever asks for it gets HTTP
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "timeout_keep_alive": 30,
    "timeout_graceful_shutdown": 3,
}


def run(home: NodeHome, *, workers: int | None = None) -> None:
    """Serves the node of `home` until it is told to stop; the agent ends with it. `workers` stands
    above the settings."""
    settings = config.load(home.settings)
    count = workers or settings.workers
    beside = [home.agent_socket, record_socket(home.root), *home.slicer_sockets(settings.slicers)]
    shares = [Share(home.root, number, count) for number in range(count)]
    refuse_too_deep(home.root, [*beside, *(one.socket(one.number) for one in shares)])
    if count > 1:
        from gateway.serving import workers as processes

        with _key_agent(home, settings):
            processes.run(home, settings, count=count)
        return
    from gateway.app import create_app

    with recording.of_one_process(home) as record:
        app = create_app(home, record=record)
        with _key_agent(home, settings):
            _serve(app, host=settings.host, port=settings.port)


def run_portal(path: Path) -> None:
    from portal.app import create_app

    settings = portal_settings(path)
    _serve(create_app(settings), host=settings.host, port=settings.listened)


def portal_settings(path: Path) -> PortalSettings:
    """Raises `ConfigError` naming file and key."""
    try:
        return PortalSettings.model_validate(_toml(path))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {where}: {first['msg']}; see docs/settings.md") from error


def run_signin(path: Path) -> None:
    """Loopback only: the provider itself refuses any other address."""
    given = json.loads(path.read_text(encoding="utf-8"))
    app = create_signin(
        issuer=given["issuer"],
        nodes=[NodeRef(node["url"], node["broker_secret"]) for node in given["nodes"]],
        clients=[
            Client(
                c["client_id"],
                c["client_secret"],
                tuple(c["redirect_uris"]),
                may_exchange=c.get("may_exchange", True),
            )
            for c in given["clients"]
        ],
        clock=time.time,
        key=SigningKey.load(Path(given["key_file"])),
    )
    _serve(app, host="127.0.0.1", port=int(given["issuer"].rpartition(":")[2]))


def _serve(app: Any, *, host: str, port: int) -> None:  # FastAPI's own type is an ASGI callable
    uvicorn.run(app, host=host, port=port, **SERVING)


@contextlib.contextmanager
def _key_agent(home: NodeHome, settings: config.NodeSettings) -> Iterator[None]:
    """The one process that holds the storage key; left alone if it runs already (its own user)."""
    if is_listening(home.agent_socket):
        yield
        return
    if home.agent_socket.is_symlink():
        raise ConfigError(f"{home.agent_socket}: the key agent there does not answer; start it")
    home.agent_socket.unlink(missing_ok=True)
    slicers = [f"--slicer={path}" for path in home.slicer_sockets(settings.slicers)]
    agent = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "streams.agent",
         "--key", str(home.storage_secret), "--socket", str(home.agent_socket),
         "--permit-key", home.public_key_hex(), "--audience", settings.public_url,
         "--vault", str(home.vault), "--record", str(record_socket(home.root)), "--until-eof",
         *slicers],
        stdin=subprocess.PIPE,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + _AGENT_SECONDS
        while not is_listening(home.agent_socket):
            if agent.poll() is not None or time.monotonic() > deadline:
                raise ConfigError("the key agent did not start; see its lines above")
            time.sleep(0.05)
        yield
    finally:
        agent.terminate()
        try:
            agent.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait()


def _toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; README.md shows one") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML; {error}") from error
