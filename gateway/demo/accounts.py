"""The people of the demo, and the visas its provider gives of its own word.

Invented people; the bona fide standard is doi 10.1038/s41431-018-0219-y. Grants are not made here:
they come from the nodes' committees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.passport import VisaClaim

BONA_FIDE = "https://doi.org/10.1038/s41431-018-0219-y"


@dataclass(frozen=True, slots=True)
class Account:
    """`subject` is the `sub` in every token; `may` is said to the person who chooses."""

    subject: str
    name: str
    part: str
    may: str
    bona_fide: bool


ACCOUNTS: Mapping[str, Account] = {
    account.subject: account
    for account in (
        Account(
            "rosa",
            "Rosa Lind",
            "bona fide researcher",
            "Asks every node that answers registered researchers, and may request access.",
            bona_fide=True,
        ),
        Account(
            "grace",
            "Grace Holm",
            "researcher with a grant",
            "Like Rosa, and a committee has granted her every dataset: "
            "their files come sealed to her workspace.",
            bona_fide=True,
        ),
        Account(
            "dora",
            "Dora Vik",
            "data access committee member",
            "Reads, approves or returns requests for the datasets of her committee.",
            bona_fide=False,
        ),
        Account(
            "dag",
            "Dag Moe",
            "data access committee member",
            "Like Dora: what leaves a workspace by people's word needs two of the committee.",
            bona_fide=False,
        ),
        Account(
            "adam",
            "Adam Skog",
            "node administrator",
            "Publishes datasets, writes policies, confirms keys and reads the record; "
            "decides on no request.",
            bona_fide=False,
        ),
    )
}


def own_visa_claims(account: Account, *, issuer: str, asserted: int) -> tuple[VisaClaim, ...]:
    """What the provider itself says of a person: the two visas that make a researcher bona fide."""
    if not account.bona_fide:
        return ()
    return (
        VisaClaim(
            type="ResearcherStatus", asserted=asserted, value=BONA_FIDE, source=issuer, by="system"
        ),
        VisaClaim(
            type="AcceptedTermsAndPolicies",
            asserted=asserted,
            value=BONA_FIDE,
            source=issuer,
            by="self",
        ),
    )
