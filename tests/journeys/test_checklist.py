"""The checklist of `docs/workspaces.md`, typed line by line into a shell, by the parties it names.

One node, three workspaces, a coordinator and the real engine. The other two sites type the same
lines as the first, with their own names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from streams.keys import parse_public_key, write_pair
from tests.support.command import skerry
from tests.support.engine import engine
from tests.support.served_node import ROOT, Served, made, serving, until
from tests.support.sources import write_records

pytestmark = [pytest.mark.live, pytest.mark.program("bwrap")]

PAGE = ROOT / "docs" / "workspaces.md"
SITES = ("praha", "tartu", "porto")
PEOPLE, CASES = 80, 40
LEADS = " --submit --plan plan.json --coordinator-token-file fed-token"
PLACEHOLDER = re.compile(r"\b[A-Z]{4,}(?:_[A-Z]+)*\b")
SECONDS = 300.0


def checklist() -> str:
    return PAGE.read_text("utf-8").split("\n## Join a federation", 1)[1].split("\n## ", 1)[0]


def lines() -> list[str]:
    """Every command of the checklist, in order, as it stands there."""
    return re.findall(r"^ {8}(skerry .*)$", checklist(), re.MULTILINE)


def plan() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(checklist().split("```json", 1)[1].split("```", 1)[0])
    return found


@dataclass
class Hands:
    """Somebody at a machine: a folder to type in, and what the capital words are there."""

    folder: Path
    words: dict[str, str]
    background: list[subprocess.Popen[str]] = field(default_factory=list)

    def text(self, line: str) -> str:
        return PLACEHOLDER.sub(lambda found: self.words[found[0]], line)

    def tries(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", self.text(line)], cwd=self.folder, env=self._environment(),
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip

    def types(self, line: str) -> str:
        ran = self.tries(line)
        assert ran.returncode == 0, f"{line}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    def leaves_running(self, line: str) -> subprocess.Popen[str]:
        with (self.folder / "log").open("w") as log:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {self.text(line)}"], cwd=self.folder, stdout=log,
                stderr=subprocess.STDOUT, text=True, env=self._environment(),
            )  # fmt: skip
        self.background.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        return os.environ | {"PATH": f"{self.folder.parent / 'bin'}:{os.environ['PATH']}"}


@dataclass
class Scene:
    served: Served
    sites: dict[str, Hands]
    admin: Hands
    operator: Hands
    researcher: Hands
    typed: list[str] = field(default_factory=list)

    def line(self, start: str) -> str:
        """The line that begins so; a line may stand there twice."""
        (found,) = {line for line in lines() if line.startswith(f"skerry {start}")}
        self.typed.append(found)
        return found


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    engine()
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "skerry"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m gateway "$@"\n')
    command.chmod(0o755)
    served = made(tmp_path, records=200)
    _load_people(served, tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {
        "NODE": served.url, "NODE_KEY": served.home.public_key_hex(), "DATASET": "isle",
        "FOLDER": str(served.home.root), "HOST": "127.0.0.1", "PORT": port,
    }  # fmt: skip
    names = (*SITES, "admin", "operator", "researcher")
    hands = {name: Hands(tmp_path / name, dict(common)) for name in names}
    for one in hands.values():
        one.folder.mkdir()
    with ExitStack() as stack:
        stack.enter_context(serving(served))
        stack.callback(_end, [*hands.values()])
        yield Scene(
            served, {name: hands[name] for name in SITES},
            hands["admin"], hands["operator"], hands["researcher"],
        )  # fmt: skip


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


def _end(hands: Sequence[Hands]) -> None:
    for one in hands:
        for process in one.background:
            if process.poll() is None:
                process.terminate()
            process.wait(60)


def _join(scene: Scene, name: str) -> str:
    """Steps 1 and 2 of one site; its fingerprint."""
    site, served = scene.sites[name], scene.served
    token = site.folder / "token"
    site.types(scene.line("workspace install-engine"))
    key = site.types(scene.line("workspace init")).split()[-1]
    token.write_text(served.token("rosa"))
    told = site.types(scene.line("workspace register"))
    status = site.types(scene.line("workspace status"))
    site.words |= {"WORKSPACE": told.partition(":")[0], "THUMBPRINT": told.split()[-1]}
    (scene.admin.folder / "token").write_text(served.token("adam"))
    scene.admin.words |= site.words
    assert "confirmed" in scene.admin.types(scene.line("workspace approve"))
    scene.operator.words[f"{name.upper()}_KEY"] = key
    (found,) = re.findall(r"fingerprint ([0-9a-f]{64})", status)
    return str(found)


def _ask(scene: Scene, name: str, facts: dict[str, Any], roster: Sequence[str]) -> None:
    """Rosa asks for the run at the site's workspace, and two of the committee approve."""
    run = {
        "applications": [facts["digest"]], "environment": facts["environment"],
        "configurations": [facts["configuration"]], "roster": list(roster), "least_sites": 3,
        "outputs": facts["outputs"],
    }  # fmt: skip
    asked = scene.served.call(
        "rosa", "POST", "/access/requests", dataset="isle", project="Checklist",
        purpose="To count cases.", workspace=scene.sites[name].words["WORKSPACE"], months=1,
        run=run,
    )  # fmt: skip
    scene.served.call("rosa", "POST", f"/access/requests/{asked['id']}/submit")
    for member in ("dora", "emil"):
        scene.served.call(member, "POST", f"/access/requests/{asked['id']}/approve")


