"""A whole node in this process, from its start to its end, and somebody who asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from gateway.app import create_app
from gateway.home import NodeHome
from tests.support.node_folder import URL


@asynccontextmanager
async def serving(
    home: NodeHome, *, headers: Mapping[str, str] | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """`headers` go with every question. A node's record has one writer at a time: this one."""
    app = create_app(home)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=URL, headers=headers
        ) as http,
    ):
        yield http
