"""Names of the human reference sequences: chromosomes, accessions, refget digests, assemblies.

RefSeq and GenBank accession versions and refget v2 identifiers (`SQ.` and a sha512t24u digest) of
the primary chromosomes of GRCh37 and GRCh38. Sequences themselves, and alternate loci, are left to
others.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")
RANKS = {name: rank for rank, name in enumerate(CHROMOSOMES, start=1)}

# RefSeq accession versions of 1..22, X, Y in GRCh37; GRCh38 has the next version of each.
_GRCH37_VERSIONS = (
    10, 11, 11, 11, 9, 11, 13, 10, 11, 10, 9, 11, 10, 8, 9, 9, 10, 9, 9, 10, 8, 10, 10, 9,
)  # fmt: skip
_MITOCHONDRIAL = "NC_012920.1"

# Lengths that tell the two assemblies apart in VCF headers: (GRCh37, GRCh38).
LENGTHS = {
    "1": (249250621, 248956422),
    "2": (243199373, 242193529),
    "20": (63025520, 64444167),
    "21": (48129895, 46709983),
    "22": (51304566, 50818468),
    "X": (155270560, 156040895),
}

# In the order of CHROMOSOMES; both assemblies have the same mitochondrial sequence.
_RCRS = "k3grVkjY-hoWcCUojHw6VU6GE3MZ8Sct"
_DIGESTS = {
    "GRCh37": (
        "S_KjnFVz-FE7M0W6yoaUDgYxLPc1jyWU", "9KdcA9ZpY1Cpvxvg8bMSLYDUpsX6GDLO",
        "VNBualIltAyi2AI_uXcKU7M9XUOuA7MS", "iy7Zfceb5_VGtTQzJ-v5JpPbpeifHD_V",
        "vbjOdMfHJvTjK_nqvFvpaSKhZillW0SX", "KqaUhJMW3CDjhoVtBetdEKT1n6hM-7Ek",
        "IW78mgV5Cqf6M24hy52hPjyyo5tCCd86", "tTm7wmhz0G4lpt8wPspcNkAD_qiminj6",
        "HBckYGQ4wYG9APHLpjoQ9UUe9v7NxExt", "-BOZ8Esn8J88qDwNiSEwUr5425UXdiGX",
        "XXi2_O1ly-CCOi3HP5TypAw7LtC6niFG", "105bBysLoDFQHhajooTAUyUkNiZ8LJEH",
        "Ewb9qlgTqN6e_XQiRVYpoUfZJHXeiUfH", "5Ji6FGEKfejK1U6BMScqrdKJK8GqmIGf",
        "zIMZb3Ft7RdWa5XYq0PxIlezLY2ccCgt", "W6wLoIFOn4G7cjopxPxYNk2lcEqhLQFb",
        "AjWXsI7AkTK35XW9pgd3UbjpC3MAevlz", "BTj4BDaaHYoPhD3oY2GdwC_l0uqZ92UD",
        "ItRDD47aMoioDCNW_occY5fWKZBKlxCX", "iy_UbUrvECxFRX5LPTH_KPojdlT7BKsf",
        "LpTaNW-hwuY_yARP0rtarCnpCQLkgVCg", "XOgHwwR3Upfp5sZYk6ZKzvV25a4RBVu8",
        "v7noePfnNpK8ghYXEqZ9NukMXW7YeNsm", "BT7QyW5iXaX_1PSX-msSGYsqRdMKqkj-",
        _RCRS,
    ),
    "GRCh38": (
        "Ya6Rs7DHhDeg7YaOSg1EoNi3U_nQ9SvO", "pnAqCRBrTsUoBghSD1yp_jXWSmlbdh4g",
        "Zu7h9AggXxhTaGVsy7h_EZSChSZGcmgX", "HxuclGHh0XCDuF8x6yQrpHUBL7ZntAHc",
        "aUiQCzCPZ2d0csHbMSbh2NzInhonSXwI", "0iKlIQk2oZLoeOG9P1riRU6hvL5Ux8TV",
        "F-LrLMe1SRpfUZHkQmvkVKFEGaoDeHul", "209Z7zJ-mFypBEWLk4rNC6S_OxY5p7bs",
        "KEO-4XBcm1cxeo_DIQ8_ofqGUkp4iZhI", "ss8r_wB0-b9r44TQTMmVTI92884QvBiB",
        "2NkFm8HK88MqeNkCgj78KidCAXgnsfV1", "6wlJpONE3oNb4D69ULmEXhqyDZ4vwNfl",
        "_0wi-qoDrvram155UmcSC-zA5ZK4fpLT", "eK4D2MosgK_ivBkgi6FVPg5UXs1bYESm",
        "AsXvWL1-2i5U_buw6_niVIxD6zTbAuS6", "yC_0RBj3fgBlvgyAuycbzdubtLxq-rE0",
        "dLZ15tNO1Ur0IcGjwc3Sdi_0A6Yf4zm7", "vWwFhJ5lQDMhh-czg06YtlWqu0lvFAZV",
        "IIB53T8CNeJJdUqzn9V_JnRtQadwWCbl", "-A1QmD_MatoqxvgVxBLZTONHz9-c7nQo",
        "5ZUqxCmDDgN4xTRbaSjN8LwgZironmB8", "7B7SHsmchAR0dFcDCuSFjJAo7tX87krQ",
        "w0WZEvgJF0zf_P4yyTzjjv9oW1z61HHP", "8_liLu1aycC0tPQPFmUaGXJLDs5SbPZ5",
        _RCRS,
    ),
}  # fmt: skip
ASSEMBLIES = tuple(_DIGESTS)
_OF_DIGEST = {
    digest: (chrom, assembly if chrom != "MT" else None)
    for assembly, digests in _DIGESTS.items()
    for chrom, digest in zip(CHROMOSOMES, digests, strict=True)
}
# GenBank numbers the chromosomes on from CM000663; the version says the assembly.
_OF_GENBANK = {
    f"CM{number:06}.{version}": (chrom, assembly)
    for number, chrom in enumerate(CHROMOSOMES[:-1], start=663)
    for version, assembly in enumerate(ASSEMBLIES, start=1)
}

_REFSEQ = re.compile(r"^(?:refseq:)?NC_0{4}(\d\d)\.(\d{1,2})$", re.IGNORECASE | re.ASCII)
_REFSEQ_MT = re.compile(r"^(?:refseq:)?NC_012920\.1$", re.IGNORECASE)
_REFGET = re.compile(r"^(?:ga4gh:|refget:)?SQ\.([A-Za-z0-9_-]{32})$")
_PLAIN = re.compile(r"^(?:chr)?(\d{1,2}|x|y|mt?)$", re.IGNORECASE | re.ASCII)
# Versions of RefSeq's and GenBank's accession of each assembly, its patches among them.
_ACCESSION = {
    "GRCh37": r"GCF_000001405\.(?:1[3-9]|2[0-5])|GCA_000001405\.(?:1[0-4]|[1-9])",
    "GRCh38": r"GCF_000001405\.(?:2[6-9]|[34]\d)|GCA_000001405\.(?:1[5-9]|2\d)",
}
_PATCHED = {"GRCh37": "grch37|hg19|hs37d5", "GRCh38": "grch38|hg38"}
_SHORT = {"GRCh37": "b37", "GRCh38": "b38"}
_ASSEMBLY_NAME = {
    name: re.compile(
        rf"(?:{_PATCHED[name]})(?:\.p\d{{1,2}})?|{_SHORT[name]}|{_ACCESSION[name]}",
        re.IGNORECASE | re.ASCII,
    )
    for name in ASSEMBLIES
}
_ASSEMBLY = {
    name: re.compile(
        rf"{_PATCHED[name]}|\b{_SHORT[name]}\b|(?:{_ACCESSION[name]})\b", re.IGNORECASE
    )
    for name in ASSEMBLIES
}
_BETWEEN_NAMES = re.compile(r"[\s/(),]+")


@lru_cache(maxsize=1024)
def place(name: str) -> tuple[str, str | None] | None:
    """The canonical chromosome a name stands for, and the assembly where the name says it; None
    for any other sequence, an accession version of neither assembly among them."""
    if _REFSEQ.match(name):
        assembly = assembly_of_accession(name)
        chrom = canonical_chromosome(name)
        return (chrom, assembly) if chrom is not None and assembly is not None else None
    if found := _REFGET.match(name):
        return _OF_DIGEST.get(found[1])
    if (known := _OF_GENBANK.get(name.upper().removeprefix("INSDC:"))) is not None:
        return known
    chrom = canonical_chromosome(name)
    return (chrom, None) if chrom is not None else None


def canonical_chromosome(name: str) -> str | None:
    """`1`..`22`, `X`, `Y`, `MT`, or None for any other sequence."""
    if _REFSEQ_MT.match(name):
        return "MT"
    if found := _REFSEQ.match(name):
        number = int(found[1])
        return CHROMOSOMES[number - 1] if 1 <= number <= 24 else None
    if found := _PLAIN.match(name):
        plain = found[1].upper()
        plain = "MT" if plain == "M" else plain
        return plain if plain in RANKS else None
    return None


def assembly_of_accession(name: str) -> str | None:
    """The assembly a versioned RefSeq chromosome belongs to; None when the name does not say."""
    found = _REFSEQ.match(name)
    if not found or not 1 <= int(found[1]) <= 24:
        return None
    newer = int(found[2]) - _GRCH37_VERSIONS[int(found[1]) - 1]
    return {0: "GRCh37", 1: "GRCh38"}.get(newer)


@lru_cache(maxsize=1024)
def assembly_named(name: str) -> str | None:
    """`GRCh37` or `GRCh38` by a name of it, or by several (`GRCh38/hg38`); None for all else."""
    parts = [part for part in _BETWEEN_NAMES.split(name) if part]
    for assembly, pattern in _ASSEMBLY_NAME.items():
        if parts and all(pattern.fullmatch(part) for part in parts):
            return assembly
    return None


@lru_cache(maxsize=1024)
def canonical_assembly(text: str) -> str | None:
    """`GRCh37` or `GRCh38` where a text such as a file's header names exactly one of them."""
    named = [name for name, pattern in _ASSEMBLY.items() if pattern.search(text)]
    return named[0] if len(named) == 1 else None


@cache
def accession(assembly: str, chrom: str) -> str:
    """The RefSeq accession of a canonical chromosome, such as `NC_000001.10`."""
    if chrom == "MT":
        return _MITOCHONDRIAL
    rank = RANKS[chrom]
    return f"NC_{rank:06d}.{_GRCH37_VERSIONS[rank - 1] + ASSEMBLIES.index(assembly)}"


def refget_id(assembly: str, chrom: str) -> str:
    """The refget identifier of a canonical chromosome, such as `SQ.Ya6R...`."""
    return f"SQ.{_DIGESTS[assembly][RANKS[chrom] - 1]}"
