"""The portal's OpenAPI document is true of its answers, and a generator makes a client of it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from portal.app import beacon_error, create_app
from portal.as_beacon.envelope import envelope
from portal.as_beacon.openapi import NetworkAnswer, NetworkError
from portal.asking.aggregate import merge
from portal.asking.answer import NodeAnswer, Outcome, SetAnswer, Silent
from portal.errors import NothingMayBeSaid, UnreadableQuestion
from portal.questions.question import Kind
from portal.settings import PortalSettings
from schemas.beacon import RequestBody

SETS = (
    SetAnswer("d1", exists=True, count=3, precision="exact"),
    SetAnswer("d2", exists=True, count=None, precision="unstated", below=10),
    SetAnswer("d3", exists=True, count=8, precision="imprecise", span=(4, 12)),
    SetAnswer(None, exists=False, count=0, precision="exact"),
)
ROWS = [
    NodeAnswer(
        "https://a", "A", Outcome.OK, "", 5, "anonymous", sets=SETS, withheld=(Silent("d4", "no"),)
    ),
    NodeAnswer("https://b", "B", Outcome.LATE, "No answer within 5 s.", 5000, "anonymous"),
]


def document() -> dict[str, Any]:
    settings = PortalSettings(public_url="http://127.0.0.1:1", nodes=(), client_secret=None)
    return create_app(settings).openapi()


def test_it_is_open_api_3_1_and_names_every_operation_once() -> None:
    found = document()
    OpenAPIV31SpecValidator(found).validate()
    assert found["openapi"].startswith("3.1")
    names = [
        operation["operationId"] for path in found["paths"].values() for operation in path.values()
    ]
    assert len(names) == len(set(names))
    assert {"get_g_variants", "post_g_variants", "get_individuals", "post_individuals"} <= {*names}


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("granularity", [None, "boolean", "count"])
@pytest.mark.parametrize("include", [None, "NONE", "ALL", "MISS"])
@pytest.mark.parametrize("rows", [ROWS, ROWS[:1]])
def test_it_is_true_of_every_answer(
    kind: Kind, granularity: str | None, include: str | None, rows: list[NodeAnswer]
) -> None:
    query: dict[str, object] = {"requestedGranularity": granularity}
    query |= {"includeResultsetResponses": include}
    query |= {"filters": [{"id": "MONDO:1"}], "pagination": {"limit": 3}}
    body = RequestBody.model_validate({"query": query})
    NetworkAnswer.model_validate(envelope("net", kind, body, rows, merge(kind, rows)))


@pytest.mark.parametrize(("code", "suppressed"), [(400, False), (403, True)])
def test_it_is_true_of_refusals(code: int, suppressed: bool) -> None:
    error = NothingMayBeSaid("x") if suppressed else UnreadableQuestion("x")
    said = NetworkError.model_validate(beacon_error(error, code))
    assert (said.info.code == "suppressed") is suppressed


def test_a_generator_makes_a_client_that_reads_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(document()))
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))  # for its ruff
    made = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning",
         "--path", "openapi.json", "--meta", "none", "--output-path", "skerry_portal"],
        cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    models = importlib.import_module("skerry_portal.models")
    body = RequestBody.model_validate({"query": {"requestedGranularity": "count"}})
    merged = merge(Kind.INDIVIDUALS, ROWS)
    answer = envelope("net", Kind.INDIVIDUALS, body, ROWS, merged)
    read = models.NetworkAnswer.from_dict(answer)
    assert read.info.nodes.late == 1
    assert [one.id for one in read.response.result_sets] == ["d1", "d2", "d3"]
    assert importlib.import_module("skerry_portal.api.default.post_g_variants")
