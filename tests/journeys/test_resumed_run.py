"""A coordinator is killed under a run and started again; nobody at a site types anything more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.checklist import (
    CHECKLIST,
    LEADS,
    SECONDS,
    SITES,
    Hands,
    Scene,
    ask,
    federation_at,
    hand_out,
    join,
    plan,
    serve_coordinator,
    take,
)
from tests.support.command import skerry
from tests.support.served_node import until
from tests.support.sources import write_records

pytestmark = [pytest.mark.live, pytest.mark.program("bwrap")]

RESUMES = " --resume"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with federation_at(tmp_path) as found:
        sexes = ({"id": "NCIT:C16576"}, {"id": "NCIT:C20197"})
        records: list[dict[str, Any]] = [{"id": f"P{n}", "sex": sexes[n % 2]} for n in range(80)]
        for one in records[:40]:
            one["diseases"] = [{"diseaseCode": {"id": "ICD10:E11"}}]
        people = write_records(tmp_path / "individuals.json", records)
        ran = skerry("load", found.served.home.root, "--dataset", "isle", "--individuals", people)
        assert ran.code == 0, ran.err
        yield found


def said(site: Hands) -> str:
    return (site.folder / "log").read_text()


def test_a_run_goes_on_by_itself_when_its_coordinator_was_killed(scene: Scene) -> None:
    roster = [join(scene, name) for name in SITES]
    scene.admin.types(scene.line("datasets seal-table"))
    serve_coordinator(scene)
    # The run waits for the third site, which comes late: it is under way until then.
    hand_out(scene, {**plan(CHECKLIST), "wait_seconds": 1_800})
    leader, second, third = (scene.sites[name] for name in SITES)
    facts = json.loads(leader.types(scene.line("fl check")))
    for name in SITES:
        ask(scene, name, facts, roster)
    scene.tokens()
    until(lambda: scene.connected() == set(), seconds=SECONDS)

    line = scene.line("workspace run")
    taking_part = line.removesuffix(LEADS) + RESUMES
    second.leaves_running(taking_part.replace("praha.json", "tartu.json"))
    leading = leader.leaves_running(line + RESUMES)
    until(lambda: "running waiting for sites" in said(leader), seconds=SECONDS)

    coordinator = scene.operator.background[-1]
    coordinator.kill()
    coordinator.wait(SECONDS)
    until(lambda: "it starts again" in said(leader), seconds=SECONDS)
    scene.operator.leaves_running(scene.line("federation serve"))
    until(lambda: "it starts again" in said(second), seconds=SECONDS)
    third.leaves_running(taking_part.replace("praha.json", "porto.json"))

    assert leading.wait(SECONDS) == 0, said(leader)
    (output,) = re.findall(r"^(out-\w+): table, released", said(leader), re.MULTILINE)
    assert take(scene, output)["cells"] == [[60, 60], [60, 60]]
    for site in (second, third):
        site.types(scene.line("workspace wipe"))
    receipts = leader.types(scene.line("workspace status"))
    assert receipts.count("wiped; its node has the receipt") == 2  # of the first start and of this
