"""Draws questions by name: short forms, identifiers, genes and changes of protein."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.support.naive.changes import Change, Reference, turned
from tests.support.naive.known import Asked, Known
from tests.support.naive.reading import Effect, NaiveVariant
from tests.support.naive.sequences import ACCESSIONS, DIGESTS

_DIFFERENT = ["ISLE1", "HOLM"]


class NameDraws:
    """Request parameters without coordinates, or with them inside a name."""

    def __init__(self, known: Known) -> None:
        self._rng = known.rng
        self._known = known
        self._data = known.data
        self._named = [each for each in known.carried if each.names]
        changed = ([one for one in each.effects if one.protein] for each in known.carried)
        self._twofold = [found for found in changed if len({one.gene for one in found}) > 1]
        self._coding = [
            effect for each in known.carried for effect in each.effects if effect.transcript
        ]

    def kinds(self) -> Mapping[str, Callable[[], Asked]]:
        kinds: dict[str, Callable[[], Asked]] = {
            "short form: VCF": self.vcf,
            "short form: SPDI": self.spdi,
            "short form: g.": self.hgvs,
        }
        if self._known.shaped:
            kinds["short form: symbolic g."] = self.symbolic_hgvs
        if self._named:
            kinds["name"] = self.name
        if self._data.reference is not None:
            kinds["short form: shifted g."] = lambda: self._hgvs(self._known.shifted())
            kinds["short form: shifted SPDI"] = lambda: self._spdi(self._known.shifted())
            kinds["short form: SPDI of all places"] = self.whole_spdi
            kinds["short form: delins of all places"] = self.whole_delins
            kinds["VRS"] = self.vrs
        if self._data.annotated:
            kinds |= self._annotated()
        return kinds

    def _annotated(self) -> Mapping[str, Callable[[], Asked]]:
        kinds: dict[str, Callable[[], Asked]] = {
            "gene": self.gene,
            "gene with type or bases": self.gene_narrowed,
            "amino acid": self.amino_acid,
            "range of a change": self.range_of_change,
            "bracket of a change": self.bracket_of_change,
            "amino acid of a type or length": self.change_narrowed,
            "short form: c.": self.coding,
            "short form: p.": self.protein,
            "short form: p. of a gene": self.protein_of_gene,
        }
        if self._twofold:
            kinds["amino acid: of two genes"] = self.of_two_genes
        return kinds

    # Genes and changes

    def gene(self) -> Asked:
        return {
            **self._known.of_both(),
            "geneId": self._symbol(self._rng.choice(self._known.genes)),
        }

    def _symbol(self, gene: str) -> str:
        return self._rng.choice([gene, gene, gene.lower(), gene.upper()])

    def gene_narrowed(self) -> Asked:
        each = self._rng.choice(self._known.carried)
        bases = {"alternateBases": self._rng.choice("ACGTN")}
        narrowed = [self._known.type(), self._known.lengths(each), bases]
        return {**self.gene(), **self._rng.choice(narrowed)}

    def amino_acid(self) -> Asked:
        _, effect = self._rng.choice(self._known.changed)
        asked = {**self._known.of_both(), "aminoacidChange": self._written(effect)}
        if self._rng.random() < 0.5:
            asked["geneId"] = self._symbol(
                self._rng.choice([effect.gene, effect.gene, *_DIFFERENT])
            )
        return asked

    def _written(self, effect: Effect) -> str:
        """`V62G`, `p.V62G`, `p.Val62Gly` or `p.(Val62Gly)`."""
        long = effect.protein.partition(":p.")[2]
        short = str(effect.amino_acids())
        return self._rng.choice([short, short, f"p.{short}", f"p.{long}", f"p.({long})", long])

    def range_of_change(self) -> Asked:
        """Beside a variant of the change or over it; narrowed further, or of another gene."""
        each, effect = self._rng.choice(self._known.changed)
        start0 = each.start0 + self._rng.choice([0, 0, 0, -1, -30, 1])
        end0 = start0 + self._rng.choice([1, 2, 40])
        place = {"start": [max(0, start0)], "end": [max(1, end0)]}
        return {**self._of_change(each, effect), **place}

    def bracket_of_change(self) -> Asked:
        each, effect = self._rng.choice(self._known.changed)
        before = self._rng.choice([0, 0, 10])
        place = {
            "start": [max(0, each.start0 - before), each.start0 + 1],
            "end": [max(1, each.end0 - before), each.end0 + self._rng.choice([0, 1, 1])],
        }
        if place["end"][0] == place["end"][1]:
            place["end"][0] -= 1
        return {**self._of_change(each, effect), **place}

    def _of_change(self, each: NaiveVariant, effect: Effect) -> Asked:
        asked = {
            **self._known.sequence(each.change.chrom),
            "aminoacidChange": self._written(effect),
        }
        if self._rng.random() < 0.4:
            asked["geneId"] = self._rng.choice([effect.gene, effect.gene, *_DIFFERENT])
        if self._rng.random() < 0.4:
            asked |= self._rng.choice([self._known.type_of(each), self._known.lengths(each)])
        return asked

    def change_narrowed(self) -> Asked:
        """Of a gene, since a change alone is narrowed by nothing else."""
        each, effect = self._rng.choice(self._known.changed)
        of = {"geneId": effect.gene, "aminoacidChange": effect.amino_acids()}
        narrowed = [self._known.type(), self._known.type_of(each), self._known.lengths(each)]
        return {**self._known.of_both(), **of, **self._rng.choice(narrowed)}

    def of_two_genes(self) -> Asked:
        """A change and a gene of one variant, which may be of two transcripts."""
        one, other = self._rng.choices(self._rng.choice(self._twofold), k=2)
        change = {"aminoacidChange": one.amino_acids(), "geneId": other.gene}
        return {**self._known.assembly(), **change}

    # Names

    def coding(self) -> Asked:
        return self._short(self._rng.choice(self._coding).transcript)

    def protein(self) -> Asked:
        """In three letters or in one."""
        _, effect = self._rng.choice(self._known.changed)
        sequence = effect.protein.partition(":")[0]
        short = f"{sequence}:p.{effect.amino_acids()}"
        return self._short(self._rng.choice([effect.protein, effect.protein, short]))

    def protein_of_gene(self) -> Asked:
        _, effect = self._rng.choice(self._known.changed)
        between = self._rng.choice([":", " "])
        change = self._rng.choice([str(effect.amino_acids()), effect.protein.partition(":p.")[2]])
        return self._short(f"{effect.gene}{between}p.{change}")

    def name(self) -> Asked:
        """An rsID or ClinVar id in one of its spellings."""
        name = self._rng.choice(sorted(self._rng.choice(self._named).names))
        if name.startswith("rs"):
            return self._short(self._rng.choice([name, name, name.upper(), f"dbSNP:{name}"]))
        accession = f"VCV{int(name.removeprefix('clinvar:')):09}"
        return self._short(self._rng.choice([name, name, accession, f"{accession}.3"]))

    def vrs(self) -> Asked:
        some = self._rng.sample(self._known.spelt, 5)
        names = [self._data.variants.vrs(each) for each in some]
        name = str(next(filter(None, names)))
        return self._short(self._rng.choice([name, name, name.removeprefix("ga4gh:")]))

    def _short(self, name: str) -> Asked:
        """Such names are the same in every assembly."""
        member = self._rng.choice(["genomicAlleleShortForm", "genomicAlleleShortForm", "variantId"])
        return {**self._known.of_both(), member: name}

    # Changes spelled out

    def vcf(self) -> Asked:
        change = self._known.written(self._rng.choice(self._known.spelt))
        form = self._rng.choice(["{}-{}-{}-{}", "chr{}-{}-{}-{}", "{}:{} {}>{}", "chr{}:{}:{}:{}"])
        name = form.format(change.chrom, change.start0 + 1, change.ref, change.alt)
        unsaid = self._rng.random() < 0.1
        return {**({} if unsaid else self._known.assembly()), "genomicAlleleShortForm": name}

    def spdi(self) -> Asked:
        return self._spdi(self._known.written(self._rng.choice(self._known.spelt)))

    def _spdi(self, change: Change) -> Asked:
        """By accession or by digest; what is deleted by its bases, or by how many they are."""
        _, start0, ref, alt = change.trimmed()
        digest = DIGESTS[self._data.assembly][change.chrom]
        accession = ACCESSIONS[self._data.assembly][change.chrom]
        sequence = self._rng.choice([accession, accession, f"SQ.{digest}"])
        name = f"{sequence}:{change.start0}:{change.ref}:{change.alt}"
        if self._data.reference is not None and self._rng.random() < 0.2:
            name = f"{sequence}:{start0}:{len(ref)}:{alt}"
        return {self._rng.choice(["genomicAlleleShortForm", "variantId"]): name}

    def whole_spdi(self) -> Asked:
        """What is replaced by its bases or its length; now and then by too much or too little."""
        change = self._known.expanded()
        deleted = self._rng.choice([change.ref, str(len(change.ref)), str(len(change.ref))])
        alt = change.alt + (self._rng.choice("ACGT") if self._rng.random() < 0.2 else "")
        alt = change.alt if alt == change.ref else alt
        accession = ACCESSIONS[self._data.assembly][change.chrom]
        return {"variantId": f"{accession}:{change.start0}:{deleted}:{alt}"}

    def whole_delins(self) -> Asked:
        change = self._known.expanded()
        if not change.ref or not change.alt:
            return self._hgvs(change)
        first, last = change.start0 + 1, change.start0 + len(change.ref)
        span = f"{first}" if first == last else f"{first}_{last}"
        return {"genomicAlleleShortForm": f"{self._of(change.chrom)}{span}delins{change.alt}"}

    def hgvs(self) -> Asked:
        """Names of substitutions; of other changes where a reference tells what they are."""
        if self._data.reference is None:
            single = [each for each in self._known.spelt if each.kind in {"SNP", "MNP"}]
            return self._hgvs(self._rng.choice(single).change)
        return self._hgvs(self._rng.choice(self._known.spelt).change)

    def symbolic_hgvs(self) -> Asked:
        """What stands behind the anchor of a symbolic allele, or beside that."""
        each = self._rng.choice(self._known.shaped)
        done = {"DEL": "del", "DUP": "dup", "INV": "inv"}[each.kind]
        first, last = each.start0 + 2, each.end0 + self._rng.choice([0, 0, 0, 1])
        span = f"{first}" if first == last else f"{first}_{last}"
        return {"genomicAlleleShortForm": f"{self._of(each.change.chrom)}{span}{done}"}

    def _hgvs(self, change: Change) -> Asked:
        chrom, start0, ref, alt = change.trimmed()
        first, last = start0 + 1, start0 + len(ref)
        span = f"{first}" if first == last else f"{first}_{last}"
        if len(ref) == len(alt) == 1:
            edit = f"{first}{ref}>{alt}"
        elif not alt:
            edit = f"{span}del{ref if self._rng.random() < 0.3 else ''}"
        elif len(ref) > 1 and alt == turned(ref) and self._rng.random() < 0.8:
            edit = f"{span}inv"
        elif ref:
            edit = f"{span}del{ref if self._rng.random() < 0.3 else ''}ins{alt}"
        else:
            edit = self._insertion(start0, alt, self._data.reference or {}, chrom=chrom)
        return {"genomicAlleleShortForm": f"{self._of(chrom)}{edit}"}

    def _insertion(self, start0: int, alt: str, reference: Reference, *, chrom: str) -> str:
        repeats = reference.get(chrom, "")[start0 - len(alt) : start0] == alt
        if not repeats or self._rng.random() < 0.3:
            return f"{start0}_{start0 + 1}ins{alt}"
        from_ = start0 - len(alt) + 1
        said = alt if self._rng.random() < 0.2 else ""
        return f"{from_}dup{said}" if len(alt) == 1 else f"{from_}_{start0}dup{said}"

    def _of(self, chrom: str) -> str:
        return f"{ACCESSIONS[self._data.assembly][chrom]}:{'m' if chrom == 'MT' else 'g'}."
