"""A stolen token, a person who left, a key that leaked: refused although their time is not over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from passports.errors import BadToken, RevocationsUnavailable
from tests.support.broker import BROKER, NODE, Federation

pytestmark = pytest.mark.anyio


@pytest.fixture
def revoked(tmp_path: Path) -> Path:
    path = tmp_path / "revoked.txt"
    path.write_text("# nobody yet\n\n", encoding="utf-8")
    return path


def _federation(revoked: Path) -> Federation:
    federation = Federation()
    federation.revoked = revoked
    return federation


@pytest.mark.parametrize("name", ["jti", "sub", "kid"])
async def test_a_passport_is_refused_from_the_moment_it_is_listed(revoked: Path, name: str) -> None:
    federation = _federation(revoked)
    values = {"jti": "p-1", "sub": "rosa", "kid": federation.broker.key.kid}
    house, raw = federation.clearinghouse(), federation.passport(jti="p-1")
    assert (await house.admit(raw)).subject == "rosa"
    _say(revoked, f"{name} {BROKER} {values[name]}\n")
    with pytest.raises(BadToken) as refused:
        await house.admit(raw)
    assert refused.value.reason == "revoked"


@pytest.mark.parametrize("name", ["jti", "sub", "kid"])
async def test_a_visa_is_dropped_and_its_holder_stays(revoked: Path, name: str) -> None:
    federation = _federation(revoked)
    values = {"jti": "v-1", "sub": "rosa", "kid": federation.node.key.kid}
    house, raw = federation.clearinghouse(), federation.passport([federation.node.visa(jti="v-1")])
    assert (await house.admit(raw)).visas
    _say(revoked, f"{name} {NODE} {values[name]}\n")
    researcher = await house.admit(raw)
    assert researcher.visas == ()
    assert [drop.reason for drop in researcher.dropped] == ["revoked"]


async def test_one_issuers_revocation_says_nothing_of_anothers_token(revoked: Path) -> None:
    federation = _federation(revoked)
    _say(revoked, f"jti {NODE} p-1\nsub {NODE} rosa\n")
    house = federation.clearinghouse()
    for jti in ("p-1", "p-1", "p-2"):
        assert (await house.admit(federation.passport(jti=jti))).subject == "rosa"


async def test_an_access_token_is_revoked_before_anybody_is_asked(revoked: Path) -> None:
    federation = _federation(revoked)
    federation.take_access_tokens(federation.node.visa())
    _say(revoked, f"jti {BROKER} a-1\n")
    assert await federation.refusal(federation.access_token()) == "revoked"


@pytest.mark.parametrize("content", ["jti only-two", "person x y", "\udcff"])
async def test_a_list_that_cannot_be_read_stops_admission(revoked: Path, content: str) -> None:
    """What was revoked must not come back with a typing error."""
    federation = _federation(revoked)
    house = federation.clearinghouse()
    await house.admit(federation.passport())
    _say(revoked, content)
    with pytest.raises(RevocationsUnavailable):
        await house.admit(federation.passport())
    _say(revoked, "")
    assert (await house.admit(federation.passport())).subject == "rosa"


async def test_a_list_that_is_gone_or_endless_stops_admission(
    revoked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = _federation(revoked).clearinghouse()
    monkeypatch.setattr("passports.revocation.MAX_FILE_BYTES", 10)
    _say(revoked, "#" * 11)
    with pytest.raises(RevocationsUnavailable):
        await house.admit(Federation().passport())
    gone = _federation(revoked.with_name("gone")).clearinghouse()
    with pytest.raises(RevocationsUnavailable):
        await gone.admit(Federation().passport())


async def test_a_list_swapped_for_one_of_the_same_size_and_time_is_noticed(revoked: Path) -> None:
    federation = _federation(revoked)
    _say(revoked, f"jti {BROKER} p-2\n")
    house, raw = federation.clearinghouse(), federation.passport(jti="p-1")
    assert (await house.admit(raw)).subject == "rosa"
    _swap(revoked, f"jti {BROKER} p-1\n")
    with pytest.raises(BadToken):
        await house.admit(raw)


def _say(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="surrogateescape")


def _swap(path: Path, text: str) -> None:
    """Another file in its place, of the same length and times."""
    stamp, new = path.stat(), path.with_name("new")
    _say(new, text)
    os.utime(new, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    new.replace(path)
