"""/access/check, /access/explain and /access/whoami, as a proxy, a person and an admin ask them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request

from access.errors import CredentialUnreadable
from access.policies import routes
from access.policies.decision import DatasetPolicy, Granularity, Level, Obligation, Profile, Window
from access.policies.policy import PolicyBook
from access.policies.visa_rules import BONA_FIDE, VisaRule
from access.record.audit import RecordFile
from gateway.http_errors import ErrorTable
from passports.judgement import DroppedVisa
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.passport import VisaType

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
URL = "https://node.example"
ISSUER = "https://broker.example"


def visa(kind: VisaType, value: str, *, by: str = "so", expires: int = NOW + 500) -> Visa:
    return Visa(URL, "grace", kind, value, URL, by, NOW - 10, expires, "jti")


STATUS = visa(VisaType.RESEARCHER_STATUS, BONA_FIDE)
TERMS = visa(VisaType.ACCEPTED_TERMS, BONA_FIDE, by="self")
GRANT = visa(VisaType.CONTROLLED_ACCESS, f"{URL}/datasets/heart", by="dac")
HEART = DatasetPolicy(
    dataset="heart",
    grant_value=f"{URL}/datasets/heart",
    level=Level.REGISTERED,
    profile=Profile.DEFAULT,
    ceilings={Level.REGISTERED: Granularity.COUNT, Level.CONTROLLED: Granularity.RECORD},
    listed=True,
    committee=(f"dora@{ISSUER}",),
    consent=None,
    registered_rule="bona_fide",
    obligations=(Obligation("publish", "Publish what you find."),),
)
HIDDEN = replace(HEART, dataset="hidden", committee=(), listed=False, grant_value="urn:hidden")
SIGNING_KEY = Ed25519PrivateKey.generate()
PEOPLE: dict[str, Researcher] = {
    name: Researcher(ISSUER, name, visas, dropped, NOW + 900)
    for name, visas, dropped in (
        ("rosa", (STATUS, TERMS), ()),
        ("grace", (GRANT,), ()),
        ("ida", (replace(STATUS, expires=NOW - 1), TERMS), ()),
        ("olga", (replace(STATUS, by="self"), TERMS), ()),
        ("vera", (TERMS,), (DroppedVisa("bad_signature", "ResearcherStatus", URL),)),
        ("eva", (TERMS,), (DroppedVisa("expired", "ResearcherStatus", URL, NOW - 1),)),
        ("adam", (), ()),
        ("dora", (), ()),
    )
}


@dataclass
class Node:
    folder: Path
    policies: tuple[DatasetPolicy, ...] = (HEART, HIDDEN)

    async def caller(self, request: Request) -> Researcher | None:
        name = request.headers.get("x-person")
        if name == "forged":
            raise CredentialUnreadable("not a token")
        return None if name is None else PEOPLE[name]

    async def get(self, path: str, *, name: str | None = None, **asked: str) -> httpx.Response:
        record = RecordFile(
            self.folder / "record.jsonl", pseudonym_key=b"p" * 32, signing_key=SIGNING_KEY
        )
        app = FastAPI()
        app.include_router(
            routes.build(
                book=PolicyBook(self.policies, version="7"),
                record=record,
                caller=self.caller,
                admins=(f"adam@{ISSUER}",),
                clock=lambda: NOW,
            )
        )
        ErrorTable(bodies={}, realm="test").install(app)
        transport = httpx.ASGITransport(app)
        headers = {} if name is None else {"x-person": name}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://node", headers=headers
        ) as http:
            answer = await http.get(f"/access/{path}", params=asked)
        record.close()
        return answer


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


# check


@pytest.mark.parametrize(
    ("name", "action", "status"),
    [
        (None, "discover", 403),
        ("adam", "discover", 403),
        ("rosa", "discover", 200),
        ("grace", "discover", 200),
        ("rosa", "stream", 403),
        ("rosa", "train", 403),
        ("grace", "stream", 200),
        ("grace", "train", 200),
        ("forged", "discover", 401),
    ],
)
async def test_check_is_200_403_or_401(
    node: Node, name: str | None, action: str, status: int
) -> None:
    answer = await node.get("check", name=name, dataset="heart", action=action)
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert answer.headers["cache-control"] == "no-store"


async def test_check_says_what_one_is_entitled_to(node: Node) -> None:
    answer = (await node.get("check", name="grace", dataset="heart")).json()
    assert (answer["outcome"], answer["level"], answer["ceiling"]) == (
        "permit",
        "controlled",
        "record",
    )
    assert answer["expires"] == GRANT.expires
    assert answer["obligations"] == [{"code": "publish", "text": "Publish what you find."}]
    assert answer["policy_version"] == "7"


@pytest.mark.parametrize("name", [None, "rosa", "adam", "grace"])
@pytest.mark.parametrize("action", ["discover", "stream", "train"])
async def test_hidden_and_unknown_datasets_have_one_answer(
    node: Node, name: str | None, action: str
) -> None:
    with_it = replace(node, policies=(HEART, replace(HIDDEN, level=Level.CONTROLLED)))
    hidden = await with_it.get("check", name=name, dataset="hidden", action=action)
    unknown = await with_it.get("check", name=name, dataset="nowhere", action=action)
    assert hidden.status_code == unknown.status_code == 403
    assert hidden.content == unknown.content
    assert dict(hidden.headers) == dict(unknown.headers)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"dataset": "heart", "level": "registered"},
        {"action": "stream"},
        {"level": "registered", "action": "stream"},
        {"dataset": "heart", "action": "delete"},
        {"dataset": "no spaces"},
        {"dataset": ""},
        {"dataset": "x" * 201},
        {"level": "controlled"},
        {"level": "Registered"},
        {"dataset": "heart", "datasets": "heart"},
    ],
)
async def test_a_malformed_check_is_400(node: Node, asked: dict[str, str]) -> None:
    assert (await node.get("check", name="rosa", **asked)).status_code == 400


@pytest.mark.parametrize(
    ("name", "level", "status"),
    [
        (None, "public", 200),
        (None, "registered", 403),
        ("adam", "registered", 403),
        ("grace", "registered", 403),
        ("rosa", "registered", 200),
        ("forged", "public", 401),
    ],
)
async def test_a_level_is_checked_for_the_node_as_a_whole(
    node: Node, name: str | None, level: str, status: int
) -> None:
    assert (await node.get("check", name=name, level=level)).status_code == status


async def test_every_check_is_on_record_without_names_and_foreign_words(node: Node) -> None:
    await node.get("check", name="rosa", dataset="heart")
    await node.get("check", name="rosa", dataset="hidden", action="stream")
    await node.get("check", dataset="eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.x")
    text = (node.folder / "record.jsonl").read_text()
    noted = [json.loads(line) for line in text.splitlines()]
    facts = [one["facts"] for one in noted if one["kind"] == "access.check"]
    assert [(one["dataset"], one["outcome"], one["reasons"]) for one in facts] == [
        ("heart", "permit", ["registered_bona_fide"]),
        ("hidden", "deny", ["needs_grant"]),
        (None, "deny", ["not_available"]),
    ]
    assert facts[0]["caller"] == facts[1]["caller"] != facts[2]["caller"]
    assert "rosa" not in text
    assert "eyJ" not in text


# explain


async def advice(node: Node, name: str | None, **asked: str) -> list[str]:
    answer = await node.get("explain", name=name, **({"dataset": "heart"} | asked))
    assert answer.status_code == 200
    assert answer.json()["rules"] == []
    said: list[str] = answer.json()["advice"]
    return said


async def test_a_stranger_is_told_what_would_help(node: Node) -> None:
    said = await advice(node, None)
    assert said[0].startswith("This dataset answers registered researchers")
    assert "You need researcher status (bona fide) said by peer or so or system." in said
    assert "You need a grant: request access from the dataset's committee." in said


async def test_who_needs_a_grant_is_told_so_and_nothing_else(node: Node) -> None:
    said = await advice(node, "rosa", action="stream")
    assert len(said) == 2
    assert all("grant" in sentence for sentence in said)


async def test_the_committee_is_called_by_its_name(node: Node) -> None:
    named = replace(node, policies=(replace(HEART, committee_name="the Heart Board"),))
    said = await advice(named, "rosa", action="stream")
    assert "You need a grant: request access from the Heart Board." in said


@pytest.mark.parametrize("name", ["ida", "eva"])
async def test_an_expired_visa_is_named_with_its_end(node: Node, name: str) -> None:
    assert "Your researcher status visa expired on 2027-01-15 07:59 UTC." in await advice(
        node, name
    )


async def test_a_visa_said_by_oneself_is_named(node: Node) -> None:
    said = await advice(node, "olga")
    assert "Your researcher status visa is said by self, which does not count here." in said


async def test_a_visa_that_was_not_accepted_is_named_with_its_reason(node: Node) -> None:
    said = await advice(node, "vera")
    assert "A researcher status visa of yours was not accepted: bad signature." in said


async def test_a_permit_says_what_is_owed_and_until_when(node: Node) -> None:
    said = await advice(node, "grace")
    assert said == [
        "You hold a grant for this dataset.",
        "You owe: Publish what you find.",
        "This holds until 2027-01-15 08:08 UTC.",
    ]


async def test_what_is_public_is_said_to_be_and_never_ends(node: Node) -> None:
    public = replace(HEART, level=Level.PUBLIC, ceilings={Level.PUBLIC: Granularity.BOOLEAN})
    said = await advice(replace(node, policies=(replace(public, obligations=()),)), None)
    assert said == ["This dataset answers anyone."]


async def test_a_visa_about_something_else_is_not_mentioned(node: Node) -> None:
    other = replace(STATUS, value="https://other.example")
    PEOPLE["otto"] = replace(PEOPLE["rosa"], subject="otto", visas=(other, TERMS))
    assert not any("Your" in sentence for sentence in await advice(node, "otto"))


async def test_a_closed_window_is_not_answered_with_advice_on_visas(node: Node) -> None:
    closed = replace(node, policies=(replace(HEART, windows=(Window(None, NOW),)),))
    assert await advice(closed, "rosa") == ["This dataset is not open for this at present."]


async def test_an_affiliation_with_a_term_is_described(node: Node) -> None:
    rule = VisaRule(
        VisaType.AFFILIATION_AND_ROLE,
        ("*@uni.example",),
        by=frozenset({"so"}),
        sources=frozenset({"https://uni.example"}),
        max_age_seconds=86_400 * 30,
    )
    held = visa(VisaType.AFFILIATION_AND_ROLE, "faculty@uni.example")
    PEOPLE["afra"] = replace(PEOPLE["rosa"], subject="afra", visas=(STATUS, TERMS, held))
    strict = replace(node, policies=(replace(HEART, conditions={Level.REGISTERED: (rule,)}),))
    said = await advice(strict, "afra")
    assert "You need affiliation (*@uni.example) said by so, at most 30 days old." in said
    assert f"Your affiliation visa is of {URL}, which does not count here." in said


@pytest.mark.parametrize("name", [None, "rosa", "grace"])
async def test_explaining_hidden_and_unknown_datasets_gives_one_answer(
    node: Node, name: str | None
) -> None:
    with_it = replace(node, policies=(HEART, replace(HIDDEN, level=Level.CONTROLLED)))
    hidden = await with_it.get("explain", name=name, dataset="hidden")
    unknown = await with_it.get("explain", name=name, dataset="nowhere")
    assert hidden.content.replace(b"hidden", b"nowhere") == unknown.content
    assert hidden.json()["advice"] == ["There is no dataset of this name that you may use."]


@pytest.mark.parametrize("asked", [{"form": "full"}, {"persona": "granted"}])
@pytest.mark.parametrize("name", [None, "rosa", "dora"])
async def test_the_full_form_and_personas_are_for_admins(
    node: Node, name: str | None, asked: dict[str, str]
) -> None:
    for dataset in ("heart", "hidden", "nowhere"):
        answer = await node.get("explain", name=name, dataset=dataset, **asked)
        assert answer.status_code == 403
        assert "hidden" not in answer.text


async def test_an_admin_sees_every_rule_with_its_facts(node: Node) -> None:
    asked = {"dataset": "heart", "persona": "bona_fide", "form": "full", "action": "stream"}
    answer = (await node.get("explain", name="adam", **asked)).json()
    rules = "\n".join(answer["rules"])
    for fact in (
        "policy 7, dataset heart, stream",
        "registered met: researcher status (bona fide)",
        "controlled not met: grant (https://node.example/datasets/heart) said by dac or so",
        "matched",
        "rule level: deny: needs_grant",
        "outcome: deny, ceiling none",
    ):
        assert fact in rules
    unknown = await node.get("explain", name="adam", dataset="nowhere", form="full")
    assert unknown.json()["rules"][-1] == "dataset: no policy names it"


async def test_an_admin_sees_why_visas_failed_and_which_were_dropped(node: Node) -> None:
    PEOPLE["adam"] = replace(PEOPLE["vera"], subject="adam", visas=(replace(STATUS, by="self"),))
    try:
        answer = (await node.get("explain", name="adam", dataset="hidden", form="full")).json()
    finally:
        PEOPLE["adam"] = replace(PEOPLE["dora"], subject="adam")
    rules = "\n".join(answer["rules"])
    assert "not listed; the caller may not know of it" in rules
    assert "failed: other_by" in rules
    assert "dropped visa: ResearcherStatus: bad_signature" in rules


@pytest.mark.parametrize(
    "asked",
    [{}, {"dataset": "heart", "entry": "person"}, {"dataset": "heart", "persona": "root"}],
)
async def test_a_malformed_explanation_is_400(node: Node, asked: dict[str, str]) -> None:
    assert (await node.get("explain", name="adam", **asked)).status_code == 400


# whoami


async def test_whoami_shows_accepted_and_dropped_visas_with_reasons(node: Node) -> None:
    vera = (await node.get("whoami", name="vera")).json()
    (held,) = vera["visas"]
    assert (held["type"], held["by"]) == ("AcceptedTermsAndPolicies", "self")
    assert vera["dropped"] == [
        {"reason": "bad_signature", "type": "ResearcherStatus", "issuer": URL, "ended": None}
    ]
    assert (vera["committee_of"], vera["admin"]) == ([], False)
    assert (await node.get("whoami", name="dora")).json()["committee_of"] == ["heart"]
    assert (await node.get("whoami", name="adam")).json()["admin"]


@pytest.mark.parametrize("name", [None, "forged"])
async def test_whoami_is_for_the_signed_in(node: Node, name: str | None) -> None:
    answer = await node.get("whoami", name=name)
    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers
