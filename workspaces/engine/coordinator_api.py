"""The coordinator's API: sites make the key of a start known, people submit runs and fetch results.

Three kinds of caller, and no fourth: a site by a signature of its identity over the request and its
time, a person by a token to submit with, whoever may only look on (a portal) by a token for that.
`GET /runs/{run}` and its events say which sites take part and why others do not; the result is a
candidate that an airlock still judges, and no viewer's.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import Field, StringConstraints

from schemas.errors import InvalidInput, SkerryError, TooLarge
from schemas.wire import Wire
from workspaces.engine import bundle, letters, watching
from workspaces.engine.environment import Environment
from workspaces.engine.federated import frames
from workspaces.engine.federation import Federation, Role
from workspaces.engine.front import fronting
from workspaces.engine.registering import signed_text
from workspaces.engine.site_caller import SiteCallers
from workspaces.engine.superlink import MAX_PLAN, Superlink
from workspaces.errors import EngineRefused

MAX_SMALL_BODY = 4 * 1024
MAX_BODY = bundle.MAX_BYTES + MAX_PLAN + 64 * 1024
_MOST_DIGITS = 12  # of a length: zeros before it are no shorter body


class NodeKey(Wire):
    identity: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    public_key: Annotated[
        str, StringConstraints(pattern=r"^ecdsa-sha2-nistp384 [A-Za-z0-9+/=]{1,300}$")
    ]
    at: Annotated[int, Field(ge=0)]
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


def build(link: Superlink, of: Federation) -> FastAPI:
    app = FastAPI(title="Skerry coordinator", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(_nodes(link, of))
    app.include_router(letters.build(of))
    app.include_router(watching.build(link, of))
    app.include_router(_runs(link, of))

    @app.exception_handler(SkerryError)
    async def refused(request: Request, error: SkerryError) -> Response:
        return JSONResponse({"code": error.code, "message": error.public}, status_code=error.status)

    @app.middleware("http")
    async def bounded(
        request: Request, following: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        # A body of no stated length could go on for ever; a stated one the server enforces.
        length = request.headers.get("content-length", "" if request.method == "POST" else "0")
        most = _most(request.url.path)
        is_number = length.isascii() and length.isdigit() and len(length) <= _MOST_DIGITS
        if not is_number or int(length) > most:
            return JSONResponse({"code": "too_large", "message": "too large"}, status_code=413)
        return await following(request)

    return app


def _most(path: str) -> int:
    """Bytes that a body sent there may have."""
    if path == "/runs":
        return MAX_BODY
    return letters.MAX_LETTER if path.startswith("/letters/") else MAX_SMALL_BODY


def _nodes(link: Superlink, of: Federation) -> APIRouter:
    router = APIRouter(prefix="/nodes")
    callers = SiteCallers(of.sites)

    @router.post("/register")
    async def register(asked: NodeKey) -> dict[str, str]:
        site = _site(callers, "register", asked)
        return {"node": await link.register_node(site, asked.public_key)}

    @router.post("/unregister")
    async def unregister(asked: NodeKey) -> dict[str, str]:
        present = await link.node_of(_site(callers, "unregister", asked))
        if present is not None:
            await link.unregister_node(present)
        return {"node": present or ""}

    return router


def _runs(link: Superlink, of: Federation) -> APIRouter:
    """For those who submit."""
    router = APIRouter(dependencies=[Depends(watching.holder(of, Role.SUBMIT))])

    @router.post("/runs")
    async def submit(request: Request) -> dict[str, str]:
        """The body is a frame: `plan` and perhaps `resume` in its head, the part `bundle`."""
        content, config, resume = _submitted(await _body(request))
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "application.fab"
            place.write_bytes(content)
            return {"run": await link.submit(place, config=config, resume=resume)}

    @router.get("/runs/{run}/log")
    async def log(run: str) -> Response:
        return PlainTextResponse(await link.log(run))

    @router.get("/runs/{run}/result")
    async def result(run: str) -> Response:
        together = b",".join(await link.results(run))
        return Response(b'{"candidates":[' + together + b"]}", media_type="application/json")

    @router.post("/runs/{run}/again")
    async def again(run: str) -> dict[str, str]:
        return {"run": await link.again(run)}

    @router.post("/runs/{run}/stop")
    async def stop(run: str) -> dict[str, str]:
        await link.stop(run)
        return {"run": run}

    return router


class _Served(uvicorn.Server):
    """Inside of another program: signals stay that program's, and it says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def serving(
    of: Federation,
    environment: Environment,
    *,
    listen: str = "0.0.0.0",  # noqa: S104 - the sites dial in
) -> AsyncIterator[Superlink]:
    """The coordinator as a whole, engine and API behind one port, until the block ends. Raises
    `EngineRefused` where the port is taken."""
    async with Superlink.started(of, environment) as link:
        inner = socket.create_server(("127.0.0.1", 0))  # closed by who serves at it
        others = int(inner.getsockname()[1])
        server = _Served(
            uvicorn.Config(
                build(link, of), log_level="warning", access_log=False,
                ssl_certfile=str(of.folder / "server.pem"),
                ssl_keyfile=str(of.folder / "server.key"), timeout_graceful_shutdown=5,
            )
        )  # fmt: skip
        running = asyncio.create_task(server.serve(sockets=[inner]))
        try:
            ready = asyncio.create_task(server.ready.wait())
            await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
            async with fronting(listen, of.described.port, nodes=link.nodes_port, others=others):
                yield link
        except OSError as error:
            raise EngineRefused(
                f"Port {of.described.port} cannot be listened at: {error.strerror}."
            ) from error
        finally:
            server.should_exit = True
            await running


def _site(callers: SiteCallers, action: str, asked: NodeKey) -> str:
    text = signed_text(action=action, public_key=asked.public_key, at=asked.at)
    return callers.prove(identity=asked.identity, signature=asked.signature, text=text, at=asked.at)


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MAX_BODY:
            raise TooLarge(f"An application may have {bundle.MAX_BYTES} bytes.")
    return bytes(content)


def _submitted(raw: bytes) -> tuple[bytes, dict[str, object], bool]:
    try:
        head, parts = frames.unpack(raw)
        content, config, resume = parts["bundle"], head["plan"], head.get("resume", False)
    except (ValueError, KeyError) as error:
        raise InvalidInput("A run is submitted as a plan and a bundle.") from error
    if not isinstance(config, dict):
        raise InvalidInput("The plan is a JSON object.")
    if not isinstance(resume, bool):
        raise InvalidInput("Whether a run is to be resumed is said as true or false.")
    return content, config, resume
