"""`skerry risk show`: what answers without a grant have given away, and what policies promise.

Reads the ledger, the catalog and the panel; a running node need not stop. People and callers are
keyed pseudonyms. The attack power of a policy is measured by `benchmarks/privacy.py`; here stands
the bound that the allowance sets.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from access.decision import DatasetPolicy
from access.privacy.ledger import Ledger
from access.privacy.pricing import price
from access.privacy.profiles import terms
from access.privacy.spent import PER_NAT, Spent
from access.privacy.terms import Terms, margin_scale
from access.store import Store
from beacon import panel
from beacon.catalog import DatasetFacts, Segment
from beacon.panel import Panel
from beacon.posed import Public
from beacon.segments import SegmentCatalog
from gateway import config
from gateway.asking import book_in_force
from gateway.errors import LoadRefused
from gateway.home import NodeHome

ALPHA = 0.05
WATCHED = 5  # times the allowance, of one person over all accounts together
_STEPS = 60

app = typer.Typer(
    no_args_is_help=True, help="What answers have given away, and what policies promise."
)


@app.callback()
def _group() -> None:
    """What answers have given away, and what policies promise."""


@app.command("show")
def show(
    folder: Annotated[Path, typer.Argument(help="the node's folder")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document")] = False,
) -> None:
    """Says for each dataset what its answers rest on and what was spent of its people."""
    home = NodeHome(folder)
    if not home.settings.exists():
        raise LoadRefused(f"{home.root}: not a node's folder; `skerry init` writes one")
    report = of(home)
    print(json.dumps(report) if as_json else "\n".join(_lines(report)))


def of(home: NodeHome) -> Mapping[str, Mapping[str, object]]:
    """Raises the errors of the files it reads."""
    settings = config.load(home.settings)
    book, panels = book_in_force(home), panel.read(home.panel)
    store = Store(settings.control_database or home.control_url)
    try:
        ledger = Ledger(store)
        return {
            dataset: _dataset(segment, policy, panels, ledger)
            for dataset, segment in sorted(SegmentCatalog(home.catalog).snapshot().items())
            if (policy := book.policy(dataset)) is not None
        }
    finally:
        store.close()


def _dataset(
    segment: Segment, policy: DatasetPolicy, panels: Mapping[str, Panel], ledger: Ledger
) -> Mapping[str, object]:
    facts, rules = segment.facts, terms(policy.profile)
    told: dict[str, object] = {"profile": policy.profile.value, "people": facts.people}
    if rules is None:
        return told | {"protected": False}
    held = panels.get(facts.assembly)
    floors = held.floors(facts.people) if held is not None else None
    return told | {
        "protected": True,
        "panel": None if held is None else held.facts.version,
        "floor_allele": None if floors is None else floors.allele,
        "floor_range": None if floors is None else floors.span,
        "registered_from": _registered_from(facts, rules),
        "noise_everybody": margin_scale(len(Public({}).listed(segment))),
        "noise_registered": rules.scale,
        "power_bound": round(min(1.0, ALPHA * math.exp(rules.allowance)), 3)
        if rules.enforced
        else None,
        **_spent(ledger.balances(facts.id), rules),
    }


def _registered_from(facts: DatasetFacts, rules: Terms) -> float | None:
    """The least public frequency that a registered caller can pay for, by halving."""
    if not rules.enforced:
        return 0.0
    low, high = 0.0, 1.0
    if price(high, facts.people) > rules.allowance:
        return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if price(middle, facts.people) <= rules.allowance:
            high = middle
        else:
            low = middle
    return high


def _spent(balances: Mapping[str, Spent], rules: Terms) -> Mapping[str, object]:
    """Of all callers: how many have asked, and how far the people most asked about are gone."""
    people, sums = np.empty(0, np.uint64), np.empty(0, np.uint64)
    worst = 0
    for balance in balances.values():
        worst = max(worst, int(balance.amounts.max(initial=0)))
        everybody = np.union1d(people, balance.people)
        together = np.zeros(len(everybody), np.uint64)
        together[np.searchsorted(everybody, people)] += sums
        together[np.searchsorted(everybody, balance.people)] += balance.amounts
        people, sums = everybody, together
    return {
        "callers_charged": len(balances),
        "people_charged": len(people),
        "most_spent_by_one_caller": round(worst / PER_NAT, 3),
        "most_spent_by_all_callers": round(int(sums.max(initial=0)) / PER_NAT, 3),
        "people_to_watch": int(np.count_nonzero(sums > WATCHED * rules.allowance * PER_NAT)),
    }


def _lines(report: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    if not report:
        yield "no dataset has both data and a policy"
    for dataset, told in report.items():
        yield f"{dataset}: profile {told['profile']}, {told['people']} people"
        if not told["protected"]:
            yield "  answers are exact for everybody whom the policy admits"
            continue
        yield f"  everybody: {_everybody(told)}"
        least = told["registered_from"]
        yield (
            "  registered callers: "
            + ("nothing about variants" if least is None else f"variants from AF {least:.2g}")
            + f"; counts with noise of scale {told['noise_registered']}"
        )
        bound = told["power_bound"]
        yield (
            "  exact presence for registered callers: what it costs is noted, not refused"
            if bound is None
            else f"  power of one registered account against one person: at most {bound}"
        )
        yield (
            f"  spent: {told['callers_charged']} callers, {told['people_charged']} people; at most "
            f"{told['most_spent_by_one_caller']} nats by one caller, "
            f"{told['most_spent_by_all_callers']} by all together"
        )
        if told["people_to_watch"]:
            yield f"  WATCH: {told['people_to_watch']} people beyond {WATCHED} allowances together"


def _everybody(told: Mapping[str, object]) -> str:
    if told["panel"] is None:
        return "nothing about variants: no panel of this assembly (`skerry panel add`)"
    allele, span = told["floor_allele"], told["floor_range"]
    if allele is None:
        return "nothing: too few people for this panel"
    ranges = "no ranges" if span is None else f"ranges with one from AF {span:.2g}"
    return f"variants from AF {allele:.2g}, {ranges}"
