"""What can be asked of a dataset: its variants by what is known of them, names in any spelling."""

from __future__ import annotations

import random
from typing import Any

from tests.support.naive.answers import NaiveDataset
from tests.support.naive.changes import Change, spellings
from tests.support.naive.reading import NaiveVariant
from tests.support.naive.sequences import ASSEMBLIES, exact_names, spelt_names
from tests.support.naive.variants import TYPES

Asked = dict[str, Any]


class Known:
    """One dataset as those who draw questions know it."""

    def __init__(self, rng: random.Random, data: NaiveDataset) -> None:
        self.rng = rng
        self.data = data
        self.carried = [each for each in data.variants.all if each.allele_count]
        self.spelt = [each for each in self.carried if not each.symbolic]
        self.shaped = [each for each in self.carried if each.kind in {"DEL", "DUP", "INV"}]
        self.shaped = [
            each for each in self.shaped if each.symbolic and each.end0 > each.start0 + 1
        ]
        self.changed = [
            (each, effect) for each in self.carried for effect in each.effects if effect.protein
        ]
        genes = {one.gene for each in data.variants.all for one in each.effects}
        self.genes = sorted(genes - {""})

    def any(self) -> NaiveVariant:
        return self.rng.choice(self.data.variants.all)

    def written(self, each: NaiveVariant) -> Change:
        """As in the file, or with other bases of the reference around it."""
        change = each.change
        if self.data.reference is None or self.rng.random() < 0.4:
            return change
        bases = self.data.reference[change.chrom]
        pad = self.rng.randint(0, 3)
        start0, end0 = max(0, change.start0 - pad), change.start0 + len(change.ref)
        after = bases[end0 : end0 + self.rng.randint(0, 3)]
        before = bases[start0 : change.start0]
        return Change(
            change.chrom, start0, before + change.ref + after, before + change.alt + after
        )

    def shifted(self) -> Change:
        """An insertion or deletion at another of its places."""
        assert self.data.reference is not None
        moved = [each for each in self.rng.sample(self.spelt, 20) if each.kind in {"INS", "DEL"}]
        each = moved[0] if moved else self.spelt[0]
        return self.rng.choice(spellings(each.change, self.data.reference))

    def expanded(self) -> Change:
        """An insertion or deletion over all of its places, as VRS and SPDI have it."""
        change, reference = self.shifted(), self.data.reference
        assert reference is not None
        places = spellings(change, reference)
        start0 = min(each.start0 for each in places)
        ref = reference[change.chrom][start0 : max(each.start0 + len(each.ref) for each in places)]
        edited = change.identity(reference)
        longer = len(change.alt) - len(change.ref)
        alt = str(edited and edited[1])[start0 : start0 + len(ref) + longer]
        return Change(change.chrom, start0, ref, alt)

    def sequence(self, chrom: str) -> Asked:
        exact = exact_names(self.data.assembly, chrom)
        if self.rng.random() < 0.3:
            return {"referenceName": self.rng.choice(exact)}
        names = [n for n, meant in spelt_names(self.data.assembly).items() if meant == chrom]
        name = self.rng.choice([chrom, f"chr{chrom}", self.rng.choice(names)])
        if self.rng.random() < 0.1:
            return {"referenceName": name}
        return {"referenceName": name, **self.assembly()}

    def assembly(self) -> Asked:
        names = [name for name, meant in ASSEMBLIES.items() if meant == self.data.assembly]
        return {"assemblyId": self.rng.choice([self.data.assembly, self.rng.choice(names)])}

    def of_both(self) -> Asked:
        """Where coordinates play no part the assembly may stay unsaid."""
        return {} if self.rng.random() < 0.4 else self.assembly()

    def type(self) -> Asked:
        word = self.rng.choice(sorted(TYPES))
        return {"variantType": word.lower() if self.rng.random() < 0.2 else word}

    def type_of(self, each: NaiveVariant) -> Asked:
        """One of those that such a variant has, more often than not."""
        words = sorted(word for word, kinds in TYPES.items() if each.kind in kinds)
        return {"variantType": self.rng.choice(words)} if words else self.type()

    def lengths(self, each: NaiveVariant | None = None) -> Asked:
        """At a border that some variant lies on, or beside it."""
        near = each.length + self.rng.choice([-1, 0, 0, 1]) if each is not None else 0
        low = max(0, self.rng.choice([near, near, 1, 2, 3, 20]))
        wanted = [
            {"variantMinLength": low},
            {"variantMaxLength": low},
            {"variantMinLength": low, "variantMaxLength": low},
            {"variantMinLength": low, "variantMaxLength": low + 30},
        ]
        return self.rng.choice(wanted)
