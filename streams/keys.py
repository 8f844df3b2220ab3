"""Holds Crypt4GH keys so that they can be used but never shown, logged or pickled.

Crypt4GH v1.0 section 2.1 (X25519); public key files as the reference implementation writes them.
Private key containers are opened by `streams.keyfile`; the AEAD work is `streams.header`'s.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from functools import cache
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from streams.errors import KeyInvalid
from streams.keyfile import read_secret_bytes, write_secret_text

KEY_BYTES = 32
MAX_PUBLIC_KEY_TEXT = 4096

_PUBLIC_PEM = re.compile(
    rb"\A\s*-----BEGIN CRYPT4GH PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)\s*"
    rb"-----END CRYPT4GH PUBLIC KEY-----\s*\Z"
)
_FIELD_PRIME = 2**255 - 19


class SecretKey:
    """An X25519 secret that offers its public half and the agreement, and nothing else.

    It remembers the last agreement: many headers between two keys then cost one multiplication."""

    __slots__ = ("_key", "_last", "public")

    def __init__(self, key: X25519PrivateKey) -> None:
        self._key = key
        self._last: tuple[bytes, bytes] | None = None
        self.public: bytes = key.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> SecretKey:
        return cls(X25519PrivateKey.generate())

    def exchange(self, peer: bytes) -> bytes:
        """The raw shared point; raises KeyInvalid for a malformed or low-order peer."""
        last = self._last
        if last is not None and last[0] == peer:
            return last[1]
        try:
            point = self._key.exchange(X25519PublicKey.from_public_bytes(peer))
        except ValueError as error:
            raise KeyInvalid("The peer's public key is not usable.") from error
        self._last = peer, point
        return point

    def __repr__(self) -> str:
        return f"<SecretKey {thumbprint(self.public)[:16]}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A secret key is never pickled or copied.")


def thumbprint(public: bytes) -> str:
    """Lower-case hex SHA-256 of the raw public key: how permits and records name a key."""
    return hashlib.sha256(public).hexdigest()


def parse_public_key(text: bytes | str) -> bytes:
    """The raw 32 bytes of one public key file (Crypt4GH PEM, or an OpenSSH ssh-ed25519 line).

    Raises KeyInvalid for private material, wrong lengths, non-canonical and low-order points.
    """
    raw_text = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if len(raw_text) > MAX_PUBLIC_KEY_TEXT:
        raise KeyInvalid(f"A public key file has at most {MAX_PUBLIC_KEY_TEXT} bytes.")
    if b"PRIVATE KEY" in raw_text or b"c4gh-v1" in raw_text:
        raise KeyInvalid("This is a private key. Send the public key only.")
    if raw_text.lstrip().startswith(b"ssh-"):
        return check_public_bytes(_from_openssh(raw_text))
    match = _PUBLIC_PEM.match(raw_text)
    if match is None:
        raise KeyInvalid("Expected one PEM block labelled CRYPT4GH PUBLIC KEY.")
    try:
        raw = base64.b64decode(b"".join(match[1].split()), validate=True)
    except binascii.Error as error:
        raise KeyInvalid("The public key block is not base64.") from error
    return check_public_bytes(raw)


def check_public_bytes(raw: bytes) -> bytes:
    """The same bytes, if they are one usable X25519 public key in its canonical form."""
    if len(raw) != KEY_BYTES:
        raise KeyInvalid(f"A public key has {KEY_BYTES} bytes, not {len(raw)}.")
    # Two encodings of one point would be two thumbprints of one key (RFC 7748 section 5).
    if int.from_bytes(raw, "little") >= _FIELD_PRIME:
        raise KeyInvalid("The public key is not in canonical form.")
    # Every X25519 scalar is a multiple of the cofactor: a low-order point always gives zero.
    _any_secret().exchange(raw)
    return raw


@cache
def _any_secret() -> SecretKey:
    return SecretKey.generate()


def read_secret_key(path: Path, passphrase: bytes | None = None) -> SecretKey:
    """Opens a c4gh-v1 or OpenSSH ed25519 private key file; raises KeyInvalid."""
    return SecretKey(X25519PrivateKey.from_private_bytes(read_secret_bytes(path, passphrase)))


def write_pair(
    secret_path: Path,
    public_path: Path,
    passphrase: bytes | None = None,
    *,
    key: SecretKey | None = None,
) -> bytes:
    """Makes a pair, or writes that of `key`; never overwrites; the secret file is owner-only.
    Returns the public key."""
    made = (key or SecretKey.generate())._key  # noqa: SLF001 - of a class of this file
    public = made.public_key().public_bytes_raw()
    write_secret_text(secret_path, made.private_bytes_raw(), passphrase)
    descriptor = os.open(public_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(public_pem(public))
    return public


def public_pem(public: bytes) -> bytes:
    """The reference implementation's public key file for these raw bytes."""
    return (
        b"-----BEGIN CRYPT4GH PUBLIC KEY-----\n"
        + base64.b64encode(public)
        + b"\n-----END CRYPT4GH PUBLIC KEY-----\n"
    )


def _from_openssh(line: bytes) -> bytes:
    try:
        key = load_ssh_public_key(line.strip())
    except Exception as error:  # hostile bytes: whatever the parser throws is a refusal
        raise KeyInvalid("The OpenSSH public key cannot be read.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyInvalid("Of OpenSSH keys only ssh-ed25519 can be used for Crypt4GH.")
    # The birational map of RFC 7748 section 4.1: u = (1 + y) / (1 - y); the sign bit is dropped.
    y = int.from_bytes(key.public_bytes_raw(), "little") & (2**255 - 1)
    if y % _FIELD_PRIME == 1:
        raise KeyInvalid("The OpenSSH public key is a low-order point.")
    u = (1 + y) * pow(1 - y, -1, _FIELD_PRIME) % _FIELD_PRIME
    return u.to_bytes(KEY_BYTES, "little")
