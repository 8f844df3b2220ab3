"""Questions for the demo's portal to propose: each finds somebody in the demo's own data."""

from __future__ import annotations

import random
from collections.abc import Sequence

from gateway.demo.data import DemoDataset
from gateway.demo.smoke import truth
from gateway.demo.smoke.truth import Files

_AROUND = 500


def examples(plans: Sequence[Sequence[DemoDataset]]) -> list[str]:
    """An allele that every node's people carry, its region, the commonest disease, carriers."""
    sources = [node[0].source for node in plans]
    files = [
        Files(one.individuals, one.vcfs[0], one.keep_people)
        for one in sources
        if one.individuals is not None
    ]
    if len(files) != len(sources):
        return []
    asked = truth.pick_allele(files, random.Random(1))  # noqa: S311 - an example
    counts = truth.diseases(files[0])
    disease = max(sorted(counts), key=lambda code: counts[code])
    position = asked.start0 + 1
    variant = f"{asked.chrom}-{position}-{asked.ref}-{asked.alt}"
    region = f"{asked.chrom}:{max(1, position - _AROUND)}-{position + _AROUND}"
    return [variant, region, disease, f"{variant}; {_sex_of(files[0], asked.carriers[0])}"]


def _sex_of(files: Files, carriers: frozenset[str]) -> str:
    """Which most of these people have, so that the question finds somebody."""
    said = [str(one["sex"]["id"]) for one in truth.people(files) if one["id"] in carriers]
    return max(sorted(said), key=said.count)
