"""Who asks on the command line: the holder of a token, an invented persona, or nobody; and when.

At a simulated time a token's holder counts as signed in then, and visas by their own ends.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import cast, get_args

import httpx

from access.policies.decision import Judge
from access.policies.file import load_policies
from access.policies.model import PersonaName
from access.policies.own_tests import PERSONA_SECONDS, midnight, persona
from access.policies.policy import PolicyBook
from access.policies.versions import PolicyVersions
from access.purpose_check import PurposeCheck
from duo.ontology import load_ontology
from duo.purpose import read_purpose
from gateway import config
from gateway.commands.duo_files import read_request
from gateway.errors import LoadRefused
from gateway.home import NodeHome
from passports import trust
from passports.keys import KeyStore
from passports.passport import Clearinghouse
from passports.researcher import Researcher
from passports.userinfo import Userinfo
from schemas.entries import EntryTypeId

_SECONDS = 3.0
_GRANT = "grant:"


@dataclass(frozen=True, slots=True)
class Asking:
    researcher: Researcher | None
    now: int


def asking(
    home: NodeHome,
    book: PolicyBook,
    *,
    token: str | None = None,
    as_persona: str | None = None,
    dataset: str | None = None,
    at: str | None = None,
) -> Asking:
    """A token or a persona, not both; neither is nobody. The persona `granted` holds the grant of
    `dataset`, `grant:DATASET` that of DATASET. Raises what admitting the token raises."""
    if token is not None and as_persona is not None:
        raise LoadRefused("--token-file or --persona, not both")
    now = int(time.time()) if at is None else midnight(_day(at))
    if as_persona is not None:
        return Asking(_persona(book, as_persona, dataset=dataset, now=now), now)
    if token is None:
        return Asking(None, now)
    researcher = asyncio.run(_admit(home, token))
    if at is not None:
        researcher = replace(researcher, expires=now + PERSONA_SECONDS)
    return Asking(researcher, now)


def book_in_force(home: NodeHome) -> PolicyBook:
    """What a node started now would decide by."""
    url = config.load(home.settings).public_url
    versions = PolicyVersions(home.policy_versions, public_url=url)
    active = versions.active()
    if active is None:
        return load_policies(home.policies, public_url=url)
    return versions.read(active.number).book


def judge_of(home: NodeHome, purpose: Path | None, *, now: int) -> Judge | None:
    """Judges the purpose in a file (the request form of docs/duo.md) as this node would."""
    if purpose is None:
        return None
    strict_duos = config.load(home.settings).strict_duos
    check = PurposeCheck(load_ontology(home.ontology), strict_duos=strict_duos)
    stated = read_purpose(read_request(purpose))
    today = datetime.fromtimestamp(now, tz=UTC).date()
    return lambda consent: check.judge(consent, stated, today=today)


def entry_of(entry: str | None) -> frozenset[str] | None:
    if entry is None:
        return None
    if entry not in get_args(EntryTypeId):
        raise LoadRefused(f"--entry is one of {', '.join(get_args(EntryTypeId))}")
    return frozenset({entry})


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise LoadRefused("--at: expected a date as YYYY-MM-DD") from error


def _persona(book: PolicyBook, name: str, *, dataset: str | None, now: int) -> Researcher | None:
    if name.startswith(_GRANT):
        name, dataset = "granted", name.removeprefix(_GRANT)
    if name not in get_args(PersonaName) or (name == "granted" and dataset is None):
        raise LoadRefused("--persona: expected anonymous, registered, bona_fide or grant:DATASET")
    policy = None if dataset is None else book.policy(dataset)
    value = policy.grant_value if policy is not None else "urn:none"
    return persona(cast("PersonaName", name), value, now=now)


async def _admit(home: NodeHome, token: str) -> Researcher:
    settings, table = config.load(home.settings), trust.load(home.trust)
    async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False) as http:
        return await Clearinghouse(
            trust=table,
            keys=KeyStore(table, http=http, clock=time.time),
            userinfo=Userinfo(http=http, clock=time.time),
            audience=settings.public_url,
            clock=lambda: int(time.time()),
        ).admit(token)
