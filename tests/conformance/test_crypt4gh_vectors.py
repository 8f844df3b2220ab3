"""Every vector of the shared Crypt4GH set, with the verdict its manifest states.

Vectors: EGA-archive/crypt4gh tests, umccr/htsget-rs data/c4gh, and files hand-built to the
specification (Crypt4GH v1.0); origins are in the set's own README.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from schemas.errors import SkerryError
from streams.envelope import open_body, open_segment
from streams.header import open_header, read_header
from streams.keys import SecretKey, parse_public_key, read_secret_key
from tests.support.shared import shared_data

Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def folder() -> Path:
    return shared_data("crypt4gh")


@pytest.fixture(scope="module")
def manifest(folder: Path) -> Manifest:
    loaded: Manifest = json.loads((folder / "manifest.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def secrets(
    folder: Path, manifest: Manifest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, SecretKey]:
    home = tmp_path_factory.mktemp("keys")
    with tarfile.open(folder / "keys" / "secret-keys.tar.gz") as packed:
        packed.extractall(home, filter="data")
    return {
        name: read_secret_key(
            home / Path(facts["secret"]).name,
            facts["passphrase"].encode() if facts["passphrase"] else None,
        )
        for name, facts in manifest["keys"].items()
    }


def read_vector(folder: Path, vector: Manifest) -> io.BytesIO:
    data = (folder / vector["file"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == vector["sha256"]
    if body := vector.get("body_file"):
        data += (folder / body).read_bytes()
    return io.BytesIO(data)


def open_vector(source: io.BytesIO, secret: SecretKey) -> bytes:
    sink = io.BytesIO()
    open_body(source, sink, open_header(read_header(source), [secret]))
    return sink.getvalue()


def test_every_private_key_form_gives_its_public_half(
    manifest: Manifest, secrets: dict[str, SecretKey]
) -> None:
    expected = {name: facts["x25519_public_hex"] for name, facts in manifest["keys"].items()}
    assert {name: secret.public.hex() for name, secret in secrets.items()} == expected


def test_every_public_key_file_is_read(folder: Path, manifest: Manifest) -> None:
    for facts in manifest["keys"].values():
        public = parse_public_key((folder / facts["public"]).read_bytes())
        assert public.hex() == facts["x25519_public_hex"]


def test_accepted_vectors_open_for_every_reader(
    folder: Path, manifest: Manifest, secrets: dict[str, SecretKey]
) -> None:
    accepted = [vector for vector in manifest["vectors"] if vector["expect"] == "accept"]
    assert accepted
    for vector in accepted:
        for reader in vector["readers"]:
            plain = open_vector(read_vector(folder, vector), secrets[reader])
            assert len(plain) == vector["plaintext_size"], vector["file"]
            assert hashlib.sha256(plain).hexdigest() == vector["plaintext_sha256"], vector["file"]
            for part in vector["ranges"]:
                piece = plain[part["start"] : part["end"]]
                assert hashlib.sha256(piece).hexdigest() == part["sha256"], vector["file"]


def test_rejected_vectors_are_refused_with_our_own_errors(
    folder: Path, manifest: Manifest, secrets: dict[str, SecretKey]
) -> None:
    rejected = [vector for vector in manifest["vectors"] if vector["expect"] == "reject"]
    assert rejected
    for vector in rejected:
        for reader in vector["readers"]:
            with pytest.raises(SkerryError):
                open_vector(read_vector(folder, vector), secrets[reader])


def test_a_key_that_is_no_reader_opens_nothing(
    folder: Path, manifest: Manifest, secrets: dict[str, SecretKey]
) -> None:
    # In reencrypt_keep the six former readers' packets are still there, as its note says.
    for vector in manifest["vectors"]:
        if vector["expect"] != "accept" or "reencrypt_keep" in vector["file"]:
            continue
        header = (folder / vector["file"]).read_bytes()
        for name in secrets.keys() - set(vector["readers"]):
            with pytest.raises(SkerryError):
                open_header(read_header(io.BytesIO(header)), [secrets[name]])


def test_the_known_answer_is_ours(manifest: Manifest) -> None:
    known = manifest["known_answer"]
    reader = SecretKey(
        X25519PrivateKey.from_private_bytes(bytes.fromhex(known["reader_secret_hex"]))
    )
    assert reader.public.hex() == known["reader_public_hex"]
    source = io.BytesIO(bytes.fromhex(known["file_hex"]))
    opened = open_header(read_header(source), [reader])
    assert opened.data_keys == (bytes.fromhex(known["data_key_hex"]),)
    assert opened.writers == (bytes.fromhex(known["writer_public_hex"]),)
    assert (
        open_segment(opened.data_keys, source.read()).decode() == known["segment_plaintext_ascii"]
    )
