"""The applications for models, both sides in this process: through limbs, from staged tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import statsmodels.api as sm

from workspaces.airlock import candidates
from workspaces.analysis.cohort import read_clinical
from workspaces.analysis.limbs import Integers
from workspaces.engine import bundle
from workspaces.flapps.models.fitting import Models
from workspaces.flapps.reading import Unfit
from workspaces.flapps.vertical.joining import Vertical
from workspaces.linkage import pseudonyms


class Application(Protocol):
    def offer(self, plan: Mapping[str, Any], *, data: Path, scratch: Path) -> bytes: ...
    def agree(self, plan: Mapping[str, Any], offers: Mapping[str, bytes]) -> bytes: ...
    def answer(
        self, plan: Mapping[str, Any], agreed: bytes, question: bytes, *, data: Path, scratch: Path
    ) -> Integers: ...
    def conclude(
        self, plan: Mapping[str, Any], agreed: bytes, ask: Any
    ) -> list[dict[str, Any]]: ...


def through(
    application: Application, plan: dict[str, Any], sites: list[Path]
) -> list[candidates.Candidate]:
    """What the engine does, but for the masks; each result is read as the airlock reads it."""
    offers = {
        str(number): application.offer(plan, data=one, scratch=one)
        for number, one in enumerate(sites)
    }
    agreed = application.agree(plan, offers)

    def ask(question: bytes, what: str) -> tuple[Integers, int]:
        answers = [application.answer(plan, agreed, question, data=one, scratch=one)
                   for one in sites]  # fmt: skip
        return np.sum(answers, axis=0), len(sites)

    found = application.conclude(plan, agreed, ask)
    return [candidates.read(json.dumps(one).encode()) for one in found]


def table(folder: Path, columns: dict[str, list[Any]]) -> Path:
    folder.mkdir()
    rows = [
        "\t".join(columns),
        *("\t".join(map(str, row)) for row in zip(*columns.values(), strict=True)),
    ]
    (folder / "clinical.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def sites(tmp_path: Path) -> list[Path]:
    made = []
    for number, people in enumerate((140, 90, 170, 30)):
        draw = np.random.default_rng(number)
        age, dose = draw.normal(60, 10, people), draw.gamma(2, 1, people)
        case = (draw.random(people) < 1 / (1 + np.exp(3.4 - 0.05 * age - 0.3 * dose))).astype(int)
        time = draw.exponential(40 * np.exp(-0.3 * dose))
        columns: dict[str, list[Any]] = {
            "id": [f"{number}-{n}" for n in range(people)],
            "age": age.tolist(), "dose": dose.tolist(), "case": case.tolist(),
            "time": np.minimum(time, 60).tolist(), "event": (time < 60).astype(int).tolist(),
        }  # fmt: skip
        if number == 3:
            columns.pop("dose")
        made.append(table(tmp_path / str(number), columns))
    return made


LOGISTIC = {"model": "logistic", "features": ["age", "dose"], "outcome": "case"}
COX = {"model": "cox", "features": ["age", "dose"], "time": "time", "event": "event",
       "edges": [float(month) for month in range(1, 61)]}  # fmt: skip


def test_a_logistic_model_is_that_of_all_rows_with_every_column(sites: list[Path]) -> None:
    (model,) = through(Models(), LOGISTIC, sites)
    assert isinstance(model, candidates.AggregateModel)
    read = [read_clinical((one / "clinical.tsv").read_text().splitlines()) for one in sites[:3]]
    x = np.concatenate([one.columns(["age", "dose"]) for one in read])
    y = np.concatenate([one.variables["case"] for one in read])
    fitted = sm.Logit(y, sm.add_constant(x)).fit(disp=0)
    assert model.people == 400
    assert model.coefficients["dose"][0] == pytest.approx(fitted.params[2], abs=1e-6)
    assert model.coefficients["age"][1] == pytest.approx(fitted.bse[1], abs=1e-6)


def test_held_out_people_judge_the_model_beside_the_sites_own(sites: list[Path]) -> None:
    plan = LOGISTIC | {"held_out": 0.3, "penalty": 1, "seed": 4}
    model, federated, local = through(Models(), plan, sites)
    assert isinstance(model, candidates.AggregateModel)
    assert isinstance(federated, candidates.Table)
    assert isinstance(local, candidates.Table)
    judged = sum(cell or 0 for row in federated.cells for cell in row)
    assert judged + model.people == 400
    assert federated.rows[0].startswith("federated")


def test_a_cox_model_comes_back(sites: list[Path]) -> None:
    (model,) = through(Models(), COX, sites)
    assert isinstance(model, candidates.AggregateModel)
    effect, error, _ = model.coefficients["dose"]
    assert abs(effect - 0.3) < 4 * error


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"model": "forest", "features": ["age"]},
        {"model": "logistic", "features": [], "outcome": "case"},
        {"model": "logistic", "features": ["age", "age"], "outcome": "case"},
        {"model": "logistic", "features": ["age"]},
        LOGISTIC | {"penalty": -1},
        LOGISTIC | {"penalty": "much"},
        LOGISTIC | {"penalty": float("nan")},
        LOGISTIC | {"held_out": 2},
        LOGISTIC | {"edges": [1, 2]},
        COX | {"edges": [2, 1]},
        COX | {"edges": []},
        COX | {"ties": "exact"},
        COX | {"outcome": "case"},
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused_before_data_is_read(
    plan: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(Unfit):
        Models().offer(plan, data=tmp_path / "nowhere", scratch=tmp_path)


JOINT = {"outcome": "case", "variables": ["age", "dose", "marker"]}
KEY = b"k" * 32


@pytest.fixture
def linked(tmp_path: Path) -> list[Path]:
    """Three sites with a column each of the same people, every one in an order of its own."""
    draw = np.random.default_rng(2)
    people = 300
    who = {f"patient-{n}": pseudonyms([f"patient-{n}"], KEY)[0] for n in range(people)}
    shared = draw.normal(0, 1, people)
    held = {name: shared + draw.normal(0, 1, people) for name in ("age", "dose", "marker")}
    odds = held["age"] - 0.5 * held["dose"]
    held["case"] = (draw.random(people) < 1 / (1 + np.exp(-odds))).astype(float)
    made = []
    for number, names in enumerate((("age", "case"), ("dose",), ("marker",))):
        order = draw.permutation(people)
        columns: dict[str, list[Any]] = {"id": [list(who.values())[place] for place in order]}
        columns |= {name: held[name][order].tolist() for name in names}
        made.append(table(tmp_path / f"v{number}", columns))
    return made


def together(linked: list[Path]) -> tuple[Any, Any]:
    """Everybody's row, by pseudonym."""
    read = [read_clinical((one / "clinical.tsv").read_text().splitlines()) for one in linked]
    joined = {}
    for one in read:
        for name, values in one.variables.items():
            joined[name] = [values[one.people.index(person)] for person in sorted(one.people)]
    return np.array(joined["case"]), np.column_stack([joined[name] for name in JOINT["variables"]])


