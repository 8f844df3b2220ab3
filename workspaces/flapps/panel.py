"""How sites agree on the variants of a study: each offers what it may tell, all are told the union.

A site offers only alleles of which it holds at least OFFERED copies of either kind, so a rare
variant is not told of by the list. Contigs with a refget digest are one contig under any name.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

import numpy as np

from workspaces.analysis import alleles
from workspaces.analysis.alleles import Allele, Harmony, Panel
from workspaces.analysis.genotypes import Genotypes
from workspaces.flapps.reading import Unfit

OFFERED = 10
_MAX = 1 << 30


def offer(held: Genotypes, digests: Mapping[str, str]) -> bytes:
    copies = np.nansum(held.dosages, axis=0, dtype=np.float64)
    others = 2.0 * np.isfinite(held.dosages).sum(axis=0) - copies
    common = np.minimum(copies, others) >= OFFERED
    names = [one.name for one, told in zip(held.alleles, common, strict=True) if told]
    return _packed(names, {name: digest for name, digest in digests.items() if len(digest) <= 100})


def agree(offers: Mapping[str, bytes], *, least_sites: int) -> bytes:
    """The panel as all are told it; raises `Unfit` where nothing is left."""
    spelled: dict[str, str] = {}  # the one name of each digest
    listed = []
    known: dict[tuple[tuple[str, str], ...], dict[str, Allele]] = {}  # by contigs' spelling
    for raw in (offers[site] for site in sorted(offers)):
        names, digests = _unpacked(raw)
        for name in sorted(digests):
            spelled.setdefault(digests[name], name)
        respelled = {name: spelled[digest] for name, digest in digests.items()}
        read = known.setdefault(tuple(sorted(respelled.items())), {})
        for name in names:
            if name not in read:
                read[name] = _respelled(Allele.read(name), respelled)
        listed.append([read[name] for name in names])
    chosen = alleles.agreed(listed, least_sites=least_sites)
    if not chosen:
        raise Unfit(f"no variant is held by {least_sites} sites with {OFFERED} copies each")
    digests = {name: digest for digest, name in spelled.items()}
    return _packed([one.name for one in chosen], digests)


def panel(agreed: bytes) -> Panel:
    names, digests = _unpacked(agreed)
    return Panel(tuple(Allele.read(name) for name in names), digests)


def harmonised(agreed: bytes, held: Genotypes, digests: Mapping[str, str]) -> Harmony:
    return panel(agreed).harmonise(held.alleles, digests)


def _respelled(allele: Allele, contigs: Mapping[str, str]) -> Allele:
    return allele._replace(contig=contigs.get(allele.contig, allele.contig))


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
