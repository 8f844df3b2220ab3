"""Decisions and their explanations as they travel; deciding is `access`'s."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from schemas.entries import EntryTypeId
from schemas.wire import LocalId, OpenWire, Wire

ActionName = Literal["discover", "stream", "train"]


class CheckQuery(Wire):
    """Either a dataset, with what is to be done there, or a level of the node as a whole."""

    dataset: LocalId | None = None
    action: ActionName | None = None
    level: Literal["public", "registered"] | None = None

    @model_validator(mode="after")
    def _one_question(self) -> CheckQuery:
        if (self.dataset is None) == (self.level is None):
            raise ValueError("expected either dataset or level")
        if self.action is not None and self.dataset is None:
            raise ValueError("action belongs to a dataset")
        return self


class ExplainQuery(Wire):
    """`form=full` and `persona` are for admins."""

    dataset: LocalId
    action: ActionName = "discover"
    entry: EntryTypeId | None = None
    form: Literal["brief", "full"] = "brief"
    persona: Literal["anonymous", "registered", "bona_fide", "granted"] | None = None


class ReasonText(Wire):
    code: str
    text: str


class ObligationText(Wire):
    code: str
    text: str


class Entitled(Wire):
    """What a caller is entitled to at one dataset; `workspaces` is empty where any will do."""

    dataset: str
    action: str
    outcome: str
    level: str
    ceiling: str | None
    reasons: tuple[ReasonText, ...]
    obligations: tuple[ObligationText, ...]
    workspaces: tuple[str, ...]
    expires: int | None
    policy_version: str


class LevelReached(Wire):
    level: Literal["public", "registered"]
    expires: int | None
    policy_version: str


class Explained(Wire):
    """`advice` is what would help, safe for the caller; `rules` is there in the full form only."""

    decision: Entitled
    advice: tuple[str, ...]
    rules: tuple[str, ...] = ()


class Allowance(OpenWire):
    """At one dataset. `answers` is how many different questions about variants were answered, of
    which each may bring a person nearer to `nats`, their allowance (only noted unless `enforced`);
    `counts` is how many different counts were told in the last `days`."""

    dataset: str
    answers: int
    nats: float
    enforced: bool
    counts: int
    counts_left: int
    days: int


class Allowances(OpenWire):
    """Of the datasets whose people are protected from the caller."""

    allowances: tuple[Allowance, ...]
