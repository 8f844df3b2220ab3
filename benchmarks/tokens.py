"""What a token costs the clearinghouse: good ones, cached and not, and the worst hostile ones.

CPU milliseconds per token in this process, median of rounds, keys already known. A hostile token
must cost under 50 ms. Run and printed by `access.py`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from passports.compact import MAX_PASSPORT_CHARS
from passports.passport import MAX_VISAS, Clearinghouse
from passports.tokens import SigningKey
from schemas.errors import SkerryError
from tests.support.broker import DATASET, Federation

ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Line:
    """One work measured, and what it may cost."""

    work: str
    cpu_ms: float
    goal_ms: float

    @property
    def missed(self) -> bool:
        return self.cpu_ms > self.goal_ms

    def __str__(self) -> str:
        return f"| {self.work} | {self.cpu_ms:.3f} | {self.goal_ms:g} |"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    raw_token: str
    goal_ms: float
    fresh: bool = True


def cases(federation: Federation) -> Iterator[Case]:
    node, broker = federation.node, federation.broker
    grants = [node.visa("ControlledAccessGrants", f"{DATASET}-{n}") for n in range(MAX_VISAS)]
    ten = federation.passport(grants[:10])
    yield Case("passport, 10 visas, new", ten, 5)
    yield Case("passport, 10 visas, admitted before", ten, 0.3, fresh=False)
    yield Case(f"passport, {MAX_VISAS} visas, new", federation.passport(grants), 50)
    header = ten.split(".")[0]
    yield Case("256 KiB of one part", "x" * MAX_PASSPORT_CHARS, 50)
    yield Case("256 KiB of dots", "." * MAX_PASSPORT_CHARS, 50)
    yield Case("bad signature over 250 KiB", _unsigned(federation, "x" * 180_000), 50)
    yield Case("unsigned, 180 KB of small members", _unsigned(federation, _members(12_000)), 50)
    yield Case("unsigned, 20,000 brackets", _raw(header, b"[" * 20_000), 50)
    yield Case("unsigned, a number of 190,000 digits", _raw(header, b"9" * 190_000), 50)
    yield Case("unknown key", federation.passport(key=SigningKey.generate()), 50)
    strangers = [_stranger(n) for n in range(MAX_VISAS)]
    yield Case(f"{MAX_VISAS} visas of strangers", federation.passport(strangers), 50)
    forged = [_forged(visa) for visa in grants]
    yield Case(f"{MAX_VISAS} visas with bad signatures", federation.passport(forged), 50)
    helper = broker.visa("AffiliationAndRole", "faculty@" + "a" * 240, by="so")
    clause = {"type": "AffiliationAndRole", "value": "pattern:*" + "a*" * 30 + "b"}
    costly = [node.visa(conditions=[[clause]] * 90, jti=f"c-{n}") for n in range(13)]
    yield Case("13 visas of costly patterns", federation.passport([*costly, helper]), 50)
    links = ";".join(f"s{n},https%3A%2F%2Fi{n}.example" for n in range(100))
    linked = [broker.visa("LinkedIdentities", links, by="system", jti=f"l-{n}") for n in range(40)]
    yield Case("40 visas of 100 links", federation.passport(linked), 50)


async def measure(case: Case, federation: Federation) -> float:
    """Each round has a new clearinghouse, unless the case is about remembering."""
    spent = []
    house = await warm(federation)
    for _ in range(ROUNDS):
        if case.fresh:
            house = await warm(federation)
        else:
            await house.admit(case.raw_token)
        began = time.process_time()
        try:
            await house.admit(case.raw_token)
        except SkerryError as refused:
            if refused.status >= 500:
                raise
        spent.append(1000 * (time.process_time() - began))
    return statistics.median(spent)


async def warm(federation: Federation) -> Clearinghouse:
    """The keys of both issuers are known, nobody is."""
    house = federation.clearinghouse()
    await house.admit(federation.passport([federation.node.visa(), federation.broker.visa()]))
    return house


def lines(federation: Federation) -> Iterator[Line]:
    for case in cases(federation):
        spent = asyncio.run(measure(case, federation))
        yield Line(f"{case.name}, {len(case.raw_token) / 1000:.0f} KB", spent, case.goal_ms)


def _raw(header: str, payload: bytes) -> str:
    return f"{header}.{_b64(payload)}.AAAA"


def _unsigned(federation: Federation, filler: object) -> str:
    token = federation.passport()
    claims = json.dumps({"iss": federation.broker.issuer, "filler": filler}).encode()
    return _raw(token.split(".")[0], claims)


def _members(count: int) -> dict[str, int]:
    return {f"m{number}": number for number in range(count)}


def _stranger(number: int) -> str:
    key = SigningKey.generate()
    return key.jws(b'{"iss":"https://x.example"}', typ="JWT", jku=f"https://x.example/{number}")


def _forged(visa: str) -> str:
    header, payload, signature = visa.split(".")
    return f"{header}.{payload}.{signature[:-8]}AAAAAAAA"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