def test_every_line_of_the_checklist_does_what_it_says(scene: Scene) -> None:
    roster = [_join(scene, name) for name in SITES]
    assert "80 rows, 2 columns" in scene.admin.types(scene.line("datasets seal-table"))

    operator = scene.operator
    for line in ("federation init", "federation admit", "federation token"):
        operator.types(scene.line(line))
    operator.leaves_running(scene.line("federation serve"))

    leader, others = scene.sites["praha"], [scene.sites[name] for name in SITES[1:]]
    for name, site in scene.sites.items():
        shutil.copy(operator.folder / "fed" / "bundles" / f"{name}.json", site.folder)
        shutil.copy(operator.folder / "fed-token", site.folder)
        (site.folder / "plan.json").write_text(json.dumps(plan()))
        (site.folder / "token").write_text(scene.served.token("rosa"))
    facts = json.loads(leader.types(scene.line("fl check")))
    for name in SITES:
        _ask(scene, name, facts, roster)
    for site in scene.sites.values():
        (site.folder / "token").write_text(scene.served.token("rosa"))

    until(lambda: _connected(scene) == set(), seconds=SECONDS)
    for name, site in zip(SITES[1:], others, strict=True):
        line = scene.line("workspace run").removesuffix(LEADS)
        assert LEADS not in line
        site.leaves_running(line.replace("praha.json", f"{name}.json"))
    until(lambda: _connected(scene) == {"tartu", "porto"}, seconds=SECONDS)
    said = leader.types(scene.line("workspace run"))
    (output,) = re.findall(r"^(out-\w+): table, released", said, re.MULTILINE)
    assert "done, wiped; its node has the receipt" in leader.types(scene.line("workspace status"))
    for site in (leader, *others):
        site.types(scene.line("workspace wipe"))
    for site in others:
        assert site.background[0].wait(60) != 0  # told to stop, not done
        assert "wiped; its node has the receipt" in site.types(scene.line("workspace status"))

    researcher = scene.researcher
    write_pair(researcher.folder / "my.sec", researcher.folder / "my.pub")
    public = parse_public_key((researcher.folder / "my.pub").read_bytes())
    scene.served.call("rosa", "POST", "/access/keys", public_key=public.hex())
    (researcher.folder / "token").write_text(scene.served.token("rosa"))
    researcher.words["OUTPUT"] = output
    researcher.types(scene.line("results take"))
    result = json.loads((researcher.folder / "result.json").read_bytes())
    # Every site brought the same eighty people in, half of them women, half of each with the code.
    assert result["cells"] == [[60, 60], [60, 60]]
    assert list(dict.fromkeys(scene.typed)) == list(dict.fromkeys(lines()))


def _connected(scene: Scene) -> set[str] | None:
    """The sites that are; None while the coordinator does not answer yet."""
    ran = scene.sites["praha"].tries(scene.line("fl sites"))
    told = ran.stdout.splitlines()
    if ran.returncode != 0:
        return None
    return {one.partition(":")[0] for one in told if one.endswith(": connected")}