def test_different_variables_of_the_same_people_are_fitted_together(linked: list[Path]) -> None:
    (model,) = through(Vertical(), JOINT, linked)
    assert isinstance(model, candidates.AggregateModel)
    y, x = together(linked)
    fitted = sm.Logit(y, sm.add_constant(x)).fit(disp=0)
    mine = [model.coefficients[name][0] for name in ("intercept", *JOINT["variables"])]
    assert mine == pytest.approx(fitted.params.tolist(), abs=1e-6)
    assert model.people == 300


def test_sites_of_other_people_are_not_joined(linked: list[Path], tmp_path: Path) -> None:
    lines = (linked[1] / "clinical.tsv").read_text().splitlines()
    changed = tmp_path / "changed"
    changed.mkdir()
    other = lines[1].replace(lines[1].split("\t")[0], hashlib.sha256(b"other").hexdigest())
    (changed / "clinical.tsv").write_text("\n".join([lines[0], other, *lines[2:]]))
    with pytest.raises(Unfit, match="same linked people"):
        through(Vertical(), JOINT, [linked[0], changed, linked[2]])


def test_each_column_has_one_holder_and_nobody_lacks_it(linked: list[Path], tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="exactly one"):
        through(Vertical(), JOINT, linked[:2])
    with pytest.raises(Unfit, match="exactly one"):
        through(Vertical(), JOINT, [*linked, linked[1]])
    lines = (linked[1] / "clinical.tsv").read_text().splitlines()
    holes = tmp_path / "holes"
    holes.mkdir()
    (holes / "clinical.tsv").write_text("\n".join([*lines[:-1], lines[-1].split("\t")[0] + "\tNA"]))
    with pytest.raises(Unfit, match="lacks a variable"):
        through(Vertical(), JOINT, [linked[0], holes, linked[2]])


@pytest.mark.parametrize(
    "plan",
    [{}, {"outcome": "case"}, {"outcome": "case", "variables": []}, JOINT | {"outcome": "age"},
     JOINT | {"variables": ["age", "age"]}, JOINT | {"penalty": 1}],
)  # fmt: skip
def test_a_joint_plan_that_cannot_be_followed_is_refused(
    plan: dict[str, Any], linked: list[Path]
) -> None:
    with pytest.raises(Unfit):
        Vertical().offer(plan, data=linked[0], scratch=linked[0])


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"people":"9","linked":"x","variables":[],"outcome":true}',
            b'{"people":9,"linked":"x","variables":[1],"outcome":true}'],
)  # fmt: skip
def test_a_site_that_offers_nonsense_is_refused(raw: bytes) -> None:
    with pytest.raises(Unfit):
        Vertical().agree(JOINT, {"here": raw})
    with pytest.raises(Unfit):
        Vertical().conclude(JOINT, b'"nine"', None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["models", "vertical"])
def test_a_bundle_states_what_a_committee_must_know(name: str) -> None:
    found = bundle.bundle(name)
    assert "aggregate-model" in found.outputs
    assert found.discloses.startswith("to the coordinator, in the clear:")
    assert bundle.bundle(name).digest == found.digest
