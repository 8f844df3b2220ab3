"""How sites agree on the variants of a study: each offers what it may tell, all are told the union.

A site offers only alleles of which it holds at least OFFERED copies of either kind, so a rare
variant is not told of by the list. Contigs with a refget digest are one contig under any name.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workspaces.analysis import alleles, cohort
from workspaces.analysis.alleles import Allele, Panel
from workspaces.analysis.design import Dosages, blocks, called
from workspaces.analysis.genotypes import Genotypes
from workspaces.flapps import reading
from workspaces.flapps.reading import Unfit

OFFERED = 10
_MAX = 1 << 30


def offer(held: Genotypes, digests: Mapping[str, str]) -> bytes:
    common = np.concatenate([_common(block) for block in blocks(held.dosages)])
    names = [one.name for one, told in zip(held.alleles, common, strict=True) if told]
    return _packed(names, {name: digest for name, digest in digests.items() if len(digest) <= 100})


def _common(dosages: Dosages) -> NDArray[np.bool_]:
    g, seen = called(dosages)
    copies = g.sum(axis=0)
    return np.asarray(np.minimum(copies, 2.0 * np.count_nonzero(seen, axis=0) - copies) >= OFFERED)


def agree(offers: Mapping[str, bytes], *, least_sites: int) -> bytes:
    """The panel as all are told it; raises `Unfit` where nothing is left."""
    spelled: dict[str, str] = {}  # the one name of each digest
    listed = []
    for raw in (offers[site] for site in sorted(offers)):
        names, digests = _unpacked(raw)
        for name in sorted(digests):
            spelled.setdefault(digests[name], name)
        listed.append(_respelled(names, {name: spelled[told] for name, told in digests.items()}))
    try:
        chosen = alleles.agreed(listed, least_sites=least_sites)
    except ValueError as error:
        raise Unfit("a list of variants is malformed") from error
    if not chosen:
        raise Unfit(f"no variant is held by {least_sites} sites with {OFFERED} copies each")
    digests = {name: digest for digest, name in spelled.items()}
    return _packed([one.name for one in chosen], digests)


def names(agreed: bytes) -> list[str]:
    """Of the panel's variants."""
    return _unpacked(agreed)[0]


def harmonised(agreed: bytes, data: Path, scratch: Path) -> tuple[Sequence[str], Dosages]:
    """The site's people, and their dosages of the panel's variants: missing where it has none.
    Which of its columns is which variant is found out once in a run."""
    place = scratch / f"columns-{hashlib.sha256(agreed).hexdigest()}.npy"
    if not place.exists():
        held = reading.read_genotypes(data, scratch)
        found = _panel(agreed, held.alleles).harmonise(held.alleles, reading.contigs(data))
        with place.with_suffix(".new").open("wb") as file:
            np.save(file, found.columns)
        place.with_suffix(".new").replace(place)
    people, dosages = reading.kept(data, scratch)
    return people, cohort.of_panel(dosages, np.load(place, allow_pickle=False))


def _panel(agreed: bytes, held: Sequence[Allele]) -> Panel:
    """Names of alleles that the site holds itself need not be read."""
    names, digests = _unpacked(agreed)
    known = {one.name: one for one in held}
    return Panel(tuple(known.get(name) or Allele.read(name) for name in names), digests)


def _respelled(names: list[str], contigs: Mapping[str, str]) -> list[str]:
    """With the name that each contig has for all; a contig's name has no hyphen."""
    if all(name == spelled for name, spelled in contigs.items()):
        return names
    parted = (name.partition("-") for name in names)
    return [f"{contigs.get(contig, contig)}-{rest}" for contig, _, rest in parted]


def _packed(names: list[str], digests: Mapping[str, str]) -> bytes:
    return zlib.compress(json.dumps({"alleles": names, "contigs": dict(digests)}).encode(), 1)


def _unpacked(raw: bytes) -> tuple[list[str], dict[str, str]]:
    opener = zlib.decompressobj()
    try:
        said = json.loads(opener.decompress(raw, _MAX))
        names, digests = said["alleles"], said["contigs"]
        sound = all(isinstance(one, str) for one in (*names, *digests, *digests.values()))
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unfit("a list of variants is malformed") from error
    if not sound:
        raise Unfit("a list of variants is malformed")
    return names, digests
