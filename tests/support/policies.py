"""A dataset's policy and people of every standing, for tests of the rules."""

from __future__ import annotations

from access.policies.decision import Ceilings, DatasetPolicy, Granularity, Level, Profile
from access.policies.visa_rules import BONA_FIDE
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.passport import VisaType

NODE = "https://node.example"
GRANT = f"{NODE}/datasets/heart"
NOW = 1_000_000
CEILINGS: Ceilings = {
    Level.PUBLIC: Granularity.BOOLEAN,
    Level.REGISTERED: Granularity.COUNT,
    Level.CONTROLLED: Granularity.RECORD,
}
HEART = DatasetPolicy(
    dataset="heart",
    grant_value=GRANT,
    level=Level.PUBLIC,
    profile=Profile.DEFAULT,
    ceilings=CEILINGS,
    listed=True,
    committee=("dora@https://broker.example",),
    consent=None,
    registered_rule="bona_fide",
)


def visa(kind: VisaType, value: str, *, by: str | None, expires: int = NOW + 500) -> Visa:
    return Visa(
        issuer=NODE,
        subject="grace",
        type=kind,
        value=value,
        source=NODE,
        by=by,
        asserted=NOW - 10,
        expires=expires,
        jti=None,
    )


STATUS = visa(VisaType.RESEARCHER_STATUS, BONA_FIDE, by="so")
TERMS = visa(VisaType.ACCEPTED_TERMS, BONA_FIDE, by="self")
GRANTED = visa(VisaType.CONTROLLED_ACCESS, GRANT, by="dac")


def researcher(*visas: Visa, subject: str = "grace", expires: int = NOW + 900) -> Researcher:
    return Researcher("https://broker.example", subject, visas=visas, dropped=(), expires=expires)
