"""Sealing: complete files only, a key of its own each, nothing in the clear, nothing by halves."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest

from streams import sealing
from streams.envelope import leaf, open_body, segment_root
from streams.errors import SourceRefused, VaultBroken
from streams.header import open_header
from streams.keys import SecretKey
from streams.sources import BGZF_EOF
from streams.vault import SealedObject, Vault
from tests.support.release_node import bgzf
from tests.support.shared import shared_data


@pytest.fixture
def secret() -> SecretKey:
    return SecretKey.generate()


def seal(
    vault: Vault, source: Path, secret: SecretKey, *, object_id: str = "o1", form: str = "BAM"
) -> SealedObject:
    kind = {"BAM": "reads", "CRAM": "reads", "VCF": "variants", "BCF": "variants"}.get(form, "file")
    return sealing.seal(
        vault,
        source,
        object_id=object_id,
        dataset="ds1",
        kind=kind,
        format=form,
        owner_ids=("p1",),
        node_public=secret.public,
    )


def written(folder: Path, content: bytes, name: str = "a.bam") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_sealed_object_opens_with_the_nodes_key_to_what_it_was(
    tmp_path: Path, secret: SecretKey
) -> None:
    content = bgzf(os.urandom(150_000))
    vault = Vault(tmp_path / "vault")
    sealed = seal(vault, written(tmp_path, content), secret)
    plain = io.BytesIO()
    with vault.bodies.path(sealed.segment_root).open("rb") as body:
        leaves = vault.segment_digests(sealed)
        open_body(body, plain, open_header(sealed.header_bytes, [secret]), leaves=leaves)
    assert plain.getvalue() == content
    assert sealed.plain_sha256 == hashlib.sha256(content).hexdigest()


def test_the_same_file_again_changes_nothing(tmp_path: Path, secret: SecretKey) -> None:
    vault, source = Vault(tmp_path / "vault"), written(tmp_path, bgzf(b"reads"))
    assert seal(vault, source, secret) == seal(vault, source, secret)
    assert len(list((tmp_path / "vault" / "bodies").iterdir())) == 1


def test_a_new_content_replaces_the_old_body(tmp_path: Path, secret: SecretKey) -> None:
    vault = Vault(tmp_path / "vault")
    before = seal(vault, written(tmp_path, bgzf(b"reads")), secret)
    after = seal(vault, written(tmp_path, bgzf(b"other reads")), secret)
    assert vault.get("o1") == after
    assert not vault.bodies.path(before.segment_root).exists()


def test_every_object_has_a_data_key_of_its_own(tmp_path: Path, secret: SecretKey) -> None:
    vault, source = Vault(tmp_path / "vault"), written(tmp_path, bgzf(b"reads"))
    first, second = (seal(vault, source, secret, object_id=name) for name in ("o1", "o2"))
    assert first.segment_root != second.segment_root
    keys = [open_header(each.header_bytes, [secret]).data_keys for each in (first, second)]
    assert keys[0] != keys[1]


def test_another_process_sees_a_new_object_at_once(tmp_path: Path, secret: SecretKey) -> None:
    reader, writer = Vault(tmp_path / "vault"), Vault(tmp_path / "vault")
    assert reader.get("o1") is None
    sealed = seal(writer, written(tmp_path, bgzf(b"reads")), secret)
    assert reader.get("o1") == sealed
    assert reader.objects("ds1") == (sealed,)
    assert reader.objects("ds2") == ()


def test_nothing_in_the_clear_lies_in_the_vault(tmp_path: Path, secret: SecretKey) -> None:
    marker = b"a very recognisable read name"
    seal(Vault(tmp_path / "vault"), written(tmp_path, marker), secret, form="FILE")
    files = [path for path in (tmp_path / "vault").rglob("*") if path.is_file()]
    assert all(marker not in path.read_bytes() for path in files)
    assert not [path for path in files if path.name.startswith(".unfinished")]


@pytest.mark.parametrize("form", ["BAM", "VCF", "BCF"])
def test_a_file_without_its_last_block_is_refused_by_name(
    tmp_path: Path, secret: SecretKey, form: str
) -> None:
    vault = Vault(tmp_path / "vault")
    source = written(tmp_path, bgzf(b"records")[: -len(BGZF_EOF)])
    with pytest.raises(SourceRefused, match=r"a\.bam: this .* is truncated"):
        seal(vault, source, secret, form=form)
    assert vault.get("o1") is None
    assert list((tmp_path / "vault" / "bodies").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "form", "says"),
    [
        (b"##fileformat=VCFv4.3\n", "VCF", "not block-gzipped"),
        (b"BAM\x01", "BAM", "not block-gzipped"),
        (b"CRAM\x03\x00", "CRAM", "truncated"),
        (b"not a cram", "CRAM", "not a CRAM"),
        (b"ACGT", "FASTA", "begins with"),
        (b"", "FILE", "empty"),
    ],
)
def test_what_is_not_what_it_says_is_refused(
    tmp_path: Path, secret: SecretKey, content: bytes, form: str, says: str
) -> None:
    with pytest.raises(SourceRefused, match=says):
        seal(Vault(tmp_path / "vault"), written(tmp_path, content), secret, form=form)


def test_a_missing_file_and_a_wrong_kind_are_refused(tmp_path: Path, secret: SecretKey) -> None:
    vault = Vault(tmp_path / "vault")
    with pytest.raises(SourceRefused, match="no such file"):
        seal(vault, tmp_path / "absent.bam", secret)
    with pytest.raises(SourceRefused, match="reads are BAM or CRAM"):
        sealing.seal(
            vault,
            written(tmp_path, bgzf(b"x")),
            object_id="o1",
            dataset="ds1",
            kind="reads",
            format="VCF",
            owner_ids=(),
            node_public=secret.public,
        )
    with pytest.raises(SourceRefused, match="as kind"):
        sealing.seal(
            vault,
            written(tmp_path, bgzf(b"x")),
            object_id="o1",
            dataset="ds1",
            kind="movies",
            format="BAM",
            owner_ids=(),
            node_public=secret.public,
        )


def test_a_damaged_index_is_an_error_and_not_an_empty_vault(
    tmp_path: Path, secret: SecretKey
) -> None:
    vault = Vault(tmp_path / "vault")
    (tmp_path / "vault" / "index.json").write_bytes(b'{"version": 1')
    with pytest.raises(VaultBroken):
        vault.get("o1")


def test_exchanged_segment_digests_are_noticed(tmp_path: Path, secret: SecretKey) -> None:
    vault = Vault(tmp_path / "vault")
    sealed = seal(vault, written(tmp_path, bgzf(os.urandom(200_000))), secret)
    path = tmp_path / "vault" / "segments" / f"{sealed.segment_root}.leaves"
    content = path.read_bytes()
    path.write_bytes(content[32:64] + content[:32] + content[64:])
    with pytest.raises(VaultBroken):
        vault.segment_digests(sealed)


def test_the_segment_root_is_the_rfc_9162_tree_head() -> None:
    """MTH(D[n]) = HASH(0x01 || MTH(D[0:k]) || MTH(D[k:n])), k the largest power of two < n."""
    leaves = [leaf(bytes([number])) for number in range(7)]

    def head(part: list[bytes]) -> bytes:
        if len(part) == 1:
            return part[0]
        k = 1
        while k * 2 < len(part):
            k *= 2
        return hashlib.sha256(b"\x01" + head(part[:k]) + head(part[k:])).digest()

    assert [segment_root(leaves[:n]) for n in range(1, 8)] == [
        head(leaves[:n]) for n in range(1, 8)
    ]


def test_real_files_are_taken_and_their_truncated_copies_are_not(
    tmp_path: Path, secret: SecretKey
) -> None:
    folder, vault = shared_data("hts"), Vault(tmp_path / "vault")
    names = {
        "reads/htsnexus_test_NA12878.bam": "BAM",
        "reads/htsnexus_test_NA12878.cram": "CRAM",
        "variants/spec-v4.3.vcf.gz": "VCF",
        "variants/spec-v4.3.bcf": "BCF",
        "reads/ce.fa": "FASTA",
    }
    for name, form in names.items():
        source = folder / name
        assert seal(vault, source, secret, object_id=name, form=form).format == form
        if form == "FASTA":
            continue
        cut = written(tmp_path, source.read_bytes()[:-10], "cut")
        with pytest.raises(SourceRefused, match=r"cut: this .* truncated"):
            seal(vault, cut, secret, object_id="cut", form=form)
