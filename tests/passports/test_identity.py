"""A node's proof of its own key: fresh, about itself, and no Passport nor visa (RFC 8725 3.11)."""

from __future__ import annotations

import pytest

from passports.errors import BadToken, Reason
from passports.identity import IDENTITY_TYP, Identity, prove, proven
from passports.tokens import PASSPORT_TYP, VISA_TYP, SigningKey, sign

CHALLENGE = "a-fresh-challenge-of-ours"
URL = "https://node.example.org"
KEY = SigningKey.generate()


def _claims(**other: object) -> dict[str, object]:
    claims: dict[str, object] = {
        "iss": URL, "sub": URL, "iat": 1, "exp": 61, "nonce": CHALLENGE,
    }  # fmt: skip
    return {name: value for name, value in (claims | other).items() if value is not None}


def _answer(typ: str = IDENTITY_TYP, **other: object) -> dict[str, object]:
    return {"key": KEY.public_jwk(), "proof": sign(_claims(**other), key=KEY, typ=typ)}


def test_a_node_proves_its_key_and_address_whatever_its_clock_says() -> None:
    for now in (0, 1_800_000_000, 2**40):
        answer = prove(CHALLENGE, key=KEY, public_url=URL, now=now)
        assert proven(answer, CHALLENGE) == Identity(URL, KEY.kid)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({}, Reason.MALFORMED),
        ({"key": KEY.public_jwk()}, Reason.MALFORMED),
        (_answer() | {"key": "text"}, Reason.MALFORMED),
        (_answer() | {"proof": "x" * 5_000}, Reason.TOO_LARGE),
        (_answer(PASSPORT_TYP), Reason.WRONG_TYPE),
        (_answer(VISA_TYP), Reason.WRONG_TYPE),
        (_answer() | {"key": SigningKey.generate().public_jwk()}, Reason.UNKNOWN_KEY),
        (_answer(nonce="another-challenge-entirely"), Reason.BAD_CLAIM),
        (_answer(nonce=None), Reason.BAD_CLAIM),
        (_answer(iss=None), Reason.BAD_CLAIM),
        (_answer(iss=5), Reason.BAD_CLAIM),
        (_answer(iat=True), Reason.BAD_CLAIM),
        (_answer(iat=-1), Reason.BAD_CLAIM),
        (_answer(exp="soon"), Reason.BAD_CLAIM),
        (_answer(sub="https://other.example.org"), Reason.BAD_CLAIM),
    ],
)
def test_anything_else_is_no_proof(answer: dict[str, object], reason: Reason) -> None:
    with pytest.raises(BadToken) as refused:
        proven(answer, CHALLENGE)
    assert refused.value.reason is reason


def test_the_public_key_of_a_node_does_not_make_another_that_node() -> None:
    other = SigningKey.generate()
    answer = prove(CHALLENGE, key=other, public_url=URL, now=1)
    claimed = {**KEY.public_jwk(), "kid": other.kid}  # what an impostor's header names
    with pytest.raises(BadToken) as refused:
        proven({**answer, "key": claimed}, CHALLENGE)
    assert refused.value.reason is Reason.BAD_SIGNATURE


def test_a_key_is_known_by_its_numbers_and_not_by_what_it_calls_itself() -> None:
    renamed = {**KEY.public_jwk(), "kid": "mine"}
    proof = KEY.jws(b'{"iss":"%b","sub":"%b","iat":1,"exp":61,"nonce":"%b"}'
                    % (URL.encode(), URL.encode(), CHALLENGE.encode()),
                    typ=IDENTITY_TYP, jku=None)  # fmt: skip
    with pytest.raises(BadToken):
        proven({"key": renamed, "proof": proof}, CHALLENGE)
