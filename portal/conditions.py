"""A dataset's conditions of data use in plain words: a badge and a sentence each.

Reads `dataUseConditions.duoDataUse` of Beacon v2 as any node sends it. The words are ours and bind
nobody: the node's matcher judges a request, and its committee decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from duo.terms import Term
from portal.asking.foreign import items, members, text
from portal.catalogues import Quoted
from schemas.messages import Message

MAX_CONDITIONS = 50
_KNOWN = {term.value: term for term in Term}
_WORDS = {
    Term.NRES: Message("Nothing restricts its use."),
    Term.GRU: Message("Any research may use it."),
    Term.HMB: Message("Research on health, medicine or biology may use it."),
    Term.DS: Message("Only research on the diseases named may use it."),
    Term.POA: Message("Only research on population origins or ancestry may use it."),
    Term.RS: Message("Only certain kinds of research may use it."),
    Term.NMDS: Message("Not for developing methods in general."),
    Term.GSO: Message("Only for genetic studies."),
    Term.NPUNCU: Message("Only for organisations without profit, and not for commercial use."),
    Term.NPU: Message("Only for organisations without profit."),
    Term.NCU: Message("Not for commercial use."),
    Term.NPOA: Message("Not for research on population origins or ancestry."),
    Term.CC: Message("It may be used in clinical care."),
    Term.PUB: Message("What is found must be published."),
    Term.MOR: Message("Nothing may be published before a certain day."),
    Term.TS: Message("Only for a limited time."),
    Term.RTN: Message("What is derived from it must be given back."),
    Term.COL: Message("Only together with whoever holds the data."),
    Term.IRB: Message("An ethics committee must have approved the project."),
    Term.GS: Message("Only in certain places."),
    Term.IS: Message("Only at certain institutions."),
    Term.US: Message("Only for certain people."),
    Term.PS: Message("Only for certain projects."),
}


@dataclass(frozen=True, slots=True)
class Badge:
    """One condition: its DUO id, its short name where it has one, what it means, and its name as
    the ontology states it."""

    id: str
    short: str
    words: str
    label: str
    about: tuple[str, ...] = ()


CONDITIONS = {
    term.value: Badge(term.value, term.shorthand, _WORDS.get(term, ""), Quoted(term.label))
    for term in Term
}


def badges(dataset: Mapping[str, object]) -> tuple[Badge, ...]:
    """Of a dataset's record; a term that is not of our DUO release keeps the node's own label."""
    stated = items(members(dataset.get("dataUseConditions")).get("duoDataUse"))
    made = (_badge(members(one)) for one in stated[:MAX_CONDITIONS])
    return tuple(badge for badge in made if badge.id)


def _badge(stated: Mapping[str, object]) -> Badge:
    name = text(stated.get("id"))
    modifiers = [members(one) for one in items(stated.get("modifiers"))[:MAX_CONDITIONS]]
    about = tuple(
        said for one in modifiers if (said := text(one.get("label")) or text(one.get("id")))
    )
    term = _KNOWN.get(name)
    if term is None:
        label = Quoted(text(stated.get("label")))
        return Badge(name, "", "" if label else Message("Not known here."), label, about)
    return replace(CONDITIONS[name], about=about)
