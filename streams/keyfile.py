"""Opens and writes private key files: the `c4gh-v1` container and OpenSSH ed25519 keys.

The container is the reference implementation's (not in the Crypt4GH specification): magic, kdf,
kdf options, cipher, blob, comment, each a u16be-length string. The magic word decides, not the
PEM label, of which three are in the wild. What the bytes are good for is `streams.keys`' matter.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from pathlib import Path

import bcrypt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from streams.errors import KeyInvalid

MAX_KEY_FILE = 16384
MAX_BCRYPT_ROUNDS = 1000
MAX_PBKDF2_ROUNDS = 2_000_000

_MAGIC = b"c4gh-v1"
_PEM = re.compile(
    rb"\A\s*-----BEGIN ([A-Z0-9 ]+)-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END \1-----\s*\Z"
)
_SCRYPT_MEMORY = 64 * 1024 * 1024


def read_secret_bytes(path: Path, passphrase: bytes | None) -> bytes:
    """The 32 secret bytes of a private key file; raises KeyInvalid and never names the bytes."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_KEY_FILE + 1)
    except OSError as error:
        raise KeyInvalid(f"The key file {path} cannot be read.", detail=str(error)) from error
    if len(text) > MAX_KEY_FILE:
        raise KeyInvalid(f"The key file {path} is longer than {MAX_KEY_FILE} bytes.")
    match = _PEM.match(text)
    if match is None:
        raise KeyInvalid(f"{path} is not one PEM block with a private key.")
    try:
        container = base64.b64decode(b"".join(match[2].split()), validate=True)
    except binascii.Error as error:
        raise KeyInvalid(f"The private key block in {path} is not base64.") from error
    if container.startswith(_MAGIC):
        return _open_container(container[len(_MAGIC) :], passphrase)
    if match[1] == b"OPENSSH PRIVATE KEY":
        return _open_openssh(text, passphrase)
    raise KeyInvalid(f"{path} holds neither a c4gh-v1 nor an OpenSSH private key.")


def write_secret_text(path: Path, secret: bytes, passphrase: bytes | None) -> None:
    """Writes a new c4gh-v1 file (scrypt, or unencrypted) with mode 0600; never overwrites."""
    if passphrase:
        salt, nonce = os.urandom(16), os.urandom(12)
        sealed = ChaCha20Poly1305(_scrypt(passphrase, salt)).encrypt(nonce, secret, None)
        parts = [b"scrypt", bytes(4) + salt, b"chacha20_poly1305", nonce + sealed]
    else:
        parts = [b"none", b"none", secret]
    container = _MAGIC + b"".join(len(part).to_bytes(2, "big") + part for part in parts)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"-----BEGIN CRYPT4GH PRIVATE KEY-----\n")
        file.write(base64.b64encode(container))
        file.write(b"\n-----END CRYPT4GH PRIVATE KEY-----\n")


def _open_container(rest: bytes, passphrase: bytes | None) -> bytes:
    kdf, rest = _take_string(rest)
    options = b""
    if kdf != b"none":
        options, rest = _take_string(rest)
    cipher, rest = _take_string(rest)
    blob, rest = _take_string(rest)
    if rest:
        _take_string(rest)  # a comment: well formed, not kept
    if (kdf == b"none") != (cipher == b"none"):
        raise KeyInvalid("The key file names a kdf without a cipher, or a cipher without a kdf.")
    if cipher == b"none":
        return _exactly_32(blob)
    if cipher != b"chacha20_poly1305":
        raise KeyInvalid("The key file uses a cipher that is not supported.")
    if not passphrase:
        raise KeyInvalid("The key file is protected by a passphrase, and none was given.")
    derived = _derive(kdf, passphrase, options)
    try:
        return _exactly_32(ChaCha20Poly1305(derived).decrypt(blob[:12], blob[12:], None))
    except (InvalidTag, ValueError) as error:
        raise KeyInvalid("The passphrase does not open this key file.") from error


def _derive(kdf: bytes, passphrase: bytes, options: bytes) -> bytes:
    if len(options) < 5:
        raise KeyInvalid("The key file has no salt.")
    rounds, salt = int.from_bytes(options[:4], "big"), options[4:]
    if kdf == b"scrypt":
        return _scrypt(passphrase, salt)
    if kdf == b"bcrypt":
        return _bcrypt(passphrase, salt, rounds)
    if kdf == b"pbkdf2_hmac_sha256":
        _check_rounds(rounds, MAX_PBKDF2_ROUNDS)
        return hashlib.pbkdf2_hmac("sha256", passphrase, salt, rounds, dklen=32)
    raise KeyInvalid("The key file uses a key derivation that is not supported.")


def _scrypt(passphrase: bytes, salt: bytes) -> bytes:
    # The reference fixes N, r and p; the rounds field of the file is not used.
    return hashlib.scrypt(passphrase, salt=salt, n=2**14, r=8, p=1, dklen=32, maxmem=_SCRYPT_MEMORY)


def _bcrypt(passphrase: bytes, salt: bytes, rounds: int) -> bytes:
    _check_rounds(rounds, MAX_BCRYPT_ROUNDS)
    return bcrypt.kdf(passphrase, salt, desired_key_bytes=32, rounds=rounds, ignore_few_rounds=True)


def _check_rounds(rounds: int, most: int) -> None:
    if not 1 <= rounds <= most:
        raise KeyInvalid(f"The key file asks for {rounds} rounds; 1 to {most} are accepted.")


def _open_openssh(text: bytes, passphrase: bytes | None) -> bytes:
    try:
        key = load_ssh_private_key(text, password=passphrase or None)
    except Exception as error:  # hostile bytes: whatever the parser throws is a refusal
        raise KeyInvalid("The OpenSSH key cannot be opened: wrong passphrase or form.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyInvalid("Of OpenSSH keys only ed25519 can be used for Crypt4GH.")
    return hashlib.sha512(key.private_bytes_raw()).digest()[:32]


def _take_string(data: bytes) -> tuple[bytes, bytes]:
    size = int.from_bytes(data[:2], "big")
    if len(data) < 2 + size:
        raise KeyInvalid("The key file ends inside a field.")
    return data[2 : 2 + size], data[2 + size :]


def _exactly_32(secret: bytes) -> bytes:
    if len(secret) != 32:
        raise KeyInvalid(f"The key file holds {len(secret)} secret bytes instead of 32.")
    return secret
