"""What `skerry load` shows while it works: the rate, and the time left once the end is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon.loading.load import DatasetSource, check, load
from gateway.commands.load_progress import Shown
from tests.support.bff import legacy
from tests.support.sources import write_records, write_vcf


def stages(source: DatasetSource, folder: Path | None) -> dict[str, float | None]:
    """Of every stage that was shown, the end its bar knew of."""
    ends: dict[str, float | None] = {}
    with Shown() as shown:

        def watch(stage: str, done: int) -> None:
            shown(stage, done)
            ends[stage] = shown.end

        if folder is None:
            assert check(source, progress=watch) == []
        else:
            load(source, folder, progress=watch)
    return ends


@pytest.fixture
def source(tmp_path: Path) -> DatasetSource:
    vcfs = tuple(
        write_vcf(tmp_path / f"{first}.vcf.gz", [f"{first}{n} . A G . 0/1" for n in range(5)],
                  samples=["S1"])
        for first in (1, 2)
    )  # fmt: skip
    return DatasetSource("d", "D", "", "GRCh38", vcfs)


def test_the_end_of_reading_is_known_from_files_without_an_index(
    source: DatasetSource, tmp_path: Path
) -> None:
    ends = stages(source, tmp_path / "catalog")
    assert ends["genomicVariant"] == ends["genomicVariant, indexed"] == 10
    assert stages(source, None)["genomicVariant, checked"] == 10


def test_records_count_as_lines_do(source: DatasetSource, tmp_path: Path) -> None:
    records = write_records(tmp_path / "a.json", [legacy(2, "A", "G"), legacy(4, "A", "G")])
    made = DatasetSource("d", "D", "", "GRCh38", source.vcfs[:1], genomic_variations=(records,))
    assert stages(made, tmp_path / "catalog")["genomicVariant"] == 5 + 2


def test_what_was_left_out_or_lost_is_counted_and_is_no_stage() -> None:
    with Shown() as shown:
        shown("genomicVariant", 3)
        shown("left out: x", 2)
        shown("lost: y", 1)
        assert shown.end is None
    assert shown.counted == {"left out: x": 2, "lost: y": 1}
