"""What is to run, on the request's form: stated, shown to the committee, kept through an edit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from access.policies.policy import PolicyBook
from gateway.pages import run_form
from schemas.errors import InvalidInput
from schemas.runs import OutputClass, RunTerms
from tests.gateway.test_pages import Pages, token_on
from tests.support.access_node import AccessNode, at, policy

pytestmark = pytest.mark.anyio

A, B, C, E = (letter * 64 for letter in "abce")
FIELDS = {
    "run_applications": A,
    "run_environment": E.upper(),
    "run_roster": f"{A}\n{B},{C}",
    "run_outputs": "table",
    "run_least_sites": "3",
    "run_cell": "5",
    "run_labels": "grade, glioma",
    "run_hours": "0.5",
    "run_release_mib": "2",
    "run_epsilon": "1",
    "run_per_table": "0.25",
    "run_delta": "1e-06",
    "run_released_at": "https://node.example.org https://other.example.org/node",
}


def sent(**changed: str) -> dict[str, list[str]]:
    return {name: [value] for name, value in (FIELDS | changed).items()}


def test_a_filled_form_states_terms_and_shows_them_again() -> None:
    terms = run_form.run_terms(sent())
    assert terms is not None
    assert (terms.roster, terms.environment) == ((A, B, C), E)
    assert (terms.seconds, terms.release_bytes, terms.floors.cell) == (1800, 2 << 20, 5)
    assert terms.privacy is not None
    assert terms.released_at == ("https://node.example.org", "https://other.example.org/node")
    assert not terms.unconfined
    again = run_form.filled(terms)
    fields = {
        name: list(value) if isinstance(value, list) else [str(value)]
        for name, value in again.items()
    }
    assert run_form.run_terms(fields) == terms


def test_without_an_application_no_run_is_asked_for() -> None:
    assert run_form.run_terms(sent(run_applications=" ")) is None
    assert run_form.run_terms({}) is None
    assert run_form.filled(None) == {}


def test_what_the_form_does_not_ask_stays() -> None:
    before = RunTerms(
        applications=(A,), environment=E, roster=(A, B, C), outputs=("log",),
        floors={"model_norm": 5.0, "cell": 99},
    )  # fmt: skip
    terms = run_form.run_terms(sent(), before=before)
    assert terms is not None
    assert (terms.floors.model_norm, terms.floors.cell) == (5.0, 5)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"run_applications": "x"}, "applications"),
        ({"run_environment": ""}, "environment"),
        ({"run_roster": A}, "least_sites"),
        ({"run_outputs": "rows"}, "outputs"),
        ({"run_least_sites": "two"}, "least_sites"),
        ({"run_least_sites": "9" * 500}, "least_sites"),
        ({"run_hours": "nan"}, "hours"),
        ({"run_hours": "inf"}, "hours"),
        ({"run_hours": "-1"}, "hours"),
        ({"run_per_table": "2"}, "costs more"),
        ({"run_cell": "0.5"}, "cell"),
    ],
)
def test_what_is_malformed_is_named(changed: dict[str, str], named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        run_form.run_terms(sent(**changed))


def test_every_class_has_words_and_every_term_a_line() -> None:
    assert set(run_form.OUTPUTS) == set(get_args(OutputClass))
    terms = run_form.run_terms(sent())
    assert terms is not None
    assert A in run_form.in_words(terms)["applications"]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


async def test_the_committee_reads_what_is_to_run_and_an_edit_keeps_it(node: AccessNode) -> None:
    node.desk._book = PolicyBook((policy("ds1", "dora", "vera"),), version="two of them")
    pages = Pages(node)
    form = FIELDS | {
        "dataset": "ds1", "project": "Hearts", "purpose": "To know.", "months": "6",
        "workspace": node.workspace(),
    }  # fmt: skip
    async with pages.browser("grace") as browser:
        token = await token_on(browser, "/requests/new?dataset=ds1")
        made = await browser.post("/requests/new?dataset=ds1", data={"csrf": token, **form})
        place = made.headers["location"]
        token = await token_on(browser, f"{place}/edit")
        shown = (await browser.get(f"{place}/edit")).text
        assert A in shown
        edited = await browser.post(f"{place}/edit", data={"csrf": token, **form})
        assert edited.status_code == 303
        await browser.post(place, data={"csrf": token, "step": "submit"})
    request = node.desk.own(at("grace"))[0]
    assert request.run == run_form.run_terms(sent())
    async with pages.browser("dora") as browser:
        seen = (await browser.get(place)).text
    assert A in seen
    assert "epsilon 1, 0.25 a table, read at delta 1e-06" in seen
    assert "https://other.example.org/node" in seen


async def test_a_form_that_was_not_taken_comes_back_as_it_was(node: AccessNode) -> None:
    pages = Pages(node)
    form = FIELDS | {"dataset": "ds1", "project": "Hearts", "purpose": "x", "months": "6",
                     "workspace": node.workspace(), "run_environment": "none"}  # fmt: skip
    async with pages.browser("grace") as browser:
        token = await token_on(browser, "/requests/new?dataset=ds1")
        answer = await browser.post("/requests/new?dataset=ds1", data={"csrf": token, **form})
    assert answer.status_code == 400
    assert "What is to run, environment" in answer.text
    assert B in answer.text
