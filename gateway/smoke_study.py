"""Journey 4: a cohort found, a run approved at every node, secure sums in sandboxes, two people at
the airlock, and a result that equals everybody's rows together, with its proofs.

The programs it needs (bubblewrap, the engine) are looked for first: without them nothing is begun.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from gateway import countries, countries_results, countries_truth
from gateway.countries import Study
from gateway.countries_page import Shown, page, summary_of
from gateway.countries_run import Led, Sites
from gateway.countries_traits import CORONARY, COVARIATES
from gateway.countries_truth import Pooled, Rows
from gateway.errors import DemoError
from gateway.population import CHROM, Site
from gateway.smoke_walk import Walk, expect, json_of, summary
from streams.keys import SecretKey
from workspaces.plots.associations import GENOME_WIDE
from workspaces.results import Result

_SMALL = 250  # people behind a figure, of the demo's 300
_ROUNDED = 2e-3  # the airlock gives four digits


async def journey(walk: Walk) -> str:
    engine = countries.refuse_where_nothing_runs()
    study = countries.of(walk.federation, plans=("ldl",), people=_SMALL, engine=engine)
    if study is None:
        return "not walked: it needs three nodes and people with traits, as the demo simulates them"
    found = await _cohort(walk, study)
    study = await countries.prepare(study, walk.federation, walk.people)
    began = int(time.time())
    sites = Sites(study, walk.processes)
    try:
        await sites.start(study.sites[1:])
        led = await sites.lead(study.sites[0], "ldl")
    finally:
        sites.close()
    first = study.sites[0]
    output = await countries_results.released(first, led, walk.people)
    result = await countries_results.taken(first, output, walk.people, secret=SecretKey.generate())
    shown = compared(walk, study, "ldl", led, result)
    (study.folder / "study.html").write_text(page([shown]), encoding="utf-8")
    receipts = await countries_results.wiped(study, walk.people)
    entries = countries_results.records_hold(study)
    crate = await countries_results.crate(
        study, "ldl", led, result, walk.people, times=(began, int(time.time()))
    )
    hits = sum(one.p <= GENOME_WIDE for one in shown.summary.variants)
    return (
        f"{found}; {len(study.sites)} committees approved; {len(led.present)} sites in sandboxes, "
        f"{led.seconds:.0f} s from submit to result; released by two; {hits} of "
        f"{len(shown.summary.variants)} variants genome-wide, as in everybody's rows together; "
        f"{receipts} wipes signed, {entries} entries of {len(study.sites)} records verified, crate "
        f"of {len(crate.archive)} bytes proven"
    )


async def _cohort(walk: Walk, study: Study) -> str:
    """The portal's Beacon says at how many nodes somebody has the disease."""
    url = f"{walk.federation.addresses.portal}/beacon/individuals"
    asked = {"filters": CORONARY, "requestedGranularity": "boolean"}
    answer = await json_of(walk.http.get(url, params=asked))
    if summary(answer)[0] is not True:
        raise DemoError("the portal's Beacon does not know of the cohort")
    nodes = answer["info"]["nodes"]
    expect("nodes asked for the cohort", len(study.sites), nodes["asked"])
    return f"cohort found by Beacon at {nodes.get('answered', nodes['asked'])} nodes"


def compared(walk: Walk, study: Study, plan: str, led: Led, result: Result) -> Shown:
    """The released summary beside the truth; raises where a figure or a planted variant is off."""
    found = summary_of(result.content)
    rows = _rows(walk, study, led.present)
    alleles = [one.allele for one in found.variants]
    solve = {"ldl": countries_truth.linear, "coronary": countries_truth.logistic}[plan]
    truth = solve(rows, alleles)
    for one in found.variants:
        true = truth[one.allele]
        for name, given, wanted in (
            ("beta", one.beta, true.beta), ("p", one.p, true.p),
            ("standard error", one.standard_error, true.standard_error),
        ):  # fmt: skip
            if abs(given - wanted) > _ROUNDED * abs(wanted):
                raise DemoError(f"{name} of {one.allele}: expected {wanted:.6g}, got {given:.6g}")
    planted = _planted(study, plan)
    _expect_planted(rows, truth, planted)
    words = (
        f"{len(led.present)} sites, {rows.covariates.shape[0]} people with "
        f"{', '.join(COVARIATES)}; {led.seconds:.0f} s from submit to result."
    )
    return Shown(result.content, truth, planted, words)


def _expect_planted(rows: Rows, truth: Mapping[str, Pooled], planted: Mapping[str, str]) -> None:
    for name, role in planted.items():
        hit = name in truth and truth[name].p <= GENOME_WIDE
        if role == "causal" and not hit:
            raise DemoError(f"the planted variant {name} was not found")
        if role == "confounded":
            if hit:
                raise DemoError(f"{name} acts through smoking only, and smoking was accounted for")
            bare = Rows(rows.covariates[:, :1], rows.traits, rows.copies)
            if countries_truth.linear(bare, [name])[name].p > GENOME_WIDE:
                raise DemoError(f"{name} should look causal to whoever leaves smoking out")


def _planted(study: Study, plan: str) -> Mapping[str, str]:
    planted = study.sites[0].part.planted
    if plan == "coronary":
        return {_name(planted.coronary): "causal"}
    causal = {_name(one): "causal" for one in planted.ldl}
    return causal | {_name(planted.confounder): "confounded"}


def _name(site: Site) -> str:
    return f"{CHROM}-{site.start0 + 1}-{site.ref}-{site.alt}"


def _rows(walk: Walk, study: Study, present: Sequence[str]) -> Rows:
    """Of the sites that took part and have every covariate."""
    files = walk.files()
    taking = [
        site for site in study.sites
        if site.name in present and set(COVARIATES) <= set(site.part.columns)
    ]  # fmt: skip
    return countries_truth.rows(
        (files[site.number].individuals, files[site.number].variants) for site in taking
    )
