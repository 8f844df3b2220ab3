"""Which kinds of variant question some datasets can evaluate, in the words of a refusal.

Beacon v2.2 has no place for it (issue 97); `/info` says the same dataset by dataset. Whether a
dataset evaluates a question is its own `supports`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from beacon.catalog import (
    Allele,
    AminoacidChange,
    ByIdentifier,
    ChangeWithin,
    Edited,
    InGene,
    Segment,
    VariantQuestion,
)
from beacon.variation import identifiers
from beacon.variation.identifiers import Kind

_PLACED = (
    "exact allele (referenceName, start, referenceBases, alternateBases)",
    "range (one start, one end)",
    "bracket (two start, two end)",
    "in both also variantType (copy-number gain and loss with what lies below them)",
    "by id (/g_variants/{id})",
)
_ANYWHERE = Allele("1", 0, "A", "C")
# Each with an example of it.
_KINDS: Mapping[str, VariantQuestion] = {
    "gene (geneId)": InGene("BRCA1"),
    "amino-acid change (aminoacidChange)": AminoacidChange("V600E"),
}
_SPELLINGS: Mapping[str, VariantQuestion] = {
    "HGVS g. and m.": _ANYWHERE,
    "HGVS c. and n.": ByIdentifier("NM_1.1:c.1A>G"),
    "HGVS p.": ByIdentifier("NP_1.1:p.M1V"),
    "SPDI": _ANYWHERE,
    "1-10177-A-AC": _ANYWHERE,
    "rsID": ByIdentifier("rs1"),
    "ClinVar id": ByIdentifier("clinvar:1"),
    "ga4gh:VA. identifier": ByIdentifier("ga4gh:VA." + "A" * 32),
}
_NO_TABLE = "and no table of names of this node has this one"
_NAMES: Mapping[Kind, str] = {
    Kind.RSID: f"rsIDs, {_NO_TABLE}",
    Kind.CLINVAR: f"ClinVar ids, {_NO_TABLE}",
    Kind.TRANSCRIPT: "HGVS names of transcripts (c., n.)",
    Kind.PROTEIN: "HGVS names of proteins (p.)",
    Kind.VRS: "a reference, which VRS identifiers need",
}


def refusal(question: VariantQuestion, segments: Sequence[Segment]) -> str:
    """Why none of these evaluates the question, and what one of them does."""
    return (
        f"No dataset here holds {_wanted(question)}. Supported here: {supported(segments)}; which "
        "dataset can evaluate which is said at /info."
    )


def spellings(segment: Segment) -> tuple[str, ...]:
    """In which one allele may be named to this dataset."""
    return tuple(_evaluated(_SPELLINGS, [segment]))


def supported(segments: Sequence[Segment]) -> str:
    """What one of these evaluates; empty where there is none."""
    if not segments:
        return ""
    kinds, spellings = (_evaluated(each, segments) for each in (_KINDS, _SPELLINGS))
    named = f"genomicAlleleShortForm or variantId ({', '.join(spellings)})"
    return ", ".join((*_PLACED, *kinds, named))


def _evaluated(kinds: Mapping[str, VariantQuestion], segments: Sequence[Segment]) -> list[str]:
    return [
        words
        for words, example in kinds.items()
        if any(segment.supports(example) for segment in segments)
    ]


def _wanted(question: VariantQuestion) -> str:
    match question:
        case ByIdentifier(name):
            return _NAMES.get(identifiers.kind(name), "such names")
        case InGene():
            return "genes, annotated or in a table"
        case AminoacidChange() | ChangeWithin():
            return "annotated amino-acid changes"
        case Edited():
            return "a reference, without which a duplication is asked with its bases"
        case _:
            return "what this asks for"
