"""Draws questions about variants from a seed, mostly about what is there, in every spelling."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.naive.answers import NaiveDataset
from tests.support.naive.changes import Change, Reference, spellings
from tests.support.naive.node import ACCESSIONS, DIGESTS
from tests.support.naive.reading import NaiveVariant
from tests.support.naive.variants import LEVELS

Asked = dict[str, Any]
_TYPES = [
    "SNP",
    "SO:0001483",
    "DEL",
    "SO:0000159",
    "INS",
    "SO:0000667",
    "DUP",
    "INV",
    "INDEL",
    "SO:1000032",
]
_CNV = ["EFO:0030067", "EFO:0030070", "EFO:0030066", "SO:0001743", "SO:0001742", "CNV", "DEL"]


class VariantDraws:
    """Request parameters about one dataset, by kind."""

    def __init__(self, rng: random.Random, data: NaiveDataset) -> None:
        self._rng = rng
        self._data = data
        self._carried = [each for each in data.variants.all if each.allele_count]
        self._spelt = [each for each in self._carried if not each.symbolic]
        self._levels = data.levels
        self._named = [each for each in self._carried if each.names]
        self._effects = [
            effect for each in self._carried for effect in each.effects if effect.protein
        ]
        changed = ([one for one in each.effects if one.protein] for each in self._carried)
        self._twofold = [found for found in changed if len({one.gene for one in found}) > 1]
        self._changed = [
            (each, effect) for each in self._carried for effect in each.effects if effect.protein
        ]
        self._coding = [
            effect for each in self._carried for effect in each.effects if effect.transcript
        ]

    def kinds(self) -> Mapping[str, Callable[[], Asked]]:
        """Every kind of question this dataset can be asked."""
        kinds: dict[str, Callable[[], Asked]] = {
            "allele": self.allele,
            "allele: other base": self.other_base,
            "allele: N": self.any_base,
            "allele: no reference bases": self.alternate_only,
            "range": self.range,
            "range of a type": lambda: {**self.range(), **self._type()},
            "range with bases": self.range_with_bases,
            "range with lengths": lambda: {**self.range(), **self._lengths()},
            "bracket": self.bracket,
            "bracket of a type": lambda: {**self.bracket(), **self._type()},
            "copy number": lambda: {**self.range(), "variantType": self._rng.choice(_CNV)},
            "short form: VCF": self.vcf,
            "short form: SPDI": self.spdi,
            "short form: g.": self.hgvs,
        }
        if self._levels:
            kinds["copy number: level"] = self.level
        if self._named:
            kinds["name"] = self.name
        if self._data.reference is not None:
            kinds["allele: shifted"] = self.shifted
            kinds["short form: shifted g."] = self.shifted_hgvs
            kinds["VRS"] = self.vrs
        if self._data.annotated:
            kinds["gene"] = self.gene
            kinds["gene with type or bases"] = self.gene_narrowed
            kinds["amino acid"] = self.amino_acid
            kinds["range of a change"] = self.range_of_change
            kinds["bracket of a change"] = self.bracket_of_change
            kinds["amino acid of a type or length"] = self.change_narrowed
            if self._twofold:
                kinds["amino acid: of two genes"] = self.of_two_genes
            kinds["short form: c."] = self.coding
            kinds["short form: p."] = self.protein
        return kinds

    def allele(self) -> Asked:
        return self._at(self._written(self._rng.choice(self._spelt)))

    def _written(self, each: NaiveVariant) -> Change:
        """As in the file, trimmed as far as one spelling allows, or with another base before."""
        change = each.change
        if self._data.reference is None or self._rng.random() < 0.4:
            return change
        bases = self._data.reference[change.chrom]
        pad = self._rng.randint(0, 3)
        start0, end0 = max(0, change.start0 - pad), change.start0 + len(change.ref)
        after = bases[end0 : end0 + self._rng.randint(0, 3)]
        before = bases[start0 : change.start0]
        return Change(
            change.chrom, start0, before + change.ref + after, before + change.alt + after
        )

    def other_base(self) -> Asked:
        asked = self.allele()
        asked["alternateBases"] = self._rng.choice("ACGT") + asked["alternateBases"][1:]
        asked["start"] = [asked["start"][0] + self._rng.choice([-1, 0, 0, 1])]
        if asked["alternateBases"] == asked["referenceBases"]:
            asked["alternateBases"] += "A"
        return asked

    def alternate_only(self) -> Asked:
        asked = self._at(self._rng.choice(self._spelt).change)
        del asked["referenceBases"]
        return asked

    def any_base(self) -> Asked:
        """N where the alleles differ, with or without shared bases around."""
        change = self._written(self._rng.choice(self._spelt))
        core = change.trimmed()
        sides = {"referenceBases": core[2], "alternateBases": core[3]}
        name = self._rng.choice([name for name, bases in sides.items() if bases])
        place = core[1] - change.start0 + self._rng.randrange(len(sides[name]))
        asked = self._at(change)
        asked[name] = asked[name][:place] + "N" + asked[name][place + 1 :]
        return asked

    def shifted(self) -> Asked:
        return self._at(self._shift())

    def _shift(self) -> Change:
        reference = self._data.reference
        assert reference is not None
        moved = [each for each in self._rng.sample(self._spelt, 20) if each.kind in {"INS", "DEL"}]
        each = moved[0] if moved else self._spelt[0]
        return self._rng.choice(spellings(each.change, reference))

    def range(self) -> Asked:
        each = self._rng.choice(self._data.variants.all)
        start0 = each.start0 + self._rng.choice([0, 0, -1, 1, -30, each.end0 - each.start0])
        end0 = start0 + self._rng.choice([1, 1, 2, 40, 500])
        return {
            **self._sequence(each.change.chrom),
            "start": [max(0, start0)],
            "end": [max(1, end0)],
        }

    def range_with_bases(self) -> Asked:
        each = self._rng.choice(self._spelt)
        name = self._rng.choice(["alternateBases", "alternateBases", "referenceBases"])
        bases = {"alternateBases": each.change.alt, "referenceBases": each.change.ref}[name]
        if each.kind != "SNP":
            bases = self._rng.choice("ACGT")
        return {**self.range(), name: bases}

    def bracket(self) -> Asked:
        each = self._rng.choice(self._data.variants.all)
        before, after = self._rng.choice([(0, 1), (0, 1), (10, 20), (100, 300)])
        start, end = each.start0 - before, each.end0 - before
        return {
            **self._sequence(each.change.chrom),
            "start": [max(0, start), each.start0 + after],
            "end": [max(1, end), each.end0 + after],
        }

    def gene(self) -> Asked:
        names = sorted({effect.gene for each in self._data.variants.all for effect in each.effects})
        return {**self._assembly(), "geneId": self._rng.choice(names)}

    def gene_narrowed(self) -> Asked:
        narrowed = [self._type(), self._lengths(), {"alternateBases": self._rng.choice("ACGT")}]
        return {**self.gene(), **self._rng.choice(narrowed)}

    def amino_acid(self) -> Asked:
        effect = self._rng.choice(self._effects)
        asked = {**self._assembly(), "aminoacidChange": effect.amino_acids()}
        if self._rng.random() < 0.5:
            genes = [effect.gene, effect.gene, "ISLE1", "HOLM"]
            asked["geneId"] = self._rng.choice(genes)
        return asked

    def range_of_change(self) -> Asked:
        """Beside a variant of the change or over it; narrowed further, or of another gene."""
        each, effect = self._rng.choice(self._changed)
        start0 = each.start0 + self._rng.choice([0, 0, 0, -1, -30, 1])
        end0 = start0 + self._rng.choice([1, 2, 40])
        place = {"start": [max(0, start0)], "end": [max(1, end0)]}
        return {**self._of_change(each, effect.amino_acids(), effect.gene), **place}

    def bracket_of_change(self) -> Asked:
        each, effect = self._rng.choice(self._changed)
        before = self._rng.choice([0, 0, 10])
        place = {
            "start": [max(0, each.start0 - before), each.start0 + 1],
            "end": [max(1, each.end0 - before), each.end0 + self._rng.choice([0, 1, 1])],
        }
        if place["end"][0] == place["end"][1]:
            place["end"][0] -= 1
        return {**self._of_change(each, effect.amino_acids(), effect.gene), **place}

    def _of_change(self, each: NaiveVariant, change: str | None, gene: str) -> Asked:
        asked = {**self._sequence(each.change.chrom), "aminoacidChange": change}
        if self._rng.random() < 0.4:
            asked["geneId"] = self._rng.choice([gene, gene, "ISLE1", "HOLM"])
        if self._rng.random() < 0.4:
            asked |= self._rng.choice([self._type(), self._lengths()])
        return asked

    def change_narrowed(self) -> Asked:
        """Of a gene, since a change alone is narrowed by nothing else."""
        effect = self._rng.choice(self._effects)
        of = {"geneId": effect.gene, "aminoacidChange": effect.amino_acids()}
        return {**self._assembly(), **of, **self._rng.choice([self._type(), self._lengths()])}

    def of_two_genes(self) -> Asked:
        """A change and a gene of one variant, which may be of two transcripts."""
        one, other = self._rng.choices(self._rng.choice(self._twofold), k=2)
        return {**self._assembly(), "aminoacidChange": one.amino_acids(), "geneId": other.gene}

    def coding(self) -> Asked:
        return {
            **self._assembly(),
            "genomicAlleleShortForm": self._rng.choice(self._coding).transcript,
        }

    def protein(self) -> Asked:
        return {
            **self._assembly(),
            "genomicAlleleShortForm": self._rng.choice(self._effects).protein,
        }

    def name(self) -> Asked:
        name = self._rng.choice(sorted(self._rng.choice(self._named).names))
        return {**self._assembly(), "genomicAlleleShortForm": name}

    def level(self) -> Asked:
        """Where somebody's is known, or of everything."""
        counted = [each for each in self._carried if each.copies]
        each = self._rng.choice(counted)
        placed = {"start": [each.start0], "end": [each.end0]}
        if self._rng.random() < 0.4:
            placed = {"start": [0], "end": [5000]}
        kind = {"variantType": self._rng.choice(sorted(LEVELS))}
        if self._data.annotated and self._rng.random() < 0.2:
            return {**self.gene(), **kind}
        return {**self._sequence(each.change.chrom), **placed, **kind}

    def vrs(self) -> Asked:
        names = [self._data.variants.vrs(each) for each in self._rng.sample(self._spelt, 5)]
        return {**self._assembly(), "variantId": next(filter(None, names))}

    def vcf(self) -> Asked:
        change = self._written(self._rng.choice(self._spelt))
        form = self._rng.choice(["{}-{}-{}-{}", "chr{}-{}-{}-{}", "{}:{} {}>{}", "chr{}:{}:{}:{}"])
        name = form.format(change.chrom, change.start0 + 1, change.ref, change.alt)
        return {**self._assembly(), "genomicAlleleShortForm": name}

    def spdi(self) -> Asked:
        change = self._written(self._rng.choice(self._spelt))
        accession = ACCESSIONS[self._data.assembly][change.chrom]
        name = f"{accession}:{change.start0}:{change.ref}:{change.alt}"
        return {self._rng.choice(["genomicAlleleShortForm", "variantId"]): name}

    def hgvs(self) -> Asked:
        """Names of substitutions; of other changes where a reference tells what they are."""
        if self._data.reference is None:
            single = [each for each in self._spelt if each.kind == "SNP"]
            return self._hgvs(self._rng.choice(single).change, None)
        return self._hgvs(self._rng.choice(self._spelt).change, self._data.reference)

    def shifted_hgvs(self) -> Asked:
        return self._hgvs(self._shift(), self._data.reference)

    def _hgvs(self, change: Change, reference: Reference | None) -> Asked:
        chrom, start0, ref, alt = change.trimmed()
        first, last = start0 + 1, start0 + len(ref)
        span = f"{first}" if first == last else f"{first}_{last}"
        bases = reference[chrom] if reference is not None else ""
        if len(ref) == len(alt) == 1:
            edit = f"{first}{ref}>{alt}"
        elif not alt:
            edit = f"{span}del{ref if self._rng.random() < 0.3 else ''}"
        elif ref:
            edit = f"{span}delins{alt}"
        elif bases[start0 - len(alt) : start0] == alt and self._rng.random() < 0.7:
            from_ = start0 - len(alt) + 1
            edit = f"{from_}dup" if len(alt) == 1 else f"{from_}_{start0}dup"
        else:
            edit = f"{start0}_{start0 + 1}ins{alt}"
        kind = "m" if chrom == "MT" else "g"
        name = f"{ACCESSIONS[self._data.assembly][chrom]}:{kind}.{edit}"
        return {"genomicAlleleShortForm": name}

    def _at(self, change: Change) -> Asked:
        return {
            **self._sequence(change.chrom),
            "start": [change.start0],
            "referenceBases": change.ref,
            "alternateBases": change.alt,
        }

    def _sequence(self, chrom: str) -> Asked:
        accession = ACCESSIONS[self._data.assembly][chrom]
        digest = DIGESTS[self._data.assembly].get(chrom)
        exact = [accession, f"refseq:{accession}"]
        exact += [f"SQ.{digest}", f"ga4gh:SQ.{digest}"] if digest else []
        if chrom != "MT" and self._rng.random() < 0.3:
            return {"referenceName": self._rng.choice(exact)}
        name = self._rng.choice([chrom, chrom, f"chr{chrom}", *exact])
        return {"referenceName": name, **self._assembly()}

    def _assembly(self) -> Asked:
        return {"assemblyId": self._data.assembly}

    def _type(self) -> Asked:
        return {"variantType": self._rng.choice(_TYPES)}

    def _lengths(self) -> Asked:
        low = self._rng.choice([1, 2, 3, 20])
        wanted = [{"variantMinLength": low}, {"variantMaxLength": low}]
        both = {"variantMinLength": low, "variantMaxLength": low + 30}
        return self._rng.choice([*wanted, both])
