"""An OpenID Connect provider as its client sees it: found by discovery, asked with our credentials.

OpenID Connect Discovery 4 and RFC 6749 2.3.1. The provider is named in settings and its document
must say the same; every endpoint must be https (or loopback). What is asked is for `login` and
`device`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus

import httpx

from passports.compact import strict_object
from passports.errors import BadToken, ProviderFailed, ProviderRefused
from passports.outbound import Answer, NoAnswer, ask, is_safe_url
from schemas.messages import Message

PROVIDER_SECONDS = 10.0
MAX_ANSWER_BYTES = 512 * 1024
_ERROR = re.compile(r"[a-z_]{1,40}", re.ASCII)
_REFUSALS = frozenset({400, 401, 403})


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What the discovery document says; None where there is no such endpoint."""

    authorization: str
    token: str
    jwks: str
    device_authorization: str | None
    userinfo: str | None
    answers_with_issuer: bool


class Provider:
    """One provider for one client; without a secret, a public client that only names itself."""

    def __init__(
        self, issuer: str, *, client_id: str, client_secret: str | None, http: httpx.AsyncClient
    ) -> None:
        if not is_safe_url(issuer):
            raise ProviderFailed(
                Message("%(issuer)s: expected https, or http on loopback", issuer=issuer)
            )
        self.issuer = issuer
        self.client_id = client_id
        self._http = http
        # RFC 6749 2.3.1: both halves are form-encoded before they are joined.
        self._auth = (
            None
            if client_secret is None
            else httpx.BasicAuth(quote_plus(client_id), quote_plus(client_secret))
        )
        self._found: Endpoints | None = None

    async def endpoints(self) -> Endpoints:
        """Asked for again until it succeeded once."""
        if self._found is None:
            url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            answer = await self._ask(self._http.build_request("GET", url))
            self._found = _endpoints(_document(answer), self.issuer)
        return self._found

    async def post(self, url: str, form: Mapping[str, str]) -> Mapping[str, object]:
        """The provider's yes; `ProviderRefused` is its no."""
        sent = dict(form) if self._auth else {**form, "client_id": self.client_id}
        answer = await self._ask(self._http.build_request("POST", url, data=sent), auth=self._auth)
        if answer.status in _REFUSALS:
            refusal = _document(answer, status=answer.status).get("error")
            known = isinstance(refusal, str) and _ERROR.fullmatch(refusal) is not None
            raise ProviderRefused(str(refusal) if known else "refused")
        return _document(answer)

    async def _ask(self, request: httpx.Request, *, auth: httpx.BasicAuth | None = None) -> Answer:
        try:
            return await ask(
                self._http, request, seconds=PROVIDER_SECONDS, cap=MAX_ANSWER_BYTES, auth=auth
            )
        except NoAnswer as error:
            raise ProviderFailed(Message("the sign-in provider does not answer")) from error


def _document(answer: Answer, *, status: int = httpx.codes.OK) -> Mapping[str, object]:
    if answer.status != status:
        raise ProviderFailed(
            Message("the sign-in provider failed"), detail=f"status {answer.status}"
        )
    try:
        return strict_object(answer.body)
    except BadToken as error:
        raise ProviderFailed(Message("the sign-in provider answered nonsense")) from error


def _endpoints(document: Mapping[str, object], issuer: str) -> Endpoints:
    if document.get("issuer") != issuer:
        raise ProviderFailed(Message("the sign-in provider calls itself by another name"))
    device, userinfo = "device_authorization_endpoint", "userinfo_endpoint"
    return Endpoints(
        authorization=_endpoint(document, "authorization_endpoint"),
        token=_endpoint(document, "token_endpoint"),
        jwks=_endpoint(document, "jwks_uri"),
        device_authorization=_endpoint(document, device) if device in document else None,
        userinfo=_endpoint(document, userinfo) if userinfo in document else None,
        answers_with_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: Mapping[str, object], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str) or not is_safe_url(url):
        raise ProviderFailed(
            Message("the sign-in provider's %(name)s is missing or not https", name=name)
        )
    return url
