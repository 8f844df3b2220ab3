from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import LoadRefused
from gateway.holding import load, loading
from gateway.holding.load import Wanted
from gateway.home import NodeHome
from streams.vault import Vault
from tests.support import slice_files
from tests.support.node_folder import node_folder


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("a.bam", "BAM"),
        ("A.BAM", "BAM"),
        ("a.cram", "CRAM"),
        ("a.bcf", "BCF"),
        ("a.vcf.gz", "VCF"),
        ("a.fa", "FASTA"),
        ("a.bam.bai", "FILE"),
        ("bam", "FILE"),
        ("a.gz", "FILE"),
    ],
)
def test_a_format_is_known_by_the_end_of_its_name(name: str, known: str) -> None:
    assert loading.format_of(Path(name)) == known


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    return node_folder(tmp_path / "node")


def test_a_sealed_file_is_found_by_its_id_and_holds_no_plaintext(
    node: NodeHome, tmp_path: Path
) -> None:
    plain = tmp_path / "a.fa"
    plain.write_text(">1\n" + "ACGTTGCA" * 500)
    loading.seal_file(node, plain, object_id="isle/a.fa", dataset="isle", kind="file", owners=())
    found = Vault(node.vault).get("isle/a.fa")
    assert found is not None
    assert (found.dataset, found.plain_size) == ("isle", plain.stat().st_size)
    for path in node.vault.rglob("*"):
        assert not path.is_file() or b"ACGTTGCA" not in path.read_bytes()


def test_a_file_that_is_not_there_seals_nothing(node: NodeHome, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="absent"):
        loading.seal_file(
            node, tmp_path / "absent", object_id="isle/x", dataset="isle", kind="file", owners=()
        )
    assert Vault(node.vault).get("isle/x") is None


def test_chromosomes_are_sealed_apart_and_again_left_alone(node: NodeHome, tmp_path: Path) -> None:
    reads = slice_files.write(tmp_path, "BAM", records=300)
    wanted = Wanted(
        dataset="isle", name="isle", description="", assembly="GRCh38", seal=(reads,),
        per_chromosome=True,
    )  # fmt: skip
    done = load.run(node, wanted, check_only=False)
    names = {f"isle/made/{unit}.bam" for unit in ("chr1", "chr2", "rest")}
    assert {f"sealed {name}" for name in names} <= set(done)
    first = {found.object_id: found.segment_root for found in Vault(node.vault).all()}
    assert set(first) == names
    load.run(node, wanted, check_only=False)
    assert {f.object_id: f.segment_root for f in Vault(node.vault).all()} == first


def test_a_file_without_chromosomes_is_not_sealed_apart(node: NodeHome, tmp_path: Path) -> None:
    (tmp_path / "a.fa").write_text(">1\nACGT")
    with pytest.raises(LoadRefused, match="chromosomes"):
        list(loading.seal_units(node, tmp_path / "a.fa", dataset="isle"))
