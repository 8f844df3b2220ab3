"""The demo's sign-in provider, driven by our own client and by forged requests."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import httpx
import pytest

from gateway.demo.clients import Client
from gateway.demo.signin import create_app
from gateway.demo.visas import NodeRef
from gateway.errors import ConfigError
from passports.errors import SignInFailed
from passports.keys import KeyStore
from passports.login import Login, PendingLogin, SignedIn
from passports.passport import Clearinghouse
from passports.tokens import SigningKey
from passports.trust import Assertion, Broker, TrustTable, VisaIssuer
from passports.userinfo import Userinfo
from schemas.passport import VisaType
from tests.support.broker import BONA_FIDE, NOW, Clock, Issuer, Network, streamed

pytestmark = pytest.mark.anyio

ISSUER = "http://127.0.0.1:8089"
NODE = "http://127.0.0.1:8081"
BACK = "http://127.0.0.1:8080/signin/done"
VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
QUERY = {
    "client_id": "portal",
    "redirect_uri": BACK,
    "response_type": "code",
    "scope": "openid profile ga4gh_passport_v1",
    "state": "s",
    "nonce": "n",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "requested_token_type": "urn:ga4gh:params:oauth:token-type:passport",
    "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
}
PORTAL = httpx.BasicAuth("portal", quote_plus("portal-s+cr%t:/"))


class Demo:
    """The provider on an ASGI transport, a node that issues visas, and a portal's login."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.node = Issuer(NODE)
        self.network = Network()
        self.network.serve_keys(self.node.jku, self.node.key.public_jwk())
        self.app = create_app(
            issuer=ISSUER,
            nodes=[NodeRef(NODE, "broker-secret")],
            clients=[
                Client("portal", "portal-s+cr%t:/", (BACK,)),
                Client("other", "other-secret", (f"{BACK}/other",)),
            ],
            clock=self.clock,
            key=SigningKey.generate(),
            http=self.network.client(),
        )
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url=ISSUER)
        self.login = Login(ISSUER, "portal", "portal-s+cr%t:/", BACK, self.http, clock=self.clock)

    async def choose(self, url: str, account: str) -> dict[str, str]:
        page = await self.http.get(url)
        found = re.search(r'name="request" value="([^"]+)"', page.text)
        assert found is not None
        answer = await self.http.post("/authorize", data={"request": found[1], "account": account})
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(BACK + "?")
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        return {name: values[0] for name, values in query.items()}

    async def sign_in(self, account: str) -> SignedIn:
        url, pending = await self.login.begin("/results")
        return await self.login.finish(pending, await self.choose(url, account))

    async def code(self) -> str:
        return (await self.choose(f"/authorize?{urlencode(QUERY)}", "rosa"))["code"]

    async def redeem(
        self, code: str, *, auth: httpx.BasicAuth | None = PORTAL, **changes: str
    ) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
        }
        if auth is None:
            return await self.http.post("/token", data=form | changes)
        return await self.http.post("/token", data=form | changes, auth=auth)


