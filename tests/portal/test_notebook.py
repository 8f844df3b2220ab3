"""The notebook's cells run as they stand, against a portal over two nodes on loopback."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from portal.app import create_app
from portal.settings import PortalSettings
from tests.support.loopback import served, unused_address

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "notebooks" / "federated_answer.ipynb"


def _node(name: str, count: int | None) -> Starlette:
    async def ask(_request: Request) -> Response:
        one: dict[str, object] = {"id": name, "setType": "dataset", "exists": True}
        if count == 9:
            one["countAdjustedTo"] = ["<10"]
        elif count is not None:
            one |= {"resultsCount": count, "countPrecision": "exact"}
        said = {"responseSummary": {"exists": True}, "response": {"resultSets": [one]}}
        return JSONResponse(said)

    return Starlette(routes=[Route("/beacon/individuals", ask, methods=["POST"])])


def _cells() -> list[str]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    assert not any(cell.get("outputs") for cell in notebook["cells"])
    return ["".join(one["source"]) for one in notebook["cells"] if one["cell_type"] == "code"]


@pytest.mark.live
@pytest.mark.anyio
async def test_the_notebook_draws_a_federated_answer(capsys: pytest.CaptureFixture[str]) -> None:
    space: dict[str, object] = {}
    async with (
        served(_node("one & only", 7)) as one,
        served(_node("two", None)) as two,
        served(_node("three", 9)) as three,
    ):
        settings = PortalSettings(
            public_url="http://127.0.0.1:8080", nodes=(one, two, three, unused_address()),
            client_secret=None, deadline_seconds=60,
        )  # fmt: skip
        app = create_app(settings)
        async with app.router.lifespan_context(app), served(app) as portal:
            for cell in _cells():
                code = cell.replace("https://portal.example.org", portal)
                await asyncio.to_thread(exec, code, space)
    said = capsys.readouterr().out
    assert "does not accept connections" in said
    figure = space["figure"]
    svg = ElementTree.fromstring(figure._repr_svg_())  # type: ignore[attr-defined]  # noqa: S314 - ours
    texts = [element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert "one & only, women" in texts
    assert texts.count("some; number hidden") == 2
    assert texts.count("7") == 2
    assert texts.count("<10") == 2
