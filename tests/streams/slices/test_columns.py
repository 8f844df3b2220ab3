"""Fields and tags: what is left out is SAM's missing value, what stays is as htslib reads it."""

from __future__ import annotations

import os
import random
import struct
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidInput
from schemas.htsget import ColumnsAsked
from streams.errors import SourceRefused
from streams.slices import trim
from streams.slices.chart import Chart, Region
from streams.slices.columns import FIELDS, Trimmer
from streams.slices.survey import survey
from streams.slices.weave import weave
from streams.storage import Source, file_source
from tests.support import slice_files

MISSING = ["*", "0", "*", "0", "255", "*", "*", "0", "0", "*", "*"]  # SAM 1.4, in its order
ORDER = [
    *("QNAME", "FLAG", "RNAME", "POS", "MAPQ", "CIGAR"),
    *("RNEXT", "PNEXT", "TLEN", "SEQ", "QUAL"),
]
LONG = "".join(f"{n % 3 + 1}M1I" for n in range(40_000))  # more operations than the field holds


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs with tags of every type; one read whose CIGAR lies in a tag."""
    path, rng = tmp_path_factory.mktemp("tagged") / "tagged.bam", random.Random(3)  # noqa: S311
    header = pysam.AlignmentHeader.from_references(["a", "b"], [10_000_000, 10_000_000])
    with pysam.AlignmentFile(path, "wb", header=header) as file:
        for number in range(6_000):
            read = pysam.AlignedSegment(header)
            read.query_name = f"read{number}"
            read.flag, read.mapping_quality = 99, 37
            read.reference_id, read.reference_start = number // 3_000, 1_000 + number % 3_000 * 7
            read.next_reference_id, read.next_reference_start = 1, 70_000
            read.template_length = 321
            length = rng.choice((51, 100))
            read.query_sequence = "".join(rng.choices("ACGT", k=length))
            read.query_qualities = pysam.qualitystring_to_array("F" * length)
            read.cigarstring = f"{length}M"
            if number == 3_500:
                read.query_sequence = "A" * sum(int(n) for n in LONG.replace("M1I", " 1 ").split())
                read.cigarstring = LONG
            read.set_tags(
                [
                    ("NM", rng.randrange(300), "i"),
                    ("XA", "c", "A"),
                    ("XF", 0.25, "f"),
                    ("RG", "group one", "Z"),
                    ("XH", "1AFF", "H"),
                    ("XB", array("h", range(rng.randrange(1, 9)))),
                    ("XD", array("f", [0.5, 1.5])),
                ]
            )
            file.write(read)
    return path


@pytest.fixture(scope="module")
def chart(tagged: Path) -> Chart:
    return survey(tagged, "BAM")


@pytest.fixture
def source(tagged: Path) -> Iterator[Source]:
    descriptor = os.open(tagged, os.O_RDONLY)
    yield file_source(descriptor)
    os.close(descriptor)


@pytest.fixture
def sent(source: Source, chart: Chart, tmp_path: Path) -> Callable[..., list[str]]:
    """The lines that samtools reads of what is sent."""

    def lines(columns: ColumnsAsked, *regions: Region) -> list[str]:
        rows = chart.rows(regions or chart.everything())
        woven = weave(source, chart, rows, columns=columns)
        content = woven.read(source, 0, woven.size)
        assert len(content) == woven.size
        path = tmp_path / "sent.bam"
        path.write_bytes(content)
        return viewed(path)

    return lines


def viewed(path: Path, *options: str) -> list[str]:
    return str(pysam.samtools.view("--no-PG", *options, str(path))).splitlines()


def expected(line: str, fields: frozenset[str]) -> str:
    columns = line.split("\t")
    kept = zip(columns, ORDER, MISSING, strict=False)
    made = [have if name in fields else missing for have, name, missing in kept]
    if "RNEXT" in fields and columns[6] == "=" and "RNAME" not in fields:
        made[6] = columns[2]
    if "RNEXT" in fields and "RNAME" in fields and columns[6] == columns[2]:
        made[6] = "="
    return "\t".join(made)


SUBSETS = [frozenset(), FIELDS - {"SEQ", "QUAL"}, FIELDS - {"QUAL"}]
SUBSETS += [FIELDS - {name} for name in ORDER if name not in ("SEQ", "QUAL")]
SUBSETS += [frozenset({"QNAME", "FLAG", "POS"}), frozenset({"SEQ", "QUAL"}), frozenset({"RNEXT"})]


@pytest.mark.parametrize("fields", SUBSETS, ids=lambda fields: "-".join(sorted(fields)) or "none")
def test_fields_that_are_not_asked_for_are_the_missing_values(
    sent: Callable[..., list[str]], tagged: Path, fields: frozenset[str]
) -> None:
    lines = sent(ColumnsAsked(fields=tuple(fields), tags=()), Region("a", 1_000, 9_000))
    whole = viewed(tagged, "--remove-tag", "NM,XA,XF,RG,XH,XB,XD")
    assert 1_100 < len(lines) <= 3_000
    assert lines == [expected(line, fields) for line in whole[: len(lines)]]


def test_qualities_do_not_come_without_letters(sent: Callable[..., list[str]]) -> None:
    line = sent(ColumnsAsked(fields=("QNAME", "QUAL")), Region("b", 1_000, 1_001))[0].split("\t")
    assert (line[0], line[9], line[10]) == ("read3000", "*", "*")


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        (ColumnsAsked(notags=("NM", "XB")), ["--remove-tag", "NM,XB"]),
        (ColumnsAsked(notags=("ZZ",)), []),
        (ColumnsAsked(tags=("RG", "XD", "ZZ")), ["--keep-tag", "RG,XD"]),
        (ColumnsAsked(tags=("RG",), notags=("XD",)), ["--keep-tag", "RG"]),
        (ColumnsAsked(tags=()), ["--remove-tag", "NM,XA,XF,RG,XH,XB,XD"]),
    ],
)
def test_tags_are_left_out_as_samtools_does(
    sent: Callable[..., list[str]], tagged: Path, columns: ColumnsAsked, options: list[str]
) -> None:
    """The whole file; a CIGAR in a tag is no tag."""
    whole = viewed(tagged, *options)
    assert len(whole[3_500]) > 150_000
    assert sent(columns) == whole


def test_a_cigar_that_lies_in_a_tag_comes_and_goes_with_the_field(
    sent: Callable[..., list[str]],
) -> None:
    region = Region("b", 1_000 + 500 * 7, 1_001 + 500 * 7)
    with_it = sent(ColumnsAsked(fields=("QNAME", "RNAME", "POS", "CIGAR"), tags=()), region)
    line = next(line for line in with_it if line.startswith("read3500\t")).split("\t")
    assert (line[5], line[9]) == (LONG, "*")
    without = sent(ColumnsAsked(fields=("QNAME",)), region)
    line = next(line for line in without if line.startswith("read3500\t")).split("\t")
    assert line[5] == "*"
    assert not any(tag.startswith("CG:") for tag in line[11:])


def test_any_range_of_it_reads_the_same(source: Source, chart: Chart) -> None:
    woven = weave(source, chart, chart.rows(chart.everything()), columns=ColumnsAsked(tags=()))
    whole = woven.read(source, 0, woven.size)
    assert len(woven.pieces) > 5
    rng = random.Random(1)  # noqa: S311
    for _ in range(50):
        start0 = rng.randrange(woven.size)
        end0 = rng.randrange(start0, woven.size + 1)
        assert woven.read(source, start0, end0) == whole[start0:end0]


def test_a_region_without_records_is_a_file_without_records(
    sent: Callable[..., list[str]],
) -> None:
    assert sent(ColumnsAsked(tags=()), Region("a", 9_000_000, 9_000_001)) == []


def test_too_much_of_a_file_at_once_is_refused(
    source: Source, chart: Chart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trim, "MAX_TRIMMED_BYTES", 50_000)
    with pytest.raises(InvalidInput, match="smaller regions"):
        weave(source, chart, chart.rows(chart.everything()), columns=ColumnsAsked(tags=()))


@pytest.mark.parametrize("form", ["CRAM", "VCF", "BCF"])
def test_other_formats_are_refused_and_not_sent_whole(tmp_path: Path, form: str) -> None:
    path = slice_files.write(tmp_path, form, records=20, long=False)
    found = survey(path, form)
    rows = found.rows(found.everything())
    with path.open("rb") as file:
        read = file_source(file.fileno())
        with pytest.raises(InvalidInput, match="of BAM only"):
            weave(read, found, rows, columns=ColumnsAsked(tags=()))


# Damaged records


def record(tags: bytes) -> bytes:
    rest = b"r\0" + struct.pack("<I", 4 << 4) + b"\x11\x11" + b"FFFF" + tags
    return struct.pack("<iiiBBHHHiiii", 32 + len(rest), 0, 5, 2, 60, 0, 1, 0, 4, -1, -1, 0) + rest


@pytest.mark.parametrize(
    "tags",
    [
        *(b"N", b"NM", b"NMi\0", b"NM?\0\0", b"RGZnever ends", b"XBB", b"XBBi\xff\xff\xff\xff"),
        *(b"XBBZ\0\0\0\0", b"NMC\x01R", b"XBBi\x01\0\0\0ab"),
    ],
)
def test_damaged_tags_are_refused(tags: bytes) -> None:
    with pytest.raises(SourceRefused):
        Trimmer(ColumnsAsked(tags=("RG",))).trim(record(tags))


@given(st.binary(min_size=36, max_size=120), st.booleans())
def test_no_bytes_are_more_than_refused(noise: bytes, sound: bool) -> None:
    if sound:
        noise = len(noise[4:]).to_bytes(4, "little") + noise[4:]
    try:
        made = Trimmer(ColumnsAsked(fields=("POS",), notags=("NM",))).trim(noise)
    except SourceRefused:
        return
    assert len(made) == 4 + int.from_bytes(made[:4], "little")


@given(st.lists(st.sampled_from([b"NMC\x01", b"RGZa\0", b"XBBs\x01\0\0\0ab"]), max_size=9))
def test_what_is_left_out_of_nothing_changes_nothing(tags: list[bytes]) -> None:
    sound = record(b"".join(tags))
    assert Trimmer(ColumnsAsked(notags=("ZZ",))).trim(sound) == sound
