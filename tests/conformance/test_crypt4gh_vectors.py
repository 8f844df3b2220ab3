"""The shared Crypt4GH vectors: every key file, the fixed agreement, every file with its verdict.

Vectors: EGA-archive/crypt4gh tests, umccr/htsget-rs data/c4gh, and files hand-built to the
specification (Crypt4GH v1.0); origins are in the set's own README. Private keys are packed; they
are unpacked into a temporary folder. A refusal is matched with the reason in the manifest.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from schemas.errors import SkerryError
from streams import envelope
from streams.errors import EnvelopeInvalid, NotForUs, SegmentInvalid
from streams.header import OpenedHeader, _shared_key, open_header, read_header
from streams.keys import SecretKey, parse_public_key, read_secret_key
from streams.opened_source import OpenedSource
from streams.opening import open_parts
from tests.support.shared import shared_data

SECONDS = 5.0
REASONS: dict[str, type[SkerryError]] = {
    "magic": EnvelopeInvalid,
    "version": EnvelopeInvalid,
    "segment MAC": SegmentInvalid,
    "no readable key packet": NotForUs,
}


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_data("crypt4gh") / "manifest.json").read_bytes())
    return found


@pytest.fixture(scope="module")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("keys")
    with tarfile.open(shared_data("crypt4gh") / "keys" / "secret-keys.tar.gz") as packed:
        packed.extractall(made, filter="data")
    return made


@pytest.fixture(scope="module")
def secrets(vectors: dict[str, Any], key_files: Path) -> dict[str, SecretKey]:
    return {name: _secret(key_files, key) for name, key in vectors["keys"].items()}


def _reader(body: bytes) -> Callable[[int, int], bytes]:
    return lambda size, start0: body[start0 : start0 + size]


def _secret(folder: Path, key: dict[str, Any]) -> SecretKey:
    path = next(folder.rglob(Path(key["secret"]).name))
    phrase = key["passphrase"]
    return read_secret_key(path, None if phrase is None else phrase.encode())


def _content(vector: dict[str, Any]) -> bytes:
    folder = shared_data("crypt4gh")
    detached = vector.get("body_file")
    body = b"" if detached is None else (folder / detached).read_bytes()
    return (folder / str(vector["file"])).read_bytes() + body


def _opened(content: bytes, secret: SecretKey) -> tuple[OpenedHeader, bytes, bytes]:
    """The header, the sealed body and all that the edit list keeps."""
    stream, sink = io.BytesIO(content), io.BytesIO()
    header = open_header(read_header(stream), [secret])
    body = content[stream.tell() :]
    envelope.open_body(stream, sink, header)
    return header, body, sink.getvalue()


def _readings(vectors: dict[str, Any], verdict: str) -> Iterator[tuple[dict[str, Any], str]]:
    found = [vector for vector in vectors["vectors"] if vector["expect"] == verdict]
    assert found
    for vector in found:
        yield from ((vector, name) for name in vector["readers"])


def test_every_key_file_opens_to_the_key_it_holds(
    vectors: dict[str, Any], secrets: dict[str, SecretKey]
) -> None:
    folder = shared_data("crypt4gh")
    for name, key in vectors["keys"].items():
        expected = bytes.fromhex(key["x25519_public_hex"])
        assert secrets[name].public == expected, key["kind"]
        assert parse_public_key((folder / key["public"]).read_bytes()) == expected, key["kind"]


def test_a_wrong_passphrase_opens_no_key_file(vectors: dict[str, Any], key_files: Path) -> None:
    protected = [key for key in vectors["keys"].values() if key["passphrase"] is not None]
    assert protected
    for key in protected:
        for phrase in ("wrong", ""):
            with pytest.raises(SkerryError):
                _secret(key_files, {**key, "passphrase": phrase})


def test_the_known_answer_of_agreement_packet_segment_and_file(vectors: dict[str, Any]) -> None:
    known = vectors["known_answer"]
    raw = {name: bytes.fromhex(text) for name, text in known.items() if name.endswith("_hex")}
    writer, reader = (
        SecretKey(X25519PrivateKey.from_private_bytes(raw[f"{name}_secret_hex"]))
        for name in ("writer", "reader")
    )
    assert (writer.public, reader.public) == (raw["writer_public_hex"], raw["reader_public_hex"])
    for one, two in ((writer, reader), (reader, writer)):
        point = one.exchange(two.public)
        made = _shared_key(point, reader=reader.public, writer=writer.public)
        assert made == raw["shared_key_hex"]
    plain = known["segment_plaintext_ascii"].encode()
    assert envelope.open_segment([raw["data_key_hex"]], raw["segment_hex"]) == plain
    header, _, opened = _opened(raw["file_hex"], reader)
    assert header.data_keys == (raw["data_key_hex"],)
    assert header.writers == (writer.public,)
    assert opened == plain


def test_every_good_vector_opens_for_each_of_its_readers(
    vectors: dict[str, Any], secrets: dict[str, SecretKey]
) -> None:
    for vector, name in _readings(vectors, "accept"):
        _, _, plain = _opened(_content(vector), secrets[name])
        assert len(plain) == vector["plaintext_size"], vector["file"]
        assert hashlib.sha256(plain).hexdigest() == vector["plaintext_sha256"], vector["file"]
        for span in vector["ranges"]:
            part = plain[span["start"] : span["end"]]
            assert hashlib.sha256(part).hexdigest() == span["sha256"], (vector["file"], span)


def test_every_range_of_a_vector_is_read_at_random(
    vectors: dict[str, Any], secrets: dict[str, SecretKey]
) -> None:
    """Without an edit list: only the segments that hold the range are opened."""
    for vector, name in _readings(vectors, "accept"):
        header, body, _ = _opened(_content(vector), secrets[name])
        if header.edit_list is not None:
            continue
        source = OpenedSource(
            _reader(body),
            header.data_keys,
            plain_size=vector["plaintext_size"],
        )
        for span in reversed(vector["ranges"]):
            part = source(span["end"] - span["start"], span["start"])
            assert hashlib.sha256(part).hexdigest() == span["sha256"], (vector["file"], span)


def test_vectors_opened_from_files_in_threads_are_the_same(
    vectors: dict[str, Any], secrets: dict[str, SecretKey], tmp_path: Path
) -> None:
    for vector, name in _readings(vectors, "accept"):
        header, body, _ = _opened(_content(vector), secrets[name])
        if header.edit_list is not None:
            continue
        (tmp_path / "body").write_bytes(body)
        with (tmp_path / "plain").open("wb") as sink:
            facts = open_parts([tmp_path / "body"], sink, header)
        assert (tmp_path / "plain").stat().st_size == vector["plaintext_size"]
        assert facts.plain_sha256.hex() == vector["plaintext_sha256"], vector["file"]


def test_every_bad_vector_is_refused_for_its_reason_and_soon(
    vectors: dict[str, Any], secrets: dict[str, SecretKey]
) -> None:
    for vector, name in _readings(vectors, "reject"):
        began = time.process_time()
        with pytest.raises(REASONS.get(vector["reason"], EnvelopeInvalid)):
            _opened(_content(vector), secrets[name])
        assert time.process_time() - began < SECONDS


def test_a_key_that_is_no_reader_opens_nothing(
    vectors: dict[str, Any], secrets: dict[str, SecretKey]
) -> None:
    """In reencrypt_keep the six former readers' packets are still there, as its note says."""
    for vector in vectors["vectors"]:
        if vector["expect"] != "accept" or "reencrypt_keep" in vector["file"]:
            continue
        header = read_header(io.BytesIO(_content(vector)))
        for name in secrets.keys() - set(vector["readers"]):
            with pytest.raises(NotForUs):
                open_header(header, [secrets[name]])


def test_every_vector_is_what_its_manifest_says(vectors: dict[str, Any]) -> None:
    folder = shared_data("crypt4gh")
    for vector in vectors["vectors"]:
        content = (folder / vector["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == vector["sha256"], vector["file"]
