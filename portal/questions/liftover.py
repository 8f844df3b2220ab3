"""What a question's place is in another assembly, by the operator's chain files.

Pure once the files are read. An allele is lifted only if all of it lies in one ungapped block, and
on the other strand only if it replaces as many bases as it has; a region only if both ends lie in
one chain that hardly changes its length. Anything else is unsupported, never a guess. Whether the
reference has the same bases there is not looked at: a lifted «no» is marked as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal.questions.chain_files import Block, ChainMap, read_chains
from portal.questions.question import Question, Site, parse
from portal.settings import ChainFile
from schemas.messages import Message

MOST_STRETCHED = 0.1
_COMPLEMENT = str.maketrans("ACGTNacgtn", "TGCANtgcan")


@dataclass(frozen=True, slots=True)
class Counterpart:
    """The question in `assembly`, or None and the `reason`."""

    assembly: str
    question: Question | None
    reason: str = ""

    @property
    def words(self) -> str:
        return f"{self.assembly} {self.question.text}" if self.question else ""


class Liftover:
    """Every chain file, read at the start; raises `SettingsError` for one that cannot be."""

    def __init__(self, files: Sequence[ChainFile]) -> None:
        self._maps = {(one.source, one.target): read_chains(one.path) for one in files}

    def counterparts(self, question: Question) -> list[Counterpart]:
        """In each assembly that a chain file leads to from the question's own."""
        if question.site is None or not question.assembly:
            return []
        return [
            _counterpart(question, question.site, chains, target)
            for (source, target), chains in self._maps.items()
            if source == question.assembly
        ]


def fitting(
    question: Question, assemblies: Sequence[str] | None, counterparts: Sequence[Counterpart]
) -> Counterpart | None:
    """The counterpart for a server whose data are on `assemblies`; None where it needs none, or
    there is none."""
    if not question.assembly or not assemblies or question.assembly in assemblies:
        return None
    known: Mapping[str, Counterpart] = {one.assembly: one for one in counterparts}
    return next((known[name] for name in assemblies if name in known), None)


def _counterpart(question: Question, site: Site, chains: ChainMap, target: str) -> Counterpart:
    if site.chrom == "MT":
        lifted: Site | None = site  # the same sequence in every assembly we know
    else:
        lifted = _allele(site, chains) if site.ref or site.alt else _region(site, chains)
    if lifted is None:
        return Counterpart(
            target,
            None,
            Message("This place has no single counterpart on %(assembly)s.", assembly=target),
        )
    text = f"{lifted.chrom}:{lifted.first}-{lifted.end0}"
    if site.ref or site.alt:
        text = f"{lifted.chrom}:{lifted.first} {lifted.ref}>{lifted.alt}"
    return Counterpart(target, parse(text, terms=question.terms, assembly=target))


def _allele(site: Site, chains: ChainMap) -> Site | None:
    block = chains.at(site.chrom, site.start0)
    if block is None or not site.ref or not site.alt or site.end0 > block.end0:
        return None
    if block.chain.reversed and len(site.ref) != len(site.alt):
        return None
    start0, end0 = _ends(block, site.start0, site.end0)
    ref, alt = site.ref, site.alt
    if block.chain.reversed:
        ref, alt = (bases.translate(_COMPLEMENT)[::-1] for bases in (ref, alt))
    return Site(block.chain.chrom, start0, end0, ref, alt)


def _region(site: Site, chains: ChainMap) -> Site | None:
    first, last = chains.at(site.chrom, site.start0), chains.at(site.chrom, site.end0 - 1)
    if first is None or last is None or first.chain != last.chain:
        return None
    ends = (*_ends(first, site.start0, site.start0 + 1), *_ends(last, site.end0 - 1, site.end0))
    lifted = Site(first.chain.chrom, min(ends), max(ends))
    before, after = site.end0 - site.start0, lifted.end0 - lifted.start0
    return lifted if abs(after - before) <= MOST_STRETCHED * before else None


def _ends(block: Block, start0: int, end0: int) -> tuple[int, int]:
    """On the forward strand of the new assembly."""
    start, end = (at - block.start0 + block.other0 for at in (start0, end0))
    if block.chain.reversed:
        return block.chain.size - end, block.chain.size - start
    return start, end
