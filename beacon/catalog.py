"""The catalog: what a node knows, asked one dataset version at a time.

Coordinates are zero-based, half-open. The policy runs before the catalog is asked; nothing here
knows who asks. `beacon.segments` holds the SQLite form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from pyroaring import BitMap

from beacon.batches import Batch
from beacon.effect_rules import EffectRule
from beacon.zygosity import ANY, Zygosities

EntryType = Literal[
    "analysis", "biosample", "cohort", "dataset", "genomicVariant", "individual", "run"
]


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """What a dataset version says of itself; `people` is the number of individuals."""

    id: str
    name: str
    version: str
    assembly: str  # "GRCh37" or "GRCh38"
    people: int
    variants: int
    chromosomes: tuple[str, ...]
    description: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)  # Beacon dataset record
    genotypes: bool = True  # False: sites with counts only, so nobody is known to carry anything
    genes: Literal["annotation", "table"] | None = None  # where a gene question finds its answer
    aminoacid_changes: bool = False
    identifiers: tuple[str, ...] = ()  # kinds of `beacon.variation.identifiers` the variants have
    justified: bool = False  # compared with a reference, so every shifted spelling is known
    populations: tuple[str, ...] = ()  # as named in the source, such as `afr`
    levels: tuple[str, ...] = ()  # of `beacon.copy_number`, that carriers can be told to have
    effects: bool = False  # whether what variants do is stated


@dataclass(frozen=True, slots=True)
class Allele:
    """An allele as asked or stored: canonical chromosome (`1`..`22`, `X`, `Y`, `MT`), `start0`,
    bases in upper case. `beacon.variation.alleles.trimmed` gives the form compared."""

    chrom: str
    start0: int
    ref: str
    alt: str


@dataclass(frozen=True, slots=True)
class Replacement(Allele):
    """An allele whose `ref` was not said, only how long it is, so it is N throughout: what stands
    there, which a dataset knows where it was compared with a reference and a change can move."""


@dataclass(frozen=True, slots=True)
class Span:
    """Any overlap with [start0, end0) of the REF span matches; `alt`, `variant_type`, lengths
    narrow it. For a bracket, `starts` and `ends` are the half-open windows. An allele asked
    without reference bases is a span with `alt`, `starts=(start0, start0 + 1)` and `exact`: one
    that was found in nobody is no answer to it."""

    chrom: str
    start0: int
    end0: int
    ref: str | None = None
    alt: str | None = None
    variant_type: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    starts: tuple[int, int] | None = None
    ends: tuple[int, int] | None = None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class ById:
    """One variant by its `variantInternalId`."""

    variant_id: str


@dataclass(frozen=True, slots=True)
class InGene:
    """Variants annotated with the gene symbol or, where the dataset holds a gene table instead of
    annotations, overlapping the gene's span; the rest narrows as in `Span`."""

    gene: str
    variant_type: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    ref: str | None = None
    alt: str | None = None


@dataclass(frozen=True, slots=True)
class AminoacidChange:
    """Variants annotated with the change in one-letter form without `p.`, such as `V600E` or
    `W24*`; where a gene is named, in a transcript of that gene."""

    change: str
    gene: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeWithin:
    """Variants annotated with the change that are also found by `within`."""

    change: AminoacidChange
    within: Span | InGene


@dataclass(frozen=True, slots=True)
class ByIdentifier:
    """Variants the data give this public name: rsID, ClinVar id or accession, transcript or protein
    HGVS as annotated. Upper and lower case are the same."""

    identifier: str


@dataclass(frozen=True, slots=True)
class Edited:
    """What stands in [start0, end0) is deleted, duplicated or inverted, its bases unsaid: spelled
    in bases at any place that results in the same sequence, or symbolic with these very ends."""

    chrom: str
    start0: int
    end0: int
    change: Literal["DEL", "DUP", "INV"]


WithoutEffects = (
    Edited | Allele | Span | ById | InGene | AminoacidChange | ChangeWithin | ByIdentifier
)


