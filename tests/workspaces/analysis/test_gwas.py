"""The rounds of a study over sites end at what statsmodels and plink2 find in everybody's rows."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm

from workspaces.airlock import candidates
from workspaces.airlock.rules import Floors, Outcome, judge
from workspaces.analysis.alleles import Allele
from workspaces.analysis.design import Design, Floats
from workspaces.analysis.findings import Found
from workspaces.analysis.gwas import Bounds, Gwas, Trait
from workspaces.analysis.quality import quality
from workspaces.analysis.rounds import Round, limb_sum, run

VARIANTS = 60
OPEN = Bounds(call_rate=0.5, minor=0.0, hardy_weinberg=0.0)
PANEL = tuple(Allele("1", 100 + 10 * number, "A", "G") for number in range(VARIANTS))


def site(seed: int, people: int, *, binary: bool = False, missing: float = 0.02) -> Design:
    draw = np.random.default_rng(seed)
    frequency = np.random.default_rng(99).uniform(0.1, 0.5, VARIANTS)
    drifted = np.clip(frequency + draw.normal(0, 0.03, VARIANTS), 0.02, 0.98)
    dosages = draw.binomial(2, drifted, (people, VARIANTS)).astype(np.float32)
    sex, age = draw.integers(1, 3, people), draw.normal(52, 11, people)
    liability = 0.7 * dosages[:, 0] + 0.3 * (sex - 1) + 0.02 * (age - 52) + 0.2 * seed
    trait = (
        (draw.random(people) < 1 / (1 + np.exp(1.2 - liability))).astype(float)
        if binary
        else 170 + 8 * (liability + draw.normal(0, 1, people))
    )
    dosages[draw.random(dosages.shape) < missing] = np.nan
    return Design(trait, np.column_stack([np.ones(people), sex, age]), dosages)


QUANTITATIVE = [site(seed, people) for seed, people in ((1, 90), (2, 60), (3, 120))]
BINARY = [site(seed, people, binary=True) for seed, people in ((1, 190), (2, 160), (3, 220))]
LINEAR = Gwas(Trait.QUANTITATIVE, VARIANTS, 2, bounds=OPEN)
LOGISTIC = replace(LINEAR, trait=Trait.BINARY, promising=0.3)


def together(sites: list[Design]) -> Design:
    return Design(
        np.concatenate([one.phenotype for one in sites]),
        np.concatenate([one.covariates for one in sites]),
        np.concatenate([one.dosages for one in sites]),
    )


def ordinary(sites: list[Design], number: int, *, binary: bool) -> tuple[float, float, float]:
    everybody = together(sites)
    seen = np.isfinite(everybody.dosages[:, number])
    x = np.column_stack([everybody.covariates[seen], everybody.dosages[seen, number]])
    y = everybody.phenotype[seen]
    fitted = sm.Logit(y, x).fit(disp=0, tol=1e-12) if binary else sm.OLS(y, x).fit()
    return fitted.params[-1], fitted.bse[-1], fitted.pvalues[-1]


def assert_agrees(found: Found, sites: list[Design], *, binary: bool = False) -> None:
    exact = np.flatnonzero(~found.screened & np.isfinite(found.associations.p))
    assert exact.size >= 2
    for number in exact.tolist():
        beta, error, p = ordinary(sites, number, binary=binary)
        assert found.associations.beta[number] == pytest.approx(beta, abs=1e-6)
        assert found.associations.standard_error[number] == pytest.approx(error, abs=1e-6)
        assert found.associations.p[number] == pytest.approx(p, abs=1e-6)


def test_a_quantitative_trait_is_judged_as_by_least_squares_on_all_rows() -> None:
    assert_agrees(run(LINEAR, QUANTITATIVE), QUANTITATIVE)


def test_a_yes_or_no_trait_is_judged_as_by_maximum_likelihood_on_all_rows() -> None:
    found = run(LOGISTIC, BINARY)
    assert not found.screened[0]
    assert found.screened.sum() > VARIANTS / 2
    assert_agrees(found, BINARY, binary=True)


@pytest.mark.parametrize(("study", "sites"), [(LINEAR, QUANTITATIVE), (LOGISTIC, BINARY)])
def test_sums_through_integers_give_the_same_as_sums_of_floats(
    study: Gwas, sites: list[Design]
) -> None:
    plain, secure = run(study, sites).associations, run(study, sites, add=limb_sum).associations
    assert np.nanmax(np.abs(plain.beta - secure.beta) / plain.standard_error) < 1e-6
    assert np.nanmax(np.abs(plain.p - secure.p)) < 1e-6


@pytest.mark.parametrize(("study", "sites"), [(LINEAR, QUANTITATIVE), (LOGISTIC, BINARY)])
def test_sites_change_nothing_against_one_site_with_everybody(
    study: Gwas, sites: list[Design]
) -> None:
    apart, one = run(study, sites).associations, run(study, [together(sites)]).associations
    assert np.nanmax(np.abs(apart.beta - one.beta)) < 1e-9
    assert np.nanmax(np.abs(apart.p - one.p)) < 1e-8


@pytest.mark.parametrize(
    ("study", "sites"),
    [(LINEAR, QUANTITATIVE), (LOGISTIC, BINARY), (replace(LINEAR, ancestry=2), QUANTITATIVE)],
)
def test_a_site_of_nobody_is_as_if_it_had_not_taken_part(study: Gwas, sites: list[Design]) -> None:
    """A site without the trait or a covariate: it answers zeros to every question."""
    nobody = Design.nobody(covariates=3, variants=VARIANTS)
    with_it, without = run(study, [*sites[:2], nobody]), run(study, sites[:2])
    assert np.nanmax(np.abs(with_it.associations.beta - without.associations.beta)) < 1e-8
    assert (with_it.counts.counts == without.counts.counts).all()
    answered = study.answer(nobody, study.first())
    assert not answered.any()


def test_a_site_without_a_variant_leaves_it_to_the_others() -> None:
    dosages = QUANTITATIVE[1].dosages.copy()
    dosages[:, 7] = np.nan
    sites = [QUANTITATIVE[0], replace(QUANTITATIVE[1], dosages=dosages), QUANTITATIVE[2]]
    found = run(LINEAR, sites)
    beta, _, p = ordinary([sites[0], sites[2]], 7, binary=False)
    assert found.associations.beta[7] == pytest.approx(beta, abs=1e-8)
    assert found.associations.p[7] == pytest.approx(p, abs=1e-8)


def test_variants_below_the_bounds_are_not_tested() -> None:
    sites = [
        replace(one, dosages=np.column_stack([one.dosages[:, :-2], np.full((one.people, 2), 1.0)]))
        for one in QUANTITATIVE
    ]
    found = run(replace(LINEAR, bounds=Bounds()), sites)
    assert np.isnan(found.associations.p[-2:]).all()
    judged = quality(found.counts)
    passing = judged.passing(call_rate=0.95, minor=0.01, hardy_weinberg=1e-6)
    assert (np.isfinite(found.associations.p) == passing).all()
    assert passing.sum() > VARIANTS / 2


def test_a_separated_variant_is_no_number_and_the_rest_are() -> None:
    dosages = [one.dosages.copy() for one in BINARY]
    for one, mine in zip(BINARY, dosages, strict=True):
        mine[:, 4] = 2 * one.phenotype
    sites = [replace(one, dosages=mine) for one, mine in zip(BINARY, dosages, strict=True)]
    found = run(LOGISTIC, sites)
    assert np.isnan(found.associations.beta[4])
    assert np.isfinite(np.delete(found.associations.beta, 4)).all()


def structured(seed: int, people: int, group: int) -> Design:
    """A trait that differs between two ancestries, and variants that do so too: confounded."""
    draw, between = np.random.default_rng(seed), np.random.default_rng(7)
    frequency = between.uniform(0.1, 0.9, (2, 400))
    ancestry = draw.random(people) < (0.8 if group else 0.2)
    dosages = draw.binomial(2, frequency[ancestry.astype(int)]).astype(np.float32)
    trait = 3.0 * ancestry + draw.normal(0, 1, people)
    return Design(trait, np.ones((people, 1)), dosages)


def test_components_of_ancestry_take_away_what_ancestry_alone_explains() -> None:
    sites = [structured(seed, 150, seed % 2) for seed in range(3)]
    study = Gwas(Trait.QUANTITATIVE, 400, 0, bounds=OPEN)
    without, corrected = run(study, sites), run(replace(study, ancestry=1), sites)
    chance = np.nanmedian(without.associations.statistic**2)
    assert chance > 3  # expected where nothing is associated: 0.455
    assert np.nanmedian(corrected.associations.statistic**2) < 0.8
    secure = run(replace(study, ancestry=1), sites, add=limb_sum)
    assert np.allclose(secure.associations.beta, corrected.associations.beta, atol=1e-6)


def test_what_is_found_is_a_summary_that_the_airlock_reads() -> None:
    found = run(LOGISTIC, BINARY)
    names = [allele.name for allele in PANEL]
    offered = candidates.read(json.dumps(found.document(names, trait="case")).encode())
    verdict = judge(offered, Floors(frozenset({"gwas-summary"}), labels=frozenset({"case"})))
    assert verdict.outcome is Outcome.RELEASE
    assert isinstance(verdict.released, candidates.GwasSummary)
    assert verdict.released.variants[0].allele == "1-100-A-G"


def test_data_of_another_shape_or_trait_is_refused_before_a_sum_is_made() -> None:
    asked = LOGISTIC.first()
    with pytest.raises(ValueError, match="not 0 or 1"):
        LOGISTIC.answer(QUANTITATIVE[0], asked)
    with pytest.raises(ValueError, match="other variants"):
        replace(LINEAR, variants=9).answer(QUANTITATIVE[0], asked)
    with pytest.raises(ValueError, match="other variants"):
        replace(LINEAR, covariates=1).answer(QUANTITATIVE[0], asked)
    with pytest.raises(ValueError, match="no site has a person"):
        run(LINEAR, [Design.nobody(covariates=3, variants=VARIANTS)])
    with pytest.raises(ValueError, match="is not a valid Step"):
        LINEAR.answer(QUANTITATIVE[0], Round("rows"))


def test_covariates_that_give_cases_away_stop_the_study() -> None:
    sites = [
        replace(one, covariates=np.column_stack([one.covariates[:, :2], one.phenotype]))
        for one in BINARY
    ]
    with pytest.raises(ValueError, match=r"tell cases from controls|the same for everybody"):
        run(LOGISTIC, sites)


def test_covariates_that_settle_nothing_are_said_to() -> None:
    sites = [
        replace(one, covariates=np.column_stack([one.covariates[:, :2], np.zeros(one.people)]))
        for one in BINARY
    ]
    with pytest.raises(ValueError, match="the same for everybody"):
        run(LOGISTIC, sites)


def plink(folder: Path, design: Design, *arguments: str) -> list[dict[str, str]]:
    """What plink2 finds in everybody's rows, by its own reading of a VCF and a phenotype file."""
    people = [f"p{number}" for number in range(design.people)]
    spelled = {0.0: "0/0", 1.0: "0/1", 2.0: "1/1"}
    rows = ["##fileformat=VCFv4.3", "##contig=<ID=1>"]
    rows.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + "\t".join(people))
    for number, allele in enumerate(PANEL):
        calls = [spelled.get(float(copies), "./.") for copies in design.dosages[:, number]]
        place = ["1", str(allele.position), f"v{number}", "A", "G", ".", ".", ".", "GT"]
        rows.append("\t".join(place + calls))
    (folder / "all.vcf").write_text("\n".join(rows) + "\n")
    lines = ["#IID\ttrait\tsex\tage"]
    for person, y, x in zip(people, design.phenotype, design.covariates, strict=True):
        lines.append(f"{person}\t{y:.17g}\t{x[1]:.17g}\t{x[2]:.17g}")
    (folder / "all.tsv").write_text("\n".join(lines) + "\n")
    command = ["plink2", "--vcf", "all.vcf", "--pheno", "all.tsv", "--pheno-name", "trait",
               "--covar", "all.tsv", "--covar-name", "sex,age", "--glm", "omit-ref",
               "hide-covar", "allow-no-covars", *arguments, "--out", "found",
               "--threads", "1"]  # fmt: skip
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=600)
    (path,) = folder.glob("found.trait.glm.*")
    header, *body = path.read_text().splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in body]


def figures(rows: list[dict[str, str]], column: str) -> Floats:
    return np.array([float(row[column]) if row[column] != "NA" else np.nan for row in rows])


@pytest.mark.program("plink2")
def test_plink2_finds_the_same_in_a_quantitative_trait(tmp_path: Path) -> None:
    rows = plink(tmp_path, together(QUANTITATIVE))
    found = run(LINEAR, QUANTITATIVE).associations
    beta = figures(rows, "BETA")
    assert np.nanmax(np.abs(found.beta / beta - 1)) < 1e-5  # six digits are printed
    assert np.nanmax(np.abs(found.p - figures(rows, "P"))) < 1e-6


@pytest.mark.program("plink2")
def test_plink2_finds_the_same_in_a_yes_or_no_trait(tmp_path: Path) -> None:
    rows = plink(tmp_path, together(BINARY), "no-firth", "--1")
    found = run(LOGISTIC, BINARY)
    exact = ~found.screened
    beta = np.log(figures(rows, "OR"))
    assert np.nanmax(np.abs(found.associations.beta - beta)[exact]) < 1e-5
    assert np.nanmax(np.abs(found.associations.p - figures(rows, "P"))[exact]) < 1e-5
