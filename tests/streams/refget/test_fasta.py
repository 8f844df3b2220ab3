"""One pass over a FASTA file gives the letters and the digests, however the file is cut."""

from __future__ import annotations

import gzip
import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.errors import FastaRefused
from streams.refget import fasta

LETTERS = st.text(alphabet="ACGTacgtnN*- \t5", min_size=1, max_size=70)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(LETTERS, min_size=1, max_size=5),
    st.sampled_from([1, 2, 3, 7, 16, 4096]),
    st.integers(1, 20),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.booleans(),
)
def test_letters_and_digests_are_those_of_the_whole_sequence(
    tmp_path: Path,
    texts: list[str],
    block: int,
    width: int,
    line_end: str,
    packed: bool,
    ends: bool,
) -> None:
    file = tmp_path / "any.fa"
    text = ""
    for number, letters in enumerate(texts):
        body = letters + "A"
        lines = [body[at : at + width] for at in range(0, len(body), width)]
        text += line_end.join([f">s{number} more > words", *lines]) + line_end
    raw = (text if ends else text.rstrip()).encode()
    file.write_bytes(gzip.compress(raw) if packed else raw)
    sink = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta, "BLOCK", block)
        read = list(fasta.read(file, sink))
    expected = ["".join(c for c in each.upper() + "A" if c.isalpha()) for each in texts]
    assert [one.name for one in read] == [f"s{number}" for number in range(len(texts))]
    assert sink.getvalue().decode() == "".join(expected)
    for one, letters in zip(read, expected, strict=True):
        assert one.length == len(letters)
        assert one.md5 == hashlib.md5(letters.encode()).hexdigest()  # noqa: S324 - the standard's
        assert one.trunc512 == hashlib.sha512(letters.encode()).hexdigest()[:48]


def test_the_digest_of_acgt_is_the_one_of_the_standard(tmp_path: Path) -> None:
    file = tmp_path / "a.fa"
    file.write_text(">x\nac\ngt\n")
    (one,) = fasta.read(file, io.BytesIO())
    assert one.ga4gh == "SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"ACGT\n>a\nACGT\n",
        b">\nACGT\n",
        b">a\nACGT\n>a\nACGT\n",
        b">a\n>b\nACGT\n",
        b">a\n",
        b">\xff\nACGT\n",
        b">" + b"x" * 2_000 + b"\nACGT\n",
        gzip.compress(b">a\nACGT\n", mtime=0)[:-6],
        b"\x1f\x8bnot gzip at all",
    ],
)
def test_what_is_no_fasta_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.fa"
    file.write_bytes(content)
    with pytest.raises(FastaRefused):
        list(fasta.read(file, io.BytesIO()))


def test_a_heading_longer_than_the_block_is_read_and_its_words_dropped(tmp_path: Path) -> None:
    file = tmp_path / "long.fa"
    file.write_bytes(b">name " + b"word " * 10_000 + b"\nACGT\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta, "BLOCK", 100)
        (one,) = fasta.read(file, io.BytesIO())
    assert (one.name, one.length) == ("name", 4)
