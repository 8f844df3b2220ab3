"""The models and the vertical regression through the real engine: sandboxed nodes, secure sums."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from pytest_socket import enable_socket, socket_allow_hosts

from tests.support.federation import Running, running
from workspaces.airlock import candidates
from workspaces.airlock.candidates import AggregateModel
from workspaces.analysis import rounds
from workspaces.analysis.cohort import Clinical, read_clinical
from workspaces.analysis.people import People
from workspaces.analysis.regression import RidgeLogistic
from workspaces.engine.port import RunState
from workspaces.linkage import pseudonyms

pytestmark = [pytest.mark.anyio, pytest.mark.live, pytest.mark.program("bwrap")]

SITES = ["praha", "tartu", "porto"]
KEY = b"linkage" * 8


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every site holds another variable of the same 60 people, and the outcome and a dose of 80
    people of its own. In one table, as far as an analysis knows: it asks for columns by name."""
    top = tmp_path_factory.mktemp("staged")
    shared = np.random.default_rng(5)
    linked = pseudonyms((f"patient-{n}" for n in range(80)), KEY)
    markers = shared.normal(0, 1, (80, 3))
    onset = (shared.random(80) < 1 / (1 + np.exp(-markers @ [1, -1, 0.5]))).astype(int)
    made = {}
    for number, name in enumerate(SITES):
        draw = np.random.default_rng(number)
        dose = draw.normal(0, 1, 80)
        case = (draw.random(80) < 1 / (1 + np.exp(-dose))).astype(int)
        columns = {"id": linked, "dose": dose, "case": case, f"marker{number}": markers[:, number]}
        if number == 0:
            columns["onset"] = onset
        rows = [columns.keys(), *zip(*columns.values(), strict=True)]
        made[name] = top / name
        made[name].mkdir()
        text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
        (made[name] / "clinical.tsv").write_text(text)
    return made


@pytest.fixture(scope="module")
async def federation(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Path]
) -> AsyncIterator[Running]:
    enable_socket()  # this fixture is made before those of its first test
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"])
    folder = tmp_path_factory.mktemp("federation")
    async with running(folder, data, applications=["models", "vertical"]) as made:
        yield made


def staged(data: dict[str, Path]) -> list[Clinical]:
    return [read_clinical((one / "clinical.tsv").read_text().splitlines()) for one in data.values()]


async def result(federation: Running, application: str, **plan: object) -> AggregateModel:
    status = await federation.run(application, **plan)
    assert status.state is RunState.DONE, status
    read = candidates.read(await federation.coordinator.result(status.run))
    assert isinstance(read, AggregateModel)
    return read


async def test_a_model_through_the_engine_is_that_of_all_rows(
    federation: Running, data: dict[str, Path]
) -> None:
    plan = {"model": "logistic", "features": ["dose"], "outcome": "case", "penalty": 0.5}
    found = await result(federation, "models", **plan)
    tables = staged(data)
    people = [People.of(one, outcomes=["case"], features=["dose"]) for one in tables]
    pooled = rounds.run(RidgeLogistic(("dose",), 0.5), people).document()
    assert found.people == 240
    assert found.coefficients["dose"] == pytest.approx(pooled["coefficients"]["dose"], abs=1e-7)  # type: ignore[index]


async def test_variables_of_three_sites_are_fitted_together(
    federation: Running, data: dict[str, Path]
) -> None:
    names = ["marker0", "marker1", "marker2"]
    found = await result(federation, "vertical", outcome="onset", variables=names)
    tables = staged(data)
    x = np.column_stack([one.variables[name] for one, name in zip(tables, names, strict=True)])
    fitted = sm.Logit(tables[0].variables["onset"], sm.add_constant(x)).fit(disp=0)
    mine = [found.coefficients[name][0] for name in ("intercept", *names)]
    assert mine == pytest.approx(fitted.params.tolist(), abs=1e-6)
