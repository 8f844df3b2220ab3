"""Masks that hide a site's numbers and cancel in the sum of all: whole ChaCha20 key streams.

After Bonawitz et al. 2017 (secure aggregation). Unlike the engine's own SecAgg+, a mask is
stretched from all 256 bits of its key, and no key of a site is ever given away: what a peer reveals
of a site that dropped out is the mask of one pair in one round.
"""

from __future__ import annotations

import hashlib
import os

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

Words = NDArray[np.uint32]  # integers modulo 2**32; they add by wrapping
_NONCE = bytes(16)  # a key is used for one stream only


def stream(seed: bytes, length: int) -> Words:
    """`length` words of the key stream of this 32-byte seed."""
    key = hashlib.sha256(b"skerry mask\0" + seed).digest()
    encryptor = Cipher(ChaCha20(key, _NONCE), mode=None).encryptor()
    return np.frombuffer(encryptor.update(bytes(4 * length)), dtype="<u4")


def shared(mine: bytes, theirs: bytes) -> bytes:
    """What two sites have in common of their X25519 keys; raises `ValueError` for a bad key."""
    return X25519PrivateKey.from_private_bytes(mine).exchange(
        X25519PublicKey.from_public_bytes(theirs)
    )


def pair_seed(secret: bytes, *, about: str) -> bytes:
    """Of one pair, run, round and question, which `about` names: it says nothing of the others."""
    return _derive(secret, f"pair {about}")


def seal(secret: bytes, text: bytes, *, about: str) -> bytes:
    """For the other of a pair; `about` (run, round, from, to) must be the same to open it."""
    nonce = os.urandom(12)
    return nonce + ChaCha20Poly1305(_derive(secret, "box")).encrypt(nonce, text, about.encode())


def unseal(secret: bytes, box: bytes, *, about: str) -> bytes:
    """Raises `cryptography.exceptions.InvalidTag` for anything not sealed to this pair."""
    return ChaCha20Poly1305(_derive(secret, "box")).decrypt(box[:12], box[12:], about.encode())


def _derive(secret: bytes, label: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"skerry secure sum " + label.encode()).derive(secret)
