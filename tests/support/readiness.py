"""Waits for a portal that has looked at its nodes, however long that takes on a busy machine."""

from __future__ import annotations

import asyncio

import httpx

SECONDS = 60.0


async def ready(browser: httpx.AsyncClient) -> None:
    """Raises `TimeoutError`."""
    async with asyncio.timeout(SECONDS):
        while (await browser.get("/readyz")).status_code != httpx.codes.OK:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.02)
