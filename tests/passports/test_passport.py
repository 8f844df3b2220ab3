"""From a bearer token to a researcher."""

from __future__ import annotations

from typing import Any

import pytest

from passports.errors import BadToken, KeysUnavailable, Reason
from passports.passport import MAX_VISAS, RECHECK_SECONDS
from passports.tokens import VISA_TYP, sign
from schemas.passport import VisaType
from tests.support.broker import BONA_FIDE, BROKER, DATASET, NODE, NOW, Federation

pytestmark = pytest.mark.anyio


async def test_a_good_passport_admits_its_holder_with_the_visas_in_it() -> None:
    federation = Federation()
    status = federation.broker.visa("ResearcherStatus", BONA_FIDE, by="system")
    raw = federation.passport([federation.node.visa(), status])
    researcher = await federation.clearinghouse().admit(raw)
    assert researcher.identity == f"rosa@{BROKER}"
    assert [visa.value for visa in researcher.visas] == [DATASET, BONA_FIDE]
    assert researcher.visas[0].type is VisaType.CONTROLLED_ACCESS
    assert researcher.dropped == ()
    assert researcher.expires == NOW + 600


async def test_a_passport_without_visas_is_a_signed_in_person() -> None:
    federation = Federation()
    researcher = await federation.clearinghouse().admit(federation.passport())
    assert researcher.visas == ()


async def test_one_bad_visa_does_not_spoil_the_others() -> None:
    federation = Federation()
    raw = federation.passport(["x.y.z", federation.node.visa()])
    researcher = await federation.clearinghouse().admit(raw)
    assert len(researcher.visas) == 1
    assert [dropped.reason for dropped in researcher.dropped] == ["malformed"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "https://other.example"}, Reason.WRONG_AUDIENCE),
        ({"aud": None}, Reason.WRONG_AUDIENCE),
        ({"aud": []}, Reason.WRONG_AUDIENCE),
        ({"aud": NODE + "/"}, Reason.WRONG_AUDIENCE),
        ({"iss": "https://elsewhere.example"}, Reason.UNKNOWN_ISSUER),
        ({"iss": BROKER + "/"}, Reason.UNKNOWN_ISSUER),
        ({"iss": BROKER.upper()}, Reason.UNKNOWN_ISSUER),
        ({"iss": [BROKER]}, Reason.UNKNOWN_ISSUER),
        ({"sub": ""}, Reason.BAD_CLAIM),
        ({"sub": None}, Reason.BAD_CLAIM),
        ({"sub": 7}, Reason.BAD_CLAIM),
        ({"exp": None}, Reason.BAD_CLAIM),
        ({"exp": str(NOW + 60)}, Reason.BAD_CLAIM),
        ({"exp": True}, Reason.BAD_CLAIM),
        ({"exp": 2**60}, Reason.BAD_CLAIM),
        ({"exp": NOW - 30}, Reason.EXPIRED),
        ({"iat": NOW + 31}, Reason.NOT_YET),
        ({"iat": None}, Reason.BAD_CLAIM),
        ({"nbf": NOW + 31}, Reason.NOT_YET),
        ({"nbf": "soon"}, Reason.BAD_CLAIM),
        ({"jti": ""}, Reason.BAD_CLAIM),
        ({"ga4gh_passport_v1": None}, Reason.BAD_CLAIM),
        ({"ga4gh_passport_v1": "a.b.c"}, Reason.BAD_CLAIM),
        ({"ga4gh_passport_v1": [1]}, Reason.BAD_CLAIM),
        ({"ga4gh_passport_v1": ["a.b.c"] * (MAX_VISAS + 1)}, Reason.BAD_CLAIM),
    ],
)
async def test_a_passport_with_a_wrong_claim_is_refused(
    changes: dict[str, object], reason: Reason
) -> None:
    federation = Federation()
    with pytest.raises(BadToken) as refusal:
        await federation.clearinghouse().admit(federation.passport(**changes))  # type: ignore[arg-type]  # claims by name
    assert refusal.value.reason is reason


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "vnd.ga4gh.visa+jwt", "", None, 7, ["at+jwt"]])
async def test_another_kind_of_token_is_not_a_passport(typ: str) -> None:
    federation = Federation()
    with pytest.raises(BadToken) as refusal:
        await federation.clearinghouse().admit(federation.passport(typ=typ))
    assert refusal.value.reason is Reason.WRONG_TYPE


async def test_times_are_taken_with_thirty_seconds_of_leeway() -> None:
    federation = Federation()
    raw = federation.passport(iat=NOW + 30, exp=NOW - 29)
    assert (await federation.clearinghouse().admit(raw)).subject == "rosa"


