"""Decides what of an output may leave a workspace (default: nothing). Pure.

One checker per output class, with floors of the permit. A checker may release a safer form of what
was offered (cells blanked, figures rounded), refuse it, or leave it to two people. What a checker
did not understand is never released by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite, sqrt

from workspaces.airlock.candidates import (
    AggregateModel,
    Candidate,
    GwasSummary,
    Log,
    Other,
    Plot,
    Table,
    Variant,
)
from workspaces.airlock.labels import strange
from workspaces.airlock.tables import blanked


class Outcome(StrEnum):
    RELEASE = "release"
    REVIEW = "review"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Floors:
    """Of one permit: its output classes, and the bounds each is held to."""

    classes: frozenset[str]
    cell: int = 10
    gwas_people: int = 500
    gwas_sites: int = 3
    minor_count: int = 20
    significant_digits: int = 4
    parameters_per_person: float = 0.33
    model_norm: float = 1e6
    log_fields: frozenset[str] = frozenset({"round", "seconds", "sites", "status", "step"})
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`released` is the form that may leave, of a review once people agree, None where nothing may
    or there is no safer form. Reasons name rules and places, never values."""

    outcome: Outcome
    reasons: tuple[str, ...]
    released: Candidate | None = None


def judge(offered: Candidate, floors: Floors) -> Verdict:
    if offered.kind not in floors.classes:
        return Verdict(Outcome.REFUSE, (f"the permit has no output class {offered.kind}",))
    verdict = _by_class(offered, floors)
    if verdict.outcome is Outcome.RELEASE and strange(offered, floors.labels):
        reason = "a name has a word that the permit does not list: two people decide"
        return Verdict(Outcome.REVIEW, (*verdict.reasons, reason), verdict.released)
    return verdict


def _by_class(offered: Candidate, floors: Floors) -> Verdict:
    match offered:
        case Table():
            return _table(offered, floors)
        case GwasSummary():
            return _summary(offered, floors)
        case AggregateModel():
            return _model(offered, floors)
        case Log():
            return _log(offered, floors)
        case Plot():
            # It is drawn anew from a released output; whether there is one is the gate's to see.
            return Verdict(Outcome.RELEASE, (), offered)
        case Other():
            return Verdict(Outcome.REVIEW, ("no checker knows this class: two people decide",))


def _table(offered: Table, floors: Floors) -> Verdict:
    cells = tuple(tuple(row) for row in blanked(offered.cells, floor=floors.cell))
    hidden = sum(cell is None for row in cells for cell in row)
    everything = len(offered.rows) * len(offered.columns)
    if hidden == everything:
        return Verdict(Outcome.REFUSE, (f"no cell of {floors.cell} or more can be shown",))
    reason = f"{hidden} of {everything} cells are below {floors.cell}, or would give one away"
    safer = offered.model_copy(update={"cells": cells})
    return Verdict(Outcome.RELEASE, (reason,) if hidden else (), safer)


def _summary(offered: GwasSummary, floors: Floors) -> Verdict:
    if offered.sites < floors.gwas_sites:
        return Verdict(Outcome.REFUSE, (f"fewer than {floors.gwas_sites} sites took part",))
    kept = [one for one in offered.variants if _may_leave(one, floors)]
    if not kept:
        return Verdict(
            Outcome.REFUSE,
            (f"no variant has {floors.gwas_people} people and {floors.minor_count} minor alleles",),
        )
    left_out = len(offered.variants) - len(kept)
    reasons = (f"{left_out} variants below the floors are left out",) if left_out else ()
    safer = tuple(_rounded(one, floors.significant_digits) for one in kept)
    return Verdict(Outcome.RELEASE, reasons, offered.model_copy(update={"variants": safer}))


def _may_leave(one: Variant, floors: Floors) -> bool:
    return one.people >= floors.gwas_people and one.minor_count >= floors.minor_count


def _rounded(one: Variant, digits: int) -> Variant:
    """Exact frequencies and counts allow membership tests: they do not leave."""
    step = 10 ** max(0, len(str(one.people)) - 2)
    return one.model_copy(
        update={
            "people": one.people // step * step,
            "minor_count": 0,
            "beta": _significant(one.beta, digits),
            "standard_error": _significant(one.standard_error, digits),
            "p": _significant(one.p, digits),
            "frequency": None,
        }
    )


def _significant(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _model(offered: AggregateModel, floors: Floors) -> Verdict:
    values = [value for part in offered.coefficients.values() for value in part]
    most = int(floors.parameters_per_person * offered.people)
    if offered.people < floors.cell or len(values) > most:
        return Verdict(
            Outcome.REFUSE,
            (f"more than {floors.parameters_per_person:g} parameters for each person",),
        )
    size = sqrt(sum(value * value for value in values))
    if not isfinite(size) or size > floors.model_norm:
        return Verdict(Outcome.REVIEW, ("its coefficients are unusually large",))
    rounded = {
        name: tuple(_significant(value, floors.significant_digits) for value in part)
        for name, part in offered.coefficients.items()
    }
    return Verdict(Outcome.RELEASE, (), offered.model_copy(update={"coefficients": rounded}))


def _log(offered: Log, floors: Floors) -> Verdict:
    if {name for line in offered.lines for name in line} - floors.log_fields:
        return Verdict(Outcome.REFUSE, ("it has a field that the permit does not list",))
    if strange(offered, floors.labels):
        return Verdict(Outcome.REFUSE, ("a text of words that the permit does not list",))
    return Verdict(Outcome.RELEASE, (), offered)


CLASSES: tuple[str, ...] = ("table", "gwas-summary", "aggregate-model", "log", "plot", "other")
