"""Keys of ours."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from passports.tokens import SigningKey


def test_a_key_is_read_back_as_written_and_only_by_its_owner(tmp_path: Path) -> None:
    key, path = SigningKey.generate(), tmp_path / "visa.pem"
    key.save(path)
    assert SigningKey.load(path).public_jwk() == key.public_jwk()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "visa.pem"
    SigningKey.generate().save(path)
    with pytest.raises(FileExistsError):
        SigningKey.generate().save(path)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "visa.pem"
    path.write_text("not a key", encoding="utf-8")
    with pytest.raises(ValueError, match="PEM"):
        SigningKey.load(path)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "P-256"),
        (rsa.generate_private_key(public_exponent=65537, key_size=2048), "P-256"),
        (ec.generate_private_key(ec.SECP256R1()), "unencrypted"),
    ],
    ids=["P-384", "RSA", "encrypted"],
)
def test_a_key_of_another_kind_is_refused(
    tmp_path: Path, made: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, said: str
) -> None:
    hidden = said == "unencrypted"
    pem = made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x") if hidden else serialization.NoEncryption(),
    )
    path = tmp_path / "visa.pem"
    path.write_bytes(pem)
    with pytest.raises(ValueError, match=said):
        SigningKey.load(path)


def test_a_key_neither_prints_nor_travels() -> None:
    key = SigningKey.generate()
    assert repr(key) == "SigningKey()"
    assert "d" not in key.public_jwk()
    with pytest.raises(TypeError):
        pickle.dumps(key)
    with pytest.raises(TypeError):
        copy.copy(key)
