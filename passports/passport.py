"""A bearer token becomes a `Researcher`: joins tokens, keys, trust and visas, in the order of
the clearinghouse algorithm (GA4GH AAI 1.2.1).
"""

from __future__ import annotations

from dataclasses import dataclass

from passports.visas import Visa


@dataclass(frozen=True, slots=True)
class DroppedVisa:
    """A visa that was not accepted, and the reason code; never its text."""

    reason: str
    type: str | None
    issuer: str | None


@dataclass(frozen=True, slots=True)
class Researcher:
    """Who asks: a verified identity with the visas that hold for it until `expires` (epoch s)."""

    issuer: str
    subject: str
    visas: tuple[Visa, ...]
    dropped: tuple[DroppedVisa, ...]
    expires: int

    @property
    def identity(self) -> str:
        """`sub@iss`, the form used in settings for admins and committee members."""
        return f"{self.subject}@{self.issuer}"
