"""What a variant may do: terms of the Sequence Ontology, and which lies below which.

Those that VEP and SnpEff state with all that lies above them, as `is_a` of SO (so-simple) has it;
`intergenic_region`, which SnpEff states, is no variant in SO and stands alone. Which terms a filter
asks for is `beacon.effect_rules`', reading them off a file `beacon.loading.annotations`'.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

# The term, its name, and the names of those directly above it.
_TERMS: Final = """
SO:0001060 sequence_variant
SO:0001536 functional_effect_variant sequence_variant
SO:0001539 translational_product_function_variant functional_effect_variant
SO:0001599 3D_polypeptide_structure_variant translational_product_function_variant
SO:0002093 structural_interaction_variant 3D_polypeptide_structure_variant
SO:0001537 structural_variant sequence_variant
SO:0001878 feature_variant structural_variant
SO:0001564 gene_variant feature_variant
SO:0001576 transcript_variant gene_variant
SO:0001568 splicing_variant transcript_variant
SO:0001569 cryptic_splice_site_variant splicing_variant
SO:0001570 cryptic_splice_acceptor cryptic_splice_site_variant
SO:0001571 cryptic_splice_donor cryptic_splice_site_variant
SO:0001572 exon_loss_variant splicing_variant
SO:0001630 splice_region_variant splicing_variant
SO:0002084 exonic_splice_region_variant splice_region_variant
SO:0002170 splice_donor_region_variant splice_region_variant
SO:0002169 splice_polypyrimidine_tract_variant splicing_variant
SO:0001619 non_coding_transcript_variant transcript_variant
SO:0001620 mature_miRNA_variant non_coding_transcript_variant
SO:0001621 NMD_transcript_variant transcript_variant
SO:0001627 intron_variant transcript_variant
SO:0001629 splice_site_variant splicing_variant intron_variant
SO:0001574 splice_acceptor_variant splice_site_variant
SO:0001575 splice_donor_variant splice_site_variant
SO:0001787 splice_donor_5th_base_variant splice_site_variant
SO:0001970 non_coding_transcript_intron_variant non_coding_transcript_variant intron_variant
SO:0002018 conserved_intron_variant intron_variant
SO:0001791 exon_variant transcript_variant
SO:0001792 non_coding_transcript_exon_variant non_coding_transcript_variant exon_variant
SO:0001968 coding_transcript_variant transcript_variant
SO:0001580 coding_sequence_variant exon_variant coding_transcript_variant
SO:0001582 initiator_codon_variant coding_sequence_variant
SO:0001590 terminator_codon_variant coding_sequence_variant
SO:0001818 protein_altering_variant coding_sequence_variant
SO:0001589 frameshift_variant protein_altering_variant
SO:0001650 inframe_variant protein_altering_variant
SO:0001626 incomplete_terminal_codon_variant terminator_codon_variant inframe_variant
SO:0001820 inframe_indel inframe_variant
SO:0001992 nonsynonymous_variant inframe_variant
SO:0001583 missense_variant nonsynonymous_variant
SO:0001586 non_conservative_missense_variant missense_variant
SO:0002008 rare_amino_acid_variant non_conservative_missense_variant
SO:0002012 start_lost initiator_codon_variant nonsynonymous_variant
SO:0001819 synonymous_variant coding_sequence_variant
SO:0001567 stop_retained_variant terminator_codon_variant synonymous_variant
SO:0002019 start_retained_variant initiator_codon_variant synonymous_variant
SO:0001622 UTR_variant exon_variant coding_transcript_variant
SO:0001623 5_prime_UTR_variant UTR_variant
SO:0001983 5_prime_UTR_premature_start_codon_variant 5_prime_UTR_variant
SO:0001988 5_prime_UTR_premature_start_codon_gain_variant 5_prime_UTR_premature_start_codon_variant
SO:0001989 5_prime_UTR_premature_start_codon_loss_variant 5_prime_UTR_premature_start_codon_variant
SO:0002013 5_prime_UTR_truncation 5_prime_UTR_variant
SO:0001624 3_prime_UTR_variant UTR_variant
SO:0002015 3_prime_UTR_truncation 3_prime_UTR_variant
SO:0001969 coding_transcript_intron_variant intron_variant coding_transcript_variant
SO:0002011 intragenic_variant transcript_variant
SO:0001566 regulatory_region_variant feature_variant
SO:0001782 TF_binding_site_variant regulatory_region_variant
SO:0001628 intergenic_variant feature_variant
SO:0001631 upstream_gene_variant intergenic_variant
SO:0001632 downstream_gene_variant intergenic_variant
SO:0002017 conserved_intergenic_variant intergenic_variant
SO:0001906 feature_truncation feature_variant
SO:0001587 stop_gained feature_truncation nonsynonymous_variant
SO:0001822 inframe_deletion inframe_indel feature_truncation
SO:0001825 conservative_inframe_deletion inframe_deletion
SO:0001826 disruptive_inframe_deletion inframe_deletion
SO:0001910 frameshift_truncation frameshift_variant feature_truncation
SO:0001907 feature_elongation feature_variant
SO:0001578 stop_lost terminator_codon_variant feature_elongation nonsynonymous_variant
SO:0001908 internal_feature_elongation feature_elongation
SO:0001821 inframe_insertion inframe_indel internal_feature_elongation
SO:0001823 conservative_inframe_insertion inframe_insertion
SO:0001824 disruptive_inframe_insertion inframe_insertion
SO:0001909 frameshift_elongation frameshift_variant internal_feature_elongation
SO:0001879 feature_ablation structural_variant
SO:0001893 transcript_ablation feature_ablation
SO:0001894 regulatory_region_ablation feature_ablation
SO:0001895 TFBS_ablation regulatory_region_ablation
SO:0001880 feature_amplification structural_variant
SO:0001889 transcript_amplification feature_amplification
SO:0001891 regulatory_region_amplification feature_amplification
SO:0001892 TFBS_amplification regulatory_region_amplification
SO:0001882 feature_fusion structural_variant
SO:0001565 gene_fusion gene_variant feature_fusion
SO:0002085 unidirectional_gene_fusion gene_fusion
SO:0002086 bidirectional_gene_fusion gene_fusion
SO:0000605 intergenic_region
"""
_ROWS: Final = tuple(tuple(line.split()) for line in _TERMS.strip().splitlines())
EFFECTS: Final[Mapping[str, str]] = {name: term for term, name, *_ in _ROWS}
LABELS: Final[Mapping[str, str]] = {term: name for name, term in EFFECTS.items()}
PARENTS: Final[Mapping[str, tuple[str, ...]]] = {
    term: tuple(EFFECTS[name] for name in above) for term, _, *above in _ROWS
}
_BY_WORD: Final = {name.casefold(): term for name, term in EFFECTS.items()}


def named(word: str) -> str | None:
    """By its name in any case, with blanks or underscores: `missense variant`."""
    return _BY_WORD.get("_".join(word.casefold().split()))


@lru_cache
def within(term: str) -> frozenset[str]:
    """The term and all that lies below it."""
    children = (child for child, above in PARENTS.items() if term in above)
    return frozenset({term}).union(*map(within, children))
