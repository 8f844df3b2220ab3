"""Sites agree on variants by name, and each finds its own columns of them once."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from workspaces.analysis.genotypes import floating
from workspaces.flapps import panel, reading
from workspaces.flapps.reading import Unfit

HEAD = "##fileformat=VCFv4.5\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"


def written(folder: Path, *variants: str, contigs: dict[str, str] | None = None) -> Path:
    """A site of 30 people, of whom the first carry two copies, the last none, the others one."""
    folder.mkdir()
    people = [f"p{number}" for number in range(30)]
    calls = ["1/1"] * 8 + ["0/1"] * 10 + ["0/0"] * 12
    lines = [HEAD + "\t".join(people)]
    for variant in variants:
        contig, position, ref, alt = variant.split("-")
        fixed = [contig, position, ".", ref, alt, ".", ".", ".", "GT"]
        lines.append("\t".join([*fixed, *calls]))
    (folder / "a.vcf").write_text("\n".join(lines) + "\n")
    if contigs is not None:
        (folder / "contigs.json").write_text(json.dumps(contigs))
    return folder


def offered(place: Path, scratch: Path) -> bytes:
    scratch.mkdir()
    return panel.offer(reading.read_genotypes(place, scratch), reading.contigs(place))


def listed(*names: str) -> bytes:
    return zlib.compress(json.dumps({"alleles": names, "contigs": {}}).encode())


def test_contigs_of_one_digest_are_one_under_the_first_name_and_found_again(tmp_path: Path) -> None:
    one = written(tmp_path / "a", "chr1-20-A-G", "chr1-9-C-T", contigs={"chr1": "SQ.one"})
    other = written(tmp_path / "b", "1-9-C-T", "2-5-A-G", contigs={"1": "SQ.one", "2": "SQ.two"})
    offers = {"a": offered(one, tmp_path / "of a"), "b": offered(other, tmp_path / "of b")}
    agreed = panel.agree(offers, least_sites=1)
    assert panel.names(agreed) == ["2-5-A-G", "chr1-9-C-T", "chr1-20-A-G"]
    _, here = panel.harmonised(agreed, one, tmp_path / "of a")
    _, there = panel.harmonised(agreed, other, tmp_path / "of b")
    assert np.isnan(floating(here)).all(axis=0).tolist() == [True, False, False]
    assert np.isnan(floating(there)).all(axis=0).tolist() == [False, False, True]
    assert panel.names(panel.agree(offers, least_sites=2)) == ["chr1-9-C-T"]


def test_the_site_finds_its_columns_once_in_a_run(tmp_path: Path) -> None:
    place = written(tmp_path / "a", "1-20-A-G", "1-9-C-T")
    agreed = panel.agree({"a": offered(place, tmp_path / "run")}, least_sites=1)
    first = panel.harmonised(agreed, place, tmp_path / "run")
    (tmp_path / "run" / "alleles.json").unlink()
    (place / "a.vcf").unlink()
    again = panel.harmonised(agreed, place, tmp_path / "run")
    assert again[0] == first[0]
    np.testing.assert_array_equal(first[1], again[1])
    with pytest.raises(OSError, match="alleles"):  # another panel is looked up anew
        panel.harmonised(listed("1-9-C-T"), place, tmp_path / "run")


def test_exchanged_bases_are_not_turned_round(tmp_path: Path) -> None:
    place = written(tmp_path / "a", "1-9-C-T")
    (tmp_path / "run").mkdir()
    people, dosages = panel.harmonised(listed("1-9-T-C"), place, tmp_path / "run")
    assert (len(people), dosages.shape) == (30, (30, 1))
    assert np.isnan(floating(dosages)).all()


@pytest.mark.parametrize("name", ["1-9-c-t", "1-9-CA-CG", "1-9", "-9-C-T", "1-9-C-<DEL>"])
def test_a_site_that_offers_what_is_no_allele_s_name_is_refused(name: str) -> None:
    with pytest.raises(Unfit, match="malformed"):
        panel.agree({"a": listed("1-9-C-T"), "b": listed(name)}, least_sites=1)


@pytest.mark.parametrize("raw", [b"", b"no zlib", zlib.compress(b"[]"), zlib.compress(b'{"a":1}'),
                                 zlib.compress(b'{"alleles":[1],"contigs":{}}')])  # fmt: skip
def test_a_malformed_list_is_refused(raw: bytes) -> None:
    with pytest.raises(Unfit, match="malformed"):
        panel.agree({"a": raw}, least_sites=1)
    with pytest.raises(Unfit, match="malformed"):
        panel.names(raw)


def test_variants_of_too_few_sites_leave_nothing_to_study() -> None:
    with pytest.raises(Unfit, match="held by 2 sites"):
        panel.agree({"a": listed("1-9-C-T"), "b": listed("1-10-C-T")}, least_sites=2)
