"""`skerry explain`: a decision with every reason, for the holder of a token or for nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import httpx

from access.policy import Action
from access.policy_file import load_policies
from gateway import config
from gateway.errors import LoadRefused
from gateway.home import NodeHome
from passports import trust
from passports.keys import KeyStore
from passports.passport import Clearinghouse, Researcher
from passports.userinfo import Userinfo


def run(home: NodeHome, dataset: str, action: str, token: str | None) -> Mapping[str, object]:
    """Raises what admitting the token raises; a refusal is an answer, not an error."""
    if action not in set(Action):
        raise LoadRefused(f"--action is one of {', '.join(Action)}")
    settings = config.load(home.settings)
    book = load_policies(home.policies, public_url=settings.public_url)
    now = int(time.time())
    researcher = None if token is None else asyncio.run(_admit(home, settings.public_url, token))
    decision = book.decide(researcher, dataset, Action(action), now=now)
    return {
        "outcome": decision.outcome.value,
        "level": decision.level.name.lower(),
        "ceiling": None if decision.ceiling is None else decision.ceiling.wire,
        "reasons": [f"{reason.code}: {reason.text}" for reason in decision.reasons],
        "policy": decision.policy_version,
        "visas accepted": None if researcher is None else [v.type.value for v in researcher.visas],
        "visas dropped": None if researcher is None else [d.reason for d in researcher.dropped],
    }


async def _admit(home: NodeHome, audience: str, token: str) -> Researcher:
    table = trust.load(home.trust)
    async with httpx.AsyncClient(timeout=3.0, follow_redirects=False) as http:
        keys = KeyStore(table, http=http, clock=time.time)
        return await Clearinghouse(
            trust=table,
            keys=keys,
            userinfo=Userinfo(http=http, clock=time.time),
            audience=audience,
            clock=lambda: int(time.time()),
        ).admit(token)
