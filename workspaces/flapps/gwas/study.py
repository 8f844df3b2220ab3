"""A genome-wide association study over the sites of a federation, pooled exactly.

Plan: `trait` and `covariates` name columns of the clinical table; `kind` is quantitative or binary;
`ancestry` is how many components are added to the covariates; `minor`, `call_rate` and
`hardy_weinberg` are bounds over all sites; `variant_sites` is how many sites must hold a variant.
A site without the trait or a covariate takes part with zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workspaces.analysis import cohort
from workspaces.analysis.gwas import Bounds, Gwas, Trait
from workspaces.analysis.limbs import Integers
from workspaces.flapps import panel, reading, summing, variables
from workspaces.flapps.planning import Plan

_USUAL = Bounds()


class Study:
    def offer(self, plan: Mapping[str, Any], *, data: Path, scratch: Path) -> bytes:
        _check(Plan(plan))
        variables.check(plan, data)
        return panel.offer(reading.read_genotypes(data, scratch), reading.contigs(data))

    def agree(self, plan: Mapping[str, Any], offers: Mapping[str, bytes]) -> bytes:
        _check(Plan(plan))
        least = Plan(plan).whole("variant_sites", 1, most=1_000)
        return panel.agree(offers, least_sites=max(least, 1))

    def answer(
        self, plan: Mapping[str, Any], agreed: bytes, question: bytes, *, data: Path, scratch: Path
    ) -> Integers:
        read = Plan(plan)
        design = cohort.design_of(
            reading.clinical(data),
            *panel.harmonised(agreed, data, scratch),
            trait=read.text("trait"),
            covariates=read.texts("covariates"),
        )
        return summing.answer(_analysis(read, design.variants), design, question)

    def conclude(
        self, plan: Mapping[str, Any], agreed: bytes, ask: summing.Ask
    ) -> list[dict[str, Any]]:
        read, names = Plan(plan), panel.names(agreed)
        found = summing.conclude(_analysis(read, len(names)), ask)
        return [found.document(names, trait=read.text("trait"))]


def _check(plan: Plan) -> None:
    plan.only(
        "trait", "covariates", "kind", "ancestry", "minor", "call_rate", "hardy_weinberg",
        "variant_sites", "seed", "promising",
    )  # fmt: skip
    _analysis(plan, 0)


def _analysis(plan: Plan, variants: int) -> Gwas:
    plan.text("trait")
    bounds = Bounds(
        call_rate=plan.share("call_rate", _USUAL.call_rate),
        minor=plan.share("minor", _USUAL.minor),
        hardy_weinberg=plan.share("hardy_weinberg", _USUAL.hardy_weinberg),
    )
    return Gwas(
        trait=Trait(plan.one_of("kind", *Trait)),
        variants=variants,
        covariates=len(plan.texts("covariates")),
        bounds=bounds,
        ancestry=plan.whole("ancestry", 0, most=20),
        seed=plan.whole("seed", 1, most=1 << 31),
        promising=plan.share("promising", 0.05),
    )
