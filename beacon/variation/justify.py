"""How far a change can be moved without changing what results (fully-justified alleles).

GA4GH VRS 1.3 normalisation (the variant overcorrection algorithm, VOCA): an insertion or deletion
inside a repeat may be written at any of several places. The reference is asked once, at load;
after that the two distances answer every question: whether two spellings are one change, whether
an insertion duplicates what stands there, and the normal forms of VRS and HGVS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from beacon.catalog import Allele, Replacement
from beacon.variation.alleles import bases_match, trimmed
from beacon.variation.any_base import Reading
from beacon.variation.reference import Reference
from schemas import hgvs

MAX_SHIFT = 10_000  # farther than this a change is not followed
_FIRST_STEP = 64


@dataclass(frozen=True, slots=True)
class Justified:
    """A trimmed change, and how many places it can move to the left and to the right."""

    core: Allele
    left: int = 0
    right: int = 0

    @property
    def ambiguous(self) -> bool:
        return self.left > 0 or self.right > 0

    @property
    def followed(self) -> bool:
        """Whether both ends of its reach were found."""
        return self.left < MAX_SHIFT and self.right < MAX_SHIFT

    def moved(self, places: int) -> Allele:
        """The same change written so many places further right (left where negative)."""
        core = self.core
        return Allele(
            core.chrom,
            core.start0 + places,
            rotated(core.ref, places),
            rotated(core.alt, places),
        )

    def expanded(self) -> Allele:
        """The change over all of its reach, as VRS writes it: both sides spelled out. What stands
        in the reach repeats the changed bases, so no reference is needed."""
        core = self.core
        unit = core.ref or core.alt
        if not self.ambiguous or (core.ref and core.alt):
            return core
        first = self.moved(-self.left)
        reach = self.left + self.right
        around = _repeated(rotated(unit, -self.left), reach)
        longer = _repeated(rotated(unit, -self.left), reach + len(unit))
        ref, alt = (longer, around) if core.ref else (around, longer)
        return Allele(core.chrom, first.start0, ref, alt)


def justified(allele: Allele, reference: Reference) -> Justified:
    """The reach of a change on this reference."""
    core = trimmed(allele)
    unit = core.ref or core.alt
    if (core.ref and core.alt) or not unit or core.alt.startswith("<"):
        return Justified(core)
    end0 = core.start0 + len(core.ref)
    return Justified(
        core,
        left=_reach(core.chrom, core.start0, unit[::-1], reference=reference, backwards=True),
        right=_reach(core.chrom, end0, unit, reference=reference, backwards=False),
    )


def same(asked: Allele, stored: Justified) -> bool:
    """Whether a trimmed question and a stored change are one; `N` in the question is any base."""
    core = stored.core
    if asked.chrom != core.chrom or (len(asked.ref), len(asked.alt)) != (
        len(core.ref),
        len(core.alt),
    ):
        return False
    places = asked.start0 - core.start0
    if not -stored.left <= places <= stored.right:
        return False
    there = stored.moved(places) if places else core
    return bases_match(asked.ref, there.ref) and bases_match(asked.alt, there.alt)


def is_one_of(readings: Sequence[Reading], stored: Justified, *, compared: bool = False) -> bool:
    """`same` for any of these; what is symbolic has no bases that N could stand for. Of a change
    that was compared with a reference it is known what that has where the change can be moved:
    what a reading claims of any other place is not so."""
    return not stored.core.alt.strip("ACGTN") and any(
        same(each.core, stored) and (not compared or _holds(each.claims, stored))
        for each in readings
    )


def _holds(claims: Sequence[tuple[int, str]], stored: Justified) -> bool:
    core = stored.core
    unit = core.ref or core.alt
    first, end0 = core.start0 - stored.left, core.start0 + len(core.ref) + stored.right
    return not claims or (
        not (core.ref and core.alt)
        and all(
            first <= place < end0 and base == unit[(place - core.start0) % len(unit)]
            for place, base in claims
        )
    )


def replaces(asked: Replacement, stored: Justified) -> bool:
    """Whether a stored change puts the bases asked for in place of all that stands there. What it
    leaves of that is known where it can be moved, which repeats the changed bases, and nowhere
    else: there it must all be replaced."""
    if stored.core.alt.strip("ACGTN"):
        return False
    spelled = stored.expanded()
    first = asked.start0 - spelled.start0
    last = first + len(asked.ref)
    if first < 0 or last > len(spelled.ref) or asked.chrom != spelled.chrom:
        return False
    return spelled.ref[:first] + asked.alt + spelled.ref[last:] == spelled.alt


def agrees(asked: Allele, stored: Justified) -> bool:
    """Whether the REF a question states is what the reference has, as far as a change compared with
    one tells: its reach repeats the changed bases, and ends where the next base does not."""
    core = stored.core
    unit = core.ref or core.alt
    if core.ref and core.alt:
        return True
    first, end0 = core.start0 - stored.left, core.start0 + len(core.ref) + stored.right
    for place, base in enumerate(asked.ref, start=asked.start0):
        repeats = base in ("N", unit[(place - core.start0) % len(unit)])
        if first <= place < end0 and not repeats:
            return False
        if place in (first - 1, end0) and stored.followed and repeats and base != "N":
            return False
    return True


def deletes(stored: Justified, start0: int, end0: int) -> bool:
    """Whether a stored deletion takes out what stands in `[start0, end0)`."""
    core = stored.core
    return (
        not core.alt
        and len(core.ref) == end0 - start0
        and -stored.left <= start0 - core.start0 <= stored.right
    )


def inverts(stored: Allele, start0: int, end0: int) -> bool:
    """Whether a stored change, as far as it spells what stands in `[start0, end0)`, turns it
    around."""
    ref, first, last = stored.ref, start0 - stored.start0, end0 - stored.start0
    if first < 0 or last > len(ref):
        return False
    turned = ref[:first] + hgvs.reverse(ref[first:last]) + ref[last:]
    return turned == stored.alt != ref


def duplicates(stored: Justified, start0: int, end0: int) -> bool:
    """Whether a stored insertion is one more copy of what stands in `[start0, end0)`: it can be
    moved from in front of it to behind it."""
    core = stored.core
    return (
        not core.ref
        and len(core.alt) == end0 - start0
        and core.start0 - stored.left <= start0
        and core.start0 + stored.right >= end0
    )


def rotated(unit: str, places: int) -> str:
    """The bases of a change after it moved: what left at one end came in at the other."""
    if not unit:
        return unit
    turn = places % len(unit)
    return unit[turn:] + unit[:turn]


def _reach(chrom: str, place: int, unit: str, *, reference: Reference, backwards: bool) -> int:
    """How many bases from `place` on repeat the unit, looked at in steps that double."""
    found, step = 0, _FIRST_STEP
    while found < MAX_SHIFT:
        step = min(step, MAX_SHIFT - found)
        if backwards:
            bases = reference.bases(chrom, place - found - step, place - found)[::-1]
        else:
            bases = reference.bases(chrom, place + found, place + found + step)
        expected = _repeated(rotated(unit, found), len(bases))
        if bases != expected:
            return found + next(
                at
                for at, (one, other) in enumerate(zip(bases, expected, strict=True))
                if one != other
            )
        found += len(bases)
        if len(bases) < step:
            return found  # the sequence ends here
        step *= 2
    return found


def _repeated(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]