async def test_an_empty_trust_table_trusts_nobody() -> None:
    federation = Federation()
    federation.brokers.clear()
    federation.visa_issuers.clear()
    with pytest.raises(BadToken):
        await federation.clearinghouse().admit(federation.passport())
    assert federation.network.asked == []


async def test_without_the_brokers_keys_nothing_is_decided() -> None:
    federation = Federation()
    federation.network.answers.clear()
    with pytest.raises(KeysUnavailable):
        await federation.clearinghouse().admit(federation.passport())


async def test_a_visa_issuer_out_of_reach_costs_its_visas_only() -> None:
    federation = Federation()
    del federation.network.answers[federation.node.jku]
    assert await federation.reason_for(federation.node.visa()) == "keys_unavailable"


async def test_a_cached_visa_is_not_held_past_its_expiry() -> None:
    federation = Federation()
    house = federation.clearinghouse()
    visa = federation.node.visa(exp=NOW + 60)
    first = await house.admit(federation.passport([visa]))
    again = await house.admit(federation.passport([visa]))
    federation.clock.now = NOW + 91
    last = await house.admit(federation.passport([visa]))
    assert len(first.visas) == len(again.visas) == 1
    assert [dropped.reason for dropped in last.dropped] == ["expired"]


async def test_refusals_never_repeat_the_token() -> None:
    federation = Federation()
    raw = federation.passport(aud="https://other.example")
    with pytest.raises(BadToken) as refusal:
        await federation.clearinghouse().admit(raw)
    assert raw.split(".")[2] not in f"{refusal.value!r}{refusal.value.detail}"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ga4gh_visa_v1": None}, "bad_claim"),
        ({"ga4gh_visa_v1": ["x"]}, "bad_claim"),
        ({"type": None}, "type_not_allowed"),
        ({"type": "https://ras.nih.gov/visas/v1.1"}, "type_not_allowed"),
        ({"scope": 7}, "wrong_token_type"),
    ],
)
async def test_a_visa_without_its_form_is_dropped(changes: dict[str, object], reason: str) -> None:
    federation = Federation()
    claims = federation.node.claims()
    body: Any = claims["ga4gh_visa_v1"]
    named = {name: value for name, value in changes.items() if name in body}
    rest = {name: value for name, value in changes.items() if name not in body}
    bent = claims | {"ga4gh_visa_v1": body | named} | rest
    visa = sign(bent, key=federation.node.key, typ=VISA_TYP, jku=federation.node.jku)
    assert await federation.reason_for(visa) == reason


@pytest.mark.parametrize(
    ("role", "reason"),
    [
        ("faculty@uni.example", None),
        ("affiliate@uni.example", None),
        ("eu.example_hpc@uni.example", None),
        ("faculty", "bad_claim"),
        ("@uni.example", "bad_claim"),
        ("faculty@", "bad_claim"),
        ("Faculty@uni.example", "bad_claim"),
        ("https://x/faculty@uni.example", "bad_claim"),
    ],
)
async def test_a_role_is_a_role_at_an_organisation(role: str, reason: str | None) -> None:
    federation = Federation()
    visa = federation.broker.visa("AffiliationAndRole", role, by=None)
    assert await federation.reason_for(visa) == reason


async def test_a_missing_source_reads_no_organisation() -> None:
    federation = Federation()
    visa = federation.broker.visa("AffiliationAndRole", "member@uni.example", source=None)
    assert await federation.reason_for(visa) == "source_not_allowed"
    broker = federation.visa_issuers[0]
    anyone = tuple(
        entry.model_copy(update={"sources": ("https://no.organization",)})
        for entry in broker.may_assert
    )
    federation.visa_issuers[0] = broker.model_copy(update={"may_assert": anyone})
    assert await federation.reason_for(visa) is None


async def test_a_long_lived_token_is_believed_for_an_hour_at_a_time() -> None:
    federation = Federation()
    house = federation.clearinghouse()
    raw = federation.passport([federation.node.visa(exp=NOW + 10**6)], exp=NOW + 10**6)
    assert (await house.admit(raw)).expires == NOW + RECHECK_SECONDS
    federation.clock.now += RECHECK_SECONDS
    assert (await house.admit(raw)).expires == NOW + 2 * RECHECK_SECONDS
    federation.network.serve_keys(federation.node.jku)
    federation.clock.now += RECHECK_SECONDS
    researcher = await house.admit(raw)
    assert researcher.visas == ()
    assert [drop.reason for drop in researcher.dropped] == ["unknown_key"]


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passports.admissions.MAX_KEPT_VISAS", 5)
    federation = Federation()
    house = federation.clearinghouse()
    for number in range(4):
        raw = federation.passport([federation.node.visa()], jti=f"p-{number}")
        await house.admit(raw)
        assert len(house._admissions._kept) <= 2
    assert house._admissions._size == 4
