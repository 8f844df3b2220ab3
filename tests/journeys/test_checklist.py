"""The checklist of `docs/workspaces.md`, typed line by line, by the parties it names."""

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
    Scene,
    ask,
    federation_at,
    hand_out,
    join,
    lines,
    plan,
    serve_coordinator,
    take,
)
from tests.support.command import skerry
from tests.support.served_node import Served, until
from tests.support.sources import write_records

pytestmark = [pytest.mark.live, pytest.mark.program("bwrap")]

PEOPLE, CASES = 80, 40


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with federation_at(tmp_path) as found:
        _load_people(found.served, tmp_path)
        yield found


def _load_people(served: Served, folder: Path) -> None:
    sexes = ({"id": "NCIT:C16576"}, {"id": "NCIT:C20197"})
    records: list[dict[str, Any]] = [
        {"id": f"P{number}", "sex": sexes[number % 2]} for number in range(PEOPLE)
    ]
    for one in records[:CASES]:
        one["diseases"] = [{"diseaseCode": {"id": "ICD10:E11"}}]
    people = write_records(folder / "individuals.json", records)
    ran = skerry("load", served.home.root, "--dataset", "isle", "--individuals", people)
    assert ran.code == 0, ran.err


def test_every_line_of_the_checklist_does_what_it_says(scene: Scene) -> None:
    roster = [join(scene, name) for name in SITES]
    assert "80 rows, 2 columns" in scene.admin.types(scene.line("datasets seal-table"))
    serve_coordinator(scene)
    hand_out(scene, plan(CHECKLIST))

    leader, others = scene.sites["praha"], [scene.sites[name] for name in SITES[1:]]
    facts = json.loads(leader.types(scene.line("fl check")))
    for name in SITES:
        ask(scene, name, facts, roster)
    scene.tokens()

    until(lambda: scene.connected() == set(), seconds=SECONDS)
    for name, site in zip(SITES[1:], others, strict=True):
        line = scene.line("workspace run").removesuffix(LEADS)
        assert LEADS not in line
        site.leaves_running(line.replace("praha.json", f"{name}.json"))
    until(lambda: scene.connected() == {"tartu", "porto"}, seconds=SECONDS)
    said = leader.types(scene.line("workspace run"))
    (output,) = re.findall(r"^(out-\w+): table, released", said, re.MULTILINE)
    assert "done, wiped; its node has the receipt" in leader.types(scene.line("workspace status"))
    for site in (leader, *others):
        site.types(scene.line("workspace wipe"))
    for site in others:
        assert site.background[0].wait(SECONDS) != 0  # told to stop, not done
        assert "wiped; its node has the receipt" in site.types(scene.line("workspace status"))

    result = take(scene, output)
    # Every site brought the same eighty people in, half of them women, half of each with the code.
    assert result["cells"] == [[60, 60], [60, 60]]
    assert list(dict.fromkeys(scene.typed)) == list(dict.fromkeys(lines(CHECKLIST)))
