"""Draws questions about places and bases: alleles in every spelling, ranges, brackets, types."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.support.naive.changes import Change
from tests.support.naive.known import Asked, Known
from tests.support.naive.reading import NaiveVariant
from tests.support.naive.variants import LEVELS

_CNV = ["EFO:0030067", "EFO:0030070", "EFO:0030066", "SO:0001743", "SO:0001742", "CNV", "DEL"]
_HIGH_LOSS, _COMPLETE = "EFO:0020073", "EFO:0030069"


class PlaceDraws:
    """Request parameters with coordinates."""

    def __init__(self, known: Known) -> None:
        self._rng = known.rng
        self._known = known
        self._data = known.data
        self._symbols = [each for each in known.carried if each.symbolic]

    def kinds(self) -> Mapping[str, Callable[[], Asked]]:
        kinds: dict[str, Callable[[], Asked]] = {
            "allele": self.allele,
            "allele: other base": self.other_base,
            "allele: N": self.any_base,
            "allele: no reference bases": self.alternate_only,
            "range": self.range,
            "range: all of a sequence": self.everywhere,
            "range of a type": self.range_of_type,
            "range with bases": self.range_with_bases,
            "range with N": self.range_with_n,
            "range with lengths": self.range_with_lengths,
            "bracket": self.bracket,
            "bracket of a type": self.bracket_of_type,
            "bracket with lengths": self.bracket_with_lengths,
            "bracket with bases": self.bracket_with_bases,
            "copy number": lambda: {**self.range(), "variantType": self._rng.choice(_CNV)},
        }
        if self._data.levels:
            kinds["copy number: level"] = self.level
        if self._data.reference is not None:
            kinds["allele: shifted"] = lambda: self._at(self._known.shifted())
            kinds["allele: shifted N"] = self.shifted_n
        return kinds

    def allele(self) -> Asked:
        return self._at(self._known.written(self._rng.choice(self._known.spelt)))

    def other_base(self) -> Asked:
        asked = self.allele()
        asked["alternateBases"] = self._rng.choice("ACGT") + asked["alternateBases"][1:]
        asked["start"] = [max(0, asked["start"][0] + self._rng.choice([-1, 0, 0, 1]))]
        if asked["alternateBases"] == asked["referenceBases"]:
            asked["alternateBases"] += "A"
        return asked

    def alternate_only(self) -> Asked:
        asked = self._at(self._rng.choice(self._known.spelt).change)
        del asked["referenceBases"]
        if self._rng.random() < 0.2:
            asked["alternateBases"] = "N" + asked["alternateBases"][1:]
        return asked

    def any_base(self) -> Asked:
        """N where the alleles differ, with or without shared bases around."""
        return self._with_n(self._known.written(self._rng.choice(self._known.spelt)))

    def shifted_n(self) -> Asked:
        return self._with_n(self._known.shifted())

    def _with_n(self, change: Change) -> Asked:
        core = change.trimmed()
        sides = {"referenceBases": core[2], "alternateBases": core[3]}
        asked = self._at(change)
        for name in self._rng.sample(sorted(sides), self._rng.choice([1, 1, 2])):
            if sides[name]:
                place = core[1] - change.start0 + self._rng.randrange(len(sides[name]))
                asked[name] = asked[name][:place] + "N" + asked[name][place + 1 :]
        return asked

    def range(self, each: NaiveVariant | None = None) -> Asked:
        each = each or self._known.any()
        start0 = each.start0 + self._rng.choice([0, 0, -1, 1, -30, each.end0 - each.start0])
        end0 = start0 + self._rng.choice([1, 1, 2, 40, 500])
        return {
            **self._known.sequence(each.change.chrom),
            "start": [max(0, start0)],
            "end": [max(1, end0)],
        }

    def everywhere(self) -> Asked:
        chrom = self._known.any().change.chrom
        last = max(each.end0 for each in self._data.variants.all if each.change.chrom == chrom)
        return {**self._known.sequence(chrom), "start": [0], "end": [last]}

    def range_of_type(self) -> Asked:
        each = self._known.any()
        return {**self.range(each), **self._typed(each)}

    def _typed(self, each: NaiveVariant) -> Asked:
        return self._known.type_of(each) if self._rng.random() < 0.6 else self._known.type()

    def range_with_lengths(self) -> Asked:
        each = self._known.any()
        narrowed = self._known.type_of(each) if self._rng.random() < 0.2 else {}
        return {**self.range(each), **self._known.lengths(each), **narrowed}

    def range_with_bases(self) -> Asked:
        """As written or without what both alleles share, which may leave nothing of one."""
        each = self._rng.choice(self._known.spelt)
        return {**self.range(each), **self._bases_of(each)}

    def _bases_of(self, each: NaiveVariant) -> Asked:
        written = each.change.ref, each.change.alt
        ref, alt = self._rng.choice([written, written, each.change.core()])
        asked = {"referenceBases": ref, "alternateBases": alt}
        if self._rng.random() < 0.3:
            asked["alternateBases"] = self._rng.choice("ACGT")
        kept = self._rng.choice([["alternateBases"], ["referenceBases"], sorted(asked)])
        return {name: asked[name] or "-" for name in kept}

    def range_with_n(self) -> Asked:
        """Of bases; of a symbol no letter is one."""
        if self._symbols and self._rng.random() < 0.1:
            each = self._rng.choice(self._symbols)
            return {**self.range(each), "alternateBases": "N" * len(each.change.alt)}
        each = self._rng.choice(self._known.spelt)
        asked = self._bases_of(each)
        name = self._rng.choice(sorted(asked))
        place = self._rng.randrange(len(asked[name]))
        asked[name] = asked[name][:place] + "N" + asked[name][place + 1 :]
        return {**self.range(each), **asked}

    def bracket(self, each: NaiveVariant | None = None) -> Asked:
        each = each or self._known.any()
        before, after = self._rng.choice([(0, 1), (0, 1), (10, 20), (100, 300)])
        start, end = each.start0 - before, each.end0 - before
        return {
            **self._known.sequence(each.change.chrom),
            "start": [max(0, start), each.start0 + after],
            "end": [max(1, end), each.end0 + after],
        }

    def bracket_of_type(self) -> Asked:
        each = self._known.any()
        return {**self.bracket(each), **self._typed(each)}

    def bracket_with_lengths(self) -> Asked:
        each = self._known.any()
        return {**self.bracket(each), **self._known.lengths(each)}

    def bracket_with_bases(self) -> Asked:
        each = self._rng.choice(self._known.spelt)
        return {**self.bracket(each), **self._bases_of(each)}

    def level(self) -> Asked:
        """Where somebody's is known, or of everything; mostly one that somebody has."""
        counted = [each for each in self._known.carried if each.copies]
        there = [each for each in counted if any(map(each.level, each.calls))]
        each = self._rng.choice(self._rng.choice([counted, there, there]))
        placed = {"start": [each.start0], "end": [each.end0]}
        if self._rng.random() < 0.2:
            placed = {"start": [0], "end": [5000]}
        held = sorted({level for level in map(each.level, each.calls) if level is not None})
        held += [_HIGH_LOSS] * (_COMPLETE in held)  # which finds complete loss too
        kind = {"variantType": self._rng.choice([self._rng.choice(LEVELS), *held, *held])}
        if self._known.genes and self._rng.random() < 0.2:
            return {**self._known.assembly(), "geneId": self._rng.choice(self._known.genes), **kind}
        return {**self._known.sequence(each.change.chrom), **placed, **kind}

    def _at(self, change: Change) -> Asked:
        return {
            **self._known.sequence(change.chrom),
            "start": [change.start0],
            "referenceBases": change.ref,
            "alternateBases": change.alt,
        }
