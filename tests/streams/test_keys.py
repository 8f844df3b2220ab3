"""Keys: which files and points are accepted, and that nothing shows a secret."""

from __future__ import annotations

import base64
import contextlib
import copy
import pickle
import secrets
import stat
from pathlib import Path

import crypt4gh.keys
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import SkerryError
from streams.errors import KeyInvalid
from streams.keys import (
    SecretKey,
    check_public_bytes,
    parse_public_key,
    public_pem,
    read_secret_key,
    thumbprint,
    write_pair,
)

LOW_ORDER = (
    "00" * 32,
    "01" + "00" * 31,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ec" + "ff" * 30 + "7f",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
)


def pem(raw: bytes, label: str = "CRYPT4GH PUBLIC KEY") -> bytes:
    body = base64.b64encode(raw).decode()
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode()


def container(*parts: bytes) -> bytes:
    packed = b"c4gh-v1" + b"".join(len(part).to_bytes(2, "big") + part for part in parts)
    return pem(packed, "CRYPT4GH PRIVATE KEY")


def read(tmp_path: Path, text: bytes, passphrase: bytes | None = None) -> SecretKey:
    path = tmp_path / "key"
    path.write_bytes(text)
    return read_secret_key(path, passphrase)


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_a_written_pair_is_owner_only_and_reads_back(
    tmp_path: Path, passphrase: bytes | None
) -> None:
    public = write_pair(tmp_path / "a.sec", tmp_path / "a.pub", passphrase)
    assert stat.S_IMODE((tmp_path / "a.sec").stat().st_mode) == 0o600
    assert read_secret_key(tmp_path / "a.sec", passphrase).public == public
    assert parse_public_key((tmp_path / "a.pub").read_bytes()) == public


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_the_reference_reads_our_pair(tmp_path: Path, passphrase: str | None) -> None:
    public = write_pair(
        tmp_path / "a.sec", tmp_path / "a.pub", passphrase.encode() if passphrase else None
    )
    secret = crypt4gh.keys.get_private_key(str(tmp_path / "a.sec"), lambda: passphrase)
    (tmp_path / "raw.sec").write_bytes(container(b"none", b"none", bytes(secret)))
    assert read_secret_key(tmp_path / "raw.sec").public == public
    assert bytes(crypt4gh.keys.get_public_key(str(tmp_path / "a.pub"))) == public


def test_a_pair_is_never_written_over_another(tmp_path: Path) -> None:
    write_pair(tmp_path / "a.sec", tmp_path / "a.pub")
    before = (tmp_path / "a.sec").read_bytes()
    with pytest.raises(FileExistsError):
        write_pair(tmp_path / "a.sec", tmp_path / "b.pub")
    assert (tmp_path / "a.sec").read_bytes() == before


def test_a_public_key_in_text_or_bytes_is_the_same() -> None:
    public = SecretKey.generate().public
    assert parse_public_key(public_pem(public)) == public
    assert parse_public_key(public_pem(public).decode()) == public


@pytest.mark.parametrize("point", LOW_ORDER)
def test_low_order_points_are_refused_everywhere(point: str) -> None:
    raw = bytes.fromhex(point)
    with pytest.raises(KeyInvalid):
        parse_public_key(pem(raw))
    with pytest.raises(KeyInvalid):
        SecretKey.generate().exchange(raw)