@dataclass(frozen=True, slots=True)
class Affecting:
    """What `within` finds, or all variants, as far as the effects stated of each are so."""

    rule: EffectRule
    within: WithoutEffects | None = None


VariantQuestion = WithoutEffects | Affecting


@dataclass(frozen=True, slots=True)
class HasTerm:
    """Records that hold this ontology term, or one below it, and do not exclude it; with `scope`,
    records of that type only, else of every type that has the term."""

    term: str
    descendants: bool = True
    scope: EntryType | None = None


@dataclass(frozen=True, slots=True)
class Compare:
    """Records with a field or measurement `id` standing in `operator` to `value`; numbers compare
    as numbers, durations and dates as such, the rest as text (`%` wildcard)."""

    id: str
    operator: Literal["=", "<", ">", "!", ">=", "<="]
    value: str
    scope: EntryType | None = None


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these holds (the documented OR-group extension)."""

    of: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """This does not hold of the record asked for (the documented NOT extension)."""

    of: Predicate


Leaf = HasTerm | Compare
Predicate = Leaf | AnyOf | Not


def leaves(predicate: Predicate) -> Iterator[Leaf]:
    """What is asked of records, whatever it is joined by."""
    match predicate:
        case AnyOf(of):
            for member in of:
                yield from leaves(member)
        case Not(of):
            yield from leaves(of)
        case _:
            yield predicate


@dataclass(frozen=True, slots=True)
class Annotations:
    """What the source's annotation says of a variant, each in the order of the source. `effects`
    are Sequence Ontology ids; `transcript_hgvs` and `protein_hgvs` are spelled as annotated.
    `changed_genes` names, for each of `aminoacid_changes`, the gene of its transcript, empty where
    that is not said: a change that transcripts of two genes share is there twice."""

    genes: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    aminoacid_changes: tuple[str, ...] = ()
    transcript_hgvs: tuple[str, ...] = ()
    protein_hgvs: tuple[str, ...] = ()
    changed_genes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PopulationCount:
    """A variant in one population of the source. `frequency` is as stated there, or derived from
    the counts; either may be missing."""

    population: str
    allele_count: int | None
    allele_number: int | None
    frequency: float | None


@dataclass(frozen=True, slots=True)
class VariantRow:
    """A stored variant as loaded. `row` is its dense number in this dataset version; frequencies
    are of this dataset; `reference_af` is of the reference population, None where unknown.
    `carriers`, `homozygotes` and `hemizygotes` are people, None where the source does not say."""

    row: int
    variant_id: str
    allele: Allele
    end0: int
    variant_type: str
    allele_count: int
    allele_number: int
    carriers: int | None
    reference_af: float | None
    identifiers: tuple[str, ...] = ()
    homozygotes: int | None = None
    hemizygotes: int | None = None
    annotations: Annotations = Annotations()
    populations: tuple[PopulationCount, ...] = ()
    reach: tuple[int, int] | None = None  # how far the trimmed change moves, left and right


class VariantPage(NamedTuple):
    """`total` counts all matches, `rows` holds the asked page in (chrom, start, ref, alt) order."""

    total: int
    rows: tuple[VariantRow, ...]


@dataclass(frozen=True, slots=True)
class FilteringTerm:
    """What records of type `scope` can be filtered by; the number of those that have it, `people`,
    is never sent to callers as it is. `values` are the words a field of few words holds, `parents`
    the terms directly above this one in the hierarchy the dataset was loaded with."""

    id: str
    label: str
    kind: Literal["ontologyTerm", "alphanumeric"]
    scope: EntryType
    people: int
    values: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()


class Segment(Protocol):
    """One immutable dataset version, opened for reading. Every method is synchronous, and raises
    `beacon.errors.CatalogError` when what it reads fails. All are fast enough for the event loop,
    but that those about variants wait for another process where it `waits`."""

    @property
    def facts(self) -> DatasetFacts: ...

    @property
    def waits(self) -> bool: ...

    def supports(self, question: VariantQuestion) -> bool:
        """Whether this dataset can evaluate the question (it holds genes, amino-acid changes or
        identifiers where they are asked for). One it cannot evaluate is unsupported, never "no"."""
        ...

    def variants(
        self,
        question: VariantQuestion | None,
        *,
        samples: BitMap | None,
        skip: int,
        limit: int,
        zygosity: Zygosities = ANY,
    ) -> VariantPage:
        """Variants answering `question` (all when None), only those carried by at least one of
        `samples` when given, and in one of these zygosities where any is named. `skip` and `limit`
        count records; `limit` 0 returns no rows. Raises `UnsupportedQuestion` where `supports` is
        False, for `samples` and `zygosity` without genotypes, and for a zygosity of more variants
        than can be looked at one by one."""
        ...

    def carriers(self, question: VariantQuestion, *, zygosity: Zygosities = ANY) -> BitMap:
        """Numbers of the samples carrying at least one ALT allele of any matching variant, in one
        of these zygosities where any is named. Raises `UnsupportedQuestion` as `variants` does."""
        ...

    def owners(self, samples: BitMap) -> BitMap:
        """Numbers of the people who gave these samples, one or several."""
        ...

    def people(self, predicates: Sequence[Predicate]) -> BitMap:
        """Numbers of the people for whom every predicate holds; everyone when there are none.
        Raises `UnsupportedFilter` for an id this dataset has no field or term for."""
        ...

    def matching(self, entry_type: EntryType, predicates: Sequence[Predicate]) -> BitMap:
        """Numbers of the records of this type for which every predicate holds, joined from the
        types the predicates are about; of individuals the numbers of people, for variants those of
        the samples that genotypes are of."""
        ...

    def belonging(self, entry_type: EntryType, *, to: EntryType, entry_id: str) -> BitMap | None:
        """Numbers of the records of this type that belong to one record of another type (people
        for individuals, samples for variants); None where there is no such record."""
        ...

    def knows(self, predicate: Predicate) -> bool:
        """Whether this dataset can evaluate the predicate (a term or field it has heard of)."""
        ...

    def objection(self, predicate: Predicate) -> str | None:
        """Why this dataset cannot compare what it knows, such as an amount in another unit; None
        where it can. `predicate` is one term or comparison."""
        ...

    def calls(self, row: int, *, limit: int) -> Sequence[tuple[str, str]]:
        """(biosample id, genotype such as `0|1`) of a variant's carriers, in sample order."""
        ...

    def reading(self, question: Compare) -> str:
        """What the value is compared as, in one text for all of its spellings: a field of numbers
        reads 040 as 40.0, a field of words as itself."""
        ...

    def entries(
        self,
        entry_type: EntryType,
        *,
        samples: BitMap | None,
        skip: int,
        limit: int,
        records: BitMap | None = None,
    ) -> tuple[int, Sequence[Mapping[str, object]]]:
        """(total, page of BFF records in stable order) of individuals, biosamples, runs, analyses
        or cohorts; `samples`, which carry what is asked, narrows to what is of them, `records` to
        these numbers."""
        ...

    def entry(self, entry_type: EntryType, entry_id: str) -> Mapping[str, object] | None: ...

    def person_number(self, individual_id: str) -> int | None: ...

    def person_ids(self, numbers: BitMap) -> Sequence[str]:
        """Ids of these people, in the order of their numbers."""
        ...

    def ontologies(self) -> frozenset[str]:
        """CURIE prefixes of the ontologies loaded with it, whoever has a term of them."""
        ...

    def stands_for(self, term: str) -> str | None:
        """The id that a loaded ontology now has for this one, former or present; None where none
        has it."""
        ...

    def terms(self) -> Sequence[FilteringTerm]: ...

    def term_field(self, term: str) -> str | None:
        """The single-valued field (`sex`, `ethnicity`, `geographicOrigin`) that alone holds this
        term, else None: two such terms can only be meant as alternatives."""
        ...


class Catalog(Protocol):
    """All dataset versions that are active now. `snapshot()` is taken once per request, so one
    request is answered from one version of each dataset."""

    def snapshot(self) -> Mapping[str, Segment]: ...

    def batches(self) -> Mapping[str, Batch]:
        """By dataset, which newcomers only grants see; none for what was never loaded here."""
        ...
