"""Journey 4: a cohort found, a run approved at every node, secure sums in sandboxes, two people at
the airlock, and a result that equals everybody's rows together, with its proofs.

The programs it needs (bubblewrap, the engine) are looked for first: without them nothing is begun.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.demo import servers
from gateway.demo.countries import results
from gateway.demo.countries import study as countries
from gateway.demo.countries import truth as countries_truth
from gateway.demo.countries.page import Shown, page, summary_of
from gateway.demo.countries.run import Led, Sites
from gateway.demo.countries.study import Study
from gateway.demo.countries.traits import CORONARY, COVARIATES
from gateway.demo.countries.truth import Pooled, Rows
from gateway.demo.smoke import browser
from gateway.demo.smoke.walk import Walk, expect, json_of, summary
from gateway.errors import DemoError
from streams.keys import SecretKey
from workspaces.plots.associations import GENOME_WIDE
from workspaces.results import Result

PAGE = "study.html"
_ROUNDED = 2e-3  # the airlock gives four digits
_MAXIMUM = 0.01  # below, a yes-or-no trait's figures are the likelihood's maximum and no screening


@dataclass(frozen=True, slots=True)
class Finished:
    """One run of a study, from its plan to what its researcher holds."""

    plan: str
    led: Led
    result: Result
    shown: Shown

    def words(self) -> str:
        led, found = self.led, self.shown.summary.variants
        hits = sum(one.p <= GENOME_WIDE for one in found)
        return (
            f"{self.plan} over {led.over()} in {led.seconds:.0f} s from start to result, "
            f"{hits} of {len(found)} variants genome-wide"
        )


async def journey(walk: Walk) -> str:
    engine = countries.refuse_where_nothing_runs()
    study = countries.of(walk.federation, engine)
    if study is None:
        return "not walked: it needs three nodes and people with traits, as the demo simulates them"
    cohort = await _cohort(walk, study)
    study = await countries.prepare(study, walk.federation, walk.people)
    _look_on(walk, study)
    began = int(time.time())
    finished = await _finished(walk, study)
    await _told_in_portal(walk, len(finished))
    ended = int(time.time())
    receipts = await results.wiped(study, walk.people)
    entries = results.records_hold(study)
    for one in finished:
        crate = await results.crate(
            study, one.plan, one.led, one.result, walk.people, times=(began, ended)
        )
        (study.folder / _crate(one)).write_bytes(crate)
        (study.folder / f"{one.plan}.released.json").write_bytes(one.result.content)
    checks = [results.checking(study, _crate(one)) for one in finished]
    await asyncio.gather(*(results.checked(study, one) for one in checks))
    written = page([one.shown for one in finished], checks=checks)
    (study.folder / PAGE).write_text(written, encoding="utf-8")
    runs = "; ".join(one.words() for one in finished)
    return (
        f"{cohort}; approved at {len(study.sites)} nodes; {runs}; "
        f"each released by two people and equal to everybody's rows together; {receipts} wipes "
        f"signed, {entries} entries of {len(study.sites)} records verified, crates proven: "
        f"{len(finished)}"
    )


def _crate(one: Finished) -> str:
    return f"{one.plan}.crate.zip"


def _look_on(walk: Walk, study: Study) -> None:
    joined = study.site_bundle(study.sites[0])
    servers.look_on(
        walk.federation, walk.processes, name=countries.NAME, url=joined.registrar,
        authority=joined.authority, token=study.viewer(),
    )  # fmt: skip


async def _told_in_portal(walk: Walk, runs: int) -> None:
    """The portal's page of the federation has every run, done."""
    path = f"/federations/{countries.NAME}"
    page = await browser.seen_in_portal(walk, path, account=countries.RESEARCHER)
    expect("runs done on the portal's page", runs, page.count('<span class="chip done">'))


async def _finished(walk: Walk, study: Study) -> list[Finished]:
    """Every plan, led by the first site. Where there are enough, the last one drops out of the
    first run and does not come back."""
    sites, secret = Sites(study, walk.processes), SecretKey.generate()
    first, last = study.sites[0], study.sites[-1]
    leaving = last if len(study.sites) >= countries.WITH_DROP_OUT else None
    led: dict[str, Led] = {}
    try:
        await sites.start(study.sites[1:])
        for plan in study.plans:
            led[plan] = await sites.lead(first, plan, without=None if led else leaving)
            expect("the sites that were missing", [last.name] if leaving else [],
                   [*led[plan].missing])  # fmt: skip
    finally:
        sites.close()
    finished = []
    for plan, of in led.items():
        output = await results.released(first, of, walk.people)
        result = await results.taken(first, output, walk.people, secret=secret)
        finished.append(Finished(plan, of, result, compared(walk, study, plan, of, result)))
    return finished


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
        if plan == "coronary" and max(one.p, true.p) > _MAXIMUM:
            continue
        for name, given, wanted in (
            ("beta", one.beta, true.beta), ("p", one.p, true.p),
            ("standard error", one.standard_error, true.standard_error),
        ):  # fmt: skip
            if abs(given - wanted) > _ROUNDED * abs(wanted):
                raise DemoError(f"{name} of {one.allele}: expected {wanted:.6g}, got {given:.6g}")
    planted = _planted(study, plan)
    bare = _expect_planted(rows, truth, planted)
    words = (
        f"{led.over()}; {rows.covariates.shape[0]} people with "
        f"{', '.join(COVARIATES)}; {led.seconds:.0f} s from start to result. "
        "The simulated genome is so short that much of it lies near a planted variant, hence λ. "
        f"{bare}"
    )
    return Shown(result.content, truth, planted, words)


def _expect_planted(rows: Rows, truth: Mapping[str, Pooled], planted: Mapping[str, str]) -> str:
    """Raises where a planted variant is not as it should be; says what became of the confounder."""
    said = ""
    for name, role in planted.items():
        hit = name in truth and truth[name].p <= GENOME_WIDE
        if role == "causal" and not hit:
            raise DemoError(f"the planted variant {name} was not found")
        if role == "confounded":
            if hit:
                raise DemoError(f"{name} acts through smoking only, and smoking was accounted for")
            bare = Rows(rows.covariates[:, :1], rows.traits, rows.copies)
            alone = countries_truth.linear(bare, [name])[name].p
            if alone > GENOME_WIDE:
                raise DemoError(f"{name} should look causal to whoever leaves smoking out")
            said = f"{name} acts through smoking: p = {alone:.2g} to whoever leaves smoking out."
    return said


def _planted(study: Study, plan: str) -> Mapping[str, str]:
    planted = study.sites[0].part.planted
    if plan == "coronary":
        return {planted.coronary.name: "causal"}
    causal = {one.name: "causal" for one in planted.ldl}
    return causal | {planted.confounder.name: "confounded"}


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
