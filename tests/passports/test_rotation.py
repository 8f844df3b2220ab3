"""A node's word on its next key: signed by the one before, about itself, and never back again."""

from __future__ import annotations

import pytest

from passports.errors import BadToken, Reason
from passports.identity import IDENTITY_TYP
from passports.rotation import (
    ANNOUNCED_SECONDS,
    MAX_STATEMENTS,
    ROTATION_TYP,
    Rotation,
    announce,
    follow,
    retired_keys,
)
from passports.tokens import LEEWAY_SECONDS, SigningKey, sign

URL, NODE, NOW = "https://node.example.org", "org.node", 1_800_000_000
KEYS = [SigningKey.generate() for _ in range(4)]


def _said(old: int, new: int, *, at: int = NOW) -> str:
    return announce(KEYS[new], old=KEYS[old], public_url=URL, node=NODE, now=at)


def _claims(**other: object) -> dict[str, object]:
    claims: dict[str, object] = {
        "iss": URL, "sub": URL, "iat": NOW, "exp": NOW + 100, "node": NODE,
        "old": KEYS[0].public_jwk(), "new": KEYS[1].public_jwk(),
    }  # fmt: skip
    return {name: value for name, value in (claims | other).items() if value is not None}


def _signed(typ: str = ROTATION_TYP, key: SigningKey = KEYS[0], **other: object) -> str:
    return sign(_claims(**other), key=key, typ=typ)


def _followed(
    *statements: object,
    held: int = 0,
    shown: int = 1,
    left: tuple[int, ...] = (),
    address: str = URL,
    node: str = NODE,
    now: int = NOW,
) -> tuple[Rotation, ...]:
    return follow(
        statements, held=KEYS[held].kid, shown=KEYS[shown].kid,
        left=[KEYS[one].kid for one in left], address=address, node=node, now=now,
    )  # fmt: skip


def test_the_old_key_leads_to_the_next_one() -> None:
    assert _followed(_said(0, 1)) == (Rotation(KEYS[0].kid, KEYS[1].kid, NOW),)


def test_who_was_away_for_several_keys_follows_them_all_in_whatever_order_they_are_told() -> None:
    way = [_said(0, 1), _said(1, 2, at=NOW + 5), _said(2, 3, at=NOW + 5)]
    for told in (way, way[::-1]):
        found = _followed(*told, shown=3, now=NOW + 10)
        assert [one.new for one in found] == [KEYS[1].kid, KEYS[2].kid, KEYS[3].kid]


def test_who_holds_a_key_on_the_way_goes_on_from_it() -> None:
    found = _followed(_said(0, 1), _said(1, 2), held=1, shown=2, left=(0,))
    assert [one.old for one in found] == [KEYS[1].kid]


def test_the_key_that_is_held_needs_no_word() -> None:
    assert _followed(held=1, shown=1) == ()
    assert _followed(_said(0, 1), held=1, shown=1) == ()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (None, Reason.MALFORMED),
        ({"old": 1}, Reason.MALFORMED),
        ("x" * 5_000, Reason.TOO_LARGE),
        ("no.such.thing", Reason.MALFORMED),
        (_signed(IDENTITY_TYP), Reason.WRONG_TYPE),
        (_signed(key=KEYS[2]), Reason.UNKNOWN_KEY),
        (_signed(old=KEYS[2].public_jwk()), Reason.UNKNOWN_KEY),
        (_signed(old=None), Reason.UNKNOWN_KEY),
        (_signed(old="key"), Reason.UNKNOWN_KEY),
        (_signed(new=None), Reason.UNKNOWN_KEY),
        (_signed(new={"kty": "oct", "k": "AAAA", "kid": "x"}), Reason.UNKNOWN_KEY),
        (_signed(iss="https://other.example.org"), Reason.UNKNOWN_ISSUER),
        (_signed(sub="https://other.example.org"), Reason.BAD_CLAIM),
        (_signed(node="org.other"), Reason.BAD_CLAIM),
        (_signed(node=None), Reason.BAD_CLAIM),
        (_signed(exp=None), Reason.BAD_CLAIM),
        (_signed(exp=NOW - LEEWAY_SECONDS), Reason.EXPIRED),
        (_signed(iat=NOW + LEEWAY_SECONDS + 1), Reason.NOT_YET),
        (_signed(new=KEYS[0].public_jwk()), Reason.BAD_CLAIM),
    ],
)
def test_anything_else_leads_nowhere(statement: object, reason: Reason) -> None:
    with pytest.raises(BadToken) as refused:
        _followed(statement)
    assert refused.value.reason is reason


def test_no_word_at_all_leads_nowhere() -> None:
    with pytest.raises(BadToken) as refused:
        _followed()
    assert refused.value.reason is Reason.UNKNOWN_KEY


def test_the_old_key_s_name_on_another_s_signature_leads_nowhere() -> None:
    thief = KEYS[3]
    renamed = {**thief.public_jwk(), "kid": KEYS[0].kid}
    forged = thief.jws(b"{}", typ=ROTATION_TYP, jku=None).split(".")
    named = _signed().split(".")
    for statement in (
        ".".join([named[0], named[1], forged[2]]),
        _signed(key=thief, old=renamed),
    ):
        with pytest.raises(BadToken):
            _followed(statement)


def test_a_key_that_was_left_is_not_come_back_to() -> None:
    for told in ([_said(1, 0)], [_said(1, 2), _said(2, 0)]):
        with pytest.raises(BadToken) as refused:
            _followed(*told, held=1, shown=0, left=(0,))
        assert refused.value.reason is Reason.BAD_CLAIM


def test_a_way_that_goes_in_a_circle_ends() -> None:
    with pytest.raises(BadToken) as refused:
        _followed(_said(0, 1), _said(1, 0), shown=2)
    assert refused.value.reason is Reason.BAD_CLAIM


def test_a_word_from_before_the_last_step_is_not_the_next_step() -> None:
    with pytest.raises(BadToken) as refused:
        _followed(_said(0, 1), _said(1, 2, at=NOW - 1), shown=2)
    assert refused.value.reason is Reason.BAD_CLAIM


def test_an_old_key_that_names_two_next_ones_names_none() -> None:
    with pytest.raises(BadToken) as refused:
        _followed(_said(0, 1), _said(0, 2))
    assert refused.value.reason is Reason.UNKNOWN_KEY


def test_a_word_is_good_for_its_time_and_no_longer() -> None:
    assert _followed(_said(0, 1), now=NOW + ANNOUNCED_SECONDS)
    with pytest.raises(BadToken) as refused:
        _followed(_said(0, 1), now=NOW + ANNOUNCED_SECONDS + LEEWAY_SECONDS)
    assert refused.value.reason is Reason.EXPIRED


def test_more_words_than_a_node_may_say_are_not_read() -> None:
    with pytest.raises(BadToken) as refused:
        _followed(*[_said(0, 1)] * (MAX_STATEMENTS + 1))
    assert refused.value.reason is Reason.TOO_LARGE


def test_a_node_s_own_words_give_the_keys_it_retired_and_when() -> None:
    way = [_said(0, 1, at=NOW - 100), _said(1, 2)]
    assert retired_keys(way) == ((NOW - 100, KEYS[0].public_jwk()), (NOW, KEYS[1].public_jwk()))
    assert retired_keys([]) == ()
    for wrong in ("nonsense", _signed(old=None), _signed(iat=None)):
        with pytest.raises(BadToken):
            retired_keys([wrong])
