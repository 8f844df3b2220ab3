"""Keys that anyone can sign with or open for: refused at registration, however they are written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from access.errors import WorkspaceKeyInvalid
from access.keys import SMALL_ORDER_U, SMALL_ORDER_Y
from access.recipients import NewKey, check_key
from streams.errors import KeyInvalid
from streams.keys import SecretKey, check_public_bytes, parse_public_key, public_pem
from tests.support.access_node import signed_key

PRIME = 2**255 - 19
TOP = 2**255
D = -121665 * pow(121666, -1, PRIME) % PRIME


def encoded(number: int) -> bytes:
    return number.to_bytes(32, "little")


# Every encoding of the five y of small order, the two that fit in 255 bits a second time included.
WEAK_IDENTITIES = sorted(
    encoded(form + sign)
    for y in SMALL_ORDER_Y
    for form in (y, y + PRIME)
    for sign in (0, TOP)
    if form < TOP
)
WEAK_RECIPIENTS = sorted(
    encoded(form + top)
    for u in SMALL_ORDER_U
    for form in (u, u + PRIME)
    for top in (0, TOP)
    if form < TOP
)


def double_y(y: int) -> int:
    """The y of twice a point on edwards25519, from the curve equation and the addition law."""
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    return (y * y + x2) * pow(1 - D * x2 * y * y, -1, PRIME) % PRIME


def test_the_list_of_identities_is_the_whole_torsion() -> None:
    for y in SMALL_ORDER_Y:
        assert double_y(double_y(double_y(y))) == 1
    points = sum(1 if y in {1, PRIME - 1} else 2 for y in SMALL_ORDER_Y)
    assert (points, len(WEAK_IDENTITIES)) == (8, 14)


@pytest.mark.parametrize("identity", WEAK_IDENTITIES)
def test_an_identity_of_small_order_is_refused_however_it_is_written(identity: bytes) -> None:
    sound = signed_key(SecretKey.generate().public)
    for signature in (bytes(64), identity + bytes(32), encoded(1) + bytes(32), sound.signature):
        with pytest.raises(WorkspaceKeyInvalid, match="identity key is"):
            check_key(replace(sound, identity_key=identity, signature=signature))


def test_the_library_alone_would_take_a_signature_that_nobody_made() -> None:
    """Why the refusal is ours: the zero key and the zero signature verify for some messages."""
    zero, taken = Ed25519PublicKey.from_public_bytes(bytes(32)), 0
    for message in range(64):
        try:
            zero.verify(bytes(64), encoded(message))
        except InvalidSignature:
            continue
        taken += 1
    assert taken


def test_the_zero_key_with_the_zero_signature_is_refused_for_any_recipient() -> None:
    for _ in range(64):
        new = NewKey("lab", SecretKey.generate().public, bytes(32), bytes(64))
        with pytest.raises(WorkspaceKeyInvalid):
            check_key(new)


@pytest.mark.parametrize("y", [PRIME, PRIME + 3, PRIME + 18, TOP - 1])
def test_an_identity_that_is_not_canonical_is_refused(y: int) -> None:
    sound = signed_key(SecretKey.generate().public)
    for sign in (0, TOP):
        with pytest.raises(WorkspaceKeyInvalid, match="canonical"):
            check_key(replace(sound, identity_key=encoded(y + sign)))


@pytest.mark.parametrize("key", WEAK_RECIPIENTS)
def test_a_recipient_of_small_order_is_refused_however_it_is_written(key: bytes) -> None:
    with pytest.raises(ValueError, match="shared key"):  # the list is right
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(key))
    with pytest.raises(WorkspaceKeyInvalid, match="X25519"):
        check_key(signed_key(key))
    with pytest.raises(KeyInvalid):
        check_public_bytes(key)


@pytest.mark.parametrize("u", [PRIME, PRIME + 2, PRIME + 9, PRIME + 18, TOP - 1, 2 * TOP - 1])
def test_a_recipient_that_is_not_canonical_is_refused(u: int) -> None:
    with pytest.raises(WorkspaceKeyInvalid, match="canonical"):
        check_key(signed_key(encoded(u)))
    with pytest.raises(KeyInvalid, match="canonical"):
        parse_public_key(public_pem(encoded(u)))


def test_a_good_key_with_its_top_bit_set_is_a_second_name_and_refused() -> None:
    key = SecretKey.generate().public
    check_key(signed_key(key))
    second = encoded(int.from_bytes(key, "little") + TOP)
    with pytest.raises(WorkspaceKeyInvalid, match="canonical"):
        check_key(signed_key(second))
    with pytest.raises(KeyInvalid, match="canonical"):
        parse_public_key(public_pem(second))


def test_sound_keys_are_taken() -> None:
    for _ in range(16):
        check_key(signed_key(SecretKey.generate().public))