async def test_a_person_signs_in_and_gets_a_passport_that_the_node_accepts() -> None:
    demo = Demo()
    visa = demo.node.visa("ControlledAccessGrants", f"{NODE}/datasets/heart", sub="grace")
    asked: list[str] = []

    def permissions(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["authorization"])
        return streamed({"ga4gh_passport_v1": [visa]})

    demo.network.serve(f"{NODE}/access/permissions/grace", permissions)
    signed_in = await demo.sign_in("grace")
    passport = await demo.login.exchange(signed_in.access_token, NODE)

    jwks = (await demo.http.get("/jwks")).json()["keys"]
    demo.network.serve_keys(f"{ISSUER}/jwks", *jwks)
    trust = TrustTable(
        brokers=[Broker(issuer=ISSUER, jwks_url=f"{ISSUER}/jwks")],
        visa_issuers=[
            VisaIssuer(
                issuer=ISSUER,
                jku=f"{ISSUER}/jwks",
                may_assert=(
                    Assertion(
                        type=VisaType.RESEARCHER_STATUS, sources=(ISSUER,), values=(BONA_FIDE,)
                    ),
                    Assertion(type=VisaType.ACCEPTED_TERMS, sources=(ISSUER,), values=(BONA_FIDE,)),
                ),
            ),
            VisaIssuer(
                issuer=NODE,
                jku=demo.node.jku,
                subject_namespace=ISSUER,
                may_assert=(
                    Assertion(
                        type=VisaType.CONTROLLED_ACCESS,
                        sources=(NODE,),
                        values=(f"{NODE}/datasets/*",),
                    ),
                ),
            ),
        ],
    )
    keys = KeyStore(trust, http=demo.network.client(), clock=demo.clock)
    house = Clearinghouse(
        trust=trust,
        keys=keys,
        userinfo=Userinfo(http=demo.network.client(), clock=demo.clock),
        audience=NODE,
        clock=demo.clock,
    )
    researcher = await house.admit(passport)
    assert signed_in.identity == researcher.identity == f"grace@{ISSUER}"
    assert signed_in.name == "Grace Holm"
    assert asked == ["Bearer broker-secret"]
    assert researcher.dropped == ()
    assert {visa.type for visa in researcher.visas} == {
        VisaType.RESEARCHER_STATUS,
        VisaType.ACCEPTED_TERMS,
        VisaType.CONTROLLED_ACCESS,
    }


async def test_userinfo_tells_the_same_and_a_silent_node_adds_nothing() -> None:
    demo = Demo()
    signed_in = await demo.sign_in("rosa")
    answer = await demo.http.get(
        "/userinfo", headers={"Authorization": f"Bearer {signed_in.access_token}"}
    )
    assert answer.json()["sub"] == "rosa"
    assert len(answer.json()["ga4gh_passport_v1"]) == 2
    assert answer.headers["cache-control"] == "no-store"


async def test_a_committee_member_is_given_no_researcher_visas() -> None:
    demo = Demo()
    signed_in = await demo.sign_in("dora")
    answer = await demo.http.get(
        "/userinfo", headers={"Authorization": f"Bearer {signed_in.access_token}"}
    )
    assert answer.json()["ga4gh_passport_v1"] == []


async def test_the_page_has_one_button_per_account_and_says_what_it_is() -> None:
    page = await Demo().http.get(f"/authorize?{urlencode(QUERY)}")
    assert re.findall(r'name="account" value="(\w+)"', page.text) == [
        "rosa",
        "grace",
        "dora",
        "dag",
        "adam",
    ]
    assert "no passwords" in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": BACK + "/"},
        {"redirect_uri": BACK + "?next=x"},
        {"redirect_uri": "http://127.0.0.1:6666/signin/done"},
        {"redirect_uri": f"{BACK}/other"},
        {"client_id": "nobody"},
    ],
)
async def test_an_unregistered_client_or_redirect_is_told_here_and_not_followed(
    changes: dict[str, str],
) -> None:
    answer = await Demo().http.get(f"/authorize?{urlencode(QUERY | changes)}")
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
    ],
)
async def test_a_request_that_is_not_code_with_pkce_goes_back_with_an_error(
    changes: dict[str, str], error: str
) -> None:
    answer = await Demo().http.get(f"/authorize?{urlencode(QUERY | changes)}")
    sent = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (sent["error"], sent["state"], sent["iss"]) == ([error], ["s"], [ISSUER])


async def test_a_code_is_good_once() -> None:
    demo = Demo()
    code = await demo.code()
    assert (await demo.redeem(code)).status_code == 200
    assert (await demo.redeem(code)).json() == {"error": "invalid_grant"}


async def test_a_code_is_good_for_a_minute() -> None:
    demo = Demo()
    code = await demo.code()
    demo.clock.now = NOW + 60
    assert (await demo.redeem(code)).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize("changes", [{"code_verifier": "w" * 43}, {"redirect_uri": BACK + "/"}])
