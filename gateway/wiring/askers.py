"""Who asks a node, and how it knows them: issuers it trusts, their keys, sessions, sign-in, limits.

A caller is told by a passport first, then by grants of the node's own, then by links to others; and
whoever it is, asks within limits. What a visa is worth is `passports`'.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from access.caller import Caller, caller
from access.limits import Counts, Limits, Rates, limited
from access.linked import Linked, at_sign_in
from access.own_grants import OwnGrants
from access.store import Store
from gateway import config
from gateway.home import NodeHome
from gateway.serving.share import Share
from passports.bearers import Bearers
from passports.kept import Kept
from passports.keys import KeyStore
from passports.login import Login, SignedIn
from passports.passport import Clearinghouse
from passports.sessions import Sessions
from passports.trust import TrustTable
from passports.userinfo import Userinfo


@dataclass(frozen=True, slots=True)
class Askers:
    """`who` is the caller of a request; `greet` is told of everybody who signed in."""

    trust: TrustTable
    keys: KeyStore
    bearers: Bearers
    sessions: Sessions
    login: Login
    greet: Callable[[SignedIn], Awaitable[None]]
    who: Caller


def build(
    home: NodeHome,
    settings: config.NodeSettings,
    *,
    trust: TrustTable,
    store: Store,
    http: httpx.AsyncClient,
    clock: Callable[[], int],
    share: Share | None,
    sessions: Sessions | None,
) -> Askers:
    """Raises the errors of the secrets it reads."""
    url = settings.public_url
    keys = KeyStore(trust, http=http, clock=time.time)
    userinfo = Userinfo(http=http, clock=time.time)
    house = Clearinghouse(trust=trust, keys=keys, userinfo=userinfo, audience=url, clock=clock)
    kept = Kept(None if share is None else share.sessions)
    bearers = Bearers(house, clock=clock, kept=kept)
    linked, login = Linked(store), _login(home, settings, http)
    found = caller(bearers, OwnGrants(store, issuer=url, clock=clock).honoured, linked.noted)
    return Askers(
        trust=trust,
        keys=keys,
        bearers=bearers,
        sessions=sessions or Sessions(clock=time.time, kept=kept),
        login=login,
        greet=at_sign_in(login, trust=trust, house=house, linked=linked),
        who=limited(found, _limits(home, settings.rate_limits, share)),
    )


def _login(home: NodeHome, settings: config.NodeSettings, http: httpx.AsyncClient) -> Login:
    return Login(
        settings.signin.issuer,
        client_id=settings.signin.client_id,
        client_secret=home.secret("signin_client").decode(),
        redirect_uri=f"{settings.public_url}/signin/done",
        http=http,
    )


def _limits(home: NodeHome, rates: config.RateSettings, share: Share | None) -> Limits:
    given = rates.model_dump(exclude={"portals"})
    counts = Counts(None if share is None else share.limits, key=home.secret("pseudonym"))
    return Limits(Rates(**given, portals=frozenset(map(str, rates.portals))), counts)
