from __future__ import annotations

import pytest

from beacon.catalog import PopulationCount
from beacon.loading.site_counts import MAX_POPULATIONS, WHOLE, site_counts


def keys(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "")


def test_counts_are_taken_per_allele() -> None:
    info = {"AC": (3, 5), "AN": 100, "nhomalt": (1, 0), "AC_Hemi": (2, 0)}
    counts = site_counts(keys(*info))
    assert counts.of(info.get, 0) == (3, 100, 1, 2)
    assert counts.of(info.get, 1) == (5, 100, 0, 0)


@pytest.mark.parametrize(
    "info",
    [{}, {"AC": 3}, {"AN": 3}, {"AC": 5, "AN": 4}, {"AC": -1, "AN": 4}, {"AC": "x", "AN": 4},
     {"AC": (), "AN": 4}, {"AC": 2**40, "AN": 2**41}],
)  # fmt: skip
def test_counts_that_cannot_be_are_not_counts(info: dict[str, object]) -> None:
    assert site_counts(keys("AC", "AN")).of(info.get, 0) == (0, 0, None, None)


def test_homozygous_alleles_are_twice_the_people() -> None:
    described = {"AC_Hom": "Allele counts in homozygous genotypes"}
    assert site_counts(described).of({"AC_Hom": 6}.get, 0)[2] == 3
    described = {"AC_Hom": "Adjusted homozygous counts"}
    assert site_counts(described).of({"AC_Hom": 6}.get, 0)[2] == 6


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"AC_afr": 2, "AN_afr": 8}, PopulationCount("afr", 2, 8, 0.25)),
        ({"AF_AFR": 0.5}, PopulationCount("AFR", None, None, 0.5)),
        ({"EAS_AF": 0.125}, PopulationCount("EAS", None, None, 0.125)),
        ({"AC_nfe-fin": 1}, PopulationCount("nfe-fin", 1, None, None)),
    ],
)
def test_populations_are_found_in_both_spellings(
    info: dict[str, object], expected: PopulationCount
) -> None:
    assert site_counts(keys(*info)).by_population(info.get, 0) == [expected]


def test_a_frequency_without_counts_is_that_of_all() -> None:
    counts = site_counts(keys("AF"))
    assert counts.by_population({"AF": (0.5, 0.25)}.get, 1) == [
        PopulationCount(WHOLE, None, None, 0.25)
    ]
    assert site_counts(keys("AC", "AN", "AF")).populations == {}


@pytest.mark.parametrize("name", ["AC_Hom", "AC_Hemi", "AC_Het", "AC_Adj", "AC_raw", "MAX_AFX"])
def test_zygosity_is_no_population(name: str) -> None:
    assert site_counts(keys(name)).populations == {}


def test_only_so_many_populations_are_read() -> None:
    many = keys(*(f"AC_p{number}" for number in range(MAX_POPULATIONS + 9)))
    assert len(site_counts(many).populations) == MAX_POPULATIONS


def test_a_population_that_is_not_there_is_left_out() -> None:
    counts = site_counts(keys("AC_afr", "AN_afr", "AF_afr"))
    nothing: dict[str, object] = {}
    assert counts.by_population(nothing.get, 0) == []
    assert counts.by_population({"AF_afr": 7.5}.get, 0) == []
