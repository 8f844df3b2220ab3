"""Who asks: what is left of a Passport once everything in it was verified."""

from __future__ import annotations

from dataclasses import dataclass

from passports.judgement import DroppedVisa
from passports.visas import Visa


@dataclass(frozen=True, slots=True)
class Researcher:
    """Who asks: a verified identity with the visas that hold for it.

    Believed until `expires` (epoch s), then the token is to be shown again. `linked` are this
    person's other identities, as trusted issuers say.
    """

    issuer: str
    subject: str
    visas: tuple[Visa, ...]
    dropped: tuple[DroppedVisa, ...]
    expires: int
    linked: frozenset[str] = frozenset()

    @property
    def identity(self) -> str:
        """`sub@iss`, the form used in settings for admins and committee members."""
        return f"{self.subject}@{self.issuer}"
