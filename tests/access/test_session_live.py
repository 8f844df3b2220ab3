"""The bearer of a passport too large for a header, in the hands of curl and samtools."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse

from access import session_routes
from access.caller import caller
from access.errors import SignInNeeded
from gateway.http_errors import ErrorTable
from passports.bearers import Bearers
from tests.support.broker import DATASET, NOW, Federation
from tests.support.loopback import served

pytestmark = [pytest.mark.anyio, pytest.mark.live]
SAM = "@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:100\nr1\t0\tchr1\t1\t60\t4M\t*\t0\t0\tACGT\tIIII\n"


def _node(federation: Federation) -> FastAPI:
    """Reads for whoever holds all forty grants."""
    house = Bearers(federation.clearinghouse(), clock=federation.clock)
    who, app = caller(house), FastAPI()
    app.include_router(session_routes.build(bearers=house, clock=federation.clock))

    @app.get("/reads.sam")
    async def reads(request: Request) -> PlainTextResponse:
        found = await who(request)
        if found is None or len(found.visas) < 40:
            raise SignInNeeded("Send a passport.")
        return PlainTextResponse(SAM)

    ErrorTable(bodies={}, realm="test").install(app)
    return app


async def _run(*command: str, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    async with asyncio.timeout(600):
        out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


@pytest.mark.program("curl")
@pytest.mark.program("samtools")
async def test_curl_gets_a_bearer_and_samtools_reads_with_it(tmp_path: Path) -> None:
    federation = Federation()
    grants = [federation.node.visa("ControlledAccessGrants", f"{DATASET}-{n}") for n in range(40)]
    passport, bearer = tmp_path / "passport.json", tmp_path / "bearer.json"
    raw = federation.passport(grants, exp=NOW + 3600)
    passport.write_text(json.dumps({"passports": [raw]}), encoding="ascii")
    async with served(_node(federation)) as url:
        sent = f"@{passport}"
        code, _ = await _run("curl", "-sf", f"{url}/access/session", "-d", sent, "-o", str(bearer))
        assert code == 0
        allowed = {"HTS_ALLOW_UNENCRYPTED_AUTHORIZATION_HEADER": "I understand the risks"}
        read = ("samtools", "view", f"{url}/reads.sam")
        code, out = await _run(*read, HTS_AUTH_LOCATION=str(bearer), **allowed)
        assert (code, out.split("\t")[0]) == (0, "r1")
        code, out = await _run(*read)
        assert code != 0
        assert out == ""
