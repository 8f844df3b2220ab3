"""samtools decodes CRAM with this server as its only source of reference sequences."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from fastapi import FastAPI

from streams.refget import sequence_routes
from streams.refget.index import Index
from streams.refget.register import register
from tests.streams.refget.test_doors import FACTS
from tests.support.loopback import served
from tests.support.shared import shared_data

pytestmark = [pytest.mark.live, pytest.mark.anyio, pytest.mark.program("samtools")]


async def _view(*arguments: str, **environment: str) -> bytes:
    inherited = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    running = await asyncio.create_subprocess_exec(
        "samtools", "view", *arguments,
        env=inherited | environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await running.communicate()
    assert running.returncode == 0, err.decode()
    return out


@pytest.mark.parametrize("name", ["1403", "1404"])
async def test_cram_is_decoded_from_refget_alone(tmp_path: Path, name: str) -> None:
    reads = shared_data("hts") / "reads"
    (cram,) = reads.glob(f"{name}_*.cram")
    index = Index(tmp_path / "references")
    register(index, reads / "ce.fa")
    app = FastAPI()
    app.include_router(sequence_routes.build(index, FACTS))
    expected = await _view("-T", str(reads / "ce.fa"), str(cram))
    async with served(app) as url:
        source = f"{url}/refget/sequence/%s"
        cache = str(tmp_path / "cache" / "%2s" / "%s")
        decoded = await _view(str(cram), REF_PATH=source, REF_CACHE=cache)
    assert decoded == expected
    assert decoded.count(b"\n") > 0
