"""The parties of a federation at their shells, typing the lines of `docs/workspaces.md`.

One node, three workspaces, a coordinator and the real engine. The other two sites type the same
lines as the first, with their own names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams.keys import parse_public_key, write_pair
from tests.support.engine import engine
from tests.support.loopback import unused_port
from tests.support.served_node import ROOT, Served, made, serving

PAGE = ROOT / "docs" / "workspaces.md"
SITES = ("praha", "tartu", "porto")
LEADS = " --submit --plan plan.json --coordinator-token-file fed-token"
PLACEHOLDER = re.compile(r"\b[A-Z]{4,}(?:_[A-Z]+)*\b")
SECONDS = 900.0  # for any one line: a busy machine takes its time


def section(heading: str) -> str:
    return PAGE.read_text("utf-8").split(f"\n{heading}", 1)[1].split("\n##", 1)[0]


def lines(text: str) -> list[str]:
    """Every command of a section, in order, as it stands there."""
    return re.findall(r"^ {8}(skerry .*)$", text, re.MULTILINE)


def plan(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text.split("```json", 1)[1].split("```", 1)[0])
    return found


CHECKLIST = section("## Join a federation")


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

    def line(self, start: str, of: str = CHECKLIST) -> str:
        """The line that begins so; a line may stand there twice."""
        (found,) = {line for line in lines(of) if line.startswith(f"skerry {start}")}
        self.typed.append(found)
        return found

    def tokens(self) -> None:
        """Rosa at every site."""
        for site in self.sites.values():
            (site.folder / "token").write_text(self.served.token("rosa"))

    def connected(self) -> set[str] | None:
        """The sites that are; None while the coordinator does not answer yet."""
        ran = self.sites["praha"].tries(self.line("fl sites"))
        told = ran.stdout.splitlines()
        if ran.returncode != 0:
            return None
        return {one.partition(":")[0] for one in told if one.endswith(": connected")}


@contextmanager
def federation_at(tmp_path: Path) -> Iterator[Scene]:
    """A served node, and everybody before an empty folder."""
    engine()
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "skerry"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m gateway "$@"\n')
    command.chmod(0o755)
    served = made(tmp_path, records=200)
    common = {
        "NODE": served.url, "NODE_KEY": served.home.public_key_hex(), "DATASET": "isle",
        "FOLDER": str(served.home.root), "HOST": "127.0.0.1", "PORT": str(unused_port()),
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


def _end(hands: Sequence[Hands]) -> None:
    for one in hands:
        for process in one.background:
            if process.poll() is None:
                process.terminate()
            process.wait(SECONDS)


def join(scene: Scene, name: str) -> str:
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


def ask(
    scene: Scene,
    name: str,
    facts: Mapping[str, Any],
    roster: Sequence[str],
    **terms: object,
) -> None:
    """Rosa asks for the run at the site's workspace, and two of the committee approve."""
    run = {
        "applications": [facts["digest"]], "environment": facts["environment"],
        "configurations": [facts["configuration"]], "roster": list(roster), "least_sites": 3,
        "outputs": facts["outputs"], **terms,
    }  # fmt: skip
    asked = scene.served.call(
        "rosa", "POST", "/access/requests", dataset="isle", project="Checklist",
        purpose="To count cases.", workspace=scene.sites[name].words["WORKSPACE"], months=1,
        run=run,
    )  # fmt: skip
    scene.served.call("rosa", "POST", f"/access/requests/{asked['id']}/submit")
    for member in ("dora", "emil"):
        scene.served.call(member, "POST", f"/access/requests/{asked['id']}/approve")


def serve_coordinator(scene: Scene, *more: str) -> None:
    """Step 3; `more` are further lines before it serves."""
    operator = scene.operator
    for start in ("federation init", "federation admit", "federation token"):
        operator.types(scene.line(start))
    for line in more:
        operator.types(line)
    operator.leaves_running(scene.line("federation serve"))


def hand_out(scene: Scene, plan: Mapping[str, Any]) -> None:
    """What the coordinator gives to each site, and the plan they agreed on."""
    for name, site in scene.sites.items():
        shutil.copy(scene.operator.folder / "fed" / "bundles" / f"{name}.json", site.folder)
        shutil.copy(scene.operator.folder / "fed-token", site.folder)
        (site.folder / "plan.json").write_text(json.dumps(plan))
    scene.tokens()


def take(scene: Scene, output: str) -> dict[str, Any]:
    """Step 6: the result, with a key of the requester's."""
    researcher = scene.researcher
    write_pair(researcher.folder / "my.sec", researcher.folder / "my.pub")
    public = parse_public_key((researcher.folder / "my.pub").read_bytes())
    scene.served.call("rosa", "POST", "/access/keys", public_key=public.hex())
    (researcher.folder / "token").write_text(scene.served.token("rosa"))
    researcher.words["OUTPUT"] = output
    researcher.types(scene.line("results take"))
    found: dict[str, Any] = json.loads((researcher.folder / "result.json").read_bytes())
    return found
