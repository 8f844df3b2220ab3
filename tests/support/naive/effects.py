"""What a variant does, as the Sequence Ontology orders it, and which variants a filter on it means.

The order is that of the ontology's own release (so-simple.obo), as far as annotators name its terms
or what lies above these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.support.naive.reading import NaiveVariant

# id: name, and the terms it is a kind of.
SO: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "SO:0001060": ("sequence_variant", ()),
    "SO:0001537": ("structural_variant", ("SO:0001060",)),
    "SO:0001878": ("feature_variant", ("SO:0001537",)),
    "SO:0001879": ("feature_ablation", ("SO:0001537",)),
    "SO:0001564": ("gene_variant", ("SO:0001878",)),
    "SO:0001566": ("regulatory_region_variant", ("SO:0001878",)),
    "SO:0001628": ("intergenic_variant", ("SO:0001878",)),
    "SO:0001631": ("upstream_gene_variant", ("SO:0001628",)),
    "SO:0001632": ("downstream_gene_variant", ("SO:0001628",)),
    "SO:0001906": ("feature_truncation", ("SO:0001878",)),
    "SO:0001907": ("feature_elongation", ("SO:0001878",)),
    "SO:0001908": ("internal_feature_elongation", ("SO:0001907",)),
    "SO:0001893": ("transcript_ablation", ("SO:0001879",)),
    "SO:0001576": ("transcript_variant", ("SO:0001564",)),
    "SO:0001568": ("splicing_variant", ("SO:0001576",)),
    "SO:0001627": ("intron_variant", ("SO:0001576",)),
    "SO:0001629": ("splice_site_variant", ("SO:0001568", "SO:0001627")),
    "SO:0001574": ("splice_acceptor_variant", ("SO:0001629",)),
    "SO:0001575": ("splice_donor_variant", ("SO:0001629",)),
    "SO:0001630": ("splice_region_variant", ("SO:0001568",)),
    "SO:0001619": ("non_coding_transcript_variant", ("SO:0001576",)),
    "SO:0001621": ("NMD_transcript_variant", ("SO:0001576",)),
    "SO:0001791": ("exon_variant", ("SO:0001576",)),
    "SO:0001968": ("coding_transcript_variant", ("SO:0001576",)),
    "SO:0001622": ("UTR_variant", ("SO:0001791", "SO:0001968")),
    "SO:0001623": ("5_prime_UTR_variant", ("SO:0001622",)),
    "SO:0001624": ("3_prime_UTR_variant", ("SO:0001622",)),
    "SO:0001580": ("coding_sequence_variant", ("SO:0001791", "SO:0001968")),
    "SO:0001582": ("initiator_codon_variant", ("SO:0001580",)),
    "SO:0001590": ("terminator_codon_variant", ("SO:0001580",)),
    "SO:0001819": ("synonymous_variant", ("SO:0001580",)),
    "SO:0001567": ("stop_retained_variant", ("SO:0001590", "SO:0001819")),
    "SO:0001818": ("protein_altering_variant", ("SO:0001580",)),
    "SO:0001589": ("frameshift_variant", ("SO:0001818",)),
    "SO:0001650": ("inframe_variant", ("SO:0001818",)),
    "SO:0001820": ("inframe_indel", ("SO:0001650",)),
    "SO:0001821": ("inframe_insertion", ("SO:0001820", "SO:0001908")),
    "SO:0001822": ("inframe_deletion", ("SO:0001820", "SO:0001906")),
    "SO:0001826": ("disruptive_inframe_deletion", ("SO:0001822",)),
    "SO:0001992": ("nonsynonymous_variant", ("SO:0001650",)),
    "SO:0001583": ("missense_variant", ("SO:0001992",)),
    "SO:0001587": ("stop_gained", ("SO:0001906", "SO:0001992")),
    "SO:0001578": ("stop_lost", ("SO:0001590", "SO:0001907", "SO:0001992")),
    "SO:0002012": ("start_lost", ("SO:0001582", "SO:0001992")),
}
FIELDS = ("molecularEffects", "molecularAttributes.molecularEffects")
_SCOPES = (None, "genomicVariant", "genomicVariants")


def is_effect(asked: Any) -> bool:
    """Whether all that a filter says is about what a variant does."""
    if isinstance(asked, list):
        return bool(asked) and all(map(is_effect, asked))
    if "not" in asked:
        return is_effect(asked["not"])
    if asked.get("scope") not in _SCOPES:
        return False
    return asked["id"] in SO or asked["id"].partition(":")[0] in FIELDS


def is_mixed(asked: Any) -> bool:
    """A group of which only some part is about what a variant does."""
    if isinstance(asked, dict):
        return "not" in asked and is_mixed(asked["not"])
    return any(map(is_mixed, asked)) or len({is_effect(each) for each in asked}) > 1


def shows(each: NaiveVariant, asked: Any) -> bool:
    """Whether a variant does what a filter says."""
    names = {name for effect in each.effects for name in effect.terms}
    if isinstance(asked, list):
        return any(shows(each, one) for one in asked)
    if "not" in asked:
        return not shows(each, asked["not"])
    if asked["id"] in SO:
        name = SO[asked["id"]][0]
        if not asked.get("includeDescendantTerms", True):
            return name in names
        return any(name in _with_above(one) for one in names)
    word = asked["value"] if "operator" in asked else asked["id"].partition(":")[2]
    pattern = re.compile(".*".join(map(re.escape, word.split("%"))), re.IGNORECASE)
    said = any(pattern.fullmatch(name) for name in names)
    return bool(names) and not said if asked.get("operator") == "!" else said


def _with_above(name: str) -> set[str]:
    """The effect and all that it is a kind of, by their names."""
    found = [term for term, (known, _) in SO.items() if known == name]
    return {name}.union(*(_with_above(SO[each][0]) for term in found for each in SO[term][1]))
