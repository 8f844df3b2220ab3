"""Regions of a grant by refget digest: exchanged for what a file states, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.grants import GrantedRegion
from streams.errors import ReleaseRefused
from streams.granted import by_md5
from streams.refget.index import Index
from streams.refget.register import register
from streams.refget.sequences import Sequences

ACGT = "SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2"
ACGT_MD5 = "f1f8f4bf413b16ad135722aa4591043e"


@pytest.fixture
def sequences(tmp_path: Path) -> Sequences:
    fasta = tmp_path / "short.fa"
    fasta.write_text(">c1\nACGT\n")
    index = Index(tmp_path / "references")
    register(index, fasta)
    return Sequences(index)


def region(reference: str) -> GrantedRegion:
    return GrantedRegion(reference=reference, start0=1, end0=3)


@pytest.mark.parametrize("digest", [ACGT, f"ga4gh:{ACGT}"])
def test_a_digest_becomes_the_md5_of_its_sequence(sequences: Sequences, digest: str) -> None:
    assert by_md5([region(digest)], sequences) == (region(ACGT_MD5),)


@pytest.mark.parametrize("name", ["chr1", "SQ.1", ACGT_MD5, ACGT + "x"])
def test_names_stay_as_they_are(sequences: Sequences, name: str) -> None:
    assert by_md5([region(name)], sequences) == (region(name),)
    assert by_md5([region(name)], None) == (region(name),)


def test_no_regions_stay_none() -> None:
    assert by_md5(None, None) is None


def test_a_sequence_that_is_not_held_is_refused(sequences: Sequences) -> None:
    for held in (sequences, None):
        with pytest.raises(ReleaseRefused) as refused:
            by_md5([region("chr1"), region("SQ." + "A" * 32)], held)
        assert refused.value.reasons == ("unknown_sequence",)
