"""A chart whose index stays in its file says what the whole one says, and breaks as an error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import NoSuchReference, VaultBroken
from streams.shelf import ClearObject, Shelf
from streams.slices.binned import BinnedIndex
from streams.slices.chart import Chart, Region, dump, load, open_stored
from streams.slices.stored import Held
from streams.slices.survey import survey
from streams.sources import Kind
from tests.support import slice_files

MUCH = 1 << 30


class File:
    """A chart's bytes, how many of them were read, and whether they still are there."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.read_bytes = 0

    def read(self, start: int, end: int) -> bytes:
        if not start <= end <= len(self.content):
            raise VaultBroken("cut short")
        self.read_bytes += end - start
        return self.content[start:end]


@pytest.fixture(scope="module", params=["BAM", "CRAM", "VCF", "BCF"])
def chart(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Chart:
    folder = tmp_path_factory.mktemp(request.param)
    return survey(slice_files.write(folder, request.param, records=800), request.param)


def stored(content: bytes, held: Held | None = None) -> tuple[Chart, File]:
    file = File(content)
    return open_stored(file.read, name="one", held=held or Held(MUCH)), file


PLACES = st.integers(0, 250_000_000)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(names=st.lists(st.sampled_from([*slice_files.CONTIGS]), max_size=4), data=st.data())
def test_every_region_lies_where_the_whole_chart_says(
    chart: Chart, names: list[str], data: st.DataObject
) -> None:
    regions = [
        Region(name, *sorted((data.draw(PLACES), data.draw(PLACES)))) for name in names
    ] + data.draw(st.lists(st.sampled_from(chart.everything()), max_size=2))
    kept, _ = stored(dump(chart))
    assert np.array_equal(kept.rows(regions), chart.rows(regions))


def test_all_records_and_those_without_a_place_are_found(chart: Chart) -> None:
    kept, _ = stored(dump(chart))
    assert kept.everything() == chart.everything()
    found = kept.rows(kept.everything())
    assert len(found)
    assert np.array_equal(found, chart.rows(chart.everything()))
    with pytest.raises(NoSuchReference):
        kept.rows([Region("nowhere")])


def test_what_was_read_is_at_hand_whatever_becomes_of_the_file(chart: Chart) -> None:
    kept, file = stored(dump(chart))
    regions = [Region(name) for name in chart.references]
    found = kept.rows(regions)
    before, file.content = file.read_bytes, b""
    assert np.array_equal(kept.rows(regions), found)
    assert file.read_bytes == before


def many_references() -> Chart:
    """Twenty of them, with a thousand bins each."""
    bins, chunks = np.arange(4_681, 5_681), np.arange(20_000, dtype=np.uint64)
    index = BinnedIndex(
        min_shift=14,
        depth=5,
        ref_bins=np.arange(0, 20_001, 1_000),
        bins=np.tile(bins, 20),
        bin_loffset=chunks << np.uint64(16),
        bin_chunks=np.arange(20_001),
        chunk_begin=chunks << np.uint64(16),
        chunk_end=(chunks + np.uint64(1)) << np.uint64(16),
        ref_windows=np.zeros(21, np.int64),
        windows=np.empty(0, np.uint64),
    )
    names = {f"chr{number}": number for number in range(20)}
    return Chart("BAM", 1 << 40, 100, 20_000 << 16, names, index)


def test_of_one_reference_a_twentieth_is_read_and_held() -> None:
    whole, held = many_references(), Held(MUCH)
    content = dump(whole)
    kept, file = stored(content, held)
    asked = [Region("chr7", 1_000_000, 1_100_000)]
    assert np.array_equal(kept.rows(asked), whole.rows(asked))
    assert file.read_bytes < len(content) / 10
    assert held.bytes < len(content) / 10


def test_held_is_no_more_than_may_be_and_the_least_used_goes_first() -> None:
    whole = many_references()
    kept, file = stored(dump(whole), held := Held(3 * 50_000))
    for name in whole.references:
        kept.rows([Region(name)])
        kept.rows([Region("chr0")])  # is asked for again and again, and stays
        assert held.bytes <= 3 * 50_000
    before = file.read_bytes
    kept.rows([Region("chr0")])
    assert file.read_bytes == before
    kept.rows([Region("chr1")])
    assert file.read_bytes > before


def test_a_part_larger_than_all_that_may_be_held_answers_too() -> None:
    whole = many_references()
    kept, _ = stored(dump(whole), Held(1))
    for name in whole.references:
        assert np.array_equal(kept.rows([Region(name)]), whole.rows([Region(name)]))


def test_two_that_ask_at_once_get_the_same_and_it_is_held_once() -> None:
    whole, held = many_references(), Held(MUCH)
    file, both, found = File(dump(whole)), threading.Barrier(2, timeout=60), list[bool]()

    def together(start: int, end: int) -> bytes:
        if end - start == 1_001 * 8:  # a reference's first array
            both.wait()
        return file.read(start, end)

    kept = open_stored(together, name="one", held=held)

    def ask() -> None:
        found.append(np.array_equal(kept.rows([Region("chr3")]), whole.rows([Region("chr3")])))

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(60)
    assert found == [True, True]
    assert 0 < held.bytes < len(file.content) / 10


@pytest.mark.parametrize("left", [0, 10, 15, 16, 100, 400, -64])
def test_a_chart_cut_short_is_an_error_of_the_request(chart: Chart, left: int) -> None:
    content = dump(chart)[:left]

    def asked() -> object:
        kept, _ = stored(content)
        return kept.rows(kept.everything())

    with pytest.raises(VaultBroken):
        asked()


def _shelved(tmp_path: Path) -> tuple[Shelf, ClearObject, Path]:
    source = slice_files.write(tmp_path, "BAM", records=800)
    shelf = Shelf(tmp_path / "clear")
    found = shelf.register(source, object_id="a/b", dataset="a", kind=Kind.READS, form="BAM")
    assert found.chart is not None
    return shelf, found, tmp_path / "clear" / "charts" / found.chart


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(200)


def _emptied(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(0)


@pytest.mark.parametrize("damage", [_cut, _emptied, Path.unlink])
def test_a_chart_damaged_under_a_node_ends_no_process(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Read by nobody before, as the shelf of another worker has it: mapped, it was SIGBUS."""
    shelf, found, path = _shelved(tmp_path)
    opened = shelf.chart(found)
    other = Shelf(tmp_path / "clear")
    damage(path)
    if damage is Path.unlink:
        assert len(opened.rows(opened.everything()))  # open it is still whole
    else:
        with pytest.raises(VaultBroken):
            opened.rows(opened.everything())
    with pytest.raises(VaultBroken):
        other.chart(found).rows(opened.everything())


def test_a_chart_asked_for_before_goes_on_answering(tmp_path: Path) -> None:
    shelf, found, path = _shelved(tmp_path)
    chart = shelf.chart(found)
    asked = [Region(name) for name in chart.references]
    rows = chart.rows(asked)
    _cut(path)
    assert np.array_equal(shelf.chart(found).rows(asked), rows)
    assert load(dump(survey(tmp_path / "made.bam", "BAM"))).references == chart.references
