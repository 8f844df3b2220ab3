"""Usage and risk on the admin's pages: counted from the record and the ledger, never a person."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from access.privacy.spent import PER_NAT, Spent
from access.record.tree import RecordTree
from gateway import exposure, risk_in_words, usage
from schemas.errors import SkerryError
from tests.support.admin_node import AdminNode, at
from tests.support.command import skerry

pytestmark = pytest.mark.anyio


def some_use(node: AdminNode) -> str:
    """Rosa asks three times, one is refused, and she is sent 1,500 bytes; her pseudonym."""
    record = node.node.record
    rosa = record.pseudonym(at("rosa"))
    for outcome, datasets in (("answered", ["isle", "rock"]), ("answered", ["isle"]),
                              ("suppressed", [])):  # fmt: skip
        facts = {"caller": rosa, "datasets": datasets, "outcome": outcome}
        record.append("beacon.answer", facts)
    record.append("release.intent", {"permit": "r1", "by": rosa, "dataset": "isle"})
    for sent in (1_000, 500):
        record.append("release.block", {"release": "r1", "sent": sent})
    record.append("release.block", {"release": "elsewhere", "sent": 7})
    return rosa


def counted(node: AdminNode, *, most: int = 1_000) -> usage.Usage:
    """Of today and of yesterday, which it was when the test began, it may be."""
    today = datetime.now(UTC).date()
    tree = RecordTree(node.home.record, node.home.record_tree)
    return usage.of(tree, first=today - timedelta(days=1), last=today, most=most)


def by_dataset(found: usage.Usage) -> dict[str, Counter[str]]:
    """Whatever the day, which is today or was when the test began."""
    today = datetime.now(UTC).date()
    days = {(today - timedelta(days=ago)).isoformat() for ago in (0, 1)}
    rows: dict[str, Counter[str]] = {}
    for (day, dataset), row in found.by_day.items():
        assert day in days
        rows.setdefault(dataset, Counter()).update(asdict(row))
    return {dataset: +row for dataset, row in rows.items()}


async def test_questions_and_bytes_are_counted_by_dataset_and_person(node: AdminNode) -> None:
    rosa = some_use(node)
    found = counted(node)
    assert by_dataset(found) == {
        "isle": Counter(questions=2, releases=1, sent=1_500),
        "rock": Counter(questions=1),
        "": Counter(refused=1, sent=7),
    }
    assert found.by_person[rosa] == usage.Row(questions=2, refused=1, releases=1, sent=1_500)
    assert found.by_person["unknown"] == usage.Row(sent=7)


async def test_only_the_last_entries_are_looked_at_and_that_is_said(node: AdminNode) -> None:
    some_use(node)
    assert counted(node, most=2).looked == 2
    page = await node.browser().text("/admin/usage", days="7")
    assert "8 entries of the record" in page


async def test_the_page_shows_pseudonyms_and_leads_to_their_entries(node: AdminNode) -> None:
    rosa = some_use(node)
    page = (await node.browser().get("/admin/usage")).text
    assert f'href="/admin/record?person={rosa}"' in page
    assert "rosa@" not in page
    assert "1.5 kB" in page


async def test_an_unused_node_says_so(node: AdminNode) -> None:
    said = await node.browser().text("/admin/usage")
    assert "Nothing was asked." in said
    assert "Nobody asked." in said


@pytest.mark.parametrize("days", ["0", "365", "x", "", "7; drop"])
async def test_another_span_of_days_is_refused(node: AdminNode, days: str) -> None:
    answer = await node.browser().get("/admin/usage", days=days)
    assert answer.status_code == 400


async def test_the_risk_page_says_what_the_command_says(node: AdminNode) -> None:
    path = node.folder / "people.json"
    path.write_text(json.dumps([{"id": f"P{n}"} for n in range(30)]), encoding="utf-8")
    assert skerry("load", node.home.root, "--dataset", "isle", "--individuals", path).code == 0
    some_use(node)
    said = await node.browser().text("/admin/risk")
    for line in skerry("risk", "show", node.home.root).out.splitlines()[1:]:
        assert line.strip().replace("`", "") in said.replace("`", "").replace("&#39;", "'")
    assert "Nobody's allowance was touched." in said.replace("&#39;", "'")
    assert "nothing may be told at that level of access suppressed" in said


def _codes(family: type[SkerryError]) -> set[str]:
    below = (code for one in family.__subclasses__() for code in _codes(one))
    return {family.code, *below}


def test_each_reason_that_is_said_in_words_is_an_errors_code() -> None:
    assert risk_in_words.REFUSED.keys() - _codes(SkerryError) == set()


async def test_a_node_without_data_has_no_risk_yet(node: AdminNode) -> None:
    said = await node.browser().text("/admin/risk")
    assert "No dataset has both data and a policy." in said
    assert "No question was refused." in said


@pytest.mark.parametrize("path", ["/admin/usage", "/admin/risk"])
async def test_both_are_the_admins_alone(node: AdminNode, path: str) -> None:
    assert (await node.browser("dora").get(path)).status_code == 404
    assert (await node.browser(None).get(path)).status_code == 303


def spent(**amounts: float) -> Spent:
    """Of people called by hexadecimal numbers."""
    people = sorted(amounts.items(), key=lambda one: int(one[0], 16))
    return Spent(
        np.array([int(name, 16) for name, _ in people], np.uint64),
        np.array([int(nats * PER_NAT) for _, nats in people], np.uint32),
    )


def test_the_most_exposed_are_those_of_whom_all_together_spent_most() -> None:
    balances = {"p-1": spent(a=0.5, b=0.1), "p-2": spent(a=0.25, c=0.7), "p-3": Spent.nothing()}
    found = exposure.people(balances)
    told = [(one.person[-1], round(one.nats, 3), one.callers, one.worst) for one in found]
    assert told == [("a", 0.75, 2, 0.5), ("c", 0.7, 1, 0.7), ("b", 0.1, 1, 0.1)]
    assert [one.caller for one in exposure.spenders(balances)] == ["p-2", "p-1", "p-3"]
    assert len(exposure.people(balances, most=1)) == 1
    assert exposure.people({}) == ()


def test_many_callers_add_up_beyond_what_one_can_spend() -> None:
    balances = {f"p-{n}": spent(a=4.0) for n in range(10)}
    assert exposure.people(balances)[0].nats == pytest.approx(40.0)