async def test_a_code_without_its_verifier_or_redirect_is_refused(changes: dict[str, str]) -> None:
    demo = Demo()
    answer = await demo.redeem(await demo.code(), auth=PORTAL, **changes)
    assert answer.json() == {"error": "invalid_grant"}


async def test_another_client_cannot_redeem_a_code() -> None:
    demo = Demo()
    other = httpx.BasicAuth("other", "other-secret")
    assert (await demo.redeem(await demo.code(), auth=other)).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "auth", [None, httpx.BasicAuth("portal", "wrong"), httpx.BasicAuth("nobody", "")]
)
async def test_the_token_door_needs_the_clients_secret(auth: httpx.BasicAuth | None) -> None:
    demo = Demo()
    answer = await demo.redeem(await demo.code(), auth=auth)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"resource": "http://127.0.0.1:9999"}, "invalid_target"),
        ({"resource": NODE + "/"}, "invalid_target"),
        ({"resource": ""}, "invalid_target"),
        ({"subject_token": "nonsense"}, "invalid_grant"),
        ({"requested_token_type": "urn:other"}, "invalid_request"),
        ({"subject_token_type": "urn:other"}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
async def test_an_exchange_is_for_a_known_node_and_a_good_token(
    changes: dict[str, str], error: str
) -> None:
    demo = Demo()
    token = (await demo.sign_in("rosa")).access_token
    form = EXCHANGE | {"resource": NODE, "subject_token": token} | changes
    answer = await demo.http.post("/token", data=form, auth=PORTAL)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


async def test_another_client_cannot_exchange_the_token() -> None:
    demo = Demo()
    token = (await demo.sign_in("rosa")).access_token
    form = EXCHANGE | {"resource": NODE, "subject_token": token}
    auth = httpx.BasicAuth("other", "other-secret")
    assert (await demo.http.post("/token", data=form, auth=auth)).status_code == 400


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "x"}])
async def test_userinfo_needs_an_access_token(header: dict[str, str]) -> None:
    answer = await Demo().http.get("/userinfo", headers=header)
    assert answer.status_code == 401


async def test_another_host_name_is_not_answered() -> None:
    answer = await Demo().http.get("/jwks", headers={"Host": "rebound.example:8089"})
    assert answer.status_code == 421


@pytest.mark.parametrize(
    "issuer", ["https://127.0.0.1:1", "http://signin.example", "http://0.0.0.0:8089", ISSUER + "/"]
)
def test_it_refuses_to_be_built_off_loopback(issuer: str) -> None:
    with pytest.raises(ConfigError):
        create_app(issuer=issuer, nodes=[], clients=[], clock=Clock())


@pytest.mark.parametrize(
    "changes",
    [{"state": "other"}, {"iss": "https://evil.example"}, {"error": "access_denied"}, {"code": ""}],
)
async def test_our_login_refuses_an_answer_it_did_not_await(changes: dict[str, str]) -> None:
    demo = Demo()
    url, pending = await demo.login.begin("/")
    query = await demo.choose(url, "rosa") | changes
    with pytest.raises(SignInFailed):
        await demo.login.finish(pending, query)


async def test_our_login_refuses_an_answer_without_the_issuer() -> None:
    demo = Demo()
    url, pending = await demo.login.begin("/")
    query = await demo.choose(url, "rosa")
    del query["iss"]
    with pytest.raises(SignInFailed):
        await demo.login.finish(pending, query)


async def test_our_login_refuses_an_id_token_of_another_sign_in() -> None:
    demo = Demo()
    url, pending = await demo.login.begin("/")
    query = await demo.choose(url, "rosa")
    swapped = PendingLogin(pending.state, "other nonce", pending.verifier, "/")
    with pytest.raises(SignInFailed):
        await demo.login.finish(swapped, query)
