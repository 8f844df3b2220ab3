"""Slices: every record of the regions once, in file order, in a file that any reader reads."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path

import pysam
import pytest

from streams.errors import InvalidRange, NoSuchReference
from streams.slices import weave as weaving
from streams.slices.chart import Chart, Region, dump, load
from streams.slices.survey import survey
from streams.slices.weave import weave, whole
from streams.sources import BGZF_EOF, CRAM_EOF
from streams.storage import file_source
from tests.support import slice_files
from tests.support.slice_files import CONTIGS, ENDINGS, LONG, overlapping, read_all

FORMS = list(ENDINGS)


@pytest.fixture(scope="module", params=FORMS)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Chart]:
    path = slice_files.write(tmp_path_factory.mktemp("made"), request.param)
    return path, load(dump(survey(path, request.param)))


def cut(path: Path, chart: Chart, regions: Sequence[Region], to: Path) -> Path:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        woven = weave(file_source(descriptor), chart, chart.rows(regions))
        content = woven.read(file_source(descriptor), 0, woven.size)
    finally:
        os.close(descriptor)
    assert len(content) == woven.size
    result = to / f"slice{ENDINGS[chart.form]}"
    result.write_bytes(content)
    return result


def check(
    made: tuple[Path, Chart], regions: Sequence[Region], to: Path, *, judged: int = 100
) -> list[str]:
    """What the slice holds; it holds the regions' records once, in order, and nothing broken.

    Of very many regions only so many are judged, since the naive answer is slow.
    """
    path, chart = made
    whole_file = read_all(path, chart.form)
    order = {text: number for number, (*_, text) in enumerate(whole_file)}
    sent = read_all(cut(path, chart, regions, to), chart.form)
    numbers = [order[text] for *_, text in sent]
    assert numbers == sorted(set(numbers))
    expected = overlapping(whole_file, regions[:judged])
    assert overlapping(sent, regions[:judged]) == expected
    return expected


@pytest.mark.parametrize(
    "regions",
    [
        [Region("chr1")],
        [Region("chr1", 124_000_000, 124_500_000)],
        [Region("chr1", None, 124_500_000)],
        [Region("chr2", 500_000, None)],
        [Region("chr2", 505_000, 505_001)],
        [Region("chrLong", 2**29 + 1000, LONG)],
        [Region("chr2"), Region("chr1", 124_478_000, 124_479_000)],
        [Region("chr1", 0, 200_000_000), Region("chr1", 124_478_000, 248_000_000)],
        [Region("chr1", 124_478_211, 124_478_300)] * 3,
    ],
    ids=str,
)
def test_a_slice_holds_its_records(
    made: tuple[Path, Chart], regions: list[Region], tmp_path: Path
) -> None:
    assert check(made, regions, tmp_path)


def test_random_regions_in_any_order_give_each_record_once(
    made: tuple[Path, Chart], tmp_path: Path
) -> None:
    rng = random.Random(5)  # noqa: S311
    for _ in range(15):
        regions = []
        for _ in range(rng.choice((1, 2, 8))):
            name = rng.choice(["chr1", "chrLong", "chr2"])
            start0 = rng.randrange(CONTIGS[name])
            regions.append(Region(name, start0, start0 + rng.choice((1, 1000, 10**6, 10**8))))
        check(made, regions, tmp_path)


def test_reads_without_a_place_are_asked_for_by_a_star(
    made: tuple[Path, Chart], tmp_path: Path
) -> None:
    if made[1].form not in ("BAM", "CRAM"):
        with pytest.raises(NoSuchReference):
            made[1].rows([Region("*")])
        return
    assert len(check(made, [Region("*")], tmp_path)) == 200
    assert len(check(made, [Region("*"), Region("chr2")], tmp_path)) > 200
    with pytest.raises(InvalidRange):
        made[1].rows([Region("*", 0, 5)])


@pytest.mark.parametrize(
    "regions",
    [[], [Region("chrEmpty")], [Region("chr2", 5, 5)], [Region("chr2", 2**32 - 2, 2**32 - 1)]],
    ids=str,
)
def test_an_empty_answer_is_a_valid_file(
    made: tuple[Path, Chart], regions: list[Region], tmp_path: Path
) -> None:
    assert check(made, regions, tmp_path) == []
    path, chart = made
    result = cut(path, chart, regions, tmp_path)
    end = CRAM_EOF if chart.form == "CRAM" else BGZF_EOF
    assert result.read_bytes().endswith(end)
    kind = pysam.AlignmentFile if chart.form in ("BAM", "CRAM") else pysam.VariantFile
    with kind(result) as file:
        named = file.references if isinstance(file, pysam.AlignmentFile) else file.header.contigs
        assert list(named) == list(CONTIGS)


def test_an_unknown_reference_is_said_so(made: tuple[Path, Chart]) -> None:
    with pytest.raises(NoSuchReference, match="chrZZ"):
        made[1].rows([Region("chr1"), Region("chrZZ")])


def test_ten_thousand_regions_are_one_bounded_plan(
    made: tuple[Path, Chart], tmp_path: Path
) -> None:
    rng = random.Random(7)  # noqa: S311
    starts = [rng.randrange(CONTIGS["chr1"]) for _ in range(10_000)]
    regions = [Region("chr1", start0, start0 + 500) for start0 in starts]
    path, chart = made
    descriptor = os.open(path, os.O_RDONLY)
    woven = weave(file_source(descriptor), chart, chart.rows(regions))
    os.close(descriptor)
    assert len(woven.pieces) <= 3 * weaving.MAX_STRETCHES
    check(made, regions, tmp_path)


def test_few_stretches_take_more_along_and_lose_nothing(
    made: tuple[Path, Chart], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weaving, "MAX_STRETCHES", 2)
    regions = [Region("chr1", start0, start0 + 10) for start0 in range(0, 248_000_000, 10**7)]
    check(made, regions, tmp_path)


def test_any_range_of_a_slice_is_the_same_bytes_again(made: tuple[Path, Chart]) -> None:
    path, chart = made
    descriptor = os.open(path, os.O_RDONLY)
    try:
        woven = weave(
            file_source(descriptor), chart, chart.rows([Region("chr1", 10**8, 2 * 10**8)])
        )
        content = woven.read(file_source(descriptor), 0, woven.size)
        for start0 in range(0, woven.size, 7001):
            end0 = min(start0 + 9000, woven.size)
            assert woven.read(file_source(descriptor), start0, end0) == content[start0:end0]
        every = whole(chart)
        assert every.read(file_source(descriptor), 0, every.size) == path.read_bytes()
    finally:
        os.close(descriptor)


def test_there_is_one_end_of_file_block(made: tuple[Path, Chart], tmp_path: Path) -> None:
    path, chart = made
    content = cut(path, chart, [Region("chr2"), Region("chr1", 0, 10**8)], tmp_path).read_bytes()
    end = CRAM_EOF[0] if chart.form == "CRAM" else BGZF_EOF
    assert content.count(end) == 1
    assert content.endswith(end)
