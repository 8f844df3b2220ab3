"""`skerry fl try`: applications on synthetic sites, in the sandbox, without a federation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ran, skerry
from tests.support.engine import engine

TABLE = ["--column", "sex=female", "--column", "case=has:HP:0001250",
         "--column", "height=measure:LOINC:8302-2", "--column", "age=info:age",
         "--range", "height=140:200", "--range", "age=18:90"]  # fmt: skip
STUDY = {"trait": "height", "covariates": ["age", "sex"]}


def tried(
    folder: Path, application: object, plan: object, *options: object, table: list[str] = TABLE
) -> Ran:
    (folder / "plan.json").write_text(json.dumps(plan))
    return skerry(
        "fl", "try", application, "--plan", folder / "plan.json", "--output", folder / "out",
        *table, *options,
    )  # fmt: skip


@pytest.mark.live
@pytest.mark.program("bwrap")
def test_a_study_of_twins_says_what_would_be_sent_and_what_an_airlock_would_say(
    tmp_path: Path,
) -> None:
    engine()
    ran = tried(tmp_path, "gwas", STUDY, "--variants", 60, "--label", "height", "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert (told["reason"], told["missing"], told["sums"]) == ("", {}, 2)
    assert sorted(told["sent"]) == ["site1", "site2", "site3"]
    assert min(told["sent"].values()) > 1_000
    (candidate,) = told["candidates"]
    assert (candidate["kind"], candidate["airlock"]) == ("gwas-summary", "release")
    found = json.loads((tmp_path / "out" / candidate["file"]).read_bytes())
    assert (found["sites"], len(found["variants"])) == (3, 60)
    again = tmp_path / "again"
    again.mkdir()
    tried(again, "gwas", STUDY, "--variants", 60, "--json")
    assert json.loads((again / "out" / candidate["file"]).read_bytes()) == found


@pytest.mark.live
@pytest.mark.program("bwrap")
def test_columns_are_dealt_out_over_the_same_people_for_a_vertical_model(tmp_path: Path) -> None:
    engine()
    plan = {"outcome": "case", "variables": ["sex", "height", "age"]}
    ran = tried(tmp_path, "vertical", plan, "--joint", "--missing", 0, "--variants", 0)
    assert ran.code == 0, ran.err
    assert "aggregate-model" in ran.out


APP = """
from federated.rounds import server_app
from federated.site import client_app
import numpy as np


class Mine:
    def offer(self, plan, *, data, scratch):
        return b""

    def agree(self, plan, offers):
        return b""

    def answer(self, plan, agreed, question, *, data, scratch):
        {answer}

    def conclude(self, plan, agreed, ask):
        total, _ = ask(b"", "a sum")
        return [{{"kind": "surprise", "total": int(total[0])}}]


client, server = client_app(Mine()), server_app(Mine())
"""
PROJECT = """
[project]
name = "mine"
version = "1"
[tool.skerry]
outputs = ["table"]
[tool.flwr.app.components]
clientapp = "mine.app:client"
serverapp = "mine.app:server"
"""


def mine(folder: Path, answer: str) -> Path:
    place = folder / "application"
    (place / "mine").mkdir(parents=True)
    (place / "pyproject.toml").write_text(PROJECT)
    (place / "mine" / "__init__.py").touch()
    (place / "mine" / "app.py").write_text(APP.format(answer=answer))
    return place


@pytest.mark.live
@pytest.mark.program("bwrap")
def test_what_an_application_of_one_s_own_gives_is_judged_and_its_failure_shown_whole(
    tmp_path: Path,
) -> None:
    engine()
    good, bad = tmp_path / "good", tmp_path / "bad"
    ran = tried_own(good, "return np.array([7])")
    assert ran.code == 0, ran.err
    assert "unreadable" in ran.out or "refuse" in ran.out
    ran = tried_own(bad, "raise KeyError('\\x1b[31mheight')")
    assert ran.code == 1
    assert "Traceback" in ran.err
    assert "KeyError" in ran.err
    assert "\x1b" not in ran.err
    assert "the application failed here" in ran.out
    assert "KeyError" in (bad / "out" / "log.txt").read_text()


WAYS_OUT = """
        import socket
        opened = 0
        for way in (
            lambda: socket.create_connection(("127.0.0.1", 9092), 5),
            lambda: socket.create_connection(("192.0.2.1", 80), 5),
            lambda: open("/etc/passwd"),
            lambda: open(data / "clinical.tsv", "a"),
            lambda: open("/root/.bashrc"),
            lambda: open("/usr/new", "w"),
        ):
            try:
                way()
                opened += 1
            except OSError:
                pass
        return np.array([opened])
"""


@pytest.mark.live
@pytest.mark.program("bwrap")
def test_an_application_under_trial_has_no_way_out(tmp_path: Path) -> None:
    engine()
    ran = tried_own(tmp_path / "x", WAYS_OUT)
    assert ran.code == 0, ran.err
    candidate = json.loads((tmp_path / "x" / "out" / "candidate-0.json").read_bytes())
    assert candidate == {"kind": "surprise", "total": 0}


def tried_own(folder: Path, answer: str) -> Ran:
    folder.mkdir()
    return tried(folder, mine(folder, answer), {}, "--variants", 0, "--people", 20)


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--column", "height"], "expected NAME="), (["--column", "a=has:"], "expected NAME="),
     (["--column", "a=secret:x"], "expected NAME="), (["--column", "1=female"], "expected NAME="),
     (["--column", "sex=female", "--range", "sex=0:5"], "no number has that name"),
     (["--column", "a=info:x", "--range", "a=5"], "LOW:HIGH"),
     (["--column", "a=info:x", "--range", "a=5:5"], "a lower and a higher"),
     (["--column", "a=info:x", "--range", "a=nan:inf"], "a lower and a higher"),
     (["--column", "a=info:x", "--column", "a=info:x"], "another name"),
     (["--column", "a=info:x", "--frequencies", "/absent.vcf"], "absent.vcf")],
)  # fmt: skip
def test_a_shape_that_is_not_understood_is_refused(
    tmp_path: Path, options: list[Any], words: str
) -> None:
    ran = tried(tmp_path, "gwas", STUDY, *options, table=[])
    assert ran.code not in (0, 1)
    assert words in ran.err
    assert not (tmp_path / "out").exists()


@pytest.mark.live
@pytest.mark.program("bwrap")
def test_twins_are_compared_with_what_the_plan_says_of_the_data(tmp_path: Path) -> None:
    engine()
    said = {"height": {"unit": "cm", "range": [100, 250], "missing": 0.5}, "sex": {"codes": [0, 1]}}
    plan = {"what": "cross", "row": "sex", "rows": {"0": "men", "1": "women"},
            "column": "case", "columns": {"0": "controls", "1": "cases"}, "data": said}  # fmt: skip
    for unit, code in (("cm", 0), ("m", 1)):
        place = tmp_path / unit
        place.mkdir()
        ran = tried(place, "summary", plan, "--variants", 0, "--unit", f"height={unit}", "--json")
        assert (ran.code == 0) == (code == 0), ran.err
        told = json.loads(ran.out)
        words = "height is in m, the plan says cm"
        assert told["missing"] == ({f"site{n}": words for n in (1, 2, 3)} if code else {})


@pytest.mark.parametrize("unit", ["height", "height=", "sex=g", "weight=kg", "height=" + "m" * 41])
def test_a_unit_of_no_number_is_refused(tmp_path: Path, unit: str) -> None:
    ran = tried(tmp_path, "gwas", STUDY, "--unit", unit)
    assert ran.code == 5
    assert "--unit" in ran.err
