"""`skerry fl new`: a model of one's own begins as a copy of the template that runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.errors import Exit
from tests.support.command import Ran, skerry
from tests.support.engine import engine
from workspaces.engine import bundle

TABLE = ["--column", "case=has:HP:0001250", "--column", "female=female",
         "--column", "age=info:age", "--range", "age=18:90", "--variants", 0]  # fmt: skip
PLAN = {"outcome": "case", "features": ["age", "female"], "rounds": 4}
NEAREST = '''
import numpy as np


def start(features):
    return np.zeros((2, features))


def learn(weights, people):
    """The mean of the features, of cases and of controls."""
    of = people.outcomes[:, 0] == 1
    return np.stack([people.features[group].mean(axis=0) for group in (of, ~of)])
'''


def copied(folder: Path, name: str = "mine") -> Ran:
    return skerry("fl", "new", folder / "own", "--name", name)


def tried(folder: Path, application: object) -> dict[str, object]:
    (folder / "plan.json").write_text(json.dumps(PLAN))
    ran = skerry("fl", "try", application, "--plan", folder / "plan.json",
                 "--output", folder / "out", "--label", "weights", "--json", *TABLE)  # fmt: skip
    assert ran.code == Exit.OK, ran.err
    found: dict[str, object] = json.loads(ran.out)
    return found


def test_a_copy_is_the_template_under_another_name(tmp_path: Path) -> None:
    ran = copied(tmp_path)
    assert ran.code == Exit.OK, ran.err
    assert "model.py: change `start` and `learn`" in ran.out
    found = bundle.bundle(tmp_path / "own")
    shipped = bundle.bundle("template")
    assert (found.name, found.outputs) == ("mine", shipped.outputs)
    assert found.discloses == shipped.discloses
    assert {name for name in found.files if not name.startswith("workspaces/")} == {
        "pyproject.toml", *(f"mine/{part}.py" for part in ("__init__", "app", "model", "study"))
    }  # fmt: skip
    text = "".join(path.read_text() for path in (tmp_path / "own").rglob("*.*"))
    assert "flapps.template" not in text


def test_each_change_of_a_copy_is_another_digest(tmp_path: Path) -> None:
    copied(tmp_path)
    before = bundle.bundle(tmp_path / "own").digest
    (tmp_path / "own" / "mine" / "model.py").write_text(NEAREST)
    assert bundle.bundle(tmp_path / "own").digest != before


@pytest.mark.parametrize("name", ["", "Mine", "my-model", "gwas", "class", "workspaces", "a" * 41])
def test_a_name_that_is_none_or_taken_is_refused(tmp_path: Path, name: str) -> None:
    ran = copied(tmp_path, name)
    assert ran.code == Exit.BAD_INPUT
    assert not (tmp_path / "own").exists()


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    copied(tmp_path)
    (tmp_path / "own" / "mine" / "model.py").write_text(NEAREST)
    assert copied(tmp_path).code == Exit.BAD_INPUT
    assert (tmp_path / "own" / "mine" / "model.py").read_text() == NEAREST


@pytest.mark.live
@pytest.mark.program("bwrap")
def test_the_template_runs_as_shipped_and_as_copied(tmp_path: Path) -> None:
    engine()
    copied(tmp_path)
    found: list[bytes] = []
    for application in ("template", tmp_path / "own"):
        place = tmp_path / f"tried-{len(found)}"
        place.mkdir()
        told = tried(place, application)
        assert (told["reason"], told["sums"]) == ("", 1 + 4)
        found.append((place / "out" / "candidate-0.json").read_bytes())
    assert found[0] == found[1]
    assert json.loads(found[0])["sites"] == 3
    assert len(json.loads(found[0])["coefficients"]["weights"]) == 3


@pytest.mark.live
@pytest.mark.program("bwrap")
def test_two_functions_make_another_model(tmp_path: Path) -> None:
    engine()
    copied(tmp_path)
    (tmp_path / "own" / "mine" / "model.py").write_text(NEAREST)
    told = tried(tmp_path, tmp_path / "own")
    candidates = told["candidates"]
    assert isinstance(candidates, list)
    assert [one["airlock"] for one in candidates] == ["release"]
    found = json.loads((tmp_path / "out" / "candidate-0.json").read_bytes())
    assert len(found["coefficients"]["weights"]) == 4
