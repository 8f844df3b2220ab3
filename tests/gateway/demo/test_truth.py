"""What the walk through a demo asks is drawn from its files; two questions in a row differ."""

from __future__ import annotations

import random
from pathlib import Path

from gateway.demo.smoke.truth import Files, pick_allele
from tests.support.sources import write_records, write_vcf


def test_another_question_is_another_one_whatever_is_drawn(tmp_path: Path) -> None:
    lines = ["100 . A C . 0/1 1/1", "200 . G T . 0/1 0/0"]
    calls = write_vcf(tmp_path / "v.vcf.gz", lines, samples=("p1", "p2"))
    people = write_records(tmp_path / "people.json", [{"id": "p1"}, {"id": "p2"}])
    files = [Files(people, calls, None)]
    for seed in range(20):
        chooser = random.Random(seed)  # noqa: S311 - which questions to ask
        first = pick_allele(files, chooser)
        assert pick_allele(files, chooser, other_than=first) != first
