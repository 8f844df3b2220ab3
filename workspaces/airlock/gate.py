"""Judges an offered document under the terms of its permit; what a node passes to its airlock.

Reads the document (`candidates`), adds the noise that a privacy budget asks for, applies the floors
of the permit (`rules`), and gives the safe form in one canonical spelling, so that nothing rides
along in spaces or the order of members. Queue, people and payment are `access.airlock.queue`'s.
"""

from __future__ import annotations

import json

from access.airlock import accountant
from access.airlock.judgement import Judgement
from access.airlock.judgement import Outcome as Settled
from schemas.runs import FloorTerms, RunTerms
from schemas.wire import canonical_json
from workspaces.airlock import candidates, rules
from workspaces.airlock.candidates import AggregateModel, Candidate, GwasSummary, Plot, Table
from workspaces.airlock.noise import noisy
from workspaces.airlock.rules import Floors

_SETTLED = {
    rules.Outcome.RELEASE: Settled.RELEASE,
    rules.Outcome.REVIEW: Settled.REVIEW,
    rules.Outcome.REFUSE: Settled.REFUSE,
}


def judge(raw: bytes, terms: RunTerms) -> Judgement:
    """Raises CandidateUnreadable for what has no shape the airlock knows."""
    offered = candidates.read(raw)
    if offered.kind not in terms.outputs:
        reason = f"the permit has no output class {offered.kind}"
        return Judgement(offered.kind, Settled.REFUSE, (reason,), contestable=False)
    if _sites(offered) < terms.least_sites:
        reason = f"fewer than {terms.least_sites} sites took part"
        return Judgement(offered.kind, Settled.REFUSE, (reason,))
    epsilon = 0.0
    if isinstance(offered, Table) and terms.privacy is not None:
        epsilon = terms.privacy.per_table
        scale = accountant.scale_of(terms.privacy, sites=len(terms.roster))
        offered = noisy(offered, scale=scale)
    verdict = rules.judge(offered, floors_of(terms.outputs, terms.floors))
    # Under a privacy budget people too let nothing pass but what has noise.
    safest = verdict.released or (offered if epsilon else None)
    released = None if safest is None else document(safest)
    return Judgement(
        offered.kind,
        _SETTLED[verdict.outcome],
        verdict.reasons,
        released=released,
        epsilon=epsilon,
        of=offered.of if isinstance(offered, Plot) else None,
    )


def floors_of(outputs: tuple[str, ...], given: FloorTerms) -> Floors:
    sets = {"log_fields": frozenset(given.log_fields), "labels": frozenset(given.labels)}
    return Floors(frozenset(outputs), **given.model_dump() | sets)


def document(released: Candidate) -> bytes:
    """The one form in which an output leaves."""
    return canonical_json(json.loads(released.model_dump_json(exclude_none=True)))


def _sites(offered: Candidate) -> int:
    """How many took part, where the document says it; others rest on what was released before, or
    are one site's own."""
    if isinstance(offered, GwasSummary | AggregateModel):
        return offered.sites
    return 1 << 30