def test_a_second_encoding_of_a_point_is_refused() -> None:
    """RFC 7748 section 5 ignores the top bit: it would be a second thumbprint of one key."""
    public = SecretKey.generate().public
    with pytest.raises(KeyInvalid, match="canonical"):
        check_public_bytes(public[:31] + bytes([public[31] | 0x80]))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"a" * 5000,
        pem(b"x" * 31),
        pem(b"x" * 33),
        pem(b"x" * 32, "PUBLIC KEY"),
        pem(b"x" * 32, "CRYPT4GH PRIVATE KEY"),
        pem(b"c4gh-v1" + b"x" * 25, "CRYPT4GH PUBLIC KEY").replace(b"Y", b"*"),
        b"-----BEGIN CRYPT4GH PUBLIC KEY-----\n====\n-----END CRYPT4GH PUBLIC KEY-----",
        public_pem(SecretKey.generate().public) * 2,
        b"prefix " + public_pem(SecretKey.generate().public),
        b"ssh-rsa AAAA",
        b"ssh-ed25519 AAAA",
        b"ssh-ed25519",
        "-----BEGIN CRYPT4GH PUBLIC KEY-----\n\u0661\n".encode(),
        b"c4gh-v1",
    ],
)
def test_what_is_no_public_key_is_refused(text: bytes) -> None:
    with pytest.raises(KeyInvalid):
        parse_public_key(text)


def test_a_private_key_sent_as_a_public_one_is_named_as_such(tmp_path: Path) -> None:
    write_pair(tmp_path / "a.sec", tmp_path / "a.pub")
    with pytest.raises(KeyInvalid, match="private key"):
        parse_public_key((tmp_path / "a.sec").read_bytes())


def test_a_wrong_or_missing_passphrase_is_a_refusal_and_not_an_exit(tmp_path: Path) -> None:
    write_pair(tmp_path / "a.sec", tmp_path / "a.pub", b"right")
    for wrong in (b"wrong", b"", None):
        with pytest.raises(KeyInvalid):
            read_secret_key(tmp_path / "a.sec", wrong)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"x" * 20_000,
        b"no pem",
        pem(b"x" * 32, "CRYPT4GH PRIVATE KEY"),
        container(),
        container(b"none", b"none"),
        container(b"none", b"none", b"x" * 31),
        container(b"none", b"none", b"x" * 33),
        container(b"none", b"chacha20_poly1305", b"x" * 60),
        container(b"scrypt", bytes(20), b"none", b"x" * 32),
        container(b"scrypt", b"", b"chacha20_poly1305", b"x" * 60),
        container(b"scrypt", bytes(20), b"chacha20_poly1305", b"x" * 5),
        container(b"scrypt", bytes(20), b"aes", b"x" * 60),
        container(b"argon", bytes(20), b"chacha20_poly1305", b"x" * 60),
        container(b"bcrypt", b"\x00\x00\xff\xff" + bytes(16), b"chacha20_poly1305", b"x" * 60),
        container(b"bcrypt", bytes(20), b"chacha20_poly1305", b"x" * 60),
        container(b"pbkdf2_hmac_sha256", b"\xff" * 4 + bytes(16), b"chacha20_poly1305", b"x" * 60),
        pem(b"openssh-key-v1\x00", "OPENSSH PRIVATE KEY"),
        pem(b"c4gh-v1\xff\xff", "CRYPT4GH PRIVATE KEY"),
        b"-----BEGIN A-----\n=\n-----END A-----",
    ],
)
def test_what_is_no_private_key_is_refused(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(KeyInvalid):
        read(tmp_path, text, b"passphrase")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyInvalid):
        read_secret_key(tmp_path / "nothing")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_public_key_or_one_of_our_errors(noise: bytes) -> None:
    for text in (noise, pem(noise), b"ssh-ed25519 " + base64.b64encode(noise)):
        with contextlib.suppress(SkerryError):
            assert len(parse_public_key(text)) == 32


def test_both_sides_agree_and_peers_of_wrong_length_are_refused() -> None:
    one, two = SecretKey.generate(), SecretKey.generate()
    assert one.exchange(two.public) == two.exchange(one.public)
    for size in (0, 31, 33):
        with pytest.raises(KeyInvalid):
            one.exchange(secrets.token_bytes(size))


def test_a_secret_key_is_named_by_its_thumbprint_only() -> None:
    key = SecretKey.generate()
    assert repr(key) == str(key) == f"<SecretKey {thumbprint(key.public)[:16]}>"
    for escape in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            escape(key)
