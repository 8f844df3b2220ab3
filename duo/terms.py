"""The terms of the Data Use Ontology, release 2021-02-23, and the spellings they arrive in.

Facts of the ontology only (CC BY 4.0, EBISPOT/DUO). Modifiers are flat on purpose: the published
tree puts the stricter NPUNCU above NPU and NCU, so nothing may be inherited along it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

DUO_RELEASE = "2021-02-23"


class Kind(StrEnum):
    PERMISSION = "permission"
    MODIFIER = "modifier"
    INVESTIGATION = "investigation"
    OBSOLETE = "obsolete"
    ABSTRACT = "abstract"


class Term(StrEnum):
    """Every term of the release, named by its shorthand where it has one."""

    NRES = "DUO:0000004"
    GRU = "DUO:0000042"
    HMB = "DUO:0000006"
    DS = "DUO:0000007"
    POA = "DUO:0000011"
    RS = "DUO:0000012"
    NMDS = "DUO:0000015"
    GSO = "DUO:0000016"
    NPUNCU = "DUO:0000018"
    NPU = "DUO:0000045"
    NCU = "DUO:0000046"
    NPOA = "DUO:0000044"
    CC = "DUO:0000043"
    PUB = "DUO:0000019"
    MOR = "DUO:0000024"
    TS = "DUO:0000025"
    RTN = "DUO:0000029"
    COL = "DUO:0000020"
    IRB = "DUO:0000021"
    GS = "DUO:0000022"
    IS = "DUO:0000028"
    US = "DUO:0000026"
    PS = "DUO:0000027"
    GRU_CC = "DUO:0000005"
    RU = "DUO:0000014"
    PERMISSION_ROOT = "DUO:0000001"
    MODIFIER_ROOT = "DUO:0000017"
    OLD_PRIMARY = "DUO:0000002"
    OLD_SECONDARY = "DUO:0000003"
    METHOD_DEVELOPMENT = "DUO:0000031"
    POPULATION_RESEARCH = "DUO:0000032"
    ANCESTRY_RESEARCH = "DUO:0000033"
    AGE_CATEGORY = "DUO:0000034"
    GENDER_CATEGORY = "DUO:0000035"
    RESEARCH_CONTROL = "DUO:0000036"
    BIOMEDICAL = "DUO:0000037"
    GENETIC = "DUO:0000038"
    DRUG_DEVELOPMENT = "DUO:0000039"
    DISEASE_CATEGORY = "DUO:0000040"

    @property
    def kind(self) -> Kind:
        return FACTS[self].kind

    @property
    def shorthand(self) -> str:
        return FACTS[self].shorthand

    @property
    def label(self) -> str:
        return FACTS[self].label


@dataclass(frozen=True, slots=True)
class TermFacts:
    kind: Kind
    shorthand: str
    label: str


_P, _M, _I, _O, _A = (
    Kind.PERMISSION,
    Kind.MODIFIER,
    Kind.INVESTIGATION,
    Kind.OBSOLETE,
    Kind.ABSTRACT,
)

FACTS = MappingProxyType(
    {
        Term.NRES: TermFacts(_P, "NRES", "no restriction"),
        Term.GRU: TermFacts(_P, "GRU", "general research use"),
        Term.HMB: TermFacts(_P, "HMB", "health or medical or biomedical research"),
        Term.DS: TermFacts(_P, "DS", "disease specific research"),
        Term.POA: TermFacts(_P, "POA", "population origins or ancestry research only"),
        Term.RS: TermFacts(_M, "RS", "research specific restrictions"),
        Term.NMDS: TermFacts(_M, "NMDS", "no general methods research"),
        Term.GSO: TermFacts(_M, "GSO", "genetic studies only"),
        Term.NPUNCU: TermFacts(_M, "NPUNCU", "not for profit, non commercial use only"),
        Term.NPU: TermFacts(_M, "NPU", "not for profit organisation use only"),
        Term.NCU: TermFacts(_M, "NCU", "non-commercial use only"),
        Term.NPOA: TermFacts(_M, "NPOA", "population origins or ancestry research prohibited"),
        Term.CC: TermFacts(_M, "CC", "clinical care use"),
        Term.PUB: TermFacts(_M, "PUB", "publication required"),
        Term.MOR: TermFacts(_M, "MOR", "publication moratorium"),
        Term.TS: TermFacts(_M, "TS", "time limit on use"),
        Term.RTN: TermFacts(_M, "RTN", "return to database or resource"),
        Term.COL: TermFacts(_M, "COL", "collaboration required"),
        Term.IRB: TermFacts(_M, "IRB", "ethics approval required"),
        Term.GS: TermFacts(_M, "GS", "geographical restriction"),
        Term.IS: TermFacts(_M, "IS", "institution specific restriction"),
        Term.US: TermFacts(_M, "US", "user specific restriction"),
        Term.PS: TermFacts(_M, "PS", "project specific restriction"),
        Term.GRU_CC: TermFacts(_O, "GRU-CC", "general research use and clinical care"),
        Term.RU: TermFacts(_O, "RU", "research use only"),
        Term.PERMISSION_ROOT: TermFacts(_A, "", "data use permission"),
        Term.MODIFIER_ROOT: TermFacts(_A, "", "data use modifier"),
        # Obsolete categories above terms, never on a dataset; nothing to rewrite them to.
        Term.OLD_PRIMARY: TermFacts(_A, "", "consent code primary category"),
        Term.OLD_SECONDARY: TermFacts(_A, "", "consent code secondary category"),
        Term.METHOD_DEVELOPMENT: TermFacts(_I, "", "method development"),
        Term.POPULATION_RESEARCH: TermFacts(_I, "", "population research"),
        Term.ANCESTRY_RESEARCH: TermFacts(_I, "", "ancestry research"),
        Term.AGE_CATEGORY: TermFacts(_I, "", "age category research"),
        Term.GENDER_CATEGORY: TermFacts(_I, "", "gender category research"),
        Term.RESEARCH_CONTROL: TermFacts(_I, "", "research control"),
        Term.BIOMEDICAL: TermFacts(_I, "", "biomedical research"),
        Term.GENETIC: TermFacts(_I, "", "genetic research"),
        Term.DRUG_DEVELOPMENT: TermFacts(_I, "", "drug development research"),
        Term.DISEASE_CATEGORY: TermFacts(_I, "", "disease category research"),
    }
)

# Consent codes older than DUO that still circulate: no rule is agreed, so a person judges them.
LOCAL_CODES = MappingProxyType(
    {
        "NAGR": "no aggregate analysis",
        "NCTRL": "no use as controls",
        "RS-PD": "paediatric research only",
        "RS-G": "research on one gender only",
        "RS-POP": "research on one population only",
    }
)

_SPELLING = re.compile(r"(?:https?://purl\.obolibrary\.org/obo/)?DUO[:_](\d{7,8})", re.IGNORECASE)
_SEPARATOR = re.compile(r"[,;\s]+")
MAX_SPELLED = 300


@dataclass(frozen=True, slots=True)
class Spelled:
    """One term as it was meant; `term` is None when the text was not understood."""

    term: Term | None
    raw: str
    odd: bool


def spelled(raw: str) -> tuple[Spelled, ...]:
    """The terms in one text. Several in one string and eight digits occur in real data: they are
    taken as meant and marked `odd`, so that they are reported."""
    parts = [part for part in _SEPARATOR.split(raw[:MAX_SPELLED]) if part]
    if len(raw) > MAX_SPELLED or not parts:
        return (Spelled(None, raw[:40], odd=True),)
    return tuple(_one(part, several=len(parts) > 1) for part in parts)


def _one(part: str, *, several: bool) -> Spelled:
    match = _SPELLING.fullmatch(part)
    if match is None:
        return Spelled(None, part[:40], odd=True)
    digits = match.group(1)
    curie = f"DUO:{int(digits):07d}"
    known = curie in FACTS
    # The release itself spells the IRI of NPOA with eight digits.
    eight = len(digits) == 8 and curie != Term.NPOA
    return Spelled(Term(curie) if known else None, part[:40], odd=several or eight)
