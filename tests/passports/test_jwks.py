"""Which entries of a key set are keys."""

from __future__ import annotations

import pytest

from passports.jwks import MAX_KEYS, usable_keys
from passports.tokens import SigningKey

GOOD = SigningKey.generate().public_jwk()
RSA = {"kty": "RSA", "kid": "r", "e": "AQAB", "n": "_" * 342}


def test_a_good_key_is_found_by_its_kid() -> None:
    assert set(usable_keys({"keys": [GOOD]})) == {GOOD["kid"]}
    assert set(usable_keys({"keys": [RSA]})) == {"r"}


@pytest.mark.parametrize("keys", [None, {}, "x", [GOOD] * (MAX_KEYS + 1)])
def test_what_is_no_list_of_keys_holds_none(keys: object) -> None:
    assert usable_keys({"keys": keys}) == {}


@pytest.mark.parametrize(
    "key",
    [
        RSA | {"alg": "PS256"},
        RSA | {"n": 7},
        RSA | {"n": "_" * 100},
        RSA | {"n": "_" * 2000},
        RSA | {"e": "_" * 14},
        RSA | {"e": ""},
        RSA | {"kid": ""},
        RSA | {"kid": "x" * 256},
        RSA | {"kty": "OKP"},
        RSA | {"key_ops": ["sign"]},
        RSA | {"key_ops": "verify"},
        GOOD | {"x": None},
    ],
)
def test_what_is_no_usable_key_is_left_out(key: dict[str, object]) -> None:
    assert usable_keys({"keys": [key]}) == {}
