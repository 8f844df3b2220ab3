"""Says which raw public keys a workspace may bring: canonical, and of no small order.

X25519 as in RFC 7748 section 5, Ed25519 as in RFC 8032 section 5.1. Whether a key is its owner's
is found out in `access.recipients`; key files are read by `streams.keys`.
"""

from __future__ import annotations

from access.errors import WorkspaceKeyInvalid

KEY_BYTES = 32

_FIELD_PRIME = 2**255 - 19
_SIGN_BIT = 2**255
_EIGHTH_U = int("00b8495f16056286fdb1329ceb8d09da6ac49ff1fae35616aeb8413b7c7aebe0", 16)
_OTHER_EIGHTH_U = int("57119fd0dd4e22d8868e1c58c45c44045bef839c55b1d0b1248c50a3bc959c5f", 16)
_EIGHTH_Y = int("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", 16)

# u-coordinates of small order on Curve25519 and its twist: the agreement with one of them is zero
# for everybody, and so a header sealed to it is open to anyone.
SMALL_ORDER_U = frozenset({0, 1, _FIELD_PRIME - 1, _EIGHTH_U, _OTHER_EIGHTH_U})

# y-coordinates of the eight points of small order on edwards25519; with or without the sign bit,
# anyone can make signatures that they verify.
SMALL_ORDER_Y = frozenset({0, 1, _FIELD_PRIME - 1, _EIGHTH_Y, _FIELD_PRIME - _EIGHTH_Y})


def check_public_key(raw: bytes) -> None:
    """Raises WorkspaceKeyInvalid for what is no X25519 key that data may be sealed to."""
    u = _number(raw)
    # Two encodings of one point would be two thumbprints of one key; the top bit is unused.
    if u >= _FIELD_PRIME:
        raise WorkspaceKeyInvalid("The X25519 public key is not in canonical form.")
    if u in SMALL_ORDER_U:
        raise WorkspaceKeyInvalid("The X25519 public key is of small order.")


def check_identity_key(raw: bytes) -> None:
    """Raises WorkspaceKeyInvalid for an Ed25519 key whose signatures would prove nothing."""
    y = _number(raw) & (_SIGN_BIT - 1)
    if y >= _FIELD_PRIME:
        raise WorkspaceKeyInvalid("The Ed25519 identity key is not in canonical form.")
    if y in SMALL_ORDER_Y:
        raise WorkspaceKeyInvalid("The Ed25519 identity key is of small order.")


def _number(raw: bytes) -> int:
    if len(raw) != KEY_BYTES:
        raise WorkspaceKeyInvalid(f"Expected raw keys of {KEY_BYTES} bytes each.")
    return int.from_bytes(raw, "little")
