"""Three hospitals that know different things of the same people: from the linkage to the result.

Every line is of `docs/workspaces.md`; what comes out is the regression over all columns, made by
another program of everybody's rows.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from streams.vault import Vault
from tests.support.checklist import (
    LEADS,
    SECONDS,
    SITES,
    Hands,
    Scene,
    ask,
    federation_at,
    hand_out,
    join,
    lines,
    plan,
    section,
    serve_coordinator,
    take,
)
from tests.support.command import skerry
from tests.support.served_node import Served, until
from tests.support.sources import write_records

pytestmark = [pytest.mark.live, pytest.mark.program("bwrap")]

pytest.importorskip("private_set_intersection", reason="the extra `linkage` is not installed")

VERTICAL = section("### Different variables of the same people")
EVERYBODY, OWN = 300, 15  # at all three sites, and at one alone
HELD = {"praha": ("diabetes", "bmi"), "tartu": ("smoker",), "porto": ("score",)}
DIGITS = 1e-3  # four significant ones leave

Columns = Mapping[str, NDArray[np.float64]]


@pytest.fixture(scope="module")
def columns() -> Columns:
    rng = np.random.default_rng(20261122)
    bmi = rng.normal(26, 4, EVERYBODY).round(1)
    smoker = (rng.random(EVERYBODY) < 0.3).astype(float)
    score = rng.normal(0, 1, EVERYBODY).round(3)
    logit = -0.4 + 0.12 * (bmi - 26) + 0.9 * smoker + 0.6 * score
    diabetes = (rng.random(EVERYBODY) < 1 / (1 + np.exp(-logit))).astype(float)
    return {"bmi": bmi, "smoker": smoker, "score": score, "diabetes": diabetes}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with federation_at(tmp_path) as found:
        _load_somebody(found.served, tmp_path)
        yield found


def _load_somebody(served: Served, folder: Path) -> None:
    people = write_records(
        folder / "individuals.json", [{"id": f"P{n}", "sex": {"id": "NCIT:C16576"}} for n in (1, 2)]
    )
    ran = skerry("load", served.home.root, "--dataset", "isle", "--individuals", people)
    assert ran.code == 0, ran.err


def _export(site: Hands, name: str, columns: Columns, key: str) -> None:
    """What the hospital's own system gives out: its people, in its own order, and some that the
    others do not know."""
    held = HELD[name]
    rows = [
        "\t".join([f"patient-{n}", *(f"{columns[one][n]:.15g}" for one in held)])
        for n in range(EVERYBODY)
    ]
    rows += ["\t".join([f"{name}-{n}", *("1" for _ in held)]) for n in range(OWN)]
    shift = 7 * (SITES.index(name) + 1)
    table = ["\t".join(["person", *held]), *rows[shift:], *rows[:shift]]
    (site.folder / "clinical.tsv").write_text("\n".join(table) + "\n")
    (site.folder / "pseudonyms.key").write_text(key)


def _link(scene: Scene, line: str) -> None:
    processes: list[subprocess.Popen[str]] = []
    for name, site in scene.sites.items():
        processes.append(site.leaves_running(line.replace("praha.json", f"{name}.json")))
    for process, site in zip(processes, scene.sites.values(), strict=True):
        assert process.wait(SECONDS) == 0, (site.folder / "log").read_text()
        assert f"{EVERYBODY} people are in common of 3 sites" in (site.folder / "log").read_text()


def test_a_vertical_study_from_the_linkage_to_the_result(scene: Scene, columns: Columns) -> None:
    roster = [join(scene, name) for name in SITES]
    serve_coordinator(scene, scene.line("federation admit", of=VERTICAL))
    agreed = plan(VERTICAL)
    hand_out(scene, agreed)
    key = secrets.token_hex(32)
    for name, site in scene.sites.items():
        _export(site, name, columns, key)
    until(lambda: scene.connected() == set(), seconds=SECONDS)
    _link(scene, scene.line("fl link", of=VERTICAL))

    # One node serves all three here, so each site's table has a name of its own.
    sealing = scene.line("datasets seal-table", of=VERTICAL)
    for name, site in scene.sites.items():
        (site.folder / "linked.tsv").rename(site.folder / f"{name}.tsv")
        said = site.types(sealing.replace("linked.tsv", f"{name}.tsv"))
        assert f"isle/{name}.tsv: {EVERYBODY} rows, {len(HELD[name])} columns" in said
    assert not any("patient" in one.object_id for one in Vault(scene.served.home.vault).all())

    facts = json.loads(scene.sites["praha"].types(scene.line("fl check", of=VERTICAL)))
    for name in SITES:
        ask(scene, name, facts, roster, floors={"labels": agreed["variables"]})
    scene.tokens()
    running = scene.line("workspace run", of=VERTICAL)
    for name in SITES[1:]:
        line = running.removesuffix(LEADS).replace("linked.tsv", f"{name}.tsv")
        assert line != running
        scene.sites[name].leaves_running(line.replace("praha.json", f"{name}.json"))
    until(lambda: scene.connected() == {"tartu", "porto"}, seconds=SECONDS)
    told = scene.sites["praha"].types(running.replace("linked.tsv", "praha.tsv"))
    (output,) = re.findall(r"^(out-\w+): aggregate-model, released", told, re.MULTILINE)

    found = take(scene, output)["coefficients"]
    names = agreed["variables"]
    everything = sm.add_constant(np.column_stack([columns[one] for one in names]))
    truth = sm.Logit(columns["diabetes"], everything).fit(disp=0).params
    given = [found["intercept"][0], *(found[one][0] for one in names)]
    assert given == pytest.approx(truth.tolist(), rel=DIGITS)
    typed = {line for line in scene.typed if line in lines(VERTICAL)}
    assert typed == set(lines(VERTICAL))
