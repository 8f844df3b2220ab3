"""What VRS says a sequence becomes: the new bases of an `Allele`, the change of a copy number.

GA4GH VRS 1.3 and its names before. A copy number is the symbolic allele that VCF has for it, and
where it says how far it went, the level of all who carry it.
"""

from __future__ import annotations

from beacon import copy_number
from beacon.copy_number import Level
from beacon.loading.bff_fields import Record, Rejected, member, text, whole
from beacon.loading.variant_lines import MAX_ALLELE_BASES
from beacon.variation import alleles

_MAX_NAME = 200
# What says no level; a part that is lost may be one copy or several.
_PLAIN = {"efo:0030067": "<DEL>", "partial loss": "<DEL>", "efo:0030070": "<DUP>"}
_CHANGES = {"CopyNumberChange": "copy_change", "RelativeCopyNumber": "relative_copy_class"}
_COUNTS = ("CopyNumberCount", "AbsoluteCopyNumber")
_ON_TWO = frozenset(alleles.CHROMOSOMES[:22])


def is_copy_number(kind: object) -> bool:
    return isinstance(kind, str) and (kind in _COUNTS or kind in _CHANGES)


def state(variation: Record) -> str:
    stated = member(variation, "state", at="variation.")
    if stated.get("type") not in ("LiteralSequenceExpression", "SequenceState"):
        raise Rejected("variation.state", "a LiteralSequenceExpression")
    bases = text(stated, "sequence", at="variation.state.", most=MAX_ALLELE_BASES)
    if bases is None:
        raise Rejected("variation.state.sequence", "the new bases")
    return bases.upper()


def copy_change(variation: Record, chrom: str) -> tuple[str, Level | None]:
    """The symbolic ALT, and its level where that is said; a count is of all copies of a person, so
    it is told from two alone."""
    kind = str(variation["type"])
    if kind in _CHANGES:
        name = _CHANGES[kind]
        change = (text(variation, name, at="variation.", most=_MAX_NAME) or "").casefold()
        if (level := copy_number.named(change)) is not None:
            return f"<{level.change}>", level
        if change in _PLAIN:
            return _PLAIN[change], None
        raise Rejected(f"variation.{name}", "a gain or a loss of EFO (efo:0030067, efo:0030070)")
    copies = member(variation, "copies", at="variation.")
    if copies.get("type", "Number") != "Number":
        raise Rejected("variation.copies", "a Number")
    count = whole(copies.get("value"), at="variation.copies", most=10_000)
    if chrom not in _ON_TWO or count == 2:
        raise Rejected(
            "variation.copies", "other than two copies of one of the chromosomes 1 to 22"
        )
    return "<DEL>" if count < 2 else "<DUP>", copy_number.level_of(count, 2)
