from __future__ import annotations

import pytest

from gateway.demo.synthetic_gene import END0, START0, consequence

REFERENCE = "A" * START0 + "ATGTGGTAA" + "C" * (END0 - START0)


@pytest.mark.parametrize(
    ("place", "alt", "expected"),
    [
        (0, "C", "C|missense_variant|ISLE1|ISLE1-t.1:c.1A>C|ISLE1-p.1:p.Met1Leu"),
        (5, "A", "A|stop_gained|ISLE1|ISLE1-t.1:c.6G>A|ISLE1-p.1:p.Trp2Ter"),
        (8, "G", "G|synonymous_variant|ISLE1|ISLE1-t.1:c.9A>G|ISLE1-p.1:p.Ter3%3D"),
        (6, "C", "C|stop_lost|ISLE1|ISLE1-t.1:c.7T>C|ISLE1-p.1:p.Ter3Gln"),
    ],
)
def test_a_substitution_is_annotated_by_the_genetic_code(
    place: int, alt: str, expected: str
) -> None:
    assert consequence(REFERENCE, START0 + place, alt) == expected


@pytest.mark.parametrize("start0", [0, START0 - 1, END0, END0 + 5])
def test_outside_the_gene_nothing_is_said(start0: int) -> None:
    assert consequence(REFERENCE, start0, "G") is None
